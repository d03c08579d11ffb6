"""The profiles of the influx CLI: every secret is masked, and only the run has them as a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from action.profiles import lent, masks
from action.runner import ActionError

TEXT = """\ufeff[lyon]
url = "https://lyon.example"
token = "FAKE-lyon=="
org = "acme"

["us cloud.1"]
Token = "FAKE-%0A"
COOKIE = 'FAKE-cookie'

[same]
token = "FAKE-lyon=="

[none]
token = ""
active = true

[odd]
token = 5
"""


def test_every_token_and_cookie_is_masked_once() -> None:
    assert masks({"INFLUX_CONFIGS": TEXT}) == [
        "::add-mask::FAKE-lyon==",
        "::add-mask::FAKE-%250A",
        "::add-mask::FAKE-cookie",
    ]
    assert masks({"INFLUX_CONFIGS": 'top = "x"'}) == masks({}) == []


def test_a_name_with_a_dot_and_no_quotes_keeps_no_secret_from_being_masked() -> None:
    text = 'token = "FAKE-top"\n[eu.west]\ntoken = "FAKE-west"\n[[many]]\ncookie = "FAKE-many"\n'
    assert masks({"INFLUX_CONFIGS": text}) == ["::add-mask::FAKE-top", "::add-mask::FAKE-west", "::add-mask::FAKE-many"]


def test_what_is_not_toml_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(ActionError) as caught:
        masks({"INFLUX_CONFIGS": "[lyon]\ntoken = FAKE\n"})
    assert str(caught.value) == "INFLUX_CONFIGS has no profiles of the influx CLI: it is not TOML"
    assert caught.value.__suppress_context__


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_file_is_for_this_user_alone_and_gone_afterwards_also_after_a_failure(tmp_path: Path) -> None:
    environment = {"INFLUX_CONFIGS": TEXT, "HOME": "/home"}
    (tmp_path / "profiles").write_text("of a run that was killed")
    with pytest.raises(KeyboardInterrupt), lent(environment, tmp_path):  # noqa: PT012  # what the block sees counts
        file = Path(environment["INFLUX_CONFIGS_PATH"])
        assert (file.read_text("utf-8"), stat.S_IMODE(file.stat().st_mode)) == (TEXT, 0o600)
        assert "INFLUX_CONFIGS" not in environment
        raise KeyboardInterrupt
    assert (_left(tmp_path), environment) == ([], {"HOME": "/home"})


def test_without_profiles_there_is_no_file_and_two_are_refused(tmp_path: Path) -> None:
    environment = {"INFLUX_CONFIGS": "", "INFLUX_CONFIGS_PATH": "own"}
    with lent(environment, tmp_path):
        assert (_left(tmp_path), environment) == ([], {"INFLUX_CONFIGS_PATH": "own"})
    environment["INFLUX_CONFIGS"] = TEXT
    with pytest.raises(ActionError, match="INFLUX_CONFIGS and INFLUX_CONFIGS_PATH both have profiles"):
        lent(environment, tmp_path).__enter__()
    assert _left(tmp_path) == []

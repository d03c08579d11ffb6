"""`plan --reviewed`: what is said of a plan that was reviewed, and that nothing else depends on it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reconciler.errors import ExitCode
from tests.commands.test_plan import DEACTIVATE, DESCRIBE, planned
from tests.shell import GRAFANA, Shell

LAST = "\nReview: "


def _saved(shell: Shell, name: str = "reviewed.json") -> str:
    path = str(shell.folder / name)
    planned(shell, shell.declare(DESCRIBE, DEACTIVATE), out=path)
    return path


def test_the_same_plan_is_as_reviewed_by_file_and_by_digest(shell: Shell) -> None:
    reviewed = _saved(shell)
    digest = json.loads(Path(reviewed).read_text())["digest"]
    for name in (reviewed, digest, digest.upper()):
        done = planned(shell, str(shell.folder / "tokens.yaml"), reviewed=name)
        assert (done.code, done.out.endswith(f"{LAST}as reviewed\n"), done.err) == (ExitCode.OK, True, "")


def test_another_plan_says_how_it_differs(shell: Shell) -> None:
    reviewed = _saved(shell)
    done = planned(shell, shell.declare(DESCRIBE.replace("dashboard", "board")), reviewed=reviewed)
    assert "Not as it was reviewed:\n" in done.out
    assert (
        f'  {GRAFANA} "grafana dashbord", in both, with other values: description after "dashboard" → "board"\n'
        in done.out
    )
    assert done.out.endswith(f"{LAST}differs from what was reviewed, whose digest is DIGEST\n")


def test_the_digest_and_the_saved_plan_do_not_depend_on_it(shell: Shell) -> None:
    reviewed = _saved(shell)
    again = str(shell.folder / "again.json")
    planned(
        shell,
        str(shell.folder / "tokens.yaml"),
        out=again,
        reviewed="0" * 64,
        outputs=[f"json={shell.folder}/shown.json"],
    )
    assert Path(again).read_bytes() == Path(reviewed).read_bytes()


def test_json_with_a_review_is_a_plan_that_may_be_shown(shell: Shell, tmp_path: Path) -> None:
    shown = tmp_path / "shown.json"
    reviewed = _saved(shell)
    planned(shell, str(shell.folder / "tokens.yaml"), reviewed=reviewed, outputs=[f"json={shown}"])
    assert json.loads(shown.read_text())["review"]["verdict"] == "as-reviewed"
    done = planned(shell, str(shell.folder / "tokens.yaml"), reviewed=str(shown))
    assert done.out.endswith(f"{LAST}as reviewed\n")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000, b"1e999", b'{"format_version": 2}'])
def test_a_broken_one_is_a_warning_and_no_failure(shell: Shell, content: bytes) -> None:
    path = shell.folder / "broken.json"
    path.write_bytes(content)
    done = planned(shell, shell.declare(DESCRIBE), reviewed=str(path))
    assert done.code == ExitCode.OK
    assert done.err.startswith("Warning: what was reviewed is not known: ")
    assert f"{LAST}unknown: " in done.out


def test_a_forged_a_missing_a_large_and_an_endless_one_are_no_failure(shell: Shell) -> None:
    forged = Path(_saved(shell))
    forged.write_text(forged.read_text().replace('"describe": 1', '"describe": 2'))
    large = shell.folder / "large.json"
    with large.open("wb") as file:
        file.truncate(32 * 1024**2 + 1)
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    for path in (forged, large, pipe, shell.folder, shell.folder / "absent.json"):
        done = planned(shell, str(shell.folder / "tokens.yaml"), reviewed=str(path))
        assert (done.code, f"{LAST}unknown: " in done.out) == (ExitCode.OK, True)


def test_no_output_replaces_what_was_reviewed(shell: Shell) -> None:
    reviewed = _saved(shell)
    done = planned(shell, str(shell.folder / "tokens.yaml"), out=reviewed, reviewed=reviewed)
    assert done.code == ExitCode.USAGE


def test_without_a_server_there_is_nothing_to_hold_against_it(shell: Shell) -> None:
    done = planned(shell, shell.declare(DESCRIBE), offline=True, reviewed="0" * 64)
    assert (done.code, "--offline makes none" in done.err) == (ExitCode.USAGE, True)

"""A saved plan: exactly what was written, or an error; never half of one, never a traceback."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import planfile
from reconciler.core.guard import Guard
from reconciler.core.manifest import Limits, Severity
from reconciler.errors import InvalidError, LocalError, StaleError, TokenctlError
from tests.builders import INACTIVE, declared, manager, planned, token
from tests.strategies import World, draft_of, worlds

PLAN = planned(
    [
        declared(1, name="ingest", description="Ingest\nEU"),
        declared(2, status=INACTIVE, protected=True),
        declared(3, status=INACTIVE),
    ],
    [token(1), token(2), manager(3, is_own=True), token(4)],
    Guard.PROTECTED,
    limits=Limits(max_deactivations=1),
    unmanaged=Severity.WARN,
)


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        path.write_bytes(content)
        yield path


@given(worlds())
def test_a_plan_is_read_back_as_it_was_written(world: World) -> None:
    text = planfile.dumps(draft_of(world))
    with _file(text.encode()) as path:
        assert planfile.dumps(planfile.load(path)) == text


def test_a_file_makes_the_round_trip_with_all_that_a_plan_holds(tmp_path: Path) -> None:
    assert {len(PLAN.changes), len(PLAN.warnings), len(PLAN.refusals)} == {3, 2}
    planfile.save(PLAN, tmp_path / "plan.json")
    assert planfile.dumps(planfile.load(tmp_path / "plan.json")) == planfile.dumps(PLAN)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json"]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_the_user_may_read_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from reconciler import planfile\n"
        "plan = planfile.load(pathlib.Path(sys.argv[1]))\n"
        f"os.umask({umask})\n"
        "planfile.save(plan, pathlib.Path(sys.argv[2]))\n"
    )
    planfile.save(PLAN, tmp_path / "first.json")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "first.json"), str(tmp_path / "plan.json")], check=True)
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600
    assert (tmp_path / "plan.json").read_text() == planfile.dumps(PLAN)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"^cannot write to .*/none/plan\.json: No such file or directory$"):
        planfile.save(PLAN, tmp_path / "none" / "plan.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(LocalError, match=r"^cannot write to .*/folder\.json: Is a directory$"):
        planfile.save(PLAN, tmp_path / "folder.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.json"]


def _refusal(tmp_path: Path, content: bytes) -> tuple[type[TokenctlError], str]:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(TokenctlError) as caught:
        planfile.load(path)
    return type(caught.value), str(caught.value).replace(str(tmp_path), "")


HINT = "\n  hint: make it anew with `tokenctl plan -o FILE`"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"version: 1\n", b"[" * 100_000, b'{"a": NaN}', b'{"a": 1' + b"0" * 5000 + b"}", b"\x00" * 10,
    ],
    ids=["empty", "cut", "binary", "yaml", "nested", "nan", "digits", "zeros"],
)  # fmt: skip
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    assert _refusal(tmp_path, content) == (InvalidError, "/plan.json is no plan: it is not JSON" + HINT)


def _edited(edit: Callable[[Any], object]) -> bytes:
    document = json.loads(planfile.dumps(PLAN))
    edit(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.pop("digest"), "the document breaks the schema's rule `required`"),
        (lambda d: d.update(format_version=2), "format_version"),
        (lambda d: d.update(more=1), "the document breaks the schema's rule `additionalProperties`"),
        (lambda d: d["changes"][0].update(id="../../x"), "changes[0].id"),
        (lambda d: d["changes"][0]["operation"].update(method="DELETE"), "method"),
        (lambda d: d["changes"][0]["operation"]["body"].update(token="x"), "token"),
        (lambda d: d.update(waivers=["everything"]), "waivers"),
        (lambda d: d["counts"].update(live=-1), "live"),
    ],
)
def test_what_is_no_plan_is_refused_and_says_where(tmp_path: Path, edit: Callable[[Any], object], message: str) -> None:
    kind, text = _refusal(tmp_path, _edited(edit))
    assert kind is InvalidError
    assert text.startswith("/plan.json is no plan: ")
    assert message in text


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(digest="0" * 64),
        lambda d: d["changes"].reverse(),
        lambda d: d["changes"].pop(),
        lambda d: d["changes"].append(d["changes"][0]),
        lambda d: d["changes"][0]["before"].update(description="other"),
        lambda d: d["changes"][0]["operation"]["body"].update(description="other"),
        lambda d: d["changes"][0]["operation"].update(path=d["changes"][1]["operation"]["path"]),
        lambda d: d["changes"][0].update(action="activate"),
        lambda d: d["counts"].update(deactivate=0),
        lambda d: d["server"].update(url="https://evil.example"),
        lambda d: d.update(reason="ok"),
        lambda d: d.update(waivers=[]),
    ],
)
def test_a_plan_that_was_changed_after_it_was_made_is_stale(tmp_path: Path, edit: Callable[[Any], object]) -> None:
    assert _refusal(tmp_path, _edited(edit)) == (
        StaleError,
        "/plan.json was changed after it was made: its parts do not fit together" + HINT,
    )


@given(place=st.integers(0, len(planfile.dumps(PLAN)) - 1), byte=st.integers(0, 255))
def test_a_byte_that_differs_is_refused_or_changes_nothing_that_would_be_sent(place: int, byte: int) -> None:
    content = bytearray(planfile.dumps(PLAN).encode())
    content[place] = byte
    with _file(bytes(content)) as path:
        try:
            plan = planfile.load(path)
        except (InvalidError, StaleError):
            return
    # White space may differ, and what only tells a reader where a change comes from.
    assert (plan.digest, [each.body for each in plan.changes]) == (PLAN.digest, [each.body for each in PLAN.changes])


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, why in [
        ("fifo", "it is not a regular file"),
        ("", "it is not a regular file"),
        ("none", "No such file or directory"),
    ]:
        with pytest.raises(LocalError) as caught:
            planfile.load(tmp_path / name)
        assert str(caught.value) == f"cannot read the plan {tmp_path / name}: {why}"


def test_a_file_that_is_too_large_is_not_parsed(tmp_path: Path) -> None:
    with (tmp_path / "plan.json").open("wb") as stream:
        stream.truncate(256 * 1024**2 + 1)
    with pytest.raises(InvalidError, match=r"is no plan: it is larger than 256 MiB$"):
        planfile.load(tmp_path / "plan.json")


def test_a_refused_plan_says_so_when_it_is_read(tmp_path: Path) -> None:
    planfile.save(PLAN, tmp_path / "plan.json")
    assert {each.guard for each in planfile.load(tmp_path / "plan.json").refusals} >= {Guard.SELF}


def test_a_review_beside_a_plan_is_passed_over_and_only_a_real_one() -> None:
    document = json.loads(planfile.dumps(PLAN))
    review = {"verdict": "unknown", "digest": "", "reason": "", "moved": [], "tokens": []}
    with _file(json.dumps({**document, "review": review}).encode()) as path:
        assert planfile.dumps(planfile.load(path)) == planfile.dumps(PLAN)
    with (
        _file(json.dumps({**document, "review": {**review, "verdict": "approved"}}).encode()) as path,
        pytest.raises(InvalidError),
    ):
        planfile.load(path)

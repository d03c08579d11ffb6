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

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.live import NO_RIGHTS, Elided
from reconciler.core.manifest import Limits, Severity, Share
from reconciler.core.plan import Comparison, Difference, Guard, Kind, Mark, Plan, Revision
from reconciler.core.review import compare
from reconciler.documents.decode import DecodeError
from reconciler.documents.plan import decode_plan, load_plan, plan_document, save_plan
from reconciler.documents.review import review_document
from reconciler.errors import ExitCode, InvalidError, LocalError, Place, Problem, StaleError, TokenctlError
from reconciler.render import json as json_format
from reconciler.render.findings import ProblemReport
from reconciler.schema import load_schema
from tests.builders import INACTIVE, declared, manager, planned, token
from tests.documents.mutations import mutated
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


def dumps(plan: Plan) -> str:
    """The plan as it is written."""
    return json.dumps(plan_document(plan), indent=2) + "\n"


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        path.write_bytes(content)
        yield path


@given(worlds())
def test_a_plan_is_read_back_as_it_was_written(world: World) -> None:
    text = dumps(draft_of(world))
    with _file(text.encode()) as path:
        assert dumps(load_plan(path)) == text


def test_a_file_makes_the_round_trip_with_all_that_a_plan_holds(tmp_path: Path) -> None:
    assert {len(PLAN.changes), len(PLAN.warnings), len(PLAN.refusals)} == {3, 2}
    save_plan(PLAN, tmp_path / "plan.json")
    assert dumps(load_plan(tmp_path / "plan.json")) == dumps(PLAN)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json"]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_the_user_may_read_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from reconciler.documents.plan import load_plan, save_plan\n"
        "plan = load_plan(pathlib.Path(sys.argv[1]))\n"
        f"os.umask({umask})\n"
        "save_plan(plan, pathlib.Path(sys.argv[2]))\n"
    )
    save_plan(PLAN, tmp_path / "first.json")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "first.json"), str(tmp_path / "plan.json")], check=True)
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600
    assert (tmp_path / "plan.json").read_text() == dumps(PLAN)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"^cannot write to .*/none/plan\.json: no such file or directory$"):
        save_plan(PLAN, tmp_path / "none" / "plan.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(LocalError, match=r"^cannot write to .*/folder\.json: is a directory$"):
        save_plan(PLAN, tmp_path / "folder.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.json"]


def _refusal(tmp_path: Path, content: bytes) -> tuple[type[TokenctlError], str]:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(TokenctlError) as caught:
        load_plan(path)
    return type(caught.value), str(caught.value).replace(str(tmp_path), "")


HINT = "\n  hint: make it anew with `tokenctl plan -o FILE`"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"a: 1\n", b"[" * 100_000, b'{"a": NaN}', b'{"a": 1' + b"0" * 5000 + b"}", b"\x00" * 10,
    ],
    ids=["empty", "cut", "binary", "yaml", "nested", "nan", "digits", "zeros"],
)  # fmt: skip
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    assert _refusal(tmp_path, content) == (InvalidError, "/plan.json is no plan: it is not JSON" + HINT)


def test_why_there_is_no_plan_is_no_plan(tmp_path: Path) -> None:
    report = json_format.problems(ProblemReport(command="plan", code=ExitCode.INVALID, problems=(Problem("x"),)))
    said = "/plan.json is no plan: it says why there is none" + HINT
    assert _refusal(tmp_path, report.encode()) == (InvalidError, said)


def _edited(edit: Callable[[Any], object]) -> bytes:
    document = json.loads(dumps(PLAN))
    edit(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.pop("digest"), "it must have `digest`"),
        (lambda d: d.update(format_version=2), "`format_version` must be 1"),
        (lambda d: d.update(more=1), "it has an unknown key `more`"),
        (lambda d: d["changes"][0].update(id="../../x"), "`changes[0].id` must be 16 lower-case hex digits"),
        (
            lambda d: d["changes"][0]["operation"].update(method="DELETE"),
            "`changes[0].operation.method` must be `PATCH`",
        ),
        (
            lambda d: d["changes"][0]["operation"]["body"].update(token="x"),
            "`changes[0].operation.body` has an unknown key `token`",
        ),
        (
            lambda d: d["changes"][2]["operation"]["body"].update(status="on"),
            "`changes[2].operation.body.status` must be `active` or `inactive`",
        ),
        (lambda d: d["changes"][1]["operation"].update(body={}), "`changes[1].operation.body` must not be empty"),
        (
            lambda d: d["changes"][1]["places"][""].update(line=0),
            "`changes[1].places..line` must be an integer from 1 to 9007199254740991",
        ),
        (lambda d: d["changes"][1]["before"].pop("status"), "`changes[1].before` must have `status`"),
        (lambda d: d.update({"x" * 41: 1}), "it has an unknown key\n"),
        (lambda d: d.update(orgs="acme"), "`orgs` must be an array"),
        (lambda d: d.update(waivers=["everything"]), "`waivers[0]` must be `self` or `reactivation` or"),
        (lambda d: d["counts"].update(live=-1), "`counts.live` must be an integer from 0 to"),
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


LARGE = Elided(2_000_000, "ab" * 32)
FULL = PLAN._replace(
    changes=tuple(
        each._replace(token=each.token._replace(description=text), marks=dict.fromkeys(each.body, mark))
        for each, mark, text in zip(PLAN.changes, Mark, (LARGE, "one", "two"), strict=True)
    ),
    undoes="apply-1",
    lock=True,
    base=Comparison(
        ref="main",
        commit="0" * 40,
        limits=Limits(),
        managed=2,
        revisions=(
            Revision(kind=Kind.SETTING, target="x", edits=(Difference("org", None, "acme"),), place=Place("a", 1, 2)),
        ),
    ),
)
ORACLE = jsonschema.Draft7Validator(load_schema("plan"))


def _is_stricter_about(value: Any) -> bool:
    """Whether it holds a number that JSON Schema calls an integer, and nobody writes so."""
    if isinstance(value, dict | list):
        return any(map(_is_stricter_about, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) or (isinstance(value, int) and value >= 2**53)


@settings(max_examples=4 * settings().max_examples)
@given(mutated({**plan_document(FULL), "review": review_document(compare(FULL, PLAN))}))
def test_what_the_schema_refuses_is_refused_and_nothing_else(document: Any) -> None:
    try:
        decode_plan(document)
    except DecodeError:
        assert not ORACLE.is_valid(document) or _is_stricter_about(document)
    else:
        assert ORACLE.is_valid(document)


def test_every_part_of_a_plan_is_read_back() -> None:
    document = json.loads(dumps(FULL))
    assert ORACLE.is_valid(document)
    plan = decode_plan(document)
    assert plan_document(plan) == document
    assert [each.token for each in plan.changes] == [each.token._replace(rights=NO_RIGHTS) for each in FULL.changes]
    assert plan._replace(changes=()) == FULL._replace(changes=(), knows_own=False)


@given(place=st.integers(0, len(dumps(PLAN)) - 1), byte=st.integers(0, 255))
def test_a_byte_that_differs_is_refused_or_changes_nothing_that_would_be_sent(place: int, byte: int) -> None:
    content = bytearray(dumps(PLAN).encode())
    content[place] = byte
    with _file(bytes(content)) as path:
        try:
            plan = load_plan(path)
        except (InvalidError, StaleError):
            return
    # White space may differ, and what only tells a reader where a change comes from.
    assert (plan.digest, [each.body for each in plan.changes]) == (PLAN.digest, [each.body for each in PLAN.changes])


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, why in [
        ("fifo", "it is not a regular file"),
        ("", "it is not a regular file"),
        ("none", "no such file or directory"),
    ]:
        with pytest.raises(LocalError) as caught:
            load_plan(tmp_path / name)
        assert str(caught.value) == f"cannot read the plan {tmp_path / name}: {why}"


def test_a_file_that_is_too_large_is_not_parsed(tmp_path: Path) -> None:
    with (tmp_path / "plan.json").open("wb") as stream:
        stream.truncate(256 * 1024**2 + 1)
    with pytest.raises(InvalidError, match=r"is no plan: it is larger than 256 MiB$"):
        load_plan(tmp_path / "plan.json")


def test_a_refused_plan_says_so_when_it_is_read(tmp_path: Path) -> None:
    save_plan(PLAN, tmp_path / "plan.json")
    assert {each.guard for each in load_plan(tmp_path / "plan.json").refusals} >= {Guard.SELF}


def test_a_review_beside_a_plan_is_passed_over_and_only_a_real_one() -> None:
    document = json.loads(dumps(PLAN))
    review = {"verdict": "unknown", "digest": "", "reason": "", "differences": [], "tokens": []}
    with _file(json.dumps({**document, "review": review}).encode()) as path:
        assert dumps(load_plan(path)) == dumps(PLAN)
    with (
        _file(json.dumps({**document, "review": {**review, "verdict": "approved"}}).encode()) as path,
        pytest.raises(InvalidError),
    ):
        load_plan(path)


@pytest.mark.parametrize("limit", [5, Share(30)])
def test_a_plan_is_the_document_that_its_schema_describes(limit: int | Share) -> None:
    plan = planned(
        [declared(1, description="new", name="a"), declared(2, status=INACTIVE, protected=True)],
        [token(1), token(2)],
        limits=Limits(max_deactivations=limit),
    )
    document = plan_document(plan)
    jsonschema.validate(document, load_schema("plan"))
    assert decode_plan(document) == plan._replace(knows_own=False)
    assert document["reason"] == "refused"
    assert document["counts"] == {
        "activate": 0, "describe": 1, "deactivate": 1, "unchanged": 0, "declared": 2, "managed": 2, "live": 2,
    }  # fmt: skip

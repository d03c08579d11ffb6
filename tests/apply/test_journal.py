"""Journals: their lines, their mode, what keeps them from being made; and what is read of them again."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.apply.journal import Journal, LoadedJournal, close, interrupted, latest_first, load, newest_first
from reconciler.core.live import OrgId, Server, Status, Token, TokenId, UserId
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Outcome, Provenance, Result, ResultStatus, settle
from reconciler.core.plan import Change, Plan
from reconciler.documents.decode import Document
from reconciler.documents.journal import header_line, intent_line, read_run, result_line, settled_line, summary_line
from reconciler.documents.plan import before_document
from reconciler.errors import InvalidError, LocalError
from reconciler.schema import load_schema, violations
from tests.builders import INACTIVE, SERVER, declared, journaled, planned, token
from tests.shell import unmeasured
from tests.strategies import World, draft_of, worlds

TOKEN = Token(
    id=TokenId("0d3a5f0c1be4e000"),
    status=Status.ACTIVE,
    description="laptop \u202e",
    org_id=OrgId("5f2c9e1a77b0d3c4"),
    org="acme",
    user_id=UserId("0d3a5f0bd1a4e000"),
    user="user2",
    updated_at="2024-05-13T09:41:07.52417Z",
)
CHANGE = Change(token=TOKEN, status=Status.INACTIVE, name="old")
PLAN = Plan(
    server=Server(url="http://localhost:8086", build="OSS", version="v2.7.12"),
    orgs=("acme",),
    changes=(CHANGE,),
    declared=1,
    managed=1,
    live=1,
    limits=Limits(),
)


RUN = Provenance(
    run="apply-1",
    started="2026-11-23T21:00:00+00:00",
    tool="0.1.0",
    files=("tokens.yaml",),
    run_url="https://ci.example/1",
    who="ci on runner-7, process 4711",
)


def test_a_run_reads_as_header_intent_result_summary(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "state" / "tokenctl", "apply-1")
    result = Result(change=CHANGE, status=ResultStatus.DONE, sent=True, updated_at="2026-11-23T21:00:01Z")
    journal.write(header_line(PLAN, RUN))
    journal.write(intent_line(CHANGE, 1))
    journal.write(result_line(result))
    journal.write(summary_line(Outcome(results=(result,))))
    journal.close()
    assert journal.path == tmp_path / "state" / "tokenctl" / "apply-1.ndjson"
    assert journal.path.read_text() == (
        '{"event": "header", "format_version": 1, "run": "apply-1", "tokenctl": "0.1.0", '
        '"started": "2026-11-23T21:00:00+00:00", "server": {"url": "http://localhost:8086", "build": "OSS", '
        '"version": "v2.7.12"}, "org_ids": ["5f2c9e1a77b0d3c4"], '
        f'"digest": "{PLAN.digest}", "changes": 1, "managed": 1, "limits": {{"max_deactivations": "30%", '
        '"min_managers": 1}, "undoes": "", "lock": false, "files": ["tokens.yaml"], "commit": "", "run_url": "https://ci.example/1", '
        '"who": "ci on runner-7, process 4711"}\n'
        '{"event": "intent", "id": "0d3a5f0c1be4e000", "attempt": 1, "name": "old", "protected": false, '
        '"org_id": "5f2c9e1a77b0d3c4", "org": "acme", "user_id": "0d3a5f0bd1a4e000", "user": "user2", '
        '"before": {"status": "active", "description": "laptop \\u202e", "updatedAt": "2024-05-13T09:41:07.52417Z"}, '
        '"after": {"status": "inactive"}}\n'
        '{"event": "result", "id": "0d3a5f0c1be4e000", "status": "done", "reason": "", '
        '"updatedAt": "2026-11-23T21:00:01Z"}\n'
        '{"event": "summary", "reason": "ok", "stopped": ""}\n'
    )


def test_only_the_user_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.umask(0)\n"
        "from pathlib import Path\n"
        "from reconciler.apply.journal import Journal\n"
        "Journal.create(Path(sys.argv[1]), 'run').close()"
    )
    folder = tmp_path / "tokenctl"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    assert stat.S_IMODE((folder / "run.ndjson").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_existing_file_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "run.ndjson").write_text("theirs")
    with pytest.raises(LocalError) as caught:
        Journal.create(tmp_path, "run")
    assert str(caught.value) == (
        f"cannot write the journal {tmp_path}/run.ndjson: file exists\n"
        "  hint: name a folder that can be written with `--journal DIR`; without a journal nothing is sent"
    )
    assert (tmp_path / "run.ndjson").read_text() == "theirs"


def test_a_link_at_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run.ndjson").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalError):
        Journal.create(tmp_path, "run")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_out_of_which_anybody_may_take_files_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(LocalError) as caught:
        Journal.create(tmp_path, "run")
    assert str(caught.value) == (
        f"cannot write the journal {tmp_path}: everybody may write to this folder, and remove what is not theirs\n"
        "  hint: name a folder that can be written with `--journal DIR`; without a journal nothing is sent"
    )
    assert list(tmp_path.iterdir()) == []
    tmp_path.chmod(0o1777)  # as /tmp is: only its owner may remove a file
    Journal.create(tmp_path, "run").close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"cannot write the journal .*/file/tokenctl/run\.ndjson: not a directory"):
        Journal.create(tmp_path / "file" / "tokenctl", "run")


def test_a_full_disk_is_an_error_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.ndjson", os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(LocalError, match=r"cannot write the journal .*: no space left on device"):
        journal.write(intent_line(CHANGE, 1))
    journal.close()


def on_a_small_disk(folder: Path, code: str) -> str:
    """What the code prints that has a `journal` in a process whose files may have 40 bytes."""
    before = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from reconciler.apply.journal import Journal\n"
        "from reconciler.errors import LocalError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))\n"
        "journal = Journal.create(Path(sys.argv[1]), 'run')\n"
    )
    command = [sys.executable, "-c", before + code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=unmeasured()).stdout


def test_a_disk_that_fills_up_in_the_middle_of_a_line_is_noticed(tmp_path: Path) -> None:
    # The kernel takes the part that fits and refuses the rest at the next write. The half is taken back: the next line
    # would end up behind it.
    said = on_a_small_disk(
        tmp_path,
        "try:\n"
        "    journal.write({'event': 'intent', 'id': '0' * 40})\n"
        "except LocalError as error:\n"
        "    print(error.problems[0].message.partition(': ')[2])\n"
        "journal.write({'event': 'summary'})\n",
    )
    assert said == "file too large\n"
    assert (tmp_path / "run.ndjson").read_text() == '{"event": "summary"}\n'


def test_lines_of_one_block_are_written_by_its_end(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "run")
    with journal.together():
        journal.write(intent_line(CHANGE, 1))
        journal.write(intent_line(CHANGE, 2))
        assert journal.path.read_bytes() == b""
    assert journal.path.read_bytes().count(b"\n") == 2
    with journal.together():
        pass
    journal.write(intent_line(CHANGE, 3))
    assert journal.path.read_bytes().count(b"\n") == 3
    journal.close()


def test_a_block_that_cannot_be_written_is_an_error_at_its_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.ndjson", os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(LocalError, match=r"no space left on device"), journal.together():
        journal.write(intent_line(CHANGE, 1))
    journal.close()


def test_of_a_block_that_fits_only_in_part_the_whole_lines_are_kept(tmp_path: Path) -> None:
    said = on_a_small_disk(
        tmp_path,
        "try:\n"
        "    with journal.together():\n"
        "        journal.write({'event': 'result'})\n"
        "        journal.write({'event': 'intent', 'id': '0' * 40})\n"
        "except LocalError:\n"
        "    print('noticed')\n",
    )
    assert said == "noticed\n"
    assert (tmp_path / "run.ndjson").read_text() == '{"event": "result"}\n'


BEGUN = planned([declared(1, description="\u2028\x1b", name="one"), declared(2, status=INACTIVE)], [token(1), token(2)])
DONE = tuple(Result(change=change, status=ResultStatus.DONE, updated_at="later") for change in BEGUN.changes)


def _begun(folder: Path, name: str = "apply-1", plan: Any = BEGUN) -> Journal:
    """The journal of a run that has begun both operations and knows what became of the first."""
    journal = Journal.create(folder, name)
    journal.write(header_line(plan, Provenance(run=name, started="2026-01-02T00:00:00+00:00", tool="0.1.0")))
    for result in DONE:
        journal.write(intent_line(result.change, 1))
    journal.write(result_line(DONE[0]))
    return journal


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """All of a journal of a run that ended."""
    journal = _begun(tmp_path / "whole")
    journal.write(result_line(DONE[1]))
    journal.write(summary_line(Outcome(results=DONE)))
    journal.close()
    return journal.path.read_bytes()


def test_a_journal_is_read_as_it_was_written_and_knows_whether_its_run_goes_on(tmp_path: Path) -> None:
    journal = _begun(tmp_path)
    assert load(journal.path).running
    journal.close()
    found = load(journal.path)
    assert (found.running, found.run.name, found.run.server, found.run.ended) == (False, "apply-1", SERVER, False)
    assert [(each.change, each.status) for each in found.run.entries] == [
        (journaled(BEGUN.changes[0]), ResultStatus.DONE),
        (journaled(BEGUN.changes[1]), None),
    ]


@given(worlds(least=2))
@settings(max_examples=settings().max_examples // 3)
def test_every_line_that_is_written_is_what_the_schema_says_and_has_nothing_else(world: World) -> None:
    schema = load_schema("journal")
    plan = draft_of(world)
    results = [Result(change=change, status=status) for change in plan.changes for status in ResultStatus]
    written: list[Document] = [
        header_line(plan, Provenance(run="apply-1", started="now", tool="0.1.0", files=("a", "b"), server_name="lyon")),
        *(intent_line(change, 2) for change in plan.changes),
        *(result_line(result) for result in results),
        summary_line(Outcome(results=tuple(results))),
        settled_line([], "now", "0.1.0"),
    ]
    for line in written:
        assert violations(line, schema) == ()
        described = schema["definitions"][str(line["event"])]["properties"].keys() | {"event"}
        assert line.keys() == described
        assert violations({"event": line["event"]}, schema)
    alone = header_line(plan, Provenance(run="apply-1", started="now", tool="0.1.0"))
    assert violations(alone, schema) == ()
    assert alone.keys() == written[0].keys() - {"server_name"}


LINES: tuple[Document, ...] = (
    *(intent_line(change, 1) for change in BEGUN.changes),
    *(result_line(each) for each in DONE),
)
HEADER = header_line(BEGUN, Provenance(run="apply-1", started="now", tool="0.1.0"))


def _text(*written: Any) -> bytes:
    return b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in written)


def _loaded(content: bytes) -> LoadedJournal:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "apply-1.ndjson"
        path.write_bytes(content)
        return load(path)


@given(st.data())
def test_a_journal_that_was_cut_anywhere_after_its_header_tells_of_its_whole_lines(data: st.DataObject) -> None:
    whole = _text(HEADER, *LINES)
    kept = whole[: data.draw(st.integers(len(_text(HEADER)) - 1, len(whole)))]
    complete = [line for number, line in enumerate(LINES, 1) if len(kept) >= len(_text(HEADER, *LINES[:number])) - 1]
    assert _loaded(kept).run == read_run(_text(HEADER, *complete).splitlines(), 10)


def test_a_line_that_a_crash_broke_may_have_the_later_runs_line_after_it() -> None:
    closing = settled_line([], "then", "0.1.0")
    for torn in (b'{"event": "int', b"\x00\x00", b""):
        assert _loaded(_text(HEADER, LINES[0], torn)[:-1]).run.ended is False
        run = _loaded(_text(HEADER, LINES[0], torn, closing)).run
        assert (run.ended, len(run.entries)) == (True, 1)
        assert _refusal(_text(HEADER, torn, LINES[0])) == "line 2 is not one of a journal"


def _refusal(content: bytes) -> str:
    with pytest.raises(InvalidError) as caught:
        _loaded(content)
    (problem,) = caught.value.problems
    assert problem.hint == "the report of a run names its journal; `apply` and `undo` write them"
    return problem.message.partition(" is no journal: ")[2]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"a: 1\n", "its first line is no header"),
        (b"\xff\xfe\x00", "its first line is no header"),
        (_text(HEADER)[:-2], "its first line is no header"),
        (_text(LINES[0], HEADER), "its first line is no header"),
        (_text([HEADER]), "its first line is no header"),
        (b"[" * 100_000, "its first line is no header"),
        (b'{"event": "header", "changes": NaN}\n', "its first line is no header"),
        (b'{"event": "header", "changes": 1' + b"0" * 5000 + b"}\n", "its first line is no header"),
        (_text({**HEADER, "format_version": 2}), "its format has version 2, and this tokenctl reads 1"),
        (_text({**HEADER, "format_version": "1"}), "line 1: `format_version` must be 1"),
        (_text({**HEADER, "limits": {}}), "line 1: `limits` must have `max_deactivations`"),
        (_text(HEADER, HEADER), "line 2 is another header"),
        (_text(HEADER, b"[]", b"{}"), "line 2 is not one of a journal"),
        (_text(HEADER, {**LINES[0], "id": "../../x"}), "line 2: `id` must be 16 lower-case hex digits"),
        (_text(HEADER, {**LINES[0], "after": {"token": "x"}}), "line 2: `after` has an unknown key `token`"),
        (_text(HEADER, {**LINES[0], "after": {}}), "line 2: `after` must not be empty"),
        (_text(HEADER, {**LINES[2], "status": "fine"}), "line 2: `status` must be `done` or `failed` or `unverified` or `not attempted`"),
        (_text(HEADER, {"event": "settled", "at": "", "tokenctl": "", "results": [1]}), "line 2: `results[0]` must be an object"),
        (_text(HEADER, *[b'{"event": ""}'] * 10, b"", b""), "line 12 is not one of a journal"),
    ],
)  # fmt: skip
def test_what_is_no_journal_is_refused_and_says_where(content: bytes, why: str) -> None:
    assert _refusal(content) == why


@given(place=st.integers(0, len(_text(HEADER, *LINES)) - 1), byte=st.integers(0, 255))
def test_a_byte_that_differs_is_never_a_traceback(place: int, byte: int) -> None:
    content = bytearray(_text(HEADER, *LINES))
    content[place] = byte
    try:
        _loaded(bytes(content))
    except InvalidError as error:
        assert "is no journal: " in str(error)  # noqa: PT017  that it may be read as well is the point


def test_a_journal_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "run.ndjson").write_bytes(_text(HEADER, *LINES))
    assert load(tmp_path / "run.ndjson", most_lines=5).run.entries
    with pytest.raises(InvalidError, match=r"is no journal: it has more than 4 lines\n"):
        load(tmp_path / "run.ndjson", most_lines=4)
    with (tmp_path / "run.ndjson").open("wb") as stream:
        stream.truncate(256 * 1024**2 + 1)
    with pytest.raises(InvalidError, match=r"is no journal: it is larger than 256 MiB$"):
        load(tmp_path / "run.ndjson")


def test_what_is_no_file_is_never_waited_for_or_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(_begun(tmp_path).path)
    for name, why in [
        ("fifo", "it is not a regular file"),
        ("", "it is not a regular file"),
        ("link", "it is a symbolic link"),
        ("none", "no such file or directory"),
    ]:
        with pytest.raises(LocalError) as caught:
            load(tmp_path / name)
        assert str(caught.value) == f"cannot read the journal {tmp_path / name}: {why}"


def _names(found: list[LoadedJournal]) -> list[str]:
    return [each.run.name for each in found]


def test_only_a_run_that_began_something_and_was_killed_is_interrupted(tmp_path: Path) -> None:
    url = SERVER.url
    going_on = _begun(tmp_path, "apply-20260103-1")
    ended = _begun(tmp_path, "apply-20260104-1")
    ended.write(summary_line(Outcome(results=DONE)))
    elsewhere = _begun(tmp_path, "apply-20260105-1", BEGUN._replace(server=Server(url="https://other.example")))
    nothing = Journal.create(tmp_path, "apply-20260106-1")
    only_header = Journal.create(tmp_path, "apply-20260107-1")
    only_header.write(header_line(BEGUN, Provenance(run="apply-20260107-1", started="now", tool="0.1.0")))
    killed = [_begun(tmp_path, name) for name in ("undo-20260102-1", "apply-20260101-1")]
    for journal in (ended, elsewhere, nothing, only_header, *killed):
        journal.close()
    (tmp_path / "apply-20260108-1.ndjson").write_text("version: 1\n")
    (tmp_path / "apply-20260112-1.ndjson").write_text('{"event": "header", "server": 1}\n{')
    (tmp_path / "apply-20260113-1.ndjson").write_text(f'{{"event": "header", "server": {{"url": "{url}"}}}}\n{{')
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "apply-20260109-1.ndjson").mkdir()
    os.mkfifo(tmp_path / "apply-20260110-1.ndjson")
    (tmp_path / "apply-20260111-1.ndjson").symlink_to(killed[0].path)

    assert _names(interrupted(tmp_path, {url})) == ["apply-20260101-1", "undo-20260102-1"]
    assert [each.stem[-5:] for each in newest_first(tmp_path, os.geteuid())[:4]] == [
        "113-1",
        "112-1",
        "108-1",
        "107-1",
    ]
    going_on.close()
    assert _names(interrupted(tmp_path, {url}))[-1] == "apply-20260103-1"


def test_the_latest_run_is_known_by_the_servers_times_and_by_little_of_each_file(tmp_path: Path) -> None:
    def written(name: str, started: str, *more: Any) -> None:
        header = {**HEADER, "started": started}
        (tmp_path / f"{name}.ndjson").write_bytes(_text(header, *more))

    intent, (result, _) = intent_line(BEGUN.changes[0], 1), (result_line(each) for each in DONE)
    old, new = "2026-02-01T01:00:00.123456789+01:00", "2026-02-01T00:00:01Z"
    written("apply-2028", "2028-01-01T00:00:00+00:00", intent, {**result, "updatedAt": old})
    written(
        "apply-2025", "2025-01-01T00:00:00+00:00", intent, {**result, "updatedAt": new}, {**result, "updatedAt": ""}
    )
    later = {**intent, "before": {**before_document(BEGUN.changes[0].token), "updatedAt": "2026-02-02T00:00:00Z"}}
    written("apply-2024", "2024-01-01T00:00:00+00:00", later)  # killed before there was an answer
    written("apply-2026", "2026-01-15T00:00:00+00:00")
    written("apply-2023", "now", {**intent, "before": None})
    long = {**intent, "after": {"description": "x" * 70_000}}
    written("apply-2022", "2026-01-14T00:00:00+00:00", {**result, "updatedAt": "2027-01-01T00:00:00Z"}, long, long)
    (tmp_path / "apply-2029.ndjson").write_bytes(b"")
    (tmp_path / "apply-2030.ndjson").write_bytes(_text({**HEADER, "server": {"url": "http://elsewhere"}}))
    found = latest_first(tmp_path, os.geteuid(), SERVER.url)
    assert [each.path.stem[-2:] for each in found] == ["29", "24", "23", "22", "25", "28"]
    assert [each.unknown for each in found] == [True] * 4 + [False] * 2
    assert [str(each.after)[:10] for each in found[:3]] == ["None", "2026-02-02", "None"]
    ahead = [each.path.stem[-2:] for each in found if each.ahead(lambda: datetime(2026, 2, 3, tzinfo=UTC))]
    assert ahead == ["28"]


def _settled(*results: Any) -> dict[str, Any]:
    return {"event": "settled", "at": "now", "tokenctl": "0.1.0", "results": list(results)}


FIRST, OTHER = (line for line in LINES if line["event"] == "result")
MAYBE = {**FIRST, "status": "unverified", "updatedAt": ""}
FAILED = {**MAYBE, "status": "failed"}


@pytest.mark.parametrize(
    ("more", "unknown"),
    [
        ([], None),
        ([LINES[0]], True),
        ([LINES[0], MAYBE], True),
        ([LINES[0], {**MAYBE, "status": "done"}], True),
        ([LINES[0], FAILED], None),
        ([LINES[0], LINES[1], FAILED, {**OTHER, "status": ResultStatus.NOT_ATTEMPTED.value, "updatedAt": ""}], None),
        ([LINES[0], LINES[1], FAILED], True),
        ([LINES[0], FAILED, LINES[0]], True),
        ([LINES[0], LINES[1], _settled(FAILED, {**OTHER, "updatedAt": "2026-01-01T00:00:00Z"})], False),
        ([LINES[0], _settled(FAILED)], None),
        ([LINES[0], _settled(MAYBE)], True),
        ([LINES[0], {**_settled(), "results": [1, None, "x", {"id": []}]}], True),
        ([LINES[0], {**_settled(), "results": 1}], True),
        ([LINES[0], FAILED, summary_line(Outcome(results=DONE))], None),
    ],
)
def test_when_a_run_changed_something_is_unknown_where_no_answer_says_so(
    tmp_path: Path, more: list[Any], unknown: bool | None
) -> None:
    (tmp_path / "apply-1.ndjson").write_bytes(_text(HEADER, *more))
    found = latest_first(tmp_path, os.geteuid(), SERVER.url)
    assert [each.unknown for each in found] == ([] if unknown is None else [unknown])
    assert [each.changed for each in found if not each.unknown] == [datetime(2026, 1, 1, tzinfo=UTC)] * (
        unknown is False
    )


def test_what_others_put_into_the_folder_is_passed_over(tmp_path: Path) -> None:
    _begun(tmp_path).close()
    assert len(newest_first(tmp_path, os.geteuid())) == 1
    assert newest_first(tmp_path, os.geteuid() + 1) == []


def test_a_folder_that_is_not_there_has_no_runs(tmp_path: Path) -> None:
    assert interrupted(tmp_path / "none", {SERVER.url}) == []


@pytest.mark.parametrize("torn", [b"", b'{"event": "resu'])
def test_a_run_that_was_told_of_is_not_interrupted_any_more(tmp_path: Path, torn: bytes) -> None:
    journal = _begun(tmp_path)
    journal.close()
    with journal.path.open("ab") as stream:
        stream.write(torn)
    (found,) = interrupted(tmp_path, {SERVER.url})
    known = [settle(each, token(2)) for each in found.run.in_doubt]
    close(found.path, settled_line(known, "then", "0.1.0"))
    assert interrupted(tmp_path, {SERVER.url}) == []
    assert [each.status for each in load(found.path).run.entries] == [ResultStatus.DONE, ResultStatus.FAILED]
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600


def test_a_journal_that_is_gone_cannot_be_closed_and_that_does_no_harm(tmp_path: Path) -> None:
    close(tmp_path / "gone.ndjson", settled_line([], "then", "0.1.0"))
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_hundred_journals_are_looked_at(tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"apply-{number:03}.ndjson").write_bytes(_text(HEADER, *LINES))
    assert len(interrupted(tmp_path, {SERVER.url})) == 100

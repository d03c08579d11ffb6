"""The journal's file: its lines, its mode, and what keeps it from being made or written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.apply.journal import Journal
from reconciler.core.live import Server
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.core.record import Provenance
from reconciler.core.token import OrgId, Status, Token, TokenId, UserId
from reconciler.errors import LocalError
from tests.shell import unmeasured

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
)


def test_a_run_reads_as_header_intent_result_summary(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "state" / "tokenctl", "apply-1")
    result = Result(change=CHANGE, fate=Fate.DONE, sent=True, updated_at="2026-11-23T21:00:01Z")
    journal.header(PLAN, RUN)
    journal.intent(CHANGE)
    journal.result(result)
    journal.summary(Outcome(results=(result,)))
    journal.close()
    assert journal.path == tmp_path / "state" / "tokenctl" / "apply-1.ndjson"
    assert journal.path.read_text() == (
        '{"event": "header", "format_version": 1, "run": "apply-1", "tokenctl": "0.1.0", '
        '"started": "2026-11-23T21:00:00+00:00", "server": {"url": "http://localhost:8086", "build": "OSS", '
        '"version": "v2.7.12"}, "org_ids": ["5f2c9e1a77b0d3c4"], '
        f'"digest": "{PLAN.digest}", "changes": 1, "managed": 1, "limits": {{"max_deactivations": "30%", '
        '"min_managers": 1}, "undoes": "", "lock": false, "files": ["tokens.yaml"], "commit": "", "run_url": "https://ci.example/1"}\n'
        '{"event": "intent", "id": "0d3a5f0c1be4e000", "attempt": 1, "name": "old", "protected": false, '
        '"org_id": "5f2c9e1a77b0d3c4", "org": "acme", "user_id": "0d3a5f0bd1a4e000", "user": "user2", '
        '"before": {"status": "active", "description": "laptop \\u202e", "updatedAt": "2024-05-13T09:41:07.52417Z"}, '
        '"after": {"status": "inactive"}}\n'
        '{"event": "result", "id": "0d3a5f0c1be4e000", "fate": "done", "reason": "", '
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
        f"cannot write the journal {tmp_path}/run.ndjson: File exists\n"
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
    with pytest.raises(LocalError, match=r"cannot write the journal .*/file/tokenctl/run\.ndjson: Not a directory"):
        Journal.create(tmp_path / "file" / "tokenctl", "run")


def test_a_full_disk_is_an_error_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.ndjson", os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(LocalError, match=r"cannot write the journal .*: No space left on device"):
        journal.intent(CHANGE)
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
        "    journal._write({'event': 'intent', 'id': '0' * 40})\n"
        "except LocalError as error:\n"
        "    print(error.problems[0].message.partition(': ')[2])\n"
        "journal._write({'event': 'summary'})\n",
    )
    assert said == "File too large\n"
    assert (tmp_path / "run.ndjson").read_text() == '{"event": "summary"}\n'


def test_lines_of_one_block_are_written_by_its_end(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, "run")
    with journal.together():
        journal.intent(CHANGE)
        journal.intent(CHANGE, 2)
        assert journal.path.read_bytes() == b""
    assert journal.path.read_bytes().count(b"\n") == 2
    with journal.together():
        pass
    journal.intent(CHANGE, 3)
    assert journal.path.read_bytes().count(b"\n") == 3
    journal.close()


def test_a_block_that_cannot_be_written_is_an_error_at_its_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.ndjson", os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(LocalError, match=r"No space left on device"), journal.together():
        journal.intent(CHANGE)
    journal.close()


def test_of_a_block_that_fits_only_in_part_the_whole_lines_are_kept(tmp_path: Path) -> None:
    said = on_a_small_disk(
        tmp_path,
        "try:\n"
        "    with journal.together():\n"
        "        journal._write({'event': 'result'})\n"
        "        journal._write({'event': 'intent', 'id': '0' * 40})\n"
        "except LocalError:\n"
        "    print('noticed')\n",
    )
    assert said == "noticed\n"
    assert (tmp_path / "run.ndjson").read_text() == '{"event": "result"}\n'

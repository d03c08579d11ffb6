"""`apply --format json` through the installed program: signals, readers that leave or do not read, and a full disk."""

from __future__ import annotations

import os
import pty
import select
import signal
from pathlib import Path

import pytest

from reconciler.sandbox.faults import Fault
from tests.cli.test_main import DESCRIBE, read
from tests.events import counts, events_of, short
from tests.scenarios.test_signals import CHANGES, LATE, changed, check_journal, crowded, patches, running, until
from tests.screen import frames, seen
from tests.shell import GRAFANA, Shell

ARGUMENTS = ("apply", "--yes", "--format", "json")


def test_the_option_reaches_the_commands_and_needs_a_yes(shell: Shell) -> None:
    shell.here = True
    shell.declare(DESCRIBE)
    done = shell.run("apply", "--format", "json")
    assert (done.code, done.out, shell.sent()) == (64, "", [])
    assert done.err.startswith("`--format json` leaves no room for a question\n  hint: agree beforehand with `--yes`")
    assert short(shell.run(*ARGUMENTS).out) == [
        "plan",
        f"op_started {GRAFANA}",
        f"op_finished {GRAFANA} done",
        "summary ok",
    ]
    assert short(shell.run("undo", "--apply", "--yes", "--format", "json").out)[-1] == "summary ok"
    assert shell.run("undo", "--yes", "--format", "json").code == 64


def test_a_signal_while_reading_is_the_end_of_the_events(tmp_path: Path, forked: Path) -> None:
    with (
        crowded(tmp_path, Fault("slow-body", "GET"), program=forked / "tokenctl") as shell,
        running(shell, *ARGUMENTS) as process,
    ):
        until(lambda: len(shell.sandbox.requests) == 1, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, short(out), err) == (
        143,
        ["summary interrupted"],
        "\ntold to end: nothing was sent\n  hint: run it again to go on\n",
    )
    assert events_of(out)[-1]["exit_code"] == 143


def test_a_signal_on_the_way_is_told_with_what_was_done(tmp_path: Path, forked: Path) -> None:
    with crowded(tmp_path, LATE, program=forked / "tokenctl") as shell, running(shell, *ARGUMENTS) as process:
        until(lambda: len(patches(shell)) > 0, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (3, "")
        told = events_of(out)
        assert (told[-1]["stopped"], told[-1]["reason"]) == ("interrupted", "partial")
        statuses = {each["id"]: each["status"] for each in told if each["event"] == "op_finished"}
        assert {each for each, status in statuses.items() if status == "done"} == changed(shell)
        done, failed, unverified, rest = counts(out)
        assert (done, failed, unverified, done + rest) == (len(changed(shell)), 0, 0, CHANGES)
        check_journal(shell)


def test_a_reader_who_leaves_changes_nothing_and_the_report_goes_to_stderr(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with crowded(tmp_path, LATE) as shell:
        shell.measured = True
        with running(shell, *ARGUMENTS, stdout=writer) as process:
            os.close(writer)
            until(lambda: len(patches(shell)) > 0, process)
            os.close(reader)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, len(changed(shell))) == (0, CHANGES)
        check_journal(shell)
    assert f"Apply: {CHANGES} done, 0 failed, 0 unverified, 0 not attempted." in err


def test_a_reader_who_does_not_read_keeps_no_run_from_ending(tmp_path: Path, forked: Path) -> None:
    reader, writer = os.pipe()
    while takes_more(writer):
        os.write(writer, b"x" * 4096)  # until it takes no more
    with crowded(tmp_path, program=forked / "tokenctl") as shell:
        with running(shell, *ARGUMENTS, stdout=writer) as process:
            os.close(writer)
            until(lambda: len(shell.sandbox.requests) > 0, process)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)  # else it would wait for the reader for ever
        assert (process.returncode, err, patches(shell)) == (
            143,
            "\ntold to end: nothing was sent\n  hint: run it again to go on\n",
            [],
        )
    os.close(reader)


def takes_more(number: int) -> bool:
    """Whether a write would not wait."""
    return bool(select.select([], [number], [], 0)[1])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_plan_that_a_full_disk_does_not_take_is_not_sent(shell: Shell) -> None:
    shell.measured = True
    shell.declare(DESCRIBE)
    with Path("/dev/full").open("w") as full, running(shell, *ARGUMENTS, stdout=full.fileno()) as process:
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "cannot write to standard output: no space left on device\n")
    assert shell.patches() == []


def test_events_may_go_to_a_file_while_a_terminal_shows_the_progress(tmp_path: Path, forked: Path) -> None:
    ours, theirs = pty.openpty()
    with crowded(tmp_path, LATE, program=forked / "tokenctl") as shell, (tmp_path / "events").open("w") as kept:
        with running(shell, *ARGUMENTS, "--parallelism", "1", stdout=kept.fileno(), stderr=theirs) as process:
            os.close(theirs)
            shown = read(ours)
            assert process.wait(30) == 0
        assert counts((tmp_path / "events").read_text()) == [CHANGES, 0, 0, 0]
    assert [each for each in frames(shown) if "Applying" in each]
    assert "Applying" not in seen(shown)
    os.close(ours)

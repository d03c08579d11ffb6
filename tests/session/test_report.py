"""However a run goes and ends, its events say so, each as its schema says, whole and at once through a real pipe."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.pace import Pacing
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode, LocalError, Place, Problem, UsageError
from reconciler.render import words
from reconciler.render.formats import PlanFormat
from reconciler.sandbox.faults import Fault
from reconciler.session.context import Context
from reconciler.session.report import Outlet
from reconciler.session.sending import SendingOptions
from tests.commands.test_apply import ACTIVATE, DEACTIVATE, DESCRIBE, applied, saved
from tests.commands.test_undo import undone
from tests.events import DIGEST, counts, events_of, short
from tests.session.test_locking import locked
from tests.shell import (
    BACKUP_2023,
    BACKUP_2024,
    GRAFANA,
    INGEST,
    LAPTOP,
    OPERATOR,
    Done,
    Shell,
    secret,
    shell_on,
    texts,
)

OTHER = f'id: "{INGEST}", name: ingest, description: x'
STARTED, DONE = f"op_started {GRAFANA}", f"op_finished {GRAFANA} done"


def told(shell: Shell, *tokens: str, **request: object) -> Done:
    """Apply these declarations as events."""
    return applied(shell, shell.declare(*tokens), yes=True, json=True, **request)  # type: ignore[arg-type]


def test_a_run_that_goes_well_is_told_from_plan_to_summary(shell: Shell) -> None:
    done = told(shell, DESCRIBE, DEACTIVATE)
    plan, first, _, second, _, summary = events_of(done.out)
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert short(done.out) == [
        "plan", STARTED, DONE, f"op_started {BACKUP_2023}", f"op_finished {BACKUP_2023} done", "summary ok",
    ]  # fmt: skip
    assert [each["id"] for each in plan["plan"]["changes"]] == [GRAFANA, BACKUP_2023]
    assert (first["action"], first["name"], first["fields"]) == ("describe", "grafana", ["description"])
    assert (second["action"], second["fields"]) == ("deactivate", ["status"])
    (journal,) = (shell.folder / "state" / "tokenctl").iterdir()
    assert summary == {
        "format_version": 1, "event": "summary", "reason": "ok", "exit_code": 0, "problems": [],
        "counts": {"done": 2, "failed": 0, "unverified": 0, "not_attempted": 0},
        "stopped": "", "digest": DIGEST, "journal": f"DIR/state/tokenctl/{journal.name}",
    }  # fmt: skip


def test_each_event_is_written_when_it_happens(shell: Shell) -> None:
    seen: list[int] = []
    shell.declare(DESCRIBE, DEACTIVATE)

    def clock() -> float:
        """Whenever somebody looks at the clock, count what can be read already."""
        seen.append(kept.stat().st_size)
        return 0.0

    kept = shell.folder / "events"
    with kept.open("w") as stream:
        done = applied(
            shell, str(shell.folder / "tokens.yaml"), yes=True, json=True, with_clock=clock, with_stdout=stream
        )
    assert done.code == ExitCode.OK
    ends = [0]
    for line in kept.read_text().splitlines(keepends=True):
        ends.append(ends[-1] + len(line))
    assert set(seen) == set(ends[:-1])


def test_without_changes_there_is_a_plan_and_a_summary(shell: Shell) -> None:
    told(shell, DESCRIBE)
    done = told(shell, DESCRIBE)
    assert (done.code, short(done.out), counts(done.out)) == (ExitCode.OK, ["plan", "summary ok"], [0, 0, 0, 0])


def test_a_change_that_fails_is_told_with_its_reason_and_keeps_the_next_phase_back(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault("error-before", "PATCH", 9)]) as shell:
        done = told(shell, DESCRIBE, DEACTIVATE)
    assert (done.code, counts(done.out)) == (ExitCode.UNREACHABLE, [0, 1, 0, 1])
    assert short(done.out) == ["plan", STARTED, f"op_finished {GRAFANA} failed", "summary unreachable"]
    finished = events_of(done.out)[2]
    assert finished["detail"] == (
        "not applied: URL answered 500 unexpected error writing points to database; given up after 2 attempts"
    )


def test_what_is_read_back_otherwise_is_told_once_more(tmp_path: Path) -> None:
    faults = [Fault("unavailable", "PATCH"), Fault("changed-meanwhile", "PATCH")]
    with shell_on(tmp_path, faults=faults) as shell:
        done = told(shell, DESCRIBE, pacing=Pacing(parallelism=1))
    assert (done.code, counts(done.out)) == (ExitCode.PARTIAL, [0, 0, 1, 0])
    assert short(done.out)[-2:] == [f"op_finished {GRAFANA} unverified", "summary partial"]


@pytest.mark.parametrize("name", ["reset-before", "reset-after", "bad-gateway", "truncated-body", "error-after"])
def test_a_server_that_never_answers_a_change_well_is_told_as_it_is(tmp_path: Path, name: str) -> None:
    with shell_on(tmp_path, faults=[Fault(name, "PATCH", 1000)]) as shell:
        done = told(shell, DESCRIBE, OTHER, DEACTIVATE)
        changed = {each.id for each in shell.sandbox.tokens if each.description in ("dashboard", "x")}
    statuses = {each["id"]: each["status"] for each in events_of(done.out) if each["event"] == "op_finished"}
    assert {each for each, status in statuses.items() if status == "done"} >= changed
    assert (done.code == ExitCode.OK) == (counts(done.out) == [3, 0, 0, 0])
    assert events_of(done.out)[-1]["reason"] == ExitCode(done.code).reason


def test_a_run_that_stops_says_why(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault("error-before", "PATCH", 99)]) as shell:
        done = told(shell, DESCRIBE, OTHER, pacing=Pacing(parallelism=1, max_failures=1))
    assert (events_of(done.out)[-1]["stopped"], counts(done.out)) == (
        "1 failed, which is what --max-failures allows",
        [0, 1, 0, 1],
    )


def stale(shell: Shell) -> Done:
    """A saved plan whose token somebody changed."""
    path = saved(shell, DESCRIBE)
    shell.sandbox.change(GRAFANA, description="theirs")
    return applied(shell, path, yes=True, json=True)


def held(shell: Shell) -> Done:
    """Somebody else's lock."""
    locked(shell)
    return told(shell, DESCRIBE, lock=0.0)


ENDINGS: dict[str, tuple[Callable[[Shell], Done], ExitCode, list[int]]] = {
    "refused": (lambda shell: told(shell, f'id: "{OPERATOR}", status: inactive', DESCRIBE), ExitCode.REFUSED, [0, 0, 0, 2]),
    "reviewed": (lambda shell: told(shell, DESCRIBE, expect="0" * 64), ExitCode.STALE, [0, 0, 0, 1]),
    "stale": (stale, ExitCode.STALE, [0, 0, 0, 0]),
    "auth": (lambda shell: told(shell, DESCRIBE, with_environment={"INFLUX_TOKEN": "FAKE"}), ExitCode.AUTH, [0, 0, 0, 0]),
    "unreachable": (lambda shell: told(shell, DESCRIBE, with_environment={"INFLUX_HOST": "http://127.0.0.1:1"}), ExitCode.UNREACHABLE, [0, 0, 0, 0]),
    "locked": (held, ExitCode.LOCKED, [0, 0, 0, 0]),
    "invalid": (lambda shell: told(shell, "id: x"), ExitCode.INVALID, [0, 0, 0, 0]),
    "usage": (lambda shell: told(shell, DESCRIBE, select=("nobody",)), ExitCode.USAGE, [0, 0, 0, 0]),
    "no journal": (lambda shell: told(shell, DESCRIBE, journal="/dev/null/x"), ExitCode.ERROR, [0, 0, 0, 1]),
}  # fmt: skip


def words_of(problems: Sequence[Mapping[str, Any]]) -> str:
    """What standard error says where programs are told this."""
    assert problems
    places = [Place(**each["place"]) if each["place"] else None for each in problems]
    return words.problems(
        Problem(each["message"], each["hint"], place) for each, place in zip(problems, places, strict=True)
    )


@pytest.mark.parametrize("name", ENDINGS)
def test_an_error_ends_the_events_with_its_name_and_its_message_goes_to_stderr(shell: Shell, name: str) -> None:
    run, code, statuses = ENDINGS[name]
    done = run(shell)
    assert (done.code, shell.patches()) == (code, [])
    last = events_of(done.out)[-1]
    assert (last["reason"], last["exit_code"], counts(done.out)) == (code.reason, code, statuses)
    assert len(events_of(done.out)) == (2 if sum(statuses) else 1)
    assert (last["digest"] != "", last["journal"], last["stopped"]) == (sum(statuses) > 0, "", "")
    assert done.err.endswith(words_of(last["problems"]))


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [(signal.SIGINT, "interrupted", 130), (signal.SIGHUP, "interrupted", 143), (signal.SIGALRM, "unreachable", 7)],
)
def test_a_signal_before_the_first_patch_is_an_end_like_any_other(
    shell: Shell, number: int, reason: str, code: int
) -> None:
    kept, times, interrupt = shell.folder / "events", iter([0.0]), Interrupt()

    def clock() -> float:
        """The signal comes before the first request is sent."""
        for time in times:
            return time
        interrupt.receive(number)
        raise AssertionError

    with kept.open("w") as stream, pytest.raises(KeyboardInterrupt):
        told(shell, DESCRIBE, with_clock=clock, with_stdout=stream, with_interrupt=interrupt)
    assert short(kept.read_text()) == [f"summary {reason}"]
    assert (events_of(kept.read_text())[-1]["exit_code"], shell.sent()) == (code, [])


def test_a_bug_is_told_as_an_error(shell: Shell) -> None:
    kept = shell.folder / "events"

    def now() -> datetime:
        """What nobody has thought of, once the plan was shown."""
        if kept.read_text():
            raise ZeroDivisionError
        return datetime(2026, 1, 1, tzinfo=UTC)

    with kept.open("w") as stream, pytest.raises(ZeroDivisionError):
        told(shell, DESCRIBE, with_now=now, with_stdout=stream)
    assert (short(kept.read_text()), counts(kept.read_text())) == (["plan", "summary error"], [0, 0, 0, 1])


def test_a_bug_in_the_middle_leaves_what_was_sent_unverified(shell: Shell) -> None:
    kept = shell.folder / "events"

    def clock() -> float:
        """What nobody has thought of, in a worker that is about to send."""
        if "op_started" in kept.read_text():
            raise ZeroDivisionError
        return 0.0

    with kept.open("w") as stream, pytest.raises(ZeroDivisionError):
        told(shell, DESCRIBE, DEACTIVATE, with_clock=clock, with_stdout=stream)
    assert short(kept.read_text()) == ["plan", STARTED, "summary error"]
    assert counts(kept.read_text()) == [0, 0, 1, 1]


def test_an_undo_is_told_in_the_same_events(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True)
    done = undone(shell, send=True, yes=True, form=PlanFormat.JSON)
    assert (done.code, short(done.out)) == (ExitCode.OK, ["plan", STARTED, DONE, "summary ok"])
    assert events_of(done.out)[0]["plan"]["undoes"].startswith("apply-")
    assert done.err.startswith("Undoing apply-")
    shell.sandbox.change(GRAFANA, description="theirs")
    refused = undone(shell, send=True, yes=True, form=PlanFormat.JSON)
    assert (refused.code, short(refused.out)) == (ExitCode.REFUSED, ["plan", "summary refused"])


def test_nothing_is_told_as_events_without_sending_or_with_a_question(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), yes=True)
    shell.sent()
    done = undone(shell, send=False, yes=True, form=PlanFormat.JSON)
    assert (done.code, done.out, shell.sent()) == (ExitCode.USAGE, "", [])
    with pytest.raises(UsageError) as caught:
        SendingOptions().as_events()
    assert str(caught.value) == (
        "`--format json` leaves no room for a question\n  hint: agree beforehand with `--yes`, best to a plan that was "
        "reviewed: `apply PLAN`, or `--expect DIGEST`"
    )


def test_foreign_text_is_data_and_no_secret_is_ever_told(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault("error-before", "PATCH", 2)]) as shell:
        shell.sandbox.change(GRAFANA, description="\x1b[2J##[error]\u202e\n::error::x")
        done = told(
            shell, DESCRIBE, ACTIVATE, f'id: "{LAPTOP}", description: "##[error]y"', allow=(Guard.REACTIVATION,)
        )
        assert done.code == ExitCode.UNREACHABLE
        assert "##[" not in done.out
        (found,) = [each for each in events_of(done.out)[0]["plan"]["changes"] if each["id"] == GRAFANA]
        assert found["before"]["description"] == "\x1b[2J##[error]\u202e\n::error::x"
        assert "FAKE" not in done.out + done.err + "".join(texts(shell.folder))
        assert secret(BACKUP_2024) not in done.out


class Narrow:
    """Standard output that takes so many lines, fails once, and would take more."""

    def __init__(self, lines: int, error: OSError) -> None:
        self.left, self.error = lines, error
        self.kept = ""

    def fileno(self) -> int:
        """It is none of the system's."""
        raise io.UnsupportedOperation

    def write(self, text: str) -> None:
        """Take a line, or fail."""
        self.left -= 1
        if self.left == -1:
            raise self.error
        self.kept += text

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device")])
@pytest.mark.parametrize("lines", [1, 2, 4])
def test_stdout_that_takes_no_more_changes_neither_the_run_nor_its_code(
    shell: Shell, error: OSError, lines: int
) -> None:
    stream = Narrow(lines, error)
    done = told(shell, DESCRIBE, DEACTIVATE, with_stdout=stream)
    assert (done.code, shell.patches()) == (ExitCode.OK, [GRAFANA, BACKUP_2023])
    assert stream.kept.count("\n") == lines
    assert "\nApply: 2 done, 0 failed, 0 unverified, 0 not attempted.\n" in done.err


def test_a_plan_that_cannot_be_told_is_not_sent(shell: Shell) -> None:
    stream = Narrow(0, OSError(28, "No space left on device"))
    done = told(shell, DESCRIBE, with_stdout=stream)
    assert (done.code, shell.patches(), stream.kept) == (ExitCode.ERROR, [], "")
    assert done.err == "cannot write to standard output: no space left on device\n"


@contextmanager
def piped(shell: Shell, interrupt: Interrupt) -> Iterator[tuple[Outlet, int]]:
    """An outlet into a pipe, and the end that is read."""
    reader, writer = os.pipe()
    outlets: list[Outlet] = []

    def run(context: Context) -> ExitCode:
        """Make it."""
        outlets.append(Outlet(context._replace(streams=context.streams._replace(stdout=stream), interrupt=interrupt)))
        return ExitCode.OK

    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123
        shell.call(run)
        yield outlets[0], reader
    with suppress(OSError):
        os.close(reader)


def noted() -> Interrupt:
    """What only notes a signal."""
    interrupt = Interrupt(leave=lambda _: None)
    interrupt.defer()
    return interrupt


def drained(reader: int) -> str:
    """What is in the pipe."""
    os.set_blocking(reader, False)
    found = b""
    with suppress(BlockingIOError):
        while more := os.read(reader, 1 << 20):
            found += more
    return found.decode()


LONG = "x" * 300_000 + "\n"


def test_a_line_of_any_length_comes_as_it_is(shell: Shell) -> None:
    with piped(shell, noted()) as (outlet, reader):
        writing = threading.Thread(target=lambda: any(map(outlet.write, (LONG, "short\n"))), daemon=True)
        writing.start()
        found = b""
        while not found.endswith(b"short\n"):
            found += os.read(reader, 1 << 20)
        writing.join(30)
    assert found.decode() == LONG + "short\n"


def test_who_does_not_read_is_waited_for_until_the_run_has_to_end(shell: Shell) -> None:
    interrupt = noted()
    with piped(shell, interrupt) as (outlet, reader):
        failed: list[LocalError] = []

        def write() -> None:
            """Write more than a pipe takes."""
            try:
                outlet.write(LONG)
            except LocalError as error:
                failed.append(error)

        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        writing.join(0.2)
        assert (writing.is_alive(), failed) == (True, [])
        interrupt.receive(signal.SIGTERM)
        writing.join(30)
        assert str(failed[0]) == "standard output does not take more before the run has to end"
        begun = drained(reader)
        assert LONG.startswith(begun)
        # What comes behind half a line stands on one of its own.
        outlet.write("short\n")
        outlet.write("last\n")
        assert drained(reader) == "\nshort\nlast\n"


def test_a_pipe_that_nobody_reads_any_more_is_broken(shell: Shell) -> None:
    with piped(shell, noted()) as (outlet, reader):
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            outlet.write("short\n")


def test_a_stream_of_pythons_own_is_written_to(shell: Shell) -> None:
    kept = io.StringIO()

    def run(context: Context) -> ExitCode:
        """Write to it."""
        Outlet(context._replace(streams=context.streams._replace(stdout=kept))).write("short\n")
        return ExitCode.OK

    shell.call(run)
    assert kept.getvalue() == "short\n"

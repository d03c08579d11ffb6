"""Whatever passes between a look at a token and its PATCH, what somebody changed meanwhile is not overwritten."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.apply.pace import Moment, Pacing
from reconciler.errors import ExitCode
from tests.commands.test_apply import DESCRIBE, applied
from tests.commands.test_undo import undone
from tests.scenarios.test_signals import CHANGES, LATE, PARALLELISM, crowded, journal, patches, until
from tests.session.test_locking import locked, send
from tests.shell import GRAFANA, INGEST, PHONE, Done, Shell

THEIRS = "of an operator"
PAST = {"asleep": Moment(6.0, 0.0), "awake for long": Moment(0.0, 6.0), "set back": Moment(0.0, -1.0)}


class Operator:
    """Changes the tokens of the test when something has happened; the time is another one from then on."""

    def __init__(self, shell: Shell, *ids: str, then: Moment = PAST["asleep"]) -> None:
        self.came = False
        self._coming = threading.Lock()
        self._shell = shell
        self._ids = ids
        self._then = then

    def come(self) -> None:
        """Change them, the first time; workers that ask meanwhile wait, as it has come when all are changed."""
        with self._coming:
            for each in () if self.came else self._ids:
                self._shell.sandbox.change(each, description=THEIRS)
            self.came = True

    def moment(self) -> Moment:
        """The time."""
        return self._then if self.came else Moment(0.0, 0.0)

    def after(self, requests: int) -> Callable[[], Moment]:
        """A clock at which it comes once so many requests were answered."""

        def moment() -> Moment:
            if len(self._shell.sandbox.requests) >= requests:
                self.come()
            return self.moment()

        return moment


def descriptions(shell: Shell) -> dict[str, str]:
    """What the server has."""
    return {each.id: each.description for each in shell.sandbox.tokens}


def check_left_alone(shell: Shell, done: Done, *ids: str) -> None:
    """Nothing was sent, each token is as the operator left it, and it is told so everywhere."""
    assert (done.code, shell.patches()) == (ExitCode.STALE, []), done
    assert {descriptions(shell)[each] for each in ids} == {THEIRS}
    assert done.out.count("not sent, it changed since it was planned: description was ") == len(ids)
    assert "unverified, 0 not attempted. Nothing was changed.\n" in done.out
    (path,) = (shell.folder / "state" / "tokenctl").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {each["id"] for each in lines if each["event"] == "intent"} == set(ids)
    assert [each["status"] for each in lines if each["event"] == "result"] == ["failed"] * len(ids)
    undoing = undone(shell, str(path))
    assert (undoing.code, "No changes: nothing of that run is left to undo." in undoing.out) == (ExitCode.OK, True)


@pytest.mark.parametrize("then", PAST.values(), ids=PAST)
def test_a_clock_that_jumps_lets_the_token_be_read_again(shell: Shell, then: Moment) -> None:
    operator = Operator(shell, GRAFANA, then=then)
    done = applied(shell, shell.declare(DESCRIBE), yes=True, with_moment=operator.after(1))
    check_left_alone(shell, done, GRAFANA)


@pytest.mark.parametrize("then", [Moment(5.0, 5.0), *PAST.values()])
def test_what_nobody_changed_is_sent_at_any_time(shell: Shell, then: Moment) -> None:
    operator = Operator(shell, then=then)
    done = applied(shell, shell.declare(DESCRIBE), yes=True, with_moment=operator.after(1))
    looked = [] if then == Moment(5.0, 5.0) else [f"GET /api/v2/authorizations/{GRAFANA}"]
    assert done.code == ExitCode.OK
    assert shell.sent()[1:-1] == [*looked, f"PATCH /api/v2/authorizations/{GRAFANA}"]


def test_a_disk_that_is_slow_to_sync_an_intent_makes_nothing_be_overwritten(shell: Shell) -> None:
    ids = (GRAFANA, INGEST, PHONE)
    operator = Operator(shell, *ids)

    def moment() -> Moment:
        """Once an intent is on the disk, six seconds have passed."""
        if any('"intent"' in each.read_text() for each in (shell.folder / "state").rglob("*.ndjson")):
            operator.come()
        return operator.moment()

    file = shell.declare(*(f'id: "{each}", description: x' for each in ids))
    done = applied(shell, file, yes=True, with_moment=moment)
    check_left_alone(shell, done, *ids)


def test_a_question_that_waited_for_its_answer_makes_nothing_be_overwritten(shell: Shell) -> None:
    operator = Operator(shell, GRAFANA)

    class Thinking(io.BytesIO):
        """Somebody who takes his time."""

        def readline(self, size: int | None = -1, /) -> bytes:
            operator.come()
            return b"yes\n"

    done = applied(
        shell, shell.declare(DESCRIBE), with_interactive=True, with_stdin=Thinking(), with_moment=operator.moment
    )
    check_left_alone(shell, done, GRAFANA)


def test_what_was_read_before_a_lock_was_waited_for_is_not_planned_from(shell: Shell) -> None:
    label, operator = locked(shell), Operator(shell, GRAFANA)

    def sleep(_: float) -> None:
        operator.come()
        send(shell, "DELETE", f"/{label}")

    done = applied(shell, shell.declare(DESCRIBE), lock=60.0, yes=True, with_sleep=sleep, with_moment=operator.moment)
    assert done.code == ExitCode.OK
    assert (
        f'description  "{THEIRS}" → "dashboard"' in done.out
    )  # that was shown, and the lists before it count for nothing


def test_a_canary_that_takes_long_makes_nothing_be_overwritten(shell: Shell) -> None:
    operator = Operator(shell, GRAFANA)
    file = shell.declare(DESCRIBE, f'id: "{INGEST}", description: x')
    # The list, the canary, and its being read back.
    pacing = Pacing(canary=1)
    done = applied(shell, file, yes=True, pacing=pacing, with_moment=operator.after(3))
    assert (done.code, shell.patches()) == (ExitCode.PARTIAL, [INGEST])
    assert descriptions(shell)[GRAFANA] == THEIRS


@contextmanager
def sleeping(shell: Shell, **environment: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """An `apply` under way that can be stopped, and the file with its time."""
    clock = shell.folder / "clock"
    clock.write_text("0")
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-m", "tests.sleeper", str(clock), "apply", "--yes"], cwd=shell.folder, text=True,
        env=shell.surroundings(**environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process, clock
        finally:
            process.kill()


def sleep_through(process: subprocess.Popen[str], clock: Path, meanwhile: Callable[[], None]) -> tuple[str, str]:
    """Wait until it is stopped, let that happen and a minute pass, and let it go on to its end."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    meanwhile()
    clock.write_text("60")
    process.send_signal(signal.SIGCONT)
    return process.communicate(timeout=60)


def test_a_run_that_is_stopped_with_its_intents_on_the_disk_overwrites_nothing(tmp_path: Path) -> None:
    with crowded(tmp_path) as shell, sleeping(shell, SLEEPS="1") as (process, clock):
        ids = [each.id for each in shell.sandbox.tokens]

        def meanwhile() -> None:
            for each in ids:
                shell.sandbox.change(each, description=THEIRS)

        out, err = sleep_through(process, clock, meanwhile)
        assert (process.returncode, patches(shell)) == (ExitCode.STALE, []), (out, err)
        assert set(descriptions(shell).values()) == {THEIRS}
        assert len([each for each in journal(shell) if each["event"] == "intent"]) >= PARALLELISM
    assert "Nothing was changed.\n" in out


# Of three rounds that take 0.1 s each: one is answered by then, and the next on its way.
@pytest.mark.parametrize("moment", [1, 5, 8])
def test_a_run_that_is_stopped_anywhere_overwrites_no_more_than_is_under_way(tmp_path: Path, moment: int) -> None:
    theirs: list[str] = []
    with crowded(tmp_path, LATE) as shell, sleeping(shell) as (process, clock):
        until(lambda: len(patches(shell)) >= moment, process)
        process.send_signal(signal.SIGSTOP)

        def meanwhile() -> None:
            theirs.extend(each for each, text in descriptions(shell).items() if text != "x")
            for each in theirs:
                shell.sandbox.change(each, description=THEIRS)

        out, err = sleep_through(process, clock, meanwhile)
        assert process.returncode == ExitCode.PARTIAL, (out, err)
        lost = [each for each in theirs if descriptions(shell)[each] == "x"]
        assert len(lost) <= PARALLELISM
        assert len(theirs) - len(lost) > 0
    assert len(theirs) < CHANGES + 1

"""Signals in the course of an apply, through the installed program, and standard streams that break meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.sandbox.faults import Fault
from reconciler.sandbox.seed import Seed, default_seed
from tests.commands.test_apply import applied
from tests.shell import OPERATOR, PROGRAM, Shell, shell_on

PARALLELISM = 8
CHANGES = 24
LATE = Fault("late-after", "PATCH", CHANGES)  # so that a run lasts a while
HELD = Fault("slow-body", "PATCH", CHANGES)  # the change is made, and its answer takes 13 s


def crowd() -> Seed:
    """The usual operator, and tokens that will be described."""
    seed = default_seed()
    operator = next(each for each in seed.tokens if each.id == OPERATOR)
    ids = [f"{0x1000000000000000 + number:016x}" for number in range(CHANGES)]
    return replace(
        seed, tokens=(operator, *(replace(operator, id=each, secret=f"FAKE-{each}", permissions=()) for each in ids))
    )


@contextmanager
def crowded(folder: Path, *faults: Fault, program: Path = PROGRAM) -> Iterator[Shell]:
    """A shell with a manifest that describes each of the crowd, and with that program."""
    folder.mkdir(exist_ok=True)
    with shell_on(folder, seed=crowd(), faults=faults) as shell:
        shell.program = program
        shell.declare(*(f'id: "{each.id}", description: x' for each in shell.sandbox.tokens if each.id != OPERATOR))
        yield shell


@contextmanager
def running(
    shell: Shell, *arguments: str, before: str = ":", program: Sequence[str] = (), **pipes: int
) -> Iterator[subprocess.Popen[str]]:
    """The program under way; `before` is what a shell does before it becomes the program."""
    command = ["/bin/sh", "-c", f'{before}; exec "$0" "$@"', *(program or [str(shell.program)]), *arguments]
    with subprocess.Popen(
        command, cwd=shell.folder, env=shell.surroundings(), text=True,
        stdout=pipes.get("stdout", subprocess.PIPE), stderr=pipes.get("stderr", subprocess.PIPE),
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until that holds or the process has ended, for at most 30 s."""
    deadline = time.monotonic() + 30
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def patches(shell: Shell) -> list[str]:
    """The ids of the tokens that were patched so far."""
    return [each.target.rpartition("/")[2] for each in shell.sandbox.requests if each.method == "PATCH"]


def changed(shell: Shell) -> set[str]:
    """The tokens that have what the manifest says."""
    return {each.id for each in shell.sandbox.tokens if each.description == "x"}


def journal(shell: Shell) -> list[dict[str, str]]:
    """The lines of the only journal, none if there is none."""
    folder = shell.folder / "state" / "tokenctl"
    return [json.loads(line) for path in folder.glob("*") for line in path.read_text().splitlines()]


def check_journal(shell: Shell) -> None:
    """The journal is whole, and every PATCH that the server has seen is told in it as it was."""
    lines = journal(shell)
    if not lines:
        assert changed(shell) == set()
        return
    intended = {each["id"] for each in lines if each["event"] == "intent"}
    statuses = {each["id"]: each["status"] for each in lines if each["event"] == "result"}
    assert (lines[0]["event"], lines[-1]["event"]) == ("header", "summary")
    assert intended == statuses.keys()
    assert changed(shell) <= intended
    assert {each for each, status in statuses.items() if status == "done"} <= changed(shell)


def expected(shell: Shell, number: int) -> set[int]:
    """The exit codes that are true of what was changed."""
    sent = len(patches(shell))
    if sent == 0:
        return {130 if number == signal.SIGINT else 143}
    return {3} if sent < CHANGES else {0, 3}


def strike(folder: Path, number: int, moment: int, wait: float = 0.0, program: Path = PROGRAM) -> None:
    """Send one signal so many seconds after the server got so many requests, and look at everything that is left."""
    with crowded(folder, LATE, program=program) as shell, running(shell, "apply", "--yes") as process:
        until(lambda: len(shell.sandbox.requests) >= moment, process)
        time.sleep(wait)
        process.send_signal(number)
        seen = len(patches(shell))
        out, err = process.communicate(timeout=30)
        # Those under way, and on a busy machine as many again until the process has its turn.
        assert len(patches(shell)) - seen <= 2 * PARALLELISM
        assert process.returncode in expected(shell, number), (out, err)
        assert "Traceback" not in err
        check_journal(shell)
        again = applied(shell, str(shell.folder / "tokens.yaml"), yes=True)
        assert (again.code, len(changed(shell))) == (0, CHANGES)


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Before the first request Python itself may not have started yet; after it come a PATCH for each change and a list.
MOMENTS = {
    "while it plans": (1, (signal.SIGHUP,)),  # each of the three comes to a plan below
    "on the way": (CHANGES // 2, SIGNALS),
    "at the end": (CHANGES + 2, (signal.SIGTERM,)),
}


@pytest.mark.parametrize(("moment", "signals"), MOMENTS.values(), ids=MOMENTS)
def test_a_signal_ends_the_run_in_good_order_and_another_run_converges(
    tmp_path: Path, forked: Path, moment: int, signals: Sequence[int]
) -> None:
    with ThreadPoolExecutor(len(signals)) as pool:  # they wait more than they work
        list(
            pool.map(
                lambda number: strike(tmp_path / str(int(number)), number, moment, program=forked / "tokenctl"), signals
            )
        )


@pytest.mark.soak
@pytest.mark.parametrize("part", range(40))
def test_the_same_at_a_thousand_moments(tmp_path: Path, part: int) -> None:
    def one(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        moment, wait = chance.randrange(1, CHANGES + 3), chance.random() / 20
        strike(tmp_path / str(seed), chance.choice(SIGNALS), moment, wait)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(part, 1000, 40)))


def test_what_does_not_answer_within_five_seconds_is_unverified(tmp_path: Path, forked: Path) -> None:
    with crowded(tmp_path, HELD, program=forked / "tokenctl") as shell, running(shell, "apply", "--yes") as process:
        until(lambda: len(patches(shell)) == PARALLELISM, process)
        process.send_signal(signal.SIGTERM)
        struck = time.monotonic()
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - struck > 4
        assert (process.returncode, err, len(changed(shell))) == (3, "", PARALLELISM)
        check_journal(shell)
    assert "Stopped early: told to end" in out
    assert f"Apply: 0 done, 0 failed, {PARALLELISM} unverified, {CHANGES - PARALLELISM} not attempted." in out
    # So it did not wait for the answers, which come after 13 s.
    assert out.count("there was no answer before the run had to end") == PARALLELISM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_leaves_at_once_and_the_code_still_says_what_was_sent(
    tmp_path: Path, forked: Path, number: int
) -> None:
    with crowded(tmp_path, HELD, program=forked / "tokenctl") as shell, running(shell, "apply", "--yes") as process:
        until(lambda: len(patches(shell)) == PARALLELISM, process)
        process.send_signal(signal.SIGINT)
        while process.poll() is None:  # two of one kind that come at once count as one
            time.sleep(0.05)
            process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, len(changed(shell))) == (3, PARALLELISM)
        assert err == "\nleft at once: what was sent is in the journal, and the next apply tells it\n"
        assert "Apply: " not in out
        assert [each["event"] for each in journal(shell)] == ["header", *["intent"] * PARALLELISM]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "told to end"), (signal.SIGHUP, 143, "the terminal is gone")],
)  # fmt: skip
def test_while_planning_a_signal_ends_the_run_and_nothing_is_sent(
    tmp_path: Path, forked: Path, number: int, code: int, words: str
) -> None:
    program = PROGRAM if number == signal.SIGINT else forked / "tokenctl"
    with crowded(tmp_path, Fault("slow-body", "GET"), program=program) as shell:
        shell.measured = program == PROGRAM
        with running(shell, "apply", "--yes") as process:
            until(lambda: len(shell.sandbox.requests) == 1, process)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (
            code,
            "",
            f"\n{words}: nothing was sent\n  hint: run it again to go on\n",
        )
        assert (patches(shell), journal(shell)) == ([], [])


def test_a_signal_in_a_destructor_is_not_lost_and_leaves_no_traceback() -> None:
    code = """if True:
        import os, signal
        from reconciler.cli.process import handle_signals

        class Struck:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        class Broken:
            def __del__(self):
                raise ValueError("of a destructor")

        interrupt = handle_signals()
        Struck()
        try:
            interrupt.check()
        except KeyboardInterrupt:
            print(interrupt.message)
        Broken()
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "told to end\n"
    assert "KeyboardInterrupt" not in done.stderr
    assert done.stderr.endswith("ValueError: of a destructor\n")


def test_an_interrupt_works_although_it_was_inherited_as_ignored(tmp_path: Path) -> None:
    with crowded(tmp_path, LATE) as shell:
        shell.measured = True
        with running(shell, "apply", "--yes", before="trap '' INT") as process:
            until(lambda: len(patches(shell)) > 0, process)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 3
        check_journal(shell)


def test_a_hangup_that_was_inherited_as_ignored_stays_so(tmp_path: Path) -> None:
    with crowded(tmp_path, LATE) as shell:
        shell.measured = True
        with running(shell, "apply", "--yes", before="trap '' HUP") as process:
            until(lambda: len(patches(shell)) > 0, process)
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=30)
        assert (process.returncode, len(changed(shell))) == (0, CHANGES)


def test_the_end_of_its_time_ends_a_run_in_good_order(tmp_path: Path) -> None:
    with crowded(tmp_path, LATE) as shell:
        shell.measured = True
        with running(shell, "apply", "--yes", "--parallelism", "1", "--timeout", "1h") as process:
            until(lambda: len(patches(shell)) > 0, process)
            process.send_signal(signal.SIGALRM)  # as when the hour is over: no short time holds on every machine
            out, err = process.communicate(timeout=60)
        assert process.returncode == 3, err
        assert 0 < len(patches(shell)) < CHANGES
        check_journal(shell)
    assert "Stopped early: the time of the run is over" in out


@pytest.mark.parametrize("command", ["plan", "apply --yes", "list"])
def test_the_time_of_reading_is_bounded(tmp_path: Path, forked: Path, command: str) -> None:
    with crowded(tmp_path, Fault("slow-body", "GET", 100), program=forked / "tokenctl") as shell:
        done = shell.run(*command.split(), "--timeout", "0.5s")
        assert (done.code, done.out, done.err) == (
            7,
            "",
            "\nthe time of the run is over: nothing was sent\n  hint: run it again to go on, with more time\n",
        )
        assert patches(shell) == []


def test_stdout_that_nobody_reads_any_more_stops_nothing_on_the_way(tmp_path: Path) -> None:
    read, write = os.pipe()
    with crowded(tmp_path, LATE) as shell:
        shell.measured = True
        with running(shell, "apply", "--yes", stdout=write) as process:
            os.close(write)
            until(lambda: len(patches(shell)) > 0, process)
            os.close(read)
            _, err = process.communicate(timeout=30)
        assert (process.returncode, len(changed(shell))) == (0, CHANGES)
        check_journal(shell)
    assert f"Apply: {CHANGES} done, 0 failed, 0 unverified, 0 not attempted." in err


def test_stderr_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with crowded(tmp_path) as shell:
        shell.measured = True
        with running(shell, "apply", "--yes", "--debug", stderr=write) as process:
            os.close(write)
            out, _ = process.communicate(timeout=30)
        assert (process.returncode, len(changed(shell))) == (0, CHANGES)
        assert f"Apply: {CHANGES} done" in out
        with running(shell, "apply", "--bogus", stderr=write_only()) as process:
            process.communicate(timeout=30)
        assert process.returncode == 64


def write_only() -> int:
    """The end of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_what_cannot_be_shown_is_not_sent(tmp_path: Path) -> None:
    with crowded(tmp_path) as shell, Path("/dev/full").open("w") as full:
        with running(shell, "apply", "--yes", stdout=full.fileno()) as process:
            _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (1, "cannot write to standard output: no space left on device\n")
        assert (patches(shell), journal(shell)) == ([], [])

"""The lock between processes: one wins, a killed one leaves its lock behind, and a signal gives it back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from reconciler.sandbox.store import Label
from tests.cli.test_main import QUESTION, read, terminal, waiting
from tests.session.test_locking import ACME, THEIRS, locked
from tests.shell import GRAFANA, Shell

ROOT = Path(__file__).parent.parent.parent
DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'


@contextmanager
def racer(shell: Shell) -> Iterator[subprocess.Popen[str]]:
    """A process that tries for the lock when it is told to."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.racer"], cwd=ROOT, env=shell.surroundings(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
    ) as process:  # fmt: skip
        yield process
        process.communicate(timeout=30)
    assert process.returncode == 0


def tell(process: subprocess.Popen[str], word: str) -> None:
    """Give the process a line."""
    assert process.stdin
    process.stdin.write(word + "\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert process.stdout
    return process.stdout.readline().strip()


def labels(shell: Shell) -> tuple[Label, ...]:
    """The labels as they are now."""
    return shell.sandbox.labels


@pytest.mark.parametrize("races", [20, pytest.param(500, marks=pytest.mark.soak)])
def test_of_two_processes_that_race_for_the_lock_one_wins(shell: Shell, races: int) -> None:
    with ExitStack() as stack:
        both = [stack.enter_context(racer(shell)) for _ in range(2)]
        for number in range(races):
            for process in both if number % 2 else both[::-1]:
                tell(process, ACME)
            assert sorted(map(hear, both)) == ["lost", "won"]
            assert len(labels(shell)) == 1
            for process in both:
                tell(process, "go on")
            assert [hear(process) for process in both] == ["ready"] * 2
            assert labels(shell) == ()
    refused = [each for each in shell.sandbox.requests if each.method == "POST" and each.status == 422]
    assert len(refused) >= races


def test_a_killed_run_leaves_its_lock_and_unlock_removes_it(shell: Shell) -> None:
    shell.measured = True
    shell.declare(DESCRIBE)
    with terminal(shell, "apply", "--lock") as (screen, process):
        read(screen, QUESTION)
        process.kill()
    (label,) = labels(shell)
    assert f"process {process.pid}" in label.properties["holder"]
    shell.here = True
    done = shell.run("apply", "--lock", "--yes")
    assert (done.code, shell.patches()) == (9, [])
    assert f"nothing was sent: organisation `acme` is locked by `{label.properties['holder']}` since " in done.err
    shown = shell.run("unlock")
    assert (shown.code, f"  holder   {label.properties['holder']}\n" in shown.out) == (8, True)
    assert (shell.run("unlock", "--yes").code, labels(shell)) == (0, ())
    assert shell.run("apply", "--yes", "--lock").code == 0
    assert shell.patches() == [GRAFANA]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)], ids=str
)
def test_a_signal_gives_the_lock_back(shell: Shell, number: int, code: int) -> None:
    shell.declare(DESCRIBE)
    with terminal(shell, "apply", "--lock") as (screen, process):
        read(screen, QUESTION)
        assert len(labels(shell)) == 1
        waiting(process)
        process.send_signal(number)
        assert process.wait(timeout=30) == code
    assert (labels(shell), shell.patches()) == ((), [])


def test_a_signal_ends_the_wait_for_a_lock(shell: Shell, forked: Path) -> None:
    shell.program = forked / "tokenctl"
    shell.declare(DESCRIBE)
    locked(shell, properties=THEIRS._replace(expires="2999-01-01T00:00:00Z"))
    with terminal(shell, "apply", "--lock-timeout", "10m") as (screen, process):
        read(screen, "lock: waiting for that of organisation `acme`, held by `deploy on web-1, process 7`")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    assert len(labels(shell)) == 1

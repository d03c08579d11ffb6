"""What signals do to a run, by a process that cannot be left."""

from __future__ import annotations

import signal

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.errors import ExitCode, Problem


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "told to end"),
        (signal.SIGHUP, 143, "the terminal is gone"),
        (signal.SIGALRM, 7, "the time of the run is over"),
    ],
)
def test_while_nothing_was_sent_the_first_signal_ends_the_run(number: int, code: int, words: str) -> None:
    interrupt = Interrupt()
    assert not interrupt.came
    with pytest.raises(KeyboardInterrupt):
        interrupt.receive(number)
    assert (interrupt.came, interrupt.exit_code, interrupt.message) == (True, code, words)
    more = ", with more time" if number == signal.SIGALRM else ""
    assert interrupt.problem == Problem(f"{words}: nothing was sent", f"run it again to go on{more}")


def test_later_the_first_signal_is_noted_and_whoever_waits_is_woken() -> None:
    interrupt, woken = Interrupt(), list[str]()
    interrupt.wake = lambda: woken.append("woken")
    interrupt.defer()
    interrupt.receive(signal.SIGTERM)
    assert (woken, interrupt.came, interrupt.exit_code) == (["woken"], True, ExitCode.TERMINATED)


@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_the_second_signal_leaves_at_once(number: int, code: int, deferred: bool) -> None:
    left: list[int] = []
    interrupt = Interrupt(leave=left.append)
    if deferred:
        interrupt.defer()
        interrupt.receive(signal.SIGINT)
    else:
        with pytest.raises(KeyboardInterrupt):
            interrupt.receive(signal.SIGINT)
    interrupt.receive(signal.SIGALRM)  # time that is over is no second wish
    assert left == []
    interrupt.receive(number)
    assert left == [code]


@pytest.mark.parametrize("of_a_part", [False, True])
def test_the_second_signal_leaves_with_the_code_for_changes_once_there_may_be_some(
    capfd: pytest.CaptureFixture[str], of_a_part: bool
) -> None:
    left: list[int] = []
    interrupt = Interrupt(leave=left.append)
    parts = [interrupt.part(), interrupt.part()]
    interrupt.defer()
    (parts[1] if of_a_part else interrupt).sending = True
    interrupt.receive(signal.SIGINT)
    interrupt.receive(signal.SIGTERM)
    assert (left, interrupt.exit_code) == ([ExitCode.PARTIAL], ExitCode.INTERRUPTED)
    assert capfd.readouterr().err == "\nleft at once: what was sent is in the journal, and the next apply tells it\n"


def test_an_exception_that_got_lost_is_raised_again_before_anything_is_sent() -> None:
    interrupt = Interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt.receive(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupt.defer()


def test_an_exception_that_got_lost_ends_the_next_wait_unless_the_run_is_to_end_in_good_order() -> None:
    interrupt = Interrupt()
    interrupt.check()
    with pytest.raises(KeyboardInterrupt):
        interrupt.receive(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupt.check()
    deferred = Interrupt()
    deferred.defer()
    deferred.receive(signal.SIGINT)
    deferred.check()


def test_what_came_without_a_signal_of_ours_is_an_interrupt() -> None:
    assert Interrupt().exit_code is ExitCode.INTERRUPTED


def test_parts_of_a_run_learn_of_a_signal_and_each_ends_in_its_own_order() -> None:
    whole, woken = Interrupt(), list[str]()
    early, sending = whole.part(), whole.part()
    sending.wake = lambda: woken.append("woken")
    whole.defer()
    sending.defer()
    whole.receive(signal.SIGTERM)
    assert (early.came, early.exit_code, early.message) == (True, ExitCode.TERMINATED, "told to end")
    assert (woken, early.is_deferred, sending.is_deferred) == (["woken"], False, True)
    sending.check()
    with pytest.raises(KeyboardInterrupt):
        early.check()
    with pytest.raises(KeyboardInterrupt):
        whole.part().defer()

"""Who looks on is told in order, and is asked to tick only where it wants to be."""

from __future__ import annotations

import signal
import threading

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.parts import NoWatch, Watches
from reconciler.core.outcome import Result, ResultStatus
from reconciler.core.plan import Change
from reconciler.errors import ExitCode
from tests.apply.memory import Watching, holding, plan_of, run, token

CHANGE = Change(token=token(2), description="better")
PLAN = plan_of(CHANGE)


TOLD = ["2 started", "2 done"]


def test_a_watch_that_wants_ticks_gets_them_while_nothing_happens(journal: Journal) -> None:
    enough = threading.Event()
    watch = Watching(every_s=0.001, on_tick=lambda ticks: enough.set() if ticks == 5 else None)
    server = holding(PLAN)
    server.on_patch = lambda *_: None if enough.wait(30) else pytest.fail("nobody ticked")
    outcome = run(PLAN, server, journal, watch=watch)
    assert (outcome.results[0].status, watch.told) == (ResultStatus.DONE, TOLD)
    assert watch.ticks >= 5
    assert watch.threads == {threading.get_ident()}


@pytest.mark.parametrize("every_s", [None, 30.0])
def test_a_signal_ends_the_wait_whatever_the_watch_wants(journal: Journal, every_s: float | None) -> None:
    interrupt, over = Interrupt(leave=lambda _: None), threading.Event()
    interrupt.defer()
    server = holding(PLAN)

    def silent(*_: object) -> None:
        """A signal comes, and no answer before the end."""
        interrupt.receive(signal.SIGTERM)
        over.wait(30)

    server.on_patch = silent
    watch = Watching(every_s=every_s)
    outcome = run(PLAN, server, journal, watch=watch, interrupt=interrupt, grace_s=0.0)
    over.set()
    assert (outcome.results[0].status, outcome.stopped) == (ResultStatus.UNVERIFIED, "told to end")
    assert watch.told == [TOLD[0], "2 unverified"]


def test_several_are_told_one_after_the_other_and_tick_as_often_as_one_of_them_wants() -> None:
    first, second = Watching(every_s=3.0), Watching(every_s=0.5)
    both = Watches([first, NoWatch(), second])
    both.started(CHANGE)
    both.finished(Result(change=CHANGE, status=ResultStatus.DONE))
    both.tick()
    assert first.told == second.told == TOLD
    assert (first.ticks, second.ticks, both.every_s) == (1, 1, 0.5)


def test_nobody_who_looks_on_lets_the_run_wait_for_as_long_as_it_takes(journal: Journal) -> None:
    assert Watches([]).every_s is None
    assert Watches([NoWatch(), Watching()]).every_s is None
    assert run(PLAN, holding(PLAN), journal, watch=Watches([])).exit_code is ExitCode.OK

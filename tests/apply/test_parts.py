"""Observers are told in order, and are refreshed meanwhile only where one wants to be."""

from __future__ import annotations

import signal
import threading

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.core.outcome import ResultStatus
from reconciler.core.plan import Change
from reconciler.errors import ExitCode
from tests.apply.memory import Observing, holding, plan_of, run, token

PLAN = plan_of(Change(token=token(2), description="better"))
TOLD = ["2 started", "2 done"]


def test_an_observer_that_wants_to_be_refreshed_is_while_nothing_happens(journal: Journal) -> None:
    enough = threading.Event()
    observer = Observing(every_s=0.001, on_refresh=lambda count: enough.set() if count == 5 else None)
    server = holding(PLAN)
    server.on_patch = lambda *_: None if enough.wait(30) else pytest.fail("nobody was refreshed")
    outcome = run(PLAN, server, journal, observers=[observer])
    assert (outcome.results[0].status, observer.told) == (ResultStatus.DONE, TOLD)
    assert observer.refreshed >= 5
    assert observer.threads == {threading.get_ident()}


@pytest.mark.parametrize("every_s", [None, 30.0])
def test_a_signal_ends_the_wait_whatever_the_observer_wants(journal: Journal, every_s: float | None) -> None:
    interrupt, over = Interrupt(leave=lambda _: None), threading.Event()
    interrupt.defer()
    server = holding(PLAN)

    def silent(*_: object) -> None:
        """A signal comes, and no answer before the end."""
        interrupt.receive(signal.SIGTERM)
        over.wait(30)

    server.on_patch = silent
    observer = Observing(every_s=every_s)
    outcome = run(PLAN, server, journal, observers=[observer], interrupt=interrupt, grace_s=0.0)
    over.set()
    assert (outcome.results[0].status, outcome.stopped) == (ResultStatus.UNVERIFIED, "told to end")
    assert observer.told == [TOLD[0], "2 unverified"]


def test_several_are_told_one_after_the_other_and_refresh_as_often_as_one_of_them_wants(journal: Journal) -> None:
    enough = threading.Event()
    first = Observing(on_refresh=lambda count: enough.set() if count == 5 else None)
    second, third = Observing(every_s=30.0), Observing(every_s=0.001)
    server = holding(PLAN)
    server.on_patch = lambda *_: None if enough.wait(30) else pytest.fail("nobody was refreshed")
    run(PLAN, server, journal, observers=[first, second, third])
    assert first.told == second.told == third.told == TOLD
    assert first.refreshed == second.refreshed == third.refreshed


def test_where_nobody_observes_the_run_waits_for_as_long_as_it_takes(journal: Journal) -> None:
    assert run(PLAN, holding(PLAN), journal, observers=()).exit_code is ExitCode.OK

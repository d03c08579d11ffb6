"""When the next PATCH is due."""

from __future__ import annotations

import pytest

from reconciler.apply.pace import Moment, Pace


def test_without_a_bound_nothing_waits() -> None:
    pace = Pace(0.0)
    assert [pace.wait_s(now) for now in (0.0, 0.0, 5.0, 5.0)] == [0.0] * 4


def test_so_many_a_second_are_spread_evenly() -> None:
    pace = Pace(4.0)
    assert [pace.wait_s(100.0) for _ in range(4)] == [0.0, 0.25, 0.5, 0.75]
    assert pace.wait_s(100.5) == 0.5


def test_what_was_not_used_is_not_made_up_for() -> None:
    pace = Pace(0.5)
    assert [pace.wait_s(now) for now in (10.0, 30.0, 30.0, 31.0)] == [0.0, 0.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("then", "now", "young"),
    [
        (Moment(10.0, 100.0), Moment(15.0, 105.0), True),
        (Moment(10.0, 100.0), Moment(10.0, 100.0), True),
        (Moment(10.0, 100.0), Moment(15.1, 105.0), False),  # it slept, and its time of day was not set yet
        (Moment(10.0, 100.0), Moment(15.0, 105.1), False),  # it is a copy of a machine that was stopped
        (Moment(10.0, 100.0), Moment(11.0, 99.9), False),  # somebody set the time of day: nothing can be said of it
    ],
)
def test_a_look_is_young_when_both_clocks_say_so(then: Moment, now: Moment, young: bool) -> None:
    assert now.is_within(5.0, then) == young

"""When the next PATCH is due, and when to begin no more operations."""

from __future__ import annotations

import pytest

from reconciler.apply.pace import Breaker, Moment, Pace


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


def _opens(pattern: str, most: int = 0) -> tuple[int, str]:
    """After how many operations, `x` for one that failed, and why; 0 if never."""
    breaker = Breaker(most)
    for number, each in enumerate(pattern, 1):
        if why := breaker.note(failed=each == "x"):
            return number, why
    return 0, ""


@pytest.mark.parametrize(
    ("pattern", "number", "why"),
    [
        ("xxxxx", 5, "5 in a row failed"),
        ("xxxx.xxxxx", 10, "5 in a row failed"),
        ("..xxxx.xxxx.", 0, ""),
        ("xx." * 9, 16, "11 of the latest 16 failed"),
        ("x." * 50, 0, ""),
        ("xxx." * 10, 14, "11 of the latest 14 failed"),
        ("." * 1000 + "xxx." * 10, 1014, "11 of the latest 20 failed"),
        ("." * 1000 + "xxxxx", 1005, "5 in a row failed"),
    ],
)
def test_it_opens_after_five_in_a_row_or_more_than_half_of_twenty(pattern: str, number: int, why: str) -> None:
    assert _opens(pattern) == (number, why)


@pytest.mark.parametrize(("most", "number"), [(1, 2), (3, 4), (7, 12), (8, 0)])
def test_it_opens_after_as_many_failures_as_are_wanted(most: int, number: int) -> None:
    why = f"{most} failed, which is what --max-failures allows" if number else ""
    assert _opens(".xxx.x.x.x.x...", most) == (number, why)


def test_a_number_takes_the_place_of_the_usual_rule() -> None:
    assert _opens("x" * 20, 21) == (0, "")

"""When the next PATCH is due."""

from __future__ import annotations

from reconciler.apply.pace import Pace


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

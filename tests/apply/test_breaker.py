"""When to begin no more operations."""

from __future__ import annotations

import pytest

from reconciler.apply.breaker import Breaker


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

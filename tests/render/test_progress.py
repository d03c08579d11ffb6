"""The words in which a run says how far it is."""

from __future__ import annotations

import pytest

from reconciler.core.outcome import ResultStatus
from reconciler.render import words


def test_reading_counts_what_has_come() -> None:
    assert words.reading(3000) == "Reading tokens: 3,000 so far"


@pytest.mark.parametrize(
    ("statuses", "elapsed_s", "told"),
    [
        ({}, 1.04, "Applying 0 of 1,000, 1 s"),
        ({ResultStatus.DONE: 312}, 14.9, "Applying 312 of 1,000, 14 s"),
        ({ResultStatus.DONE: 310, ResultStatus.FAILED: 2}, 59.9, "Applying 312 of 1,000, 2 failed, 59 s"),
        ({ResultStatus.DONE: 9, ResultStatus.UNVERIFIED: 3, ResultStatus.FAILED: 1}, 60.0, "Applying 13 of 1,000, 1 failed, 3 unverified, 1 min 0 s"),
        ({ResultStatus.DONE: 1000}, 3725.0, "Reading back 1,000 changes, 62 min 5 s"),
    ],
)  # fmt: skip
def test_applying_counts_what_is_known_and_what_went_wrong(
    statuses: dict[ResultStatus, int], elapsed_s: float, told: str
) -> None:
    assert words.applying(1000, statuses, elapsed_s) == told
    assert told.isascii()

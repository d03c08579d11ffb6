"""Durations as they are typed in."""

from __future__ import annotations

import pytest

from reconciler.commands.duration import duration
from reconciler.errors import UsageError


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("250ms", 0.25)])
def test_a_duration_is_a_number_and_perhaps_a_unit(text: str, seconds: float) -> None:
    assert duration("--timeout", text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1 s", "1e3", "٣s", "1s\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        duration("--timeout", text)
    assert caught.value.problems[0].message == f"--timeout takes a duration, and `{text}` is none"

"""How far something is in, a line of our own words out: in ASCII, so that no terminal shows it wider than it is."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.outcome import Fate
from reconciler.core.text import count


def reading(tokens: int) -> str:
    """So many tokens of a list have come."""
    return f"Reading tokens: {tokens:,} so far"


def applying(total: int, fates: Mapping[Fate, int], elapsed_s: float) -> str:
    """So many changes have each fate, after so much time."""
    known = sum(fates.values())
    told = f"Applying {known:,} of {total:,}" if known < total else f"Reading back {count(total, 'change')}"
    others = [f"{fates[fate]:,} {fate}" for fate in (Fate.FAILED, Fate.UNVERIFIED) if fates.get(fate)]
    return ", ".join([told, *others, _time(int(elapsed_s))])


def _time(seconds: int) -> str:
    minutes, left = divmod(seconds, 60)
    return f"{minutes} min {left} s" if minutes else f"{left} s"

"""How fast and how carefully a run sends, as its user wants it; when the next PATCH is due, and how old a look is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How a run sends.

    At most `parallelism` operations at once and `per_s` PATCHes a second (0: as many as there can be). The first
    `canary` changes are sent and read back before the rest (0: no such thing). After `max_failures` operations that
    failed no more are begun (0: as `Breaker` says).
    """

    parallelism: int = 8
    per_s: float = 0.0
    canary: int = 0
    max_failures: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by two clocks, in seconds: `steady` goes on while the machine sleeps, `wall` is the time of day.

    Neither is enough: a copy of a virtual machine brings its `steady` along, and anybody may set the time of day.
    """

    steady: float
    wall: float

    def is_within(self, seconds: float, earlier: Moment) -> bool:
        """Whether by both clocks at most so many seconds have passed since then: not when the time of day went back."""
        return self.steady - earlier.steady <= seconds and 0 <= self.wall - earlier.wall <= seconds


class Pace:
    """Spreads PATCHes evenly: `per_s` of them a second, 0 for no bound."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s if per_s else 0.0
        self._next = 0.0

    def wait_s(self, now: float) -> float:
        """How long the next PATCH has to wait at that time; each call is for another one."""
        due = max(now, self._next)
        self._next = due + self._gap_s
        return due - now

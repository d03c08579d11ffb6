"""How fast and how carefully a run sends: when the next PATCH is due, and when no more are begun."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Pacing(NamedTuple):
    """How a run sends.

    At most `parallelism` operations at once and `per_s` PATCHes a second (0: no limit). The first `canary` changes are
    sent and read back before the rest (0: none). After `max_failures` failed operations no more are begun (0: the
    default of `Breaker`).
    """

    parallelism: int = 8
    per_s: float = 0.0
    canary: int = 0
    max_failures: int = 0

    @property
    def is_free(self) -> bool:
        """Whether nobody asked that PATCHes wait for one another, or for what became of others."""
        return not (self.per_s or self.max_failures)


class Moment(NamedTuple):
    """A moment by two clocks, in seconds: `steady` goes on while the machine sleeps, `wall` is the time of day.

    Neither is enough: a copy of a virtual machine brings its `steady` along, and anybody may set the time of day.
    """

    steady: float
    wall: float

    def is_within(self, seconds: float, earlier: Moment) -> bool:
        """Return whether by both clocks at most so many seconds passed since `earlier`; False if `wall` went back."""
        return self.steady - earlier.steady <= seconds and 0 <= self.wall - earlier.wall <= seconds


class Pace:
    """Spreads PATCHes evenly: `per_s` of them a second, 0 for no limit."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / per_s if per_s else 0.0
        self._next = 0.0

    def wait_s(self, now: float) -> float:
        """Return how long the next PATCH has to wait, and reserve its turn: each call is for another PATCH."""
        due = max(now, self._next)
        self._next = due + self._gap_s
        return due - now


_ROW = 5
_LATEST = 20


class Breaker:
    """Stops a run after `most` failures; 0: after 5 in a row, or when more than 10 of the latest 20 failed."""

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._failures = 0
        self._latest: deque[bool] = deque(maxlen=_LATEST)

    def note(self, *, failed: bool) -> str:
        """Note how an operation ended; return why no more are to be begun, "" to go on."""
        self._latest.append(failed)
        self._failures += failed
        if self._most:
            said = f"{self._failures:,} failed, which is what --max-failures allows"
            return said if self._failures >= self._most else ""
        if len(self._latest) >= _ROW and all(list(self._latest)[-_ROW:]):
            return f"{_ROW} in a row failed"
        bad = sum(self._latest)
        return f"{bad} of the latest {len(self._latest)} failed" if bad * 2 > _LATEST else ""

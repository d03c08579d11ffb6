"""How fast and how carefully a run sends, as its user wants it; and when the next PATCH is due."""

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

"""Failures in, the moment to begin no more operations out."""

from __future__ import annotations

from collections import deque

_ROW = 5
_LATEST = 20


class Breaker:
    """Opens after `most` failures; 0: after 5 in a row, or when more than half of the latest 20 operations failed."""

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._failures = 0
        self._latest: deque[bool] = deque(maxlen=_LATEST)

    def note(self, *, failed: bool) -> str:
        """Take what became of an operation and say why to begin no more, "" to go on."""
        self._latest.append(failed)
        self._failures += failed
        if self._most:
            return (
                f"{self._failures} failed, which is what --max-failures allows" if self._failures >= self._most else ""
            )
        if len(self._latest) >= _ROW and all(list(self._latest)[-_ROW:]):
            return f"{_ROW} in a row failed"
        bad = sum(self._latest)
        return f"{bad} of the latest {len(self._latest)} failed" if bad * 2 > _LATEST else ""

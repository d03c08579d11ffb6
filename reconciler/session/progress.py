"""What goes on in, a line about it on the display at the right moments out: none of what is over soon."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from reconciler.apply.parts import NoWatch, Watch
from reconciler.core.live import TokenId
from reconciler.core.outcome import Result, ResultStatus
from reconciler.core.plan import Change
from reconciler.render import words
from reconciler.session.context import Context, Display


def reading(context: Context) -> Callable[[int], None]:
    """What to tell of each list: 0 when it begins, and how many tokens have come whenever some did."""
    if context.streams.quiet or not context.streams.display:
        return _nothing
    return _Reading(context.streams.display, context.clock).heard


def applying(total: int, context: Context) -> Watch:
    """The watch of a run with so many changes."""
    if context.streams.quiet or not context.streams.display:
        return NoWatch()
    return Applying(total, context.streams.display, context.clock)


def _nothing(_: int) -> None:
    pass


class _Moments:
    """When to draw: after the display's first seconds, and then every so often."""

    def __init__(self, display: Display, clock: Callable[[], float]) -> None:
        self._display = display
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        """Something begins."""
        self.began = self._clock()
        self._next = self.began + self._display.first_s

    def elapsed(self) -> float | None:
        """The seconds since it began when it is time to draw, else None; the next time is some seconds later."""
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + self._display.every_s
        return now - self.began


class _Reading:
    """Tells of lists that the thread which made this reads; workers read while that one tells of their run."""

    def __init__(self, display: Display, clock: Callable[[], float]) -> None:
        self._display = display
        self._moments = _Moments(display, clock)
        self._thread = threading.get_ident()

    def heard(self, tokens: int) -> None:
        """So many have come."""
        if threading.get_ident() != self._thread:
            return
        if not tokens:
            self._moments.restart()
        elif self._moments.elapsed() is not None:
            self._display.draw(words.reading(tokens), None)


class Applying:
    """Watches a run and tells of it: counts and times only, never a name."""

    def __init__(self, total: int, display: Display, clock: Callable[[], float]) -> None:
        self.every_s: float | None = display.every_s
        self._total = total
        self._display = display
        self._moments = _Moments(display, clock)
        self._statuses: dict[TokenId, ResultStatus] = {}

    def started(self, change: Change) -> None:
        """Wait for its end."""

    def finished(self, result: Result) -> None:
        """Keep its status."""
        self._statuses[result.change.token.id] = result.status

    def tick(self) -> None:
        """Draw, if it is time to."""
        elapsed_s = self._moments.elapsed()
        if elapsed_s is not None:
            told = words.applying(self._total, Counter(self._statuses.values()), elapsed_s)
            self._display.draw(told, len(self._statuses) / self._total)

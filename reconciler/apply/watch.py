"""What a run tells whoever looks on, while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reconciler.core.outcome import Result
from reconciler.core.plan import Change


class Watch(Protocol):
    """Is told of each operation, by the thread that runs them all: it must not wait for anything.

    `every_s` is how often it wants to be asked to `tick` at least while nothing happens, None for not at all.
    """

    @property
    def every_s(self) -> float | None:
        """Seconds between two ticks."""

    def started(self, change: Change) -> None:
        """The change's PATCH is about to be sent: its intent is in the journal."""

    def finished(self, result: Result) -> None:
        """What is known of a change; a later one about the same change is the better informed one.

        Comes without a start when the change was not sent after all.
        """

    def tick(self) -> None:
        """Time has passed."""


class Unwatched:
    """Looks at nothing."""

    every_s: float | None = None

    def started(self, change: Change) -> None:
        """Do nothing."""

    def finished(self, result: Result) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""


class Several:
    """Tells several, one after the other."""

    def __init__(self, watches: Sequence[Watch]) -> None:
        self._watches = watches
        self.every_s = min((each.every_s for each in watches if each.every_s is not None), default=None)

    def started(self, change: Change) -> None:
        """Tell it to each."""
        for each in self._watches:
            each.started(change)

    def finished(self, result: Result) -> None:
        """Tell it to each."""
        for each in self._watches:
            each.finished(result)

    def tick(self) -> None:
        """Tell it to each."""
        for each in self._watches:
            each.tick()

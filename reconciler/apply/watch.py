"""What a run tells whoever looks on, while it goes on."""

from __future__ import annotations

from typing import Protocol

from reconciler.core.outcome import Result
from reconciler.core.plan import Change


class Watch(Protocol):
    """Is told of each operation, by the thread that runs them all: it must not wait for anything."""

    def started(self, change: Change) -> None:
        """The change's PATCH is about to be sent: its intent is in the journal."""

    def finished(self, result: Result) -> None:
        """What is known of a change; a later one about the same change is the better informed one.

        Comes without a start when the change was not sent after all.
        """


class Unwatched:
    """Looks at nothing."""

    def started(self, change: Change) -> None:
        """Do nothing."""

    def finished(self, result: Result) -> None:
        """Do nothing."""

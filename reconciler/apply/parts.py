"""What a run of apply works with, handed in by the command, and who observes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.operation import Reads, Retrying
from reconciler.apply.pace import Moment, Pacing
from reconciler.core.live import Token, TokenId
from reconciler.core.outcome import Result
from reconciler.core.plan import Change


class Observer(Protocol):
    """Is told of each operation, by the thread that runs them all: it must not wait for anything.

    `every_s` is how often it wants to `refresh` at least while nothing happens, None for not at all.
    """

    @property
    def every_s(self) -> float | None:
        """Seconds between two refreshes."""

    def started(self, change: Change) -> None:
        """The change's PATCH is about to be sent: its intent is in the journal."""

    def finished(self, result: Result) -> None:
        """What is known of a change; a later one about the same change is the better informed one.

        Comes without a start when the change was not sent after all.
        """

    def refresh(self) -> None:
        """Show how much time has passed, where that is shown."""


class Writes(Protocol):
    """What apply needs of a writer."""

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        """Send one PATCH and give the token of the answer; raises TokenctlError when none or another came.

        `ready` is called right before anything of it goes out, and may raise: then it is not sent.
        """


class Surroundings(Protocol):
    """What apply needs of the surroundings of a run."""

    @property
    def clock(self) -> Callable[[], float]:
        """Counts seconds."""

    @property
    def moment(self) -> Callable[[], Moment]:
        """Says how old a look at a token is."""

    @property
    def pause(self) -> Callable[[threading.Event, float], object]:
        """Lets so many seconds pass, or fewer once the event is set."""

    @property
    def interrupt(self) -> Interrupt:
        """Says whether the run has to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a run works with.

    `read_at` is the moment before the plan's tokens were asked for. A token that was asked for more than
    `recheck_after_s` before its PATCH goes out is read again first. When the run has to end, what is under way gets
    `grace_s` more.

    `before_own` runs after everything was read back and before the caller's own token is switched off, if it is at all:
    the last moment at which the server is sure to do as the caller says. `withheld` is asked in a worker before the
    first deactivation: which of these must not be sent after all, and why. It may raise TokenctlError; then none is.
    """

    reader: Reads
    writer: Writes
    retries: Retrying
    journal: Journal
    surroundings: Surroundings
    read_at: Moment
    pacing: Pacing = field(default_factory=Pacing)
    observers: Sequence[Observer] = ()
    before_own: Callable[[], None] = lambda: None
    withheld: Callable[[], Mapping[TokenId, str]] | None = None
    recheck_after_s: float = 5.0
    grace_s: float = 4.5

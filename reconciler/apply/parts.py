"""What a run works with and who observes it; `session/sending` hands all of it in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.operation import Reads, Retrying
from reconciler.apply.pace import Moment, Pacing
from reconciler.core.endpoint import Speed
from reconciler.core.live import Token, TokenId
from reconciler.core.outcome import Result
from reconciler.core.plan import Change


class Observer(Protocol):
    """Is called for each operation by the thread that owns them all, and so must not block.

    `every_s` is how often it wants `refresh` to be called while nothing happens, None for never.
    """

    @property
    def every_s(self) -> float | None:
        """Seconds between two refreshes."""

    def started(self, change: Change) -> None:
        """Take a change whose PATCH is about to be sent: its intent is in the journal."""

    def finished(self, result: Result) -> None:
        """Take the result of a change; a later one for the same change replaces it.

        A change that was not sent after all has a result without having been started.
        """

    def refresh(self) -> None:
        """Show how much time has passed, where that is shown."""


class Writes(Protocol):
    """The writer that apply needs."""

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        """Send one PATCH and return the token in the answer; raises TokenctlError when there is none.

        `ready` is called right before anything of it goes out; when it raises, the PATCH is not sent.
        """


class Surroundings(Protocol):
    """The clocks, waits and signals that apply needs."""

    @property
    def clock(self) -> Callable[[], float]:
        """Counts seconds from any moment."""

    @property
    def moment(self) -> Callable[[], Moment]:
        """Returns the present moment, by which the age of a read is told."""

    @property
    def pause(self) -> Callable[[threading.Event, float], object]:
        """Waits for so many seconds, or until the event is set."""

    @property
    def interrupt(self) -> Interrupt:
        """Says whether the run has to end."""


class Parts(NamedTuple):
    """What a run works with.

    `read_at` is the moment before the plan's tokens were read. A token that was read more than `recheck_after_s` before
    its PATCH goes out is read again first. When the run has to end, operations under way get `grace_s` more.

    `before_own` is called once everything was read back, and before the caller's own token is deactivated if it is in
    the plan: afterwards the server may refuse the credentials. `withheld` is called in a worker before the first
    deactivation, and returns which of them must not be sent after all, and why. It may raise TokenctlError: then no
    deactivation is sent. `speed` returns what was seen of the server by the time that tokens are to be read back.
    """

    reader: Reads
    writer: Writes
    retries: Retrying
    journal: Journal
    surroundings: Surroundings
    read_at: Moment
    pacing: Pacing = Pacing()
    observers: Sequence[Observer] = ()
    before_own: Callable[[], None] = lambda: None
    withheld: Callable[[], Mapping[TokenId, str]] | None = None
    speed: Callable[[], Speed] = Speed
    recheck_after_s: float = 5.0
    grace_s: float = 4.5

"""What a run of apply works with, handed in by the command, and who looks on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.operation import NoRetries, Reads, Retrying
from reconciler.apply.pace import Moment, Pacing
from reconciler.core.live import Token, TokenId
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


class NoWatch:
    """Looks at nothing."""

    every_s: float | None = None

    def started(self, change: Change) -> None:
        """Do nothing."""

    def finished(self, result: Result) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""


class Watches:
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


class Writes(Protocol):
    """What apply needs of a writer."""

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        """Send one PATCH and give the token of the answer; raises TokenctlError when none or another came.

        `ready` is called right before anything of it goes out, and may raise: then it is not sent.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a run works with; `clock` counts seconds, and `moment` is what says how old a look is.

    `read_at` is the moment before the plan's tokens were asked for. A token that was asked for more than
    `recheck_after_s` before its PATCH goes out is read again first. When the run has to end, what is under way gets
    `grace_s` more. `pause` lets so many seconds pass, or fewer once the event is set.

    `before_own` runs after everything was read back and before the caller's own token is switched off, if it is at all:
    the last moment at which the server is sure to do as the caller says. `withheld` is asked in a worker before the
    first deactivation: which of these must not be sent after all, and why. It may raise TokenctlError; then none is.
    """

    reader: Reads
    writer: Writes
    journal: Journal
    clock: Callable[[], float]
    moment: Callable[[], Moment]
    read_at: Moment
    pacing: Pacing = field(default_factory=Pacing)
    retries: Retrying = field(default_factory=NoRetries)
    interrupt: Interrupt = field(default_factory=Interrupt)
    watch: Watch = field(default_factory=NoWatch)
    before_own: Callable[[], None] = lambda: None
    withheld: Callable[[], Mapping[TokenId, str]] | None = None
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    recheck_after_s: float = 5.0
    grace_s: float = 4.5

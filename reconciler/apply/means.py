"""What a run of apply works with, handed in by the command."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.operation import Once, Retrying
from reconciler.apply.pace import Moment, Pacing
from reconciler.apply.verify import Reads
from reconciler.apply.watch import Unwatched, Watch
from reconciler.core.token import Token, TokenId


class Writes(Protocol):
    """What apply needs of a writer."""

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        """Send one PATCH and give the token of the answer; raises TokenctlError when none or another came.

        `ready` is called right before anything of it goes out, and may raise: then it is not sent.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
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
    retries: Retrying = field(default_factory=Once)
    interrupt: Interrupt = field(default_factory=Interrupt)
    watch: Watch = field(default_factory=Unwatched)
    before_own: Callable[[], None] = lambda: None
    withheld: Callable[[], Mapping[TokenId, str]] | None = None
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    recheck_after_s: float = 5.0
    grace_s: float = 4.5

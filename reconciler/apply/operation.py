"""What is known of one operation in, what to do next out: the life of a PATCH, without any of its effects.

An operation is looked at first when what is known of its token is old; then it is sent. Whatever does not plainly say
that it was done is settled by another look: only when that shows the token as it was before may it be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from reconciler.apply.verify import Seen, answered, refused, settled
from reconciler.core.outcome import Fate, Result
from reconciler.core.plan import Change
from reconciler.errors import TransientError, Trouble


class Retrying(Protocol):
    """What apply needs of a policy of retries."""

    def again(self, failures: Sequence[TransientError], /) -> float | str:
        """The seconds to wait before a request that failed like this is sent again, or why it is not."""


class Once:
    """A policy: nothing is sent again."""

    def again(self, _: Sequence[TransientError], /) -> float | str:
        """Say no."""
        return "it is sent once"


@dataclass(frozen=True, slots=True)
class Look:
    """Next: wait so many seconds, then read the token."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class Send:
    """Next: send the PATCH; if that is not possible, the operation ends with `otherwise` (None: as not begun)."""

    otherwise: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A change on its way.

    `attempt` counts the PATCHes sent. `doubt` is what the answer to the latest one said, when that was not that it is
    done, None while there was no answer. `failures` are those that might have passed, and `again` says whether
    one more PATCH may be sent.
    """

    change: Change
    attempt: int = 0
    doubt: Result | None = None
    failures: tuple[TransientError, ...] = ()
    again: bool = True

    @property
    def in_flight(self) -> bool:
        """Whether its PATCH is sent and not answered."""
        return self.attempt > 0 and self.doubt is None

    def sent(self) -> Operation:
        """The operation with one more PATCH under way."""
        return replace(self, attempt=self.attempt + 1, doubt=None)


def after_answer(operation: Operation, seen: Seen, retries: Retrying) -> tuple[Operation, Look | Result]:
    """What to do after the answer to a PATCH, or what came in its place."""
    result = answered(operation.change, seen)
    if result.fate is Fate.DONE:
        if operation.attempt > 1:
            first = operation.failures[0].problems[0].message
            result = replace(result, reason=f"at attempt {operation.attempt}; the first: {first}")
        return operation, result
    if not isinstance(seen, TransientError):
        return replace(operation, doubt=result, again=False), Look(0.0)
    failures = (*operation.failures, seen)
    # One that got no answer in time may still be under way, and two of one token are never in flight.
    wait = "" if seen.trouble is Trouble.LATE else retries.again(failures)
    if isinstance(wait, str):
        result = replace(result, reason="; ".join(filter(None, (result.reason, wait))))
        return replace(operation, doubt=result, failures=failures, again=False), Look(0.0)
    return replace(operation, doubt=result, failures=failures, again=True), Look(wait)


def after_look(operation: Operation, seen: Seen) -> Send | Result:
    """What to do after the token was read."""
    if operation.doubt is None:
        return refused(operation.change, seen) or Send()
    result = settled(operation.doubt, seen)
    if result.fate is not Fate.FAILED:
        return result
    if operation.again:
        return Send(otherwise=result)
    if operation.failures and operation.failures[-1].trouble is Trouble.LATE:
        return replace(result, fate=Fate.UNVERIFIED, reason=f"not applied so far: {operation.doubt.reason}")
    return result

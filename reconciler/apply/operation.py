"""The life of a PATCH: pure functions that decide what an operation does next from what is known of it.

Unless an answer plainly shows that the change was made, its token is read. Only when that shows the token as it was
before may the PATCH be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from reconciler.apply.pace import Moment
from reconciler.core.live import Missing, Token, TokenId
from reconciler.core.outcome import Result, ResultStatus, deviation, judge_read
from reconciler.core.plan import Change
from reconciler.core.planner import differences
from reconciler.errors import ExitCode, FailureKind, TokenctlError, TransientError, UnreachableError

Seen = Token | Missing | TokenctlError
"""What one exchange about one token brought."""


class Listed(Protocol):
    """The part of a listing that apply needs."""

    @property
    def tokens(self) -> Mapping[TokenId, Token]:
        """The live tokens by id."""


class Reads(Protocol):
    """The reader that apply needs."""

    def get(self, token_id: TokenId) -> Token | Missing:
        """Read one token; raises TokenctlError when the server does not say."""

    def list_tokens(self) -> Listed:
        """Read all tokens; raises TokenctlError when the server does not say."""


def refused(change: Change, seen: Seen) -> Result | None:
    """Return the failed result of a change whose token is no longer as planned, None when it may be sent."""
    if isinstance(seen, TokenctlError):
        return Result(change=change, status=ResultStatus.FAILED, reason=_words(seen), code=seen.exit_code)
    moved = f"it is {seen.kind} now" if isinstance(seen, Missing) else "; ".join(differences(change.token, seen))
    if not moved:
        return None
    reason = f"not sent, it changed since it was planned: {moved}"
    return Result(change=change, status=ResultStatus.FAILED, reason=reason, code=ExitCode.STALE)


def answered(change: Change, seen: Seen, *, sent: bool) -> Result:
    """Return the result of a PATCH: done when the answer shows it, failed when nothing was sent, else unverified."""
    if isinstance(seen, Token):
        reason = deviation(change, seen)
        status = ResultStatus.UNVERIFIED if reason else ResultStatus.DONE
        return Result(
            change=change, status=status, reason=reason, sent=True, updated_at=seen.updated_at, code=ExitCode.PARTIAL
        )
    status = ResultStatus.UNVERIFIED if sent else ResultStatus.FAILED
    code = seen.exit_code if isinstance(seen, TokenctlError) else ExitCode.PARTIAL
    return Result(change=change, status=status, reason=_words(seen), sent=sent, code=code)


def unsent(change: Change, code: ExitCode, reason: str = "") -> Result:
    """Return the result of a change that is not attempted."""
    return Result(change=change, status=ResultStatus.NOT_ATTEMPTED, reason=reason, code=code)


def settle_result(result: Result, seen: Seen) -> Result:
    """Return the result, whose answer was lost or wrong, with what a read of the token says.

    That is done, failed when the token is as it was before, else unverified.
    """
    if isinstance(seen, TokenctlError):
        return result._replace(reason=f"{result.reason}; reading it again: {_words(seen)}")
    if isinstance(seen, Missing):
        return result._replace(reason=f"{result.reason}; it is {seen.kind} now")
    status, deviates = judge_read(result.change, seen)
    match status:
        case ResultStatus.DONE:
            reason = f"the answer was not usable ({result.reason}), a read shows it"
            return result._replace(status=status, reason=reason, updated_at=seen.updated_at)
        case ResultStatus.FAILED:
            return result._replace(status=status, reason=f"not applied: {result.reason}")
    return result._replace(reason=f"{result.reason}; somebody else changed it: {deviates}")


def read_back(result: Result, seen: Seen) -> Result:
    """Return the result of a change that was sent, corrected by the last read of its token."""
    if result.status is not ResultStatus.DONE:
        applied = isinstance(seen, Token) and not deviation(result.change, seen)
        return settle_result(result, seen) if applied else result
    doubt = _doubt(result.change, seen)
    return result._replace(status=ResultStatus.UNVERIFIED, reason=doubt) if doubt else result


def _doubt(change: Change, seen: Seen) -> str:
    if isinstance(seen, TokenctlError):
        return f"it could not be read back: {_words(seen)}"
    if isinstance(seen, Missing):
        return f"read back, it is {seen.kind}"
    reason = deviation(change, seen)
    return f"read back, {reason}: somebody else changed it meanwhile" if reason else ""


def _words(seen: TokenctlError | Missing) -> str:
    return f"it is {seen.kind}" if isinstance(seen, Missing) else seen.problems[0].message


class Retrying(Protocol):
    """The policy of retries that apply needs."""

    def again(self, failures: Sequence[TransientError], /) -> float | str:
        """Return the seconds to wait before the request that failed so often is sent again, or why it is not."""


class Read(NamedTuple):
    """The next step: wait for `wait_s`, then read the token."""

    wait_s: float


class Send(NamedTuple):
    """The next step: send the PATCH; if the run has stopped, end with `otherwise` (None: not attempted)."""

    otherwise: Result | None = None


class Operation(NamedTuple):
    """A change while it is sent.

    `known_at` is the moment before its token was last read. `attempt` counts its PATCHes, the one that is due included;
    `out` says that one went out, and `may_come` that the server may still apply one of them. `doubt` is the result of
    the latest PATCH as far as its answer tells, None as long as there is none. `otherwise` is the result if the next
    PATCH is not sent, None for not attempted. `failures` are the errors after which asking again may help, and `again`
    says whether one more PATCH may be sent.
    """

    change: Change
    known_at: Moment
    attempt: int = 0
    out: bool = False
    may_come: bool = False
    doubt: Result | None = None
    otherwise: Result | None = None
    failures: tuple[TransientError, ...] = ()
    again: bool = True

    def due(self, otherwise: Result | None) -> Operation:
        """Return the operation with one more PATCH to send."""
        return self._replace(attempt=self.attempt + 1, otherwise=otherwise)


def after_answer(operation: Operation, seen: Seen, retries: Retrying, *, sent: bool) -> tuple[Operation, Read | Result]:
    """Return the operation and its next step after a PATCH that brought `seen`; `sent` says that it went out.

    The step is a read, or the result when the answer shows that the change was made.
    """
    may_come = operation.may_come or (sent and isinstance(seen, UnreachableError) and not seen.is_over)
    operation = operation._replace(out=operation.out or sent, may_come=may_come)
    result = answered(operation.change, seen, sent=operation.out)
    result = result._replace(code=ExitCode.PARTIAL) if may_come else result
    if result.status is ResultStatus.DONE:
        if operation.attempt > 1:
            first = operation.failures[0].problems[0].message
            result = result._replace(reason=f"at attempt {operation.attempt}; the first: {first}")
        return operation, result
    if not isinstance(seen, TransientError):
        return operation._replace(doubt=result, again=False), Read(0.0)
    failures = (*operation.failures, seen)
    # One that got no answer in time may still be under way, and two of one token are never in flight.
    wait = "" if seen.kind is FailureKind.LATE else retries.again(failures)
    if isinstance(wait, str):
        result = result._replace(reason="; ".join(filter(None, (result.reason, wait))))
        return operation._replace(doubt=result, failures=failures, again=False), Read(0.0)
    return operation._replace(doubt=result, failures=failures, again=True), Read(wait)


def after_read(operation: Operation, seen: Seen) -> Send | Result:
    """Return the next step after the token was read: send the PATCH (again), or the result."""
    doubt = operation.doubt
    if doubt is None or not doubt.sent:
        return refused(operation.change, seen) or (doubt if doubt and not operation.again else Send(doubt))
    result = settle_result(doubt, seen)
    if result.status is not ResultStatus.FAILED:
        return result
    if operation.again:
        return Send(otherwise=result)
    if operation.failures and operation.failures[-1].kind is FailureKind.LATE:
        return result._replace(status=ResultStatus.UNVERIFIED, reason=f"not applied so far: {doubt.reason}")
    return result

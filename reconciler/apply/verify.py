"""What an exchange with the server brought, in; what is known of a change, out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from reconciler.core.live import Missing
from reconciler.core.outcome import Fate, Result, deviation, judged
from reconciler.core.plan import Change
from reconciler.core.planner import differences
from reconciler.core.token import Token, TokenId
from reconciler.errors import AuthError, ExitCode, TokenctlError

Seen = Token | Missing | TokenctlError
"""What one exchange about one token brought."""


class Listed(Protocol):
    """The part of a listing that apply needs."""

    @property
    def tokens(self) -> Mapping[TokenId, Token]:
        """The live tokens by id."""


class Reads(Protocol):
    """What apply needs of a reader."""

    def get(self, token_id: TokenId) -> Token | Missing:
        """Read one token; raises TokenctlError when the server does not say."""

    def list_tokens(self) -> Listed:
        """Read all tokens; raises TokenctlError when the server does not say."""


def attempt(exchange: Callable[[], Token | Missing]) -> Seen:
    """What the exchange gives, or the error of the tree that it raises."""
    try:
        return exchange()
    except TokenctlError as error:
        return error


def refused(change: Change, seen: Seen) -> Result | None:
    """Why the change is not sent after all, judged by what its token is now."""
    if isinstance(seen, TokenctlError):
        return Result(change=change, fate=Fate.FAILED, reason=_words(seen), code=seen.exit_code)
    moved = f"it is {seen.kind} now" if isinstance(seen, Missing) else "; ".join(differences(change.token, seen))
    if not moved:
        return None
    reason = f"not sent, it changed since it was planned: {moved}"
    return Result(change=change, fate=Fate.FAILED, reason=reason, code=ExitCode.STALE)


def answered(change: Change, seen: Seen, *, sent: bool) -> Result:
    """The result of a PATCH: done when the answer shows it, failed when it was not even sent, else unverified."""
    if isinstance(seen, Token):
        reason = deviation(change, seen)
        fate = Fate.UNVERIFIED if reason else Fate.DONE
        return Result(
            change=change, fate=fate, reason=reason, sent=True, updated_at=seen.updated_at, code=ExitCode.PARTIAL
        )
    fate = Fate.UNVERIFIED if sent else Fate.FAILED
    code = seen.exit_code if isinstance(seen, TokenctlError) else ExitCode.PARTIAL
    return Result(change=change, fate=fate, reason=_words(seen), sent=sent, code=code)


def settled(result: Result, seen: Seen) -> Result:
    """What became of a change whose answer was lost or wrong: applied, not applied, or changed by someone else."""
    if isinstance(seen, TokenctlError):
        return replace(result, reason=f"{result.reason}; reading it again: {_words(seen)}")
    if isinstance(seen, Missing):
        return replace(result, reason=f"{result.reason}; it is {seen.kind} now")
    fate, deviates = judged(result.change, seen)
    match fate:
        case Fate.DONE:
            reason = f"the answer was not usable ({result.reason}), a read shows it"
            return replace(result, fate=fate, reason=reason, updated_at=seen.updated_at)
        case Fate.FAILED:
            return replace(result, fate=fate, reason=f"not applied: {result.reason}")
    return replace(result, reason=f"{result.reason}; somebody else changed it: {deviates}")


def read_back(result: Result, seen: Seen) -> Result:
    """What is known of a change that was sent, after one more read of its token at the end."""
    if result.fate is not Fate.DONE:
        applied = isinstance(seen, Token) and not deviation(result.change, seen)
        return settled(result, seen) if applied else result
    doubt = _doubt(result.change, seen)
    return replace(result, fate=Fate.UNVERIFIED, reason=doubt) if doubt else result


def proven(result: Result, seen: Seen) -> Result:
    """A deactivation that may have switched off the caller's own token: the server's refusal or a read confirms it."""
    return result if isinstance(seen, AuthError) else read_back(result, seen)


def _doubt(change: Change, seen: Seen) -> str:
    if isinstance(seen, TokenctlError):
        return f"it could not be read back: {_words(seen)}"
    if isinstance(seen, Missing):
        return f"read back, it is {seen.kind}"
    reason = deviation(change, seen)
    return f"read back, {reason}: somebody else changed it meanwhile" if reason else ""


def _words(seen: TokenctlError | Missing) -> str:
    return f"it is {seen.kind}" if isinstance(seen, Missing) else seen.problems[0].message

"""Results of sent changes in, better informed ones out: what a read of the server says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from reconciler.core.live import Missing
from reconciler.core.outcome import Fate, Result, deviation
from reconciler.core.plan import before
from reconciler.core.token import Token, TokenId
from reconciler.errors import AuthError, TokenctlError

Seen = Token | Missing | TokenctlError
"""What one exchange with the server brought."""

_LIST_IS_DEARER_FROM = 5  # a GET by id costs a real server less than a list while it is for under a fifth of the tokens


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


def settle(result: Result, reader: Reads) -> Result:
    """What became of a change whose answer was lost or wrong: applied, not applied, or changed by someone else."""
    change = result.change
    seen = attempt(lambda: reader.get(change.token.id))
    if isinstance(seen, TokenctlError):
        return replace(result, reason=f"{result.reason}; reading it again: {seen.problems[0].message}")
    if isinstance(seen, Missing):
        return replace(result, reason=f"{result.reason}; it is {seen.kind} now")
    if not deviation(change, seen):
        reason = f"the answer was not usable ({result.reason}), a read shows it"
        return replace(result, fate=Fate.DONE, reason=reason, updated_at=seen.updated_at)
    if before(seen) == before(change.token):
        return replace(result, fate=Fate.FAILED, reason=f"not applied: {result.reason}")
    return replace(result, reason=f"{result.reason}; somebody else changed it: {deviation(change, seen)}")


def prove(result: Result, reader: Reads) -> Result:
    """A deactivation that may have switched off the caller's own token: the server's refusal or a read confirms it."""
    seen = attempt(lambda: reader.get(result.change.token.id))
    doubt = "" if isinstance(seen, AuthError) else _doubt(result, seen)
    return replace(result, fate=Fate.UNVERIFIED, reason=doubt) if doubt else result


def read_back(done: Sequence[Result], reader: Reads, live: int) -> Iterator[Result]:
    """The results that a second read does not confirm.

    Reads by id when they are few among the `live` tokens, else by one list.
    """
    few = len(done) * _LIST_IS_DEARER_FROM <= live
    listed: Mapping[TokenId, Token] | TokenctlError = {}
    if done and not few:
        try:
            listed = reader.list_tokens().tokens
        except TokenctlError as error:
            listed = error
    for result in done:
        if isinstance(listed, TokenctlError):
            seen: Seen = listed
        else:
            found = listed.get(result.change.token.id)
            seen = found or attempt(lambda: reader.get(result.change.token.id))  # noqa: B023  called at once
        reason = _doubt(result, seen)
        if reason:
            yield replace(result, fate=Fate.UNVERIFIED, reason=reason)


def _doubt(result: Result, seen: Seen) -> str:
    if isinstance(seen, TokenctlError):
        return f"it could not be read back: {seen.problems[0].message}"
    if isinstance(seen, Missing):
        return f"read back, it is {seen.kind}"
    reason = deviation(result.change, seen)
    return f"read back, {reason}: somebody else changed it meanwhile" if reason else ""

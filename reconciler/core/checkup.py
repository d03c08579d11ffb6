"""What was found out about a server and credentials in, what it means for using them out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.core import lock
from reconciler.core.text import count
from reconciler.core.token import EVERY_ORG, RIGHTS, OrgId, Token, TokenId, UserId
from reconciler.errors import ExitCode, TokenctlError

_TELL = "name it with --self-id or TOKENCTL_SELF_ID: its id stands in `tokenctl list`"


class State(StrEnum):
    """How a check ended; a note is nothing to mend, but good to know."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `code` is what it exits with if it failed."""

    name: str
    state: State
    message: str
    hint: str = ""
    code: ExitCode = ExitCode.ERROR


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """The code of all checks together: that of the gravest failure."""
    return ExitCode.gravest(check.code for check in checks if check.state is State.FAIL)


def failed(name: str, error: TokenctlError) -> list[Check]:
    """A check for each problem of an error."""
    return [
        Check(name=name, state=State.FAIL, message=str(each.place or "") + ": " * bool(each.place) + each.message,
              hint=each.hint, code=error.exit_code)
        for each in error.problems
    ]  # fmt: skip


def listing(tokens: Collection[Token], seconds: float) -> Check:
    """The list: how much it shows."""
    if tokens:
        return Check(name="list", state=State.OK, message=f"{count(len(tokens), 'token')} in {seconds:.2f} s")
    return Check(
        name="list",
        state=State.FAIL,
        message="it is empty: a server leaves out what these credentials may not read, and says nothing",
        hint=RIGHTS,
        code=ExitCode.AUTH,
    )


def user(user_id: UserId | None, tokens: Iterable[Token]) -> Check:
    """Whose credentials these are."""
    if user_id is None:
        return Check(name="user", state=State.NOTE, message="the server does not say whose credentials these are")
    name = next((f"`{token.user}` " for token in tokens if token.user_id == user_id), "")
    return Check(name="user", state=State.OK, message=f"these are the credentials of {name}{user_id}")


def own_token(own: Token | None, self_id: TokenId | None, org: str) -> Check:
    """Whether the token that the caller signs in with can be told apart, as the guard `self` needs it.

    `org` is the only organisation that was listed, "" for all.
    """
    if own:
        how = "by --self-id" if self_id else "by its secret"
        return Check(name="own token", state=State.OK, message=f"{own.id} `{own.description}`, told apart {how}")
    if self_id and not org:
        return Check(
            name="own token",
            state=State.FAIL,
            message=f"the list has no token {self_id}, which --self-id or TOKENCTL_SELF_ID names",
            hint="correct it: the guard `self` would watch over the wrong token",
            code=ExitCode.USAGE,
        )
    if self_id:
        message = f"{self_id}, which --self-id or TOKENCTL_SELF_ID names, is not a token of organisation `{org}`"
        return Check(name="own token", state=State.NOTE, message=message)
    message = "none of the list is known to be yours: it is not among them, or the server hides secrets"
    return Check(name="own token", state=State.NOTE, message=message, hint=_TELL)


def reading(tokens: Iterable[Token]) -> Check:
    """Where the right to read is proven."""
    return Check(name="read", state=State.OK, message=f"proven by the list, in {_orgs({each.org for each in tokens})}")


def writing(own: Token | None, tokens: Iterable[Token]) -> Check:
    """Where the right to write is likely; only a change proves it."""
    unproven = "only a change would prove it"
    if own is None:
        return Check(name="write", state=State.NOTE, message=f"not known, as your own token is not; {unproven}")
    if not own.rights.orgs:
        message = f"your token's rights do not say that it may change every token of an organisation; {unproven}"
        return Check(name="write", state=State.NOTE, message=message, hint=RIGHTS)
    where = _where(own.rights.orgs, tokens)
    return Check(name="write", state=State.OK, message=f"your token's rights say so, in {where}; {unproven}")


def locking(orgs: Collection[OrgId] | None, tokens: Iterable[Token]) -> Check:
    """Where the own token's rights let it take a lock, None: not known. Whoever takes none needs none of that."""
    if orgs is None:
        return Check(name="lock", state=State.NOTE, message="not known whether you may lock, as your own token is not")
    if EVERY_ORG not in orgs and not {each.org_id for each in tokens} & set(orgs):
        message = "your token's rights do not say that it may lock an organisation"
        return Check(name="lock", state=State.NOTE, message=message, hint=lock.RIGHTS)
    message = f"your token's rights say that it may lock {_where(orgs, tokens)}; only a lock would prove it"
    return Check(name="lock", state=State.OK, message=message)


def locked(org: str, claim: lock.Claim, now: datetime) -> Check:
    """An organisation that somebody has locked."""
    stale = ", and expired" if claim.expired(now) else ""
    message = f"organisation `{org}` is locked by {claim.told(now)}{stale}"
    return Check(name="lock", state=State.NOTE, message=message, hint="see `tokenctl unlock`")


def _where(orgs: Collection[OrgId], tokens: Iterable[Token]) -> str:
    return "every organisation" if EVERY_ORG in orgs else _orgs({each.org for each in tokens if each.org_id in orgs})


def _orgs(names: Collection[str]) -> str:
    noun = "organisation" if len(names) == 1 else "organisations"
    return f"{noun} {', '.join(f'`{name}`' for name in sorted(names))}"

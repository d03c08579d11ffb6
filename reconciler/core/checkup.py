"""What a doctor says of a server and of credentials, by what was found out about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from reconciler.core import lock
from reconciler.core.live import EVERY_ORG, EVERY_USER, RIGHTS, Absence, Missing, OrgId, Status, Token, TokenId, UserId
from reconciler.core.text import count
from reconciler.errors import ExitCode, Problem, TokenctlError

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
        Check(name=name, state=State.FAIL, message=str(replace(each, hint="")), hint=each.hint, code=error.exit_code)
        for each in error.problems
    ]


def listing(tokens: Collection[Token], seconds: float) -> Check:
    """The list: how much it shows."""
    if not tokens:
        message = "it is empty: a server leaves out what these credentials may not read, and says nothing"
        return Check(name="list", state=State.FAIL, message=message, hint=RIGHTS, code=ExitCode.AUTH)
    return Check(name="list", state=State.OK, message=f"{count(len(tokens), 'token')} in {seconds:.2f} s")


def user(user_id: UserId | None, tokens: Iterable[Token]) -> Check:
    """Whose credentials these are."""
    if user_id is None:
        return Check(name="user", state=State.NOTE, message="the server does not say whose credentials these are")
    name = next((f"`{token.user}` " for token in tokens if token.user_id == user_id), "")
    return Check(name="user", state=State.OK, message=f"these are the credentials of {name}{user_id}")


class Doubt(IntEnum):
    """What is wrong with the token that --self-id names, by what it ends; greater is graver."""

    KNOWN = 0  # nothing: whose token it is, the server says, or nobody can
    LIKELY = 1  # what sends; a plan may be made with other credentials than it is sent with
    CERTAIN = 2  # everything


def doubt(
    self_id: TokenId, named: Token | Missing, own: Token | None, user_id: UserId | None, seen: Iterable[Token]
) -> tuple[Doubt, Problem] | None:
    """What speaks against the caller's own token being the one that --self-id names, None for nothing.

    `named` is what the server says of that one, `own` the one that is proven to be the caller's, if any, `user_id`
    whose credentials these are, as far as that is known, and `seen` the tokens that were read with them.
    """
    it = "which --self-id or TOKENCTL_SELF_ID names"
    hint = "correct it: the guard `self` would watch over the wrong token"
    if isinstance(named, Missing):
        why = f"the list has no token {self_id}, {it}"
        return Doubt.CERTAIN, Problem(why + (f": it is {named.kind}" if named.kind is not Absence.ABSENT else ""), hint)
    if named.proven:
        return None
    token = f"token {self_id}, {it},"
    if named.status is not Status.ACTIVE:
        return Doubt.CERTAIN, Problem(f"{token} is inactive: nobody can use it to sign in", hint)
    if own and own.id != self_id:
        why = f"{token} is not the one that you sign in with: that is {own.id}"
        return Doubt.KNOWN, Problem(why, "correct it; the guard `self` watches over both")
    if named.proven is False:
        return Doubt.LIKELY, Problem(f"{token} is not the one that you sign in with: it has another secret", hint)
    if user_id not in (None, named.user_id):
        whose = f"belongs to user `{named.user}` {named.user_id}"
        return Doubt.LIKELY, Problem(f"{token} {whose}, and these are the credentials of {user_id}", hint)
    if not named.rights.manages_any:
        return Doubt.LIKELY, Problem(f"{token} cannot manage authorizations, so that it changes nothing", hint)
    reads = named.rights.read.covers
    if not named.rights.unknown and (other := next((each for each in seen if not reads(each)), None)):
        why = f"{token} cannot read token {other.id}, which these credentials can"
        return Doubt.LIKELY, Problem(why, hint)
    if user_id is None:
        why = f"{token} is believed to be yours: the server does not say whose credentials these are"
        return Doubt.KNOWN, Problem(why)
    return None


def own_token(own: Token | None, self_id: TokenId | None, wrong: tuple[Doubt, Problem] | None) -> Iterator[Check]:
    """Whether the token that the caller signs in with can be told apart, as the guard `self` needs it.

    `own` is that token, and `wrong` what speaks against the one that --self-id names.
    """
    if wrong:
        grave, problem = wrong
        state, code = (State.FAIL, ExitCode.USAGE) if grave else (State.NOTE, ExitCode.OK)
        yield Check(name="own token", state=state, message=problem.message, hint=problem.hint, code=code)
    if own:
        how = "by its secret" if own.proven or not self_id else "by --self-id"
        yield Check(name="own token", state=State.OK, message=f"{own.id} `{own.description}`, told apart {how}")
    elif not wrong:
        message = "none of the list is known to be yours: it is not among them, or the server hides secrets"
        yield Check(name="own token", state=State.NOTE, message=message, hint=_TELL)


def reading(tokens: Iterable[Token]) -> Check:
    """Where the right to read is proven."""
    return Check(name="read", state=State.OK, message=f"proven by the list, in {_orgs({each.org for each in tokens})}")


def writing(own: Token | None, tokens: Collection[Token]) -> Check:
    """Where the right to write is likely; only a change proves it."""
    unproven = "only a change would prove it"
    if own is None:
        return Check(name="write", state=State.NOTE, message=f"not known, as your own token is not; {unproven}")
    listed = list(tokens)
    out = {each.org_id for each in listed if not own.rights.can_change(each)}
    orgs = {each.org_id for each in listed} - out
    if not orgs:
        some = sum(map(own.rights.can_change, listed))
        only = f", only {some} of {count(len(listed), 'token')}" if some else ""
        message = f"your token's rights do not say that it may change every token of an organisation{only}; {unproven}"
        return Check(name="write", state=State.NOTE, message=message, hint=RIGHTS)
    where = "every organisation" if own.rights.manages(EVERY_ORG, EVERY_USER) else _where(orgs, listed)
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


def locked(org: str, properties: lock.LockProperties, now: datetime) -> Check:
    """An organisation that somebody has locked."""
    stale = ", and expired" if properties.expired(now) else ""
    message = f"organisation `{org}` is locked by {properties.told(now)}{stale}"
    return Check(name="lock", state=State.NOTE, message=message, hint="see `tokenctl unlock`")


def _where(orgs: Collection[OrgId], tokens: Iterable[Token]) -> str:
    return "every organisation" if EVERY_ORG in orgs else _orgs({each.org for each in tokens if each.org_id in orgs})


def _orgs(names: Collection[str]) -> str:
    noun = "organisation" if len(names) == 1 else "organisations"
    return f"{noun} {', '.join(f'`{name}`' for name in sorted(names))}"

"""What was found out about a server and credentials in, what it means for using them out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.text import count
from reconciler.core.token import EVERY_ORG, RIGHTS, Token, TokenId, UserId
from reconciler.errors import ExitCode, TokenctlError

_TELL = "name it with --self-id or TOKENCTL_SELF_ID: its id stands in `tokenctl list`"


class State(StrEnum):
    """How a check ended; a note is nothing to mend, but good to know."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `code` is what a failed one exits with."""

    name: str
    state: State
    message: str
    hint: str = ""
    code: ExitCode = ExitCode.OK


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """The code of all checks together: that of the gravest failure."""
    codes = {check.code for check in checks}
    order = (ExitCode.REFUSED, ExitCode.AUTH, ExitCode.UNREACHABLE, ExitCode.INVALID, ExitCode.USAGE)
    return next((code for code in order if code in codes), ExitCode.OK)


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
    if not own.manages:
        message = f"your token's rights do not say that it may change every token of an organisation; {unproven}"
        return Check(name="write", state=State.NOTE, message=message, hint=RIGHTS)
    names = {token.org for token in tokens if token.org_id in own.manages}
    where = "every organisation" if EVERY_ORG in own.manages else _orgs(names)
    return Check(name="write", state=State.OK, message=f"your token's rights say so, in {where}; {unproven}")


def _orgs(names: Collection[str]) -> str:
    noun = "organisation" if len(names) == 1 else "organisations"
    return f"{noun} {', '.join(f'`{name}`' for name in sorted(names))}"

"""The checks of `doctor`: values made from what was found out about the server and the credentials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, TypeVar

from reconciler.core import lock
from reconciler.core.endpoint import unaddressed
from reconciler.core.live import EVERY_ORG, EVERY_USER, RIGHTS, Absence, Missing, OrgId, Status, Token, TokenId, UserId
from reconciler.core.text import count, name_some, seconds
from reconciler.errors import ExitCode, Problem, TokenctlError

_TELL = "name it with --self-id or TOKENCTL_SELF_ID: its id stands in `tokenctl list`"


class State(StrEnum):
    """How a check ended; a note needs no action."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


class Check(NamedTuple):
    """One thing that was checked; `code` is the exit code for its failure."""

    name: str
    state: State
    message: str
    hint: str = ""
    code: ExitCode = ExitCode.ERROR


_Said = TypeVar("_Said", Check, Problem)


class Examined(NamedTuple):
    """A server of a fleet with what was checked of it; `url` is "" where that is not known."""

    name: str
    url: str
    checks: Sequence[Check]

    @property
    def code(self) -> ExitCode:
        """That of the gravest failure, OK without any."""
        return exit_code(self.checks)

    @property
    def state(self) -> State:
        """That of the gravest check."""
        return self.gravest.state

    @property
    def gravest(self) -> Check:
        """The gravest failure, else the first note, else what product it is."""
        failures = [each for each in self.checks if each.state is State.FAIL]
        notes = [each for each in self.checks if each.state is State.NOTE]
        products = [each for each in self.checks if each.name == "product"]
        return next(each for each in (*(one for one in failures if one.code is self.code), *notes, *products))


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """Return the exit code of all checks: that of the gravest failure, OK without any."""
    return ExitCode.gravest(check.code for check in checks if check.state is State.FAIL)


def failed(name: str, error: TokenctlError) -> list[Check]:
    """Return a failed check for each problem of an error."""
    return failures(name, error.problems, error.exit_code)


def failures(name: str, problems: Iterable[Problem], code: ExitCode) -> list[Check]:
    """Return a failed check for each problem."""
    return [
        Check(name=name, state=State.FAIL, message=str(each._replace(hint="")), hint=each.hint, code=code)
        for each in problems
    ]


def asserted(url: str | None) -> Check:
    """Return the check of the files of a server of a fleet: whether they say which server they are for."""
    if url:
        return Check(name="file", state=State.OK, message="its `server:` holds")
    hint = "with it, no mistake in a profile applies them to another server"
    return Check(name="file", state=State.NOTE, message="its files do not say `server.url`", hint=hint)


def unnamed(profiles: Sequence[str], folder: str) -> list[Check]:
    """Return a note about the influx CLI's profiles that are for no server of the folder, if there are any."""
    hint = "leave out those that nobody needs here: a new file could reach their servers"
    message = f"{folder} has no file for these of the influx CLI: {name_some(profiles)}"
    return [Check(name="profile", state=State.NOTE, message=message, hint=hint)] if profiles else []


def alike(examined: Iterable[Examined]) -> list[tuple[Check, Sequence[str]]]:
    """Return each check that is not fine with the servers that have it, the notes first; see `together`."""
    told = ((each.name, each.url, check) for each in examined for check in each.checks if check.state is not State.OK)
    return sorted(together(told), key=lambda one: one[0].state is State.FAIL)


def together(told: Iterable[tuple[str, str, _Said]]) -> Iterator[tuple[_Said, Sequence[str]]]:
    """Yield what is said of servers, each once with the names of those that have it, from their names and URLs.

    What differs only in the address of the server is one: that of several servers does not have it.
    """
    found: dict[_Said, dict[str, _Said]] = {}
    for name, url, said in told:
        general = said._replace(message=unaddressed(said.message, url))
        found.setdefault(general, {})[name] = said
    by: dict[str, _Said]
    for general, by in found.items():
        yield general if len(by) > 1 else next(iter(by.values())), [*by]


def listing(tokens: Collection[Token], took: float) -> Check:
    """Return the check of the list of tokens: how many there are, and how long it took."""
    if not tokens:
        message = "it is empty: a server leaves out what these credentials may not read, and says nothing"
        return Check(name="list", state=State.FAIL, message=message, hint=RIGHTS, code=ExitCode.AUTH)
    return Check(name="list", state=State.OK, message=f"{count(len(tokens), 'token')} in {seconds(took)}")


def user(user_id: UserId | None, tokens: Iterable[Token]) -> Check:
    """Return the check of the user: whose credentials these are."""
    if user_id is None:
        return Check(name="user", state=State.NOTE, message="the server does not say whose credentials these are")
    name = next((f"`{token.user}` " for token in tokens if token.user_id == user_id), "")
    return Check(name="user", state=State.OK, message=f"these are the credentials of {name}{user_id}")


class Doubt(IntEnum):
    """How much is wrong with the token that --self-id names, by which runs that ends; greater is graver."""

    KNOWN = 0  # ends none: the server says whose token it is, or says nothing at all
    LIKELY = 1  # ends a run that sends; a plan may be made with other credentials than it is sent with
    CERTAIN = 2  # ends every run


def doubt(
    self_id: TokenId, named: Token | Missing, own: Token | None, user_id: UserId | None, seen: Iterable[Token]
) -> tuple[Doubt, Problem] | None:
    """Return why the token that --self-id names may not be the caller's own, and how grave that is; None for no reason.

    `named` is what the server says of that token, `own` the token that is proven to be the caller's, if any, `user_id`
    the caller's user as far as it is known, and `seen` the tokens that the credentials can read.
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


def needs_others(named: Token | Missing, seen: Iterable[Token], org_id: OrgId | None) -> bool:
    """Whether `doubt` about this token may be another once others are seen than these, of one organisation or of all.

    On a server that shows some secrets, another token may have the caller's.
    """
    if isinstance(named, Missing) or named.proven:
        return False
    read = named.rights.read
    reads = EVERY_USER in read.users and (EVERY_ORG in read.orgs or org_id in read.orgs)
    return not (reads or named.rights.unknown) or any(each.proven is not None for each in seen)


def own_token(own: Token | None, self_id: TokenId | None, wrong: tuple[Doubt, Problem] | None) -> Iterator[Check]:
    """Yield the checks of the caller's own token: whether it is known, as the guard `self` needs it.

    `own` is that token, None where it is not known, and `wrong` what `doubt` returned.
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
    """Return the check of reading: in which organisations the list proves that right."""
    return Check(name="read", state=State.OK, message=f"proven by the list, in {_orgs({each.org for each in tokens})}")


def writing(own: Token | None, tokens: Collection[Token]) -> Check:
    """Return the check of writing: where the own token's rights allow it; only a change would prove that."""
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
    """Return the check of locking; `orgs` are those that the own token's rights let it lock, None for not known."""
    if orgs is None:
        return Check(name="lock", state=State.NOTE, message="not known whether you may lock, as your own token is not")
    if EVERY_ORG not in orgs and not {each.org_id for each in tokens} & set(orgs):
        message = "your token's rights do not say that it may lock an organisation"
        return Check(name="lock", state=State.NOTE, message=message, hint=lock.RIGHTS)
    message = f"your token's rights say that it may lock {_where(orgs, tokens)}; only a lock would prove it"
    return Check(name="lock", state=State.OK, message=message)


def locked(org: str, properties: lock.LockProperties, now: datetime) -> Check:
    """Return a note that somebody has locked the organisation."""
    stale = ", and expired" if properties.expired(now) else ""
    message = f"organisation `{org}` is locked by {properties.told(now)}{stale}"
    return Check(name="lock", state=State.NOTE, message=message, hint="see `tokenctl unlock`")


def _where(orgs: Collection[OrgId], tokens: Iterable[Token]) -> str:
    return "every organisation" if EVERY_ORG in orgs else _orgs({each.org for each in tokens if each.org_id in orgs})


def _orgs(names: Collection[str]) -> str:
    noun = "organisation" if len(names) == 1 else "organisations"
    return f"{noun} {', '.join(f'`{name}`' for name in sorted(names))}"

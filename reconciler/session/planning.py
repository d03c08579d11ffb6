"""Makes the plan of a source over the live tokens, with what the guards say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from reconciler.core import checkup, planner
from reconciler.core.checkup import Doubt
from reconciler.core.live import Absence, Live, Missing, OrgId, Token, TokenId, UserId, own_id
from reconciler.core.manifest import Manifest
from reconciler.core.plan import Action, Plan
from reconciler.core.text import trimmed
from reconciler.errors import FailureKind, InvalidError, Problem, StaleError, TokenctlError, TransientError, UsageError
from reconciler.influx.reader import Reader
from reconciler.session.connection import Connection
from reconciler.settings import Settings

_MOST_BY_ID = 100
"""How many tokens are read one by one at most. Of a list that lacks most of what is declared, so many tell why."""


RUN_AGAIN = "Run it again to go on: what is done is no longer in the plan."
PLAN_AGAIN = "Make a new plan to go on: once anything is changed, this one fits no longer."
"""What to do after a run that did not end well, where the plan was made for it, and where it was made before."""


class Source(NamedTuple):
    """Where a plan comes from: what files declare, a saved plan, or the run that is to be undone.

    `files` are those that it was read from. `locks` says whether it asks for the locks of its organisations; `orgs`
    returns these with their names, and may call its argument to read the live tokens. `ids` are the tokens that it
    names; `needs_list` says that it is about others, too. `plan` makes the plan over the live tokens, judged by the
    guards, or raises TokenctlError when there can be none. `asks_others` says, over the live tokens that it names,
    whether what it says of those that are absent depends on others. `explained` adds to that plan what only the source
    knows; its other argument returns the live tokens that a manifest is about. `again` says how a run that did not come
    to its end goes on.
    """

    files: Sequence[str]
    locks: bool
    orgs: Callable[[Callable[[], Live]], Mapping[OrgId, str]]
    ids: Iterable[TokenId]
    needs_list: bool
    plan: Callable[[Live], Plan]
    asks_others: Callable[[Live], bool] = lambda _: False
    explained: Callable[[Plan, Callable[[Manifest], Live]], Plan] = lambda plan, _: plan
    again: str = RUN_AGAIN


def plan_from(source: Source, connection: Connection) -> Plan:
    """Return the source's plan over the live tokens, read by their ids or with a list, and what guards ask for.

    Those that the source names are enough for a plan that deactivates none: it is the one that a list would give.
    Raises the errors of reading, those of `Source.plan`, and UsageError for a wrong --self-id.
    """
    reads = Reads(source, connection)
    live = reads.named()
    plan = None if live.listed else _plan_of_few(source, live, reads, connection)
    if plan is None:
        live = reads.everyone
        doubt, live = _check_self_id(live, reads, connection)
        if doubt and doubt[0] >= (Doubt.LIKELY if connection.sends else Doubt.CERTAIN):
            raise UsageError(doubt[1])
        plan = source.plan(live)
        informed = _with_facts_for_guards(plan, live, connection.reader)
        plan, live = (plan if informed is live else source.plan(informed)), informed
        if doubt and doubt[1] not in plan.warnings:
            plan = plan._replace(warnings=(doubt[1], *plan.warnings))
    plan = planner.with_rights(plan, live)
    return source.explained(plan, lambda manifest: reads.everyone if manifest.selects else live)


def _plan_of_few(source: Source, live: Live, reads: Reads, connection: Connection) -> Plan | None:
    """Return the plan over the tokens that the source names, None where it may be another once others are known.

    Raises the errors that a list would meet, too.
    """
    self_id = connection.settings.self_id
    try:
        doubt, live = _check_self_id(live, reads, connection)
        if doubt or (self_id and checkup.needs_others(reads.one(self_id), live.tokens.values(), live.org_id)):
            return None
        if source.asks_others(live):
            return None
        plan = source.plan(live)
    except TokenctlError as error:
        if not _may_list(error, connection):
            raise
        return None
    return None if plan.count(Action.DEACTIVATE) or not live.tokens else plan


def _may_list(error: TokenctlError, connection: Connection) -> bool:
    """Return whether a list may be answered, or tell more, after this error of reading or planning.

    No list changes what is absent or stale, and none comes of a server that does not answer.
    """
    if isinstance(error, TransientError):
        return error.kind is FailureKind.FAULT
    return not isinstance(error, InvalidError | StaleError) and connection.reader.answered is not None


class Reads:
    """What is read of a server for one source, each of it once at most."""

    def __init__(self, source: Source, connection: Connection) -> None:
        self._source = source
        self._connection = connection
        self._ids = frozenset(source.ids)
        self._found: dict[TokenId, Token | Missing] = {}

    def named(self) -> Live:
        """The tokens that the source names, and all others unless it needs no list.

        Up to a hundred are read by their ids, where that tells as much as a list. Raises the errors of reading.
        """
        few = 0 < len(self._ids) <= _MOST_BY_ID and not self._source.needs_list
        return (self._by_id() if few else None) or self.everyone

    def one(self, token_id: TokenId) -> Token | Missing:
        """One token, or why it cannot be read."""
        if token_id not in self._found:
            self._found[token_id] = self._connection.reader.get(token_id)
        return self._found[token_id]

    @cached_property
    def own_user(self) -> UserId | None:
        """The user of the credentials, None where the server does not tell."""
        return self._connection.reader.own_user()

    @cached_property
    def everyone(self) -> Live:
        """Every listed token, and what a GET says of each that the source names and the list lacks."""
        listed = self._connection.live()
        tokens, missing = dict(listed.tokens), dict(listed.missing)
        for token_id, found in self._lacking(sorted(self._ids - tokens.keys() - missing.keys())).items():
            if isinstance(found, Missing):
                missing[token_id] = found
            else:
                tokens[token_id] = found
        self._found.update({**tokens, **missing})
        return listed._replace(
            tokens=tokens,
            unlisted=frozenset(tokens.keys() - listed.tokens.keys()),
            missing=missing,
            own_id=own_id(tokens, self._connection.settings.self_id),
        )

    def _lacking(self, token_ids: Sequence[TokenId]) -> Mapping[TokenId, Token | Missing]:
        """Return what a GET says of each of these; no more are asked for once it is clear that the server is another.

        That is where most of what is named is not listed, and of a hundred not one exists.
        """
        most = 2 * len(token_ids) > len(self._ids)
        first = token_ids[:_MOST_BY_ID] if most else token_ids
        found, rest = self._each(first), token_ids[len(first) :]
        last = found[first[-1]] if rest else None
        if isinstance(last, Missing) and all(_is_absent(each) for each in found.values()):
            return {**found, **dict.fromkeys(rest, last)}
        return {**found, **self._each(rest)}

    def _each(self, token_ids: Sequence[TokenId]) -> dict[TokenId, Token | Missing]:
        unknown = [each for each in token_ids if each not in self._found]
        if unknown:
            self._found.update(self._connection.reader.get_each(unknown))
        return {each: self._found[each] for each in token_ids}

    def _by_id(self) -> Live | None:
        """Return the tokens that the source names, None where only a list tells what has to be known of them.

        A list also finds the organisation to which the run is limited, if no token that is named is of it.
        """
        settings, reader = self._connection.settings, self._connection.reader
        try:
            found = self._each(sorted(self._ids))
        except TokenctlError as error:
            if not _may_list(error, self._connection):
                raise
            return None
        tokens = {token_id: each for token_id, each in found.items() if isinstance(each, Token)}
        inside = next((each for each in tokens.values() if _is_limited_to(each, settings)), None)
        if reader.answered is None or (settings.org and not inside):
            return None
        return Live(
            server=reader.answered._replace(profile=settings.profile),
            tokens=tokens,
            missing={token_id: each for token_id, each in found.items() if isinstance(each, Missing)},
            listed=False,
            org=inside.org if inside else "",
            org_id=inside.org_id if inside else None,
            own_id=own_id(tokens, settings.self_id),
            clocks=self._connection.clocks,
        )


def _is_limited_to(token: Token, settings: Settings) -> bool:
    """Whether the token is surely of the organisation to which the run is limited."""
    if settings.org_is_id:
        return token.org_id == settings.org.lower()
    return bool(settings.org) and trimmed(token.org) == trimmed(settings.org)


def _is_absent(found: Token | Missing) -> bool:
    return isinstance(found, Missing) and found.kind is Absence.ABSENT


def _with_facts_for_guards(plan: Plan, live: Live, reader: Reader) -> Live:
    """Return the live tokens with what the guards need for this plan; the server is asked only when they need more."""
    if planner.needs_others(plan, live):
        everyone = reader.list_tokens().tokens
        others = {token_id: each for token_id, each in everyone.items() if token_id not in live.tokens}
        live = live._replace(others=others, own_id=live.own_id or own_id(others, None))
    if planner.needs_own_user(plan, live):
        live = live._replace(own_user=reader.own_user())
    while unknown := planner.unknown_owners(plan, live):
        live = live._replace(owners={**live.owners, **{each: reader.owner(each) for each in unknown}})
    return live


def withheld(plan: Plan, connection: Connection) -> Mapping[TokenId, str]:
    """Read all tokens once more; return the deactivations of the plan that must not be sent after all, and why.

    Raises the errors of reading.
    """
    listing = connection.reader.list_tokens()
    own = own_id(listing.tokens, connection.settings.self_id)
    told = connection.reader.tells_owners
    live = Live(server=listing.server, tokens=listing.tokens, own_id=own, tells_owners=told)
    return planner.withheld(plan, _with_facts_for_guards(plan, live, connection.reader))


def _check_self_id(live: Live, reads: Reads, connection: Connection) -> tuple[tuple[Doubt, Problem] | None, Live]:
    """Return the doubt about the token that --self-id names, None for none, and the tokens with what that took to know.

    Where the server does not show that it is the caller's, asks for that token and for the caller's user.
    """
    self_id = connection.settings.self_id
    if not self_id:
        return None, live
    named = reads.one(self_id)
    own = next((token for token in live.tokens.values() if token.proven), None)
    if isinstance(named, Token) and not own and not named.proven:
        # A token that is shown with another secret is not the caller's; any other token may be.
        hides = named.proven is None
        live = live._replace(own_user=reads.own_user) if hides else live._replace(own_id=None)
    return checkup.doubt(self_id, named, own, live.own_user, live.tokens.values()), live

"""Makes the plan of a source over the live tokens, with what the guards say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core import checkup, planner
from reconciler.core.checkup import Doubt
from reconciler.core.live import Live, Missing, OrgId, Token, TokenId, own_id
from reconciler.core.plan import Plan
from reconciler.errors import Problem, UsageError
from reconciler.influx.reader import Reader
from reconciler.session.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a plan comes from: what files declare, a saved plan, or the run that is to be undone.

    `files` are those that it was read from. `locks` says whether it asks for the locks of its organisations; `orgs`
    returns these with their names, and may call its argument to read the live tokens. `unlisted` takes the listed
    tokens and returns the ids that must be read one by one. `plan` makes the plan over the live tokens, judged by the
    guards, or raises TokenctlError when there can be none. `explained` adds to that plan what only the source knows.
    `again` says how a run that did not come to its end goes on.
    """

    files: Sequence[str]
    locks: bool
    orgs: Callable[[Callable[[], Live]], Mapping[OrgId, str]]
    unlisted: Callable[[Mapping[TokenId, Token]], Iterable[TokenId]]
    plan: Callable[[Live], Plan]
    explained: Callable[[Plan, Live], Plan] = lambda plan, _: plan
    again: str = "Run it again to go on: what is done is no longer in the plan."


def plan_from(source: Source, connection: Connection) -> Plan:
    """Read the live tokens and return the source's plan: one list, a GET for each id it lacks, and what guards ask for.

    Raises the errors of reading, those of `Source.plan`, and UsageError for a wrong --self-id.
    """
    live = read_live(source, connection)
    doubt, live = _check_self_id(live, connection)
    if doubt and doubt[0] >= (Doubt.LIKELY if connection.sends else Doubt.CERTAIN):
        raise UsageError(doubt[1])
    plan = source.plan(live)
    informed = _with_facts_for_guards(plan, live, connection.reader)
    plan = plan if informed is live else source.plan(informed)
    if doubt and doubt[1] not in plan.warnings:
        plan = replace(plan, warnings=(doubt[1], *plan.warnings))
    return source.explained(plan, informed)


def _with_facts_for_guards(plan: Plan, live: Live, reader: Reader) -> Live:
    """Return the live tokens with what the guards need for this plan; the server is asked only when they need more."""
    if planner.needs_others(plan, live):
        everyone = reader.list_tokens().tokens
        others = {token_id: each for token_id, each in everyone.items() if token_id not in live.tokens}
        live = replace(live, others=others, own_id=live.own_id or own_id(others, None))
    if planner.needs_own_user(plan, live):
        live = replace(live, own_user=reader.own_user())
    while unknown := planner.unknown_owners(plan, live):
        live = replace(live, owners={**live.owners, **{each: reader.owner(each) for each in unknown}})
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


def _check_self_id(live: Live, connection: Connection) -> tuple[tuple[Doubt, Problem] | None, Live]:
    """Return the doubt about the token that --self-id names, None for none, and the tokens with what that took to know.

    Where the server does not show that it is the caller's, asks for that token and for the caller's user.
    """
    reader, self_id = connection.reader, connection.settings.self_id
    if not self_id:
        return None, live
    named = live.tokens.get(self_id) or live.missing.get(self_id) or reader.get(self_id)
    own = next((token for token in live.tokens.values() if token.proven), None)
    if isinstance(named, Token) and not own and not named.proven:
        # A token that is shown with another secret is not the caller's; any other token may be.
        hides = named.proven is None
        live = replace(live, own_user=reader.own_user()) if hides else replace(live, own_id=None)
    return checkup.doubt(self_id, named, own, live.own_user, live.tokens.values()), live


def read_live(source: Source, connection: Connection) -> Live:
    """Read every live token that the source needs to know. Raises the errors of reading."""
    reader, resolved = connection.reader, connection.settings
    listing = connection.listing()
    tokens, missing = dict(listing.tokens), dict(listing.unreadable)
    for token_id in [each for each in source.unlisted(listing.tokens) if each not in missing]:
        found = reader.get(token_id)
        if isinstance(found, Missing):
            missing[token_id] = found
        else:
            tokens[token_id] = found
    return Live(
        server=listing.server,
        tokens=tokens,
        unlisted=frozenset(tokens.keys() - listing.tokens.keys()),
        missing=missing,
        org=listing.org,
        org_id=listing.org_id,
        own_id=own_id(tokens, resolved.self_id),
        clocks=connection.clocks,
    )

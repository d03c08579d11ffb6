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

    `files` are those that it was read from, and `locks` says whether it asks for the locks of its organisations. `orgs`
    gives these with their names, and may call what it gets to read the live tokens. `unlisted` gives the ids of tokens
    that it has to know and that the list lacks. `plan` makes the plan over these tokens, with what the guards say of
    it, or raises TokenctlError when there is none, and `explained` adds, once all is known of the live tokens, what
    only the source can tell of it.
    """

    files: Sequence[str]
    locks: bool
    orgs: Callable[[Callable[[], Live]], Mapping[OrgId, str]]
    unlisted: Callable[[Mapping[TokenId, Token]], Iterable[TokenId]]
    plan: Callable[[Live], Plan]
    explained: Callable[[Plan, Live], Plan] = lambda plan, _: plan


def plan_from(source: Source, connection: Connection) -> Plan:
    """The plan over the live tokens, read here: one list, a GET for each id that it lacks, and what guards ask for.

    Raises the errors of reading, those of `Source.plan`, and UsageError for a wrong --self-id.
    """
    live = read_live(source, connection)
    doubt, live = _doubted(live, connection)
    if doubt and doubt[0] >= (Doubt.LIKELY if connection.sends else Doubt.CERTAIN):
        raise UsageError(doubt[1])
    plan = source.plan(live)
    informed = _informed(plan, live, connection.reader)
    plan = plan if informed is live else source.plan(informed)
    if doubt and doubt[1] not in plan.warnings:
        plan = replace(plan, warnings=(doubt[1], *plan.warnings))
    return source.explained(plan, informed)


def _informed(plan: Plan, live: Live, reader: Reader) -> Live:
    """The live tokens with all that the guards have to know for this plan: asked for only when they have to."""
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
    """Read all tokens once more, right before those of the plan are deactivated: which must not be after all, and why.

    Raises the errors of reading.
    """
    listing = connection.reader.list_tokens()
    own = own_id(listing.tokens, connection.settings.self_id)
    told = connection.reader.tells_owners
    live = Live(server=listing.server, tokens=listing.tokens, own_id=own, tells_owners=told)
    return planner.withheld(plan, _informed(plan, live, connection.reader))


def _doubted(live: Live, connection: Connection) -> tuple[tuple[Doubt, Problem] | None, Live]:
    """What is wrong with the token that --self-id names, if anything, and the tokens with what that was to know.

    At most a GET of that token, and one question who I am, where the server does not show that it is the caller's.
    """
    reader, self_id = connection.reader, connection.settings.self_id
    if not self_id:
        return None, live
    named = live.tokens.get(self_id) or live.missing.get(self_id) or reader.get(self_id)
    own = next((token for token in live.tokens.values() if token.proven), None)
    if isinstance(named, Token) and not own and not named.proven:
        # Where another secret is shown it is not the caller's, which every other one may be then.
        hides = named.proven is None
        live = replace(live, own_user=reader.own_user()) if hides else replace(live, own_id=None)
    return checkup.doubt(self_id, named, own, live.own_user, live.tokens.values()), live


def read_live(source: Source, connection: Connection) -> Live:
    """Every live token that the source has to know. Raises the errors of reading."""
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
    )

"""Files and a connection in, a judged plan out: what `plan` and `apply` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.core import checkup, marks, planner, resolve, reversal
from reconciler.core.baseline import Baseline
from reconciler.core.checkup import Doubt
from reconciler.core.guard import Guard
from reconciler.core.live import Live, Missing
from reconciler.core.manifest import Manifest
from reconciler.core.plan import Plan
from reconciler.core.record import Run
from reconciler.core.text import count
from reconciler.core.token import OrgId, Token, TokenId
from reconciler.errors import Problem, UsageError
from reconciler.influx.reader import Reader
from reconciler.session.connection import Connection
from reconciler.session.context import Context
from reconciler.session.sources import Declared, History

Unlisted = Callable[[Mapping[TokenId, Token]], Iterable[TokenId]]
"""The tokens that a list has in, the ids to ask for beside it out."""


def draft(
    manifest: Manifest,
    connection: Connection,
    waivers: Iterable[Guard],
    *,
    reviewed: bool,
    baseline: Baseline | None = None,
) -> tuple[Plan, Live]:
    """Read the live tokens and plan: one list, a GET for each declared id that it lacks, at most one question who I am.

    Gives what was read, too. Raises the errors of reading and of `core.planner.draft`.
    """
    waivers = tuple(waivers)
    return _planned(
        connection,
        lambda listed: resolve.unlisted(manifest, listed),
        lambda live: planner.draft(manifest, live, waivers, reviewed=reviewed, baseline=baseline),
    )


def draft_declared(
    declared: Declared, connection: Connection, waivers: Iterable[Guard], context: Context, *, reviewed: bool
) -> Plan:
    """Read the live tokens and plan, and mark where each change comes from.

    Raises the errors of reading and of `core.planner.draft`.
    """
    baseline = declared.baseline
    plan, live = draft(declared.manifest, connection, waivers, reviewed=reviewed, baseline=baseline)
    wanted = marks.moments(plan.changes) if baseline else ()
    if not baseline or not wanted:
        return plan
    then = History(baseline.commit, declared.paths, declared.files).declared(wanted, live, context)
    changes = marks.settled(plan.changes, then)
    unknown = [change for change in changes if change.marks.keys() < change.body.keys()]
    warnings = (*plan.warnings, *([_untold(len(unknown), baseline)] if unknown else ()))
    return replace(plan, changes=changes, warnings=warnings)


def _untold(number: int, baseline: Baseline) -> Problem:
    return Problem(
        f"{count(number, 'change')} cannot be told apart as drift or pending: the history of `{baseline.ref}` that is "
        "here does not reach back to when the tokens were last changed",
        "fetch all of it, with `fetch-depth: 0` in actions/checkout",
    )


def organisations(manifest: Manifest, connection: Connection) -> dict[OrgId, str]:
    """The organisations of the live tokens that are declared, with their names, by the same reading as for a plan.

    Raises the errors of reading.
    """
    return resolve.organisations(manifest, read_live(connection, lambda listed: resolve.unlisted(manifest, listed)))


def rebase(saved: Plan, connection: Connection) -> Plan:
    """Read the live tokens and hold a saved plan against them.

    Raises the errors of reading and of `core.planner.rebase`.
    """
    ids = {change.token.id for change in saved.changes}
    plan, _ = _planned(connection, lambda listed: sorted(ids - listed.keys()), lambda live: planner.rebase(saved, live))
    return plan


def reverse(run: Run, connection: Connection, waivers: Iterable[Guard], *, reviewed: bool) -> Plan:
    """Read the live tokens and plan to undo a run.

    Raises the errors of reading and of `core.reversal.reverse`.
    """
    waivers = tuple(waivers)
    plan, _ = _planned(
        connection,
        lambda listed: reversal.unlisted(run, listed.keys()),
        lambda live: reversal.reverse(run, live, waivers, reviewed=reviewed),
    )
    return plan


def _planned(connection: Connection, unlisted: Unlisted, make: Callable[[Live], Plan]) -> tuple[Plan, Live]:
    """What `make` makes of the live tokens, and these; once more when a guard has to know more of them."""
    live = read_live(connection, unlisted)
    doubt, live = _doubted(live, connection)
    if doubt and doubt[0] >= (Doubt.LIKELY if connection.sends else Doubt.CERTAIN):
        raise UsageError(doubt[1])
    plan = make(live)
    informed = _informed(plan, live, connection.reader)
    plan = plan if informed is live else make(informed)
    if doubt and doubt[1] not in plan.warnings:
        plan = replace(plan, warnings=(doubt[1], *plan.warnings))
    return plan, informed


def _informed(plan: Plan, live: Live, reader: Reader) -> Live:
    """The live tokens with all that the guards have to know for this plan: asked for only when they have to."""
    if planner.needs_others(plan, live):
        everyone = reader.list_tokens().tokens
        others = {token_id: each for token_id, each in everyone.items() if token_id not in live.tokens}
        live = replace(live, others=others, own_id=live.own_id or _own_id(others))
    if planner.needs_own_user(plan, live):
        live = replace(live, own_user=reader.own_user())
    while unknown := planner.unknown_owners(plan, live):
        live = replace(live, owners={**live.owners, **{each: reader.owner(each) for each in unknown}})
    return live


def withheld(plan: Plan, connection: Connection) -> Mapping[TokenId, str]:
    """Read all tokens once more, right before those of the plan are deactivated: which must not be after all, and why.

    Raises the errors of reading.
    """
    listing, self_id = connection.reader.list_tokens(), connection.settings.self_id
    named = listing.tokens.get(self_id) if self_id else None
    own_id = _own_id(listing.tokens) or (None if named and named.proven is False else self_id)
    live = Live(server=listing.server, tokens=listing.tokens, own_id=own_id)
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
    return checkup.doubt(self_id, named, own, live.own_user), live


def read_live(connection: Connection, unlisted: Unlisted) -> Live:
    """Everything a plan needs of the server; `unlisted` names the ids to ask for beside the list."""
    reader, resolved = connection.reader, connection.settings
    listing = connection.listing()
    tokens, missing = dict(listing.tokens), dict(listing.unreadable)
    for token_id in [each for each in unlisted(listing.tokens) if each not in missing]:
        found = reader.get(token_id)
        if isinstance(found, Missing):
            missing[token_id] = found
        else:
            tokens[token_id] = found
    return Live(
        server=listing.server,
        tokens=tokens,
        missing=missing,
        org=listing.org,
        org_id=listing.org_id,
        own_id=_own_id(tokens) or resolved.self_id,
    )


def _own_id(tokens: Mapping[TokenId, Token]) -> TokenId | None:
    return next((token.id for token in tokens.values() if token.proven), None)

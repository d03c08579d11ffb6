"""The plan that undoes a run, made from the run and the live tokens, and judged as any other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from reconciler.core.endpoint import normalise
from reconciler.core.guards import too_large
from reconciler.core.live import RIGHTS, Absence, Elided, Live, Token
from reconciler.core.manifest import Declaration, Manifest
from reconciler.core.outcome import Entry, Run, deviation
from reconciler.core.plan import Action, Change, Guard, Plan, Refusal
from reconciler.core.planner import differences, with_guards
from reconciler.core.resolve import declared_tokens
from reconciler.core.text import count, is_sendable, name_some
from reconciler.errors import AuthError, InvalidError, Problem

_TOLD = 20  # tokens of which a warning says that they are still declared otherwise


def reverse(run: Run, live: Live, waivers: Collection[Guard] = (), *, reviewed: bool = True) -> Plan:
    """Return the plan that gives each field that the run changed its earlier value, and changes no other field.

    The guard `moved` refuses a token that somebody changed since the run, or that is gone. `reviewed` is False for a
    run that sends a plan that no person saw. Raises AuthError when a token is hidden from the caller, InvalidError when
    no token is of the organisation to which this run is limited.
    """
    _check_visible(run, live)
    _check_limit(run, live)
    steps = [step for entry in run.entries for step in _steps(entry, live)]
    changes = Plan.in_order(step for step in steps if isinstance(step, Change))
    warnings = (step for step in steps if isinstance(step, Problem))
    # Without a deactivation it is about the tokens of the run alone.
    others = any(change.action is Action.DEACTIVATE for change in changes)
    about = live.tokens.keys() | live.missing.keys() if others else {entry.change.token.id for entry in run.entries}
    tokens = [token for token_id, token in live.tokens.items() if token_id in about]
    missing = {token_id: why for token_id, why in live.missing.items() if token_id in about}
    plan = Plan(
        server=live.server,
        orgs=tuple(sorted({change.token.org for change in changes})),
        changes=changes,
        declared=0,
        managed=max(run.managed, len(run.entries)),
        live=live.total,
        limits=run.limits,
        waivers=tuple(sorted(set(waivers))),
        warnings=(*warnings, *too_large(tokens, missing)),
        undoes=run.name,
        lock=run.lock,
    )
    return with_guards(plan, live, [step for step in steps if isinstance(step, Refusal)], reviewed=reviewed)


def only_deactivated(run: Run) -> Run:
    """The run with the operations alone that switched a token off: to undo a rotation leaves the new token on."""
    entries = tuple(each for each in run.entries if each.change.action is Action.DEACTIVATE)
    return run._replace(entries=entries)


def still_declared(plan: Plan, manifest: Manifest, live: Live) -> Plan:
    """The plan with a warning for each token, up to a few, of which the manifest declares otherwise than the plan."""
    url = manifest.server.url
    if url is not None and normalise(url) != plan.server.url:
        return plan
    said = declared_tokens(manifest, live)
    found = []
    for change in plan.changes:
        declared = said.get(change.token.id)
        opposite = _opposite(change, declared) if declared else {}
        if declared and opposite:
            place = declared.origin.place(next(iter(opposite)))
            message = f"{change.subject} is still declared with {' and '.join(opposite.values())}"
            found.append(Problem(message, place=place))
    if not found:
        return plan
    told, left = found[:_TOLD], len(found) - _TOLD
    if left > 0:
        told.append(Problem(f"and so {'is' if left == 1 else 'are'} {count(left, 'more token')} of this plan"))
    told[-1] = told[-1]._replace(hint="the next apply of the file undoes this: change it there too")
    return plan._replace(warnings=(*plan.warnings, *told))


def _opposite(change: Change, declared: Declaration) -> dict[str, str]:
    """What the declaration says of each field otherwise than the change leaves it, by field."""
    wanted = {"status": declared.status, "description": declared.description}
    words = {"status": f"`status: {declared.status}`", "description": "another description"}
    return {field: words[field] for field, value in change.body.items() if wanted[field] not in (None, value)}


def _check_visible(run: Run, live: Live) -> None:
    hidden: defaultdict[tuple[str, str], list[Change]] = defaultdict(list)
    for entry in run.effective:
        token = entry.change.token
        if (missing := live.missing.get(token.id)) and missing.kind is Absence.HIDDEN:
            hidden[token.org, token.user].append(entry.change)
    if hidden:
        raise AuthError([_lacks(changes, live) for changes in hidden.values()])


def _lacks(changes: Sequence[Change], live: Live) -> Problem:
    """Return the problem that these tokens, all of one owner in one organisation, are hidden."""
    names, first = name_some([each.subject for each in changes]), changes[0].token
    detail = live.missing[first.id].detail
    if len(changes) == 1:
        return Problem(f"{names} exists, but these credentials may not read it ({detail})", RIGHTS)
    whose = f"{len(changes):,} tokens of `{first.user}` in organisation `{first.org}`"
    return Problem(f"{whose} exist, but these credentials may not read them ({detail}): {names}", RIGHTS)


def _check_limit(run: Run, live: Live) -> None:
    found = [token for entry in run.effective if (token := live.tokens.get(entry.change.token.id))]
    if found and not any(map(live.includes, found)):
        message = f"nothing of what that run changed is a token of organisation `{live.org}`"
        hint = "this run is limited to it by --org, INFLUX_ORG or INFLUX_ORG_ID: correct that, or leave it out"
        raise InvalidError(message, hint)


def _steps(entry: Entry, live: Live) -> Iterator[Change | Refusal | Problem]:
    """Yield what it takes to undo one operation of the run: a change, its refusal, warnings, or nothing."""
    change = entry.change
    token = live.tokens.get(change.token.id)
    if not entry.may_have_changed:
        # A request outlives the client that sent it, and may be done after a read that did not show it yet.
        if token and not deviation(change, token):
            why = "a later run or somebody else did it, or the request was late"
            message = f"left out: {change.subject} is as that run wanted it, but the run did not see it so: {why}"
            yield Problem(message)
    elif token is None:
        missing = live.missing[change.token.id]
        message = f"{change.subject} cannot be restored: it is {missing.kind} now ({missing.detail})"
        yield Refusal(Guard.MOVED, Problem(message, "leave it out and restore the others with `--allow moved`"))
    elif not live.includes(token):
        yield Problem(f"left out: {change.subject} is not a token of organisation `{live.org}`")
    else:
        yield from _restoring(entry, token)


def _restoring(entry: Entry, token: Token) -> Iterator[Change | Refusal | Problem]:
    change = entry.change
    back = _restored(change, token)
    if isinstance(back.description, Elided):
        message = f"the description that {change.subject} had cannot be restored: {change.token.description}"
        yield Problem(message, "whoever wrote it may still have it: look for what has this length and hash")
        back = back._replace(description=None)
    if not is_sendable(back.description or ""):
        yield Problem(f"left out: {change.subject} had a description that no server would store again")
    elif back.body:
        yield back
        if moved := differences(_left(entry, token), token):
            message = f"{change.subject} was changed after the run that is to be undone: {'; '.join(moved)}"
            hint = "look into it, or restore what it was before that run all the same with `--allow moved`"
            yield Refusal(Guard.MOVED, Problem(message, hint))


def _restored(change: Change, token: Token) -> Change:
    """Return the change that reverts `change`; its body is empty when the token has its earlier values."""
    earlier = change.token
    status = earlier.status if change.status and token.status != earlier.status else None
    described = change.description is not None and token.description != earlier.description
    return Change(
        token=token,
        status=status,
        description=earlier.description if described else None,
        name=change.name,
        protected=change.protected,
    )


def _left(entry: Entry, token: Token) -> Token:
    """Return the token as the run left it, with its present `updated_at` where no answer told the run's."""
    change = entry.change
    return change.token._replace(
        status=change.status or change.token.status,
        description=change.token.description if change.description is None else change.description,
        updated_at=entry.left_at or token.updated_at,
    )

"""A manifest and the live tokens in, a judged plan out; a saved plan and the live tokens in, that plan or why not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from reconciler.core.diff import changes
from reconciler.core.guard import Guard
from reconciler.core.guards import Case, judge, label, may_be_own
from reconciler.core.live import Live
from reconciler.core.manifest import Manifest, Severity
from reconciler.core.plan import Change, Plan, Refusal, before
from reconciler.core.resolve import Resolution, name_some, resolve
from reconciler.core.text import count
from reconciler.core.token import Token
from reconciler.errors import Problem, StaleError


def draft(manifest: Manifest, live: Live, waivers: Collection[Guard] = (), *, reviewed: bool = True) -> Plan:
    """The plan that makes the live tokens equal to the declared ones, with what the guards say of it.

    `reviewed` is False for a run that applies without anybody having seen this very plan. Raises what
    `core.resolve.resolve` raises.
    """
    resolution = resolve(manifest, live)
    plan = Plan(
        server=live.server,
        orgs=tuple(sorted({each.token.org for each in resolution.wanted})),
        changes=changes(resolution.wanted),
        declared=len(manifest.tokens),
        managed=len(resolution.wanted),
        live=len(live.tokens),
        limits=manifest.limits,
        waivers=tuple(sorted(set(waivers))),
        warnings=resolution.warnings,
        lock=manifest.lock,
    )
    unmanaged = _unmanaged(manifest, resolution, live)
    if manifest.unmanaged is Severity.WARN:
        plan = replace(plan, warnings=plan.warnings + unmanaged)
        unmanaged = ()
    return judged(plan, live, [Refusal(Guard.UNMANAGED, each) for each in unmanaged], reviewed=reviewed)


def judged(plan: Plan, live: Live, refusals: Iterable[Refusal], *, reviewed: bool) -> Plan:
    """The plan with what the guards say of it and these refusals; the waived ones become warnings."""
    found = [*judge(_case(plan, live, reviewed=reviewed)), *refusals]
    waived = tuple(_waived(refusal) for refusal in found if refusal.guard in plan.waivers)
    return replace(plan, warnings=plan.warnings + waived, refusals=_standing(plan, found))


def rebase(saved: Plan, live: Live) -> Plan:
    """The saved plan over the live tokens as they are now, judged again.

    Raises StaleError with the reason for each token that is not as the plan found it.
    """
    problems = [problem for change in saved.changes if (problem := _moved(change, live))]
    if problems:
        raise StaleError(problems)
    current = tuple(replace(change, token=live.tokens[change.token.id]) for change in saved.changes)
    plan = replace(saved, server=live.server, changes=current, live=len(live.tokens))
    # What only the manifest or a journal can tell, the saved plan itself has to.
    kept = [refusal for refusal in saved.refusals if refusal.guard in (Guard.UNMANAGED, Guard.MOVED)]
    return replace(plan, refusals=_standing(plan, [*judge(_case(plan, live, reviewed=True)), *kept]))


def needs_own_user(plan: Plan, live: Live) -> bool:
    """Whether the guard `self` cannot judge these changes without knowing whose credentials the run has."""
    return live.own_id is None and any(may_be_own(change) for change in plan.changes)


def differences(planned: Token, live: Token) -> list[str]:
    """What moved since the token was read, in words, status and description first."""
    pairs = zip(("status", "description", "updatedAt"), before(planned), before(live), strict=True)
    return [f"{name} was `{then}` and is `{now}`" for name, then, now in pairs if then != now]


def _case(plan: Plan, live: Live, *, reviewed: bool) -> Case:
    return Case(changes=plan.changes, managed=plan.managed, limits=plan.limits, live=live, reviewed=reviewed)


def _standing(plan: Plan, refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    return tuple(refusal for refusal in refusals if refusal.guard not in plan.waivers)


def _waived(refusal: Refusal) -> Problem:
    return Problem(f"guard `{refusal.guard}` is waived: {refusal.problem.message}", place=refusal.problem.place)


def _unmanaged(manifest: Manifest, resolution: Resolution, live: Live) -> tuple[Problem, ...]:
    if manifest.unmanaged is Severity.IGNORE:
        return ()
    managed = {each.token.id for each in resolution.wanted}
    orgs = [org for org in (manifest.server.org, live.org) if org]
    found = [
        token for token in live.tokens.values() if token.id not in managed and all(org == token.org for org in orgs)
    ]
    if not found:
        return ()
    names = [f"{token.id} ({token.user})" for token in sorted(found, key=lambda token: token.id)]
    return (
        Problem(
            f"no declaration names {count(len(names), 'live token')}: {name_some(names)}",
            "declare them, or write `unmanaged: ignore`",
        ),
    )


def _moved(change: Change, live: Live) -> Problem | None:
    token = live.tokens.get(change.token.id)
    if token is None:
        missing = live.missing[change.token.id]
        reason = f"it is {missing.kind} now" + (f" ({missing.detail})" if missing.detail else "")
    else:
        moved = differences(change.token, token)
        if not moved:
            return None
        reason = "; ".join(moved)
    return Problem(f"{label(change)} is not as it was planned: {reason}", "make a new plan and review it")

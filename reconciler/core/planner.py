"""Plans over the live tokens, judged by the guards: a new one of a manifest, and a saved one made current."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from reconciler.core.baseline import Baseline, locked, unshown, with_base
from reconciler.core.contrast import apart
from reconciler.core.guards import ending, judge, too_large, unmanaged
from reconciler.core.live import Live, OrgId, Token, TokenId, UserId
from reconciler.core.managers import Managers
from reconciler.core.manifest import Declaration, Manifest, at
from reconciler.core.plan import Action, Change, Comparison, Guard, Plan, Refusal, between
from reconciler.core.resolve import (
    Resolution,
    Wanted,
    assert_org,
    assert_stable,
    declared_tokens,
    resolve,
)
from reconciler.core.rights import Some, buckets_after, rights_of
from reconciler.errors import Problem, StaleError

_UNTOLD = Problem(
    "this server does not tell whether users are active: for the guard `min_managers` the tokens of all of them count"
)
_MEND_BASE = "its guards are not known: fix them in a change that changes no token, or use `--allow base`"


def make_plan(
    manifest: Manifest,
    live: Live,
    waivers: Collection[Guard] = (),
    *,
    reviewed: bool = True,
    baseline: Baseline | None = None,
) -> Plan:
    """The plan that makes the live tokens equal to the declared ones, with what the guards say of it.

    `reviewed` is False for a run that applies without anybody having seen this very plan. With a baseline its guards
    hold too, and the changes are marked as far as the two manifests tell. Raises what `core.resolve.resolve` raises,
    and InvalidError when a `match` would mean other tokens after the changes.
    """
    manifest = at(manifest, live.now)
    baseline = baseline and baseline._replace(manifest=at(baseline.manifest, live.now))
    declarations = declared_tokens(baseline.manifest, live) if baseline else {}
    resolution = _resolved(manifest, live, baseline)
    changes = _changes(manifest, live, resolution, declarations)
    changes = with_base(changes, declarations) if baseline else changes
    unread = baseline.warnings if baseline else ()
    warned, refused = unmanaged(manifest, baseline, resolution.wanted, live)
    warned = [*resolution.warnings, *ending(resolution.wanted, live), *warned]
    if changes:
        refused += [Refusal(Guard.BASE, each._replace(hint=_MEND_BASE)) for each in unread]
        unread = ()
    plan = Plan(
        server=live.server,
        orgs=tuple(sorted({each.token.org for each in resolution.wanted})),
        changes=changes,
        declared=len(manifest.tokens),
        managed=len(resolution.wanted),
        live=live.total,
        limits=manifest.limits,
        waivers=tuple(sorted(set(waivers))),
        warnings=(*unread, *warned, *_large(changes, resolution, live, manifest, baseline)),
        lock=locked(manifest, baseline),
        base=_compared(baseline, len(declarations), changes, resolution) if baseline else None,
    )
    return with_guards(plan, live, refused, reviewed=reviewed)


def organisations(manifest: Manifest, live: Live) -> dict[OrgId, str]:
    """Return the organisations of the declared live tokens, with their names, even if other declarations are wrong.

    Organisations that the run or the file excludes are left out.
    """
    tokens = [live.tokens[token_id] for token_id in declared_tokens(manifest, live)]
    asserted = manifest.server.org
    only = live.orgs_called(asserted) if asserted else None
    return {token.org_id: token.org for token in tokens if only is None or token.org_id in only}


def needs_list(manifest: Manifest, baseline: Baseline | None) -> bool:
    """Whether a plan may be about other live tokens than those that the files and the base declare by their ids."""
    return manifest.is_about_others or bool(baseline and baseline.manifest.is_about_others)


def _large(
    changes: Iterable[Change], resolution: Resolution, live: Live, manifest: Manifest, baseline: Baseline | None
) -> list[Problem]:
    """What to warn of as it is too large to be kept: only of the declared tokens where the plan is about no others."""
    if needs_list(manifest, baseline) or any(each.action is Action.DEACTIVATE for each in changes):
        return too_large(live.tokens.values(), live.missing)
    return too_large((each.token for each in resolution.wanted), {})


def _resolved(manifest: Manifest, live: Live, baseline: Baseline | None) -> Resolution:
    """The live tokens of the manifest, as the base would have them: none absent where it says so, all of its server."""
    if baseline is None:
        return resolve(manifest, live)
    base = baseline.manifest
    resolution = resolve(manifest._replace(absent=max(manifest.absent, base.absent, key=lambda each: each.rank)), live)
    hint = f"`server.org` at `{baseline.ref}` says so: change it in a change of its own"
    assert_org(base, live, resolution.wanted, hint)
    return resolution


def _changes(
    manifest: Manifest, live: Live, resolution: Resolution, declarations: Mapping[TokenId, Declaration]
) -> tuple[Change, ...]:
    """The changes that the wanted tokens need; what `declarations` of the base protect is so whatever the files say."""
    protected = {token_id for token_id, declared in declarations.items() if declared.protected}
    changes = Plan.in_order(change for each in resolution.wanted if (change := _change(each, protected)))
    assert_stable(manifest, live, changes)
    return changes


def _change(wanted: Wanted, protected: Container[TokenId]) -> Change | None:
    """The change that a wanted token needs, if any; tokens of `protected` are so whatever their declarations say."""
    declared, token = wanted.declaration, wanted.token
    status = None if declared.status == token.status else declared.status
    description = None if declared.description == token.description else declared.description
    if status is None and description is None:
        return None
    keys = {
        "": "",
        **({"status": "until" if declared.ended else "status"} if status else {}),
        **({} if description is None else {"description": "description"}),
    }
    return Change(
        token=token,
        status=status,
        description=description,
        name=declared.name,
        protected=declared.protected or token.id in protected,
        until=declared.ended if status else "",
        places={field: declared.origin.place(key) for field, key in keys.items()},
        labels=declared.labels,
    )


def _compared(baseline: Baseline, managed: int, changes: Sequence[Change], resolution: Resolution) -> Comparison:
    return Comparison(
        ref=baseline.ref,
        commit=baseline.commit,
        limits=baseline.manifest.limits,
        managed=managed,
        revisions=unshown(baseline.revisions, changes, resolution.wanted),
    )


def with_guards(plan: Plan, live: Live, refusals: Iterable[Refusal], *, reviewed: bool) -> Plan:
    """The plan with what the guards say of it and these refusals; the waived ones become warnings."""
    untold = [_UNTOLD] if live.untold else []
    plan = plan._replace(warnings=(*plan.warnings, *untold), knows_own=live.own_id is not None)
    return refused(plan, [*judge(plan, live, reviewed=reviewed), *refusals])


def refused(plan: Plan, found: Sequence[Refusal]) -> Plan:
    """The plan with these refusals beside its own; the waived ones become warnings."""
    waived = (
        each.problem._replace(message=f"guard `{each.guard}` is waived: {each.problem.message}", hint="")
        for each in found
        if each.guard in plan.waivers
    )
    return plan._replace(warnings=(*plan.warnings, *waived), refusals=(*plan.refusals, *_standing(plan, found)))


def rebase(saved: Plan, live: Live) -> Plan:
    """The saved plan over the live tokens as they are now, judged again.

    Raises StaleError with the reason for each token that is not as the plan found it.
    """
    problems = [problem for change in saved.changes if (problem := _why_stale(change, live))]
    if problems:
        raise StaleError(problems)
    current = tuple(change._replace(token=live.tokens[change.token.id]) for change in saved.changes)
    knows_own = live.own_id is not None
    plan = saved._replace(server=live.server, changes=current, live=live.total, knows_own=knows_own)
    # What only the manifest, a journal or evidence can tell, the saved plan itself has to.
    told = (Guard.UNMANAGED, Guard.MOVED, Guard.BASE, Guard.IN_USE)
    kept = [refusal for refusal in saved.refusals if refusal.guard in told]
    return plan._replace(refusals=_standing(plan, [*judge(plan, live, reviewed=True), *kept]))


def with_rights(plan: Plan, live: Live) -> Plan:
    """The plan with what each token may do, and who else writes the buckets of those that it deactivates."""
    after = {change.token.id: change.status for change in plan.changes if change.status}
    buckets = buckets_after([change.token for change in plan.doing(Action.DEACTIVATE)], after, live.everyone.values())
    # Of tokens that were read together, those with equal grants have the same ones.
    keys = [(id(each.token.grants), each.token.org, each.token.user_id) for each in plan.changes]
    rights = {key: rights_of(each.token) for key, each in dict(zip(keys, plan.changes, strict=True)).items()}
    changes = (
        each._replace(rights=rights[key], buckets=buckets.get(each.token.id, Some()))
        for key, each in zip(keys, plan.changes, strict=True)
    )
    return plan._replace(changes=tuple(changes))


def needs_own_user(plan: Plan, live: Live) -> bool:
    """Whether the guard `self` cannot judge these changes without knowing whose credentials the run has."""
    return live.own_id is None and live.own_user is None and any(change.may_be_own for change in plan.changes)


def deactivates_manager(plan: Plan) -> bool:
    """Whether the guard `min_managers` has something to judge: a token that counts as a manager is switched off."""
    return plan.min_managers > 0 and any(change.token.rights.manages_any for change in plan.doing(Action.DEACTIVATE))


def needs_others(plan: Plan, live: Live) -> bool:
    """Whether `min_managers` must also know the tokens of other organisations than the one that was listed."""
    return bool(live.org) and live.others is None and deactivates_manager(plan)


def unknown_owners(plan: Plan, live: Live) -> list[UserId]:
    """The users of whom `min_managers` must know next whether they are active, sorted; none when it knows enough."""
    return Managers(plan, live).unknown_owners() if deactivates_manager(plan) else []


def withheld(plan: Plan, live: Live) -> Mapping[TokenId, str]:
    """The tokens of the plan that may not be deactivated after all, as things are now, and why.

    `live` is what was read once the plan's other changes were made.
    """
    pending = plan.doing(Action.DEACTIVATE)
    found = {
        change.token.id: "it is no longer listed: whether enough others manage what it does is not known"
        for change in pending
        if change.token.rights.manages_any and change.token.id not in live.tokens
    }
    for shortage in Managers(plan._replace(changes=pending), live).shortages():
        found |= dict.fromkeys(shortage.lost, shortage.words)
    return found


def differences(planned: Token, live: Token) -> list[str]:
    """What changed since the token was read, in words, status and description first."""
    found = [(each.field, *apart(each.before or "", each.after or "")) for each in between(planned.values, live.values)]
    return [f"{field} was `{before}` and is `{after}`" for field, before, after in found]


def _standing(plan: Plan, refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    return tuple(refusal for refusal in refusals if refusal.guard not in plan.waivers)


def _why_stale(change: Change, live: Live) -> Problem | None:
    token = live.tokens.get(change.token.id)
    if token is None:
        missing = live.missing[change.token.id]
        reason = f"it is {missing.kind} now" + (f" ({missing.detail})" if missing.detail else "")
    elif not live.includes(token):
        reason = f"it is not of organisation `{live.org}`, to which this run is limited"
    else:
        changed = differences(change.token, token)
        if not changed:
            return None
        reason = "; ".join(changed)
    return Problem(f"{change.subject} is not as it was planned: {reason}", "make a new plan and review it")

"""The guards: what may refuse a plan over the live tokens, and what is warned about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.baseline import Baseline, excepts_more, selection_text
from reconciler.core.live import Absence, Elided, Live, Missing, Status, Token, TokenId
from reconciler.core.managers import Managers
from reconciler.core.manifest import Manifest, Severity, Share, Until
from reconciler.core.plan import Action, Change, Guard, Plan, Refusal
from reconciler.core.resolve import Index, Wanted
from reconciler.core.text import count, name_some, quoted, utc
from reconciler.errors import Problem, ProblemToken

_LARGE_DESCRIPTION = "its length and its SHA-256 stand for it: once it is replaced, `undo` cannot restore it"
_LARGE_RIGHTS = "for the guard `self` it may manage anything, for `min_managers` nothing while it stays"
_FIRST = " in a change of its own"
_SOON_S = 7 * 24 * 3600.0
_SHARE_COUNTS_FROM = 10  # managed tokens: below that, one token alone is a large share


def judge(plan: Plan, live: Live, *, reviewed: bool) -> Iterator[Refusal]:
    """Every guard's refusals of the plan, guard by guard; which of them are waived is for the caller.

    `reviewed` says that a person saw exactly this plan: on the terminal, as a file, or by its digest.
    """
    yield from _own_token(plan, live)
    if not reviewed:
        yield from _reactivation(plan)
    yield from _max_deactivations(plan)
    yield from _min_managers(plan, live)
    yield from _protected(plan)


def _own_token(plan: Plan, live: Live) -> Iterator[Refusal]:
    for change in plan.doing(Action.DEACTIVATE):
        token = change.token
        if token.is_own and token.proven is False:
            message = (
                "is the token that --self-id or TOKENCTL_SELF_ID names, although this run signs in with another one"
            )
            hint = "correct that, or allow it with `--allow self`"
        elif token.is_own:
            message = "is the token that this run signs in with: deactivating it locks you out"
            hint = "use another token for the run, or allow it with `--allow self`: it is then sent last"
        elif live.own_id is None and change.may_be_own and token.user_id == live.own_user:
            message = (
                "may be the token that this run signs in with: it has the same owner and may manage authorizations, "
                "and this server does not show which token is yours"
            )
            hint = "say which one is yours with `--self-id ID` or TOKENCTL_SELF_ID"
        else:
            continue
        yield _refused(Guard.SELF, change, f"{change.subject} {message}", hint)


def _reactivation(plan: Plan) -> Iterator[Refusal]:
    if activations := plan.doing(Action.ACTIVATE):
        message = (
            f"nobody reviewed this run, and it would activate {name_some([each.subject for each in activations])}: "
            "somebody may have switched that off on purpose"
        )
        hint = (
            "review the plan and apply it with `--expect DIGEST` or from `plan -o FILE`, or use `--allow reactivation`"
        )
        yield _refused(Guard.REACTIVATION, activations[0], message, hint)


def _max_deactivations(plan: Plan) -> Iterator[Refusal]:
    count, base = plan.count(Action.DEACTIVATE), plan.base
    limits = [(plan.limits.max_deactivations, plan.managed, "", "")]
    if base:
        # Of as many as the base manages, too: whoever declares more tokens must not raise what a share comes to.
        limits += [
            (base.limits.max_deactivations, managed, f" at `{base.ref}`", _FIRST)
            for managed in (plan.managed, base.managed)
        ]
    for limit, managed, by, how in limits:
        if _exceeds(count, limit, managed):
            most = f"{limit:,}" if isinstance(limit, int) else limit
            message = f"{count:,} of {managed:,} managed tokens would be deactivated: the limit is {most}{by}"
            hint = (
                f"apply in smaller steps with `--select`, raise `guards.max_deactivations`{how}, "
                "or use `--allow max_deactivations`"
            )
            yield Refusal(Guard.MAX_DEACTIVATIONS, Problem(message, hint))
            return


def _exceeds(count: int, limit: int | Share, managed: int) -> bool:
    if isinstance(limit, Share):
        return managed >= _SHARE_COUNTS_FROM and count * 100 > limit.percent * managed
    return count > limit


def _min_managers(plan: Plan, live: Live) -> Iterator[Refusal]:
    base = plan.base
    stricter = base and base.limits.min_managers > plan.limits.min_managers
    by, how = (f" at `{base.ref}`", _FIRST) if base and stricter else ("", "")
    for shortage in Managers(plan, live).shortages(by):
        lost = next(change for change in plan.changes if change.token.id in shortage.lost)
        hint = f"{shortage.hint}, lower `guards.min_managers`{how}, or use `--allow min_managers`"
        yield _refused(Guard.MIN_MANAGERS, lost, shortage.words, hint)


def _protected(plan: Plan) -> Iterator[Refusal]:
    for change in plan.doing(Action.DEACTIVATE):
        if change.protected:
            message = f"{change.subject} is protected and may not be deactivated"
            hint = "remove `protected: true` in a change of its own, or use `--allow protected`"
            yield _refused(Guard.PROTECTED, change, message, hint)


def _refused(guard: Guard, change: Change, message: str, hint: str) -> Refusal:
    return Refusal(guard, Problem(message, hint, change.places.get("status")))


def unmanaged(
    manifest: Manifest, baseline: Baseline | None, wanted: Sequence[Wanted], live: Live
) -> tuple[list[Problem], list[Refusal]]:
    """The warnings and the refusals, of the manifest and of the base where that is stricter or about more tokens."""
    policies = [(manifest, "name them in `except` of `unmanaged`, or write `unmanaged: ignore`")]
    if baseline:
        base = baseline.manifest
        weaker = manifest.unmanaged.rank < base.unmanaged.rank or excepts_more(manifest, base)
        same = manifest.server.org == base.server.org
        if weaker or (not same and manifest.server.org):
            all_of_it = same and manifest.unmanaged.rank <= base.unmanaged.rank and not excepts_more(base, manifest)
            hint = f"or change `unmanaged` of `{baseline.ref}` in a change of its own"
            policies = [*(() if all_of_it else policies), (base, hint)]
    found: dict[Severity, list[Problem]] = {each: [] for each in Severity}
    for policy, hint in policies:
        if policy.unmanaged is not Severity.IGNORE:
            found[policy.unmanaged] += _incomplete(live)
            if tokens := _undeclared(wanted, live, policy):
                message = f"no declaration names {count(len(tokens), 'live token')}"
                found[policy.unmanaged].append(_about(tokens, message, f"declare them, {hint}"))
    warned = [*found[Severity.WARN], *_excepting_nothing(manifest, live)]
    return warned, [Refusal(Guard.UNMANAGED, each) for each in found[Severity.FAIL]]


def _excepting_nothing(manifest: Manifest, live: Live) -> list[Problem]:
    """What to warn of about exceptions that find no live token: one that is written wrong, or of a token that is gone.

    Nothing in a run that sees only a part of the tokens.
    """
    if manifest.unmanaged is Severity.IGNORE or live.org or not manifest.excepted:
        return []
    index = Index(live.tokens.values())
    empty = [number for number, each in enumerate(manifest.excepted) if not index.picked(each, None)]
    if not empty:
        return []
    names = [selection_text(manifest.excepted[number]) for number in empty]
    message = f"{count(len(empty), 'exception')} of `unmanaged` {'finds' if len(empty) == 1 else 'find'} no live token"
    hint = "correct it, or remove it: a token that fits it one day would go unreported"
    return [Problem(f"{message}: {name_some(names)}", hint, manifest.places.get(f"unmanaged.except.{empty[0]}"))]


def _incomplete(live: Live) -> list[Problem]:
    """What a list that lacks tokens which can be read says of all others: they may be missing from it as well."""
    lacking = [token for each in live.unlisted if live.includes(token := live.tokens[each])]
    if not lacking:
        return []
    message = f"the list of tokens lacks {count(len(lacking), 'token')} that can be read by id"
    hint = "which tokens no declaration names cannot be told: plan again, with other credentials"
    return [_about(lacking, message, hint)]


def _undeclared(wanted: Sequence[Wanted], live: Live, policy: Manifest) -> list[Token]:
    managed = {each.token.id for each in wanted}
    if policy.excepted:
        index = Index(live.tokens.values())
        managed |= {token.id for each in policy.excepted for token in index.picked(each, None)}
    only = live.orgs_called(policy.server.org) if policy.server.org else None
    return [
        token
        for token in live.tokens.values()
        if token.id not in managed and live.includes(token) and (only is None or token.org_id in only)
    ]


def too_large(tokens: Iterable[Token], missing: Mapping[TokenId, Missing]) -> list[Problem]:
    """What to warn of when something of a token is too large to be kept."""
    tokens = list(tokens)
    unreadable = [
        f"{token_id} ({each.detail})" for token_id, each in sorted(missing.items()) if each.kind is Absence.UNREADABLE
    ]
    found = [
        ([each for each in tokens if isinstance(each.description, Elided)], "a description", _LARGE_DESCRIPTION),
        ([each for each in tokens if each.rights.unknown], "rights", _LARGE_RIGHTS),
    ]
    problems = [
        _about(some, f"{count(len(some), 'token')} with {what} too large to be kept", hint)
        for some, what, hint in found
        if some
    ]
    if unreadable:
        message = f"left out, as it cannot be read: {name_some(unreadable)}"
        problems.append(Problem(message, "look at it on the server"))
    return problems


def ending(wanted: Iterable[Wanted], live: Live) -> list[Problem]:
    """What to warn of about each `until` of an active token: it has passed by one clock only, or will within a week."""
    found: dict[int, tuple[Until, list[Wanted]]] = {}
    for each in wanted:
        declared = each.declaration
        if declared.until and (declared.status or each.token.status) is Status.ACTIVE:
            found.setdefault(id(declared), (declared.until, []))[1].append(each)
    latest = max(live.clocks, default=live.now)
    between = [some for until, some in found.values() if until.end <= latest]
    soon = [each for each in found.values() if latest < each[0].end <= live.now + _SOON_S]
    return [*([_unsure(between, live.clocks)] if between else []), *(_soon(*each, live.now) for each in soon)]


def _unsure(some: Sequence[Sequence[Wanted]], clocks: Sequence[float]) -> Problem:
    told = sorted(zip(clocks, ("this machine's", "the server's"), strict=True))
    not_yet, passed = (f"{whose} clock ({utc(moment)})" for moment, whose in told)
    message = f"`until` of {name_some(list(map(_called, some)))} has passed by {passed}, and not by {not_yet}"
    hint = "what it ends is switched off once it has passed by both: set the clock that is wrong"
    known = _known(each.token for group in some for each in group)
    return Problem(message, hint, some[0][0].declaration.origin.place("until"), known)


def _soon(until: Until, some: Sequence[Wanted], now: float) -> Problem:
    what = f"{_called(some)} {'is' if len(some) == 1 else 'are'} to be switched off"
    when = f"{'at' if 'T' in until.text else 'after'} {until.text}, in {_span(until.end - now)}"
    place = some[0].declaration.origin.place("until")
    return Problem(f"{what} {when}", "", place, _known(each.token for each in some))


def _called(some: Sequence[Wanted]) -> str:
    """Return what the tokens of a declaration are known by: its name, or else the one token."""
    first = some[0]
    if len(some) > 1:
        return f"{len(some):,} tokens of {quoted(first.declaration.name or '') or 'a `match`'}"
    return quoted(first.declaration.name or "") or first.token.subject


def _span(seconds: float) -> str:
    hours = int(seconds // 3600)
    return count(hours // 24, "day") if hours >= 24 else count(hours, "hour") if hours else "less than an hour"


def _about(tokens: Iterable[Token], message: str, hint: str) -> Problem:
    """Return a problem that names the first few of these tokens, by ascending id, and has all of them."""
    ordered = sorted(tokens, key=lambda token: token.id)
    return Problem(f"{message}: {name_some([_whose(each) for each in ordered])}", hint, tokens=_known(ordered))


def _known(tokens: Iterable[Token]) -> tuple[ProblemToken, ...]:
    return tuple(
        ProblemToken(
            id=each.id,
            status=each.status.value,
            description=str(each.description),
            org=each.org,
            user=each.user,
        )
        for each in sorted(tokens, key=lambda token: token.id)
    )


def _whose(token: Token) -> str:
    return f"{token.id} ({token.user})"

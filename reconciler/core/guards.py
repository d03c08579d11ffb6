"""Changes, manifests and live tokens in, refusals and warnings out; guards have the names that `--allow` takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.guard import Guard
from reconciler.core.live import Absence, Live, Missing
from reconciler.core.managers import Managers
from reconciler.core.manifest import Limits, Manifest, Severity, Share
from reconciler.core.plan import Action, Change, Comparison, Refusal
from reconciler.core.resolve import Wanted
from reconciler.core.revise import Baseline
from reconciler.core.text import count, name_some, shortened
from reconciler.core.token import Elided, Token, TokenId
from reconciler.errors import Problem

_FIRST = " in a change of its own"
_LABEL = 80  # characters of a name or of a description
_SHARE_COUNTS_FROM = 10  # managed tokens: below that, one token alone is a large share


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the guards judge: the changes among so many managed tokens, under these limits and those of the base."""

    changes: Sequence[Change]
    managed: int
    limits: Limits
    live: Live
    base: Comparison | None = None
    reviewed: bool  # a person saw exactly this plan: on the terminal, as a file, or by its digest

    def doing(self, action: Action) -> list[Change]:
        """The changes that do this."""
        return [change for change in self.changes if change.action is action]


def judge(case: Case) -> tuple[Refusal, ...]:
    """Every guard's refusals, guard by guard; which of them are waived is for the caller."""
    judges = (_own_token, _reactivation, _max_deactivations, _min_managers, _protected)
    return tuple(refusal for guard in judges for refusal in guard(case))


def may_be_own(change: Change) -> bool:
    """Whether the caller's own token could be this one, as far as its rights tell: it may manage authorizations.

    It cannot where the server shows another secret.
    """
    token = change.token
    return change.action is Action.DEACTIVATE and token.rights.may_manage and token.proven is not False


def _own_token(case: Case) -> Iterator[Refusal]:
    for change in case.doing(Action.DEACTIVATE):
        place = change.places.get("status")
        if change.token.is_own and change.token.proven is False:
            yield Refusal(
                Guard.SELF,
                Problem(
                    f"{label(change)} is the token that --self-id or TOKENCTL_SELF_ID names, although this run signs "
                    "in with another one",
                    "correct that, or allow it with `--allow self`",
                    place,
                ),
            )
        elif change.token.is_own:
            yield Refusal(
                Guard.SELF,
                Problem(
                    f"{label(change)} is the token that this run signs in with: deactivating it locks you out",
                    "use another token for the run, or allow it with `--allow self`: it is then sent last",
                    place,
                ),
            )
        elif case.live.own_id is None and may_be_own(change) and change.token.user_id == case.live.own_user:
            yield Refusal(
                Guard.SELF,
                Problem(
                    f"{label(change)} may be the token that this run signs in with: it has the same owner and may "
                    "manage authorizations, and this server does not show which token is yours",
                    "say which one is yours with `--self-id ID` or TOKENCTL_SELF_ID",
                    place,
                ),
            )


def _reactivation(case: Case) -> Iterator[Refusal]:
    activations = case.doing(Action.ACTIVATE)
    if case.reviewed or not activations:
        return
    yield Refusal(
        Guard.REACTIVATION,
        Problem(
            f"nobody reviewed this run, and it would activate {name_some([label(each) for each in activations])}: "
            "somebody may have switched that off on purpose",
            "review the plan and apply it with `--expect DIGEST` or from `plan -o FILE`, or use `--allow reactivation`",
            activations[0].places.get("status"),
        ),
    )


def _max_deactivations(case: Case) -> Iterator[Refusal]:
    count, base = len(case.doing(Action.DEACTIVATE)), case.base
    limits = [(case.limits.max_deactivations, case.managed, "", "")]
    if base:
        # Of as many as the base manages, too: whoever declares more tokens must not raise what a share comes to.
        limits += [
            (base.limits.max_deactivations, managed, f" at `{base.ref}`", _FIRST)
            for managed in (case.managed, base.managed)
        ]
    for limit, managed, by, how in limits:
        if _exceeds(count, limit, managed):
            yield Refusal(
                Guard.MAX_DEACTIVATIONS,
                Problem(
                    f"{count} of {managed} managed tokens would be deactivated: the limit is {limit}{by}",
                    f"apply in smaller steps with `--select`, raise `guards.max_deactivations`{how}, "
                    "or use `--allow max_deactivations`",
                ),
            )
            return


def _exceeds(count: int, limit: int | Share, managed: int) -> bool:
    if isinstance(limit, Share):
        return managed >= _SHARE_COUNTS_FROM and count * 100 > limit.percent * managed
    return count > limit


def _min_managers(case: Case) -> Iterator[Refusal]:
    least, base = case.limits.min_managers, case.base
    stricter = base and base.limits.min_managers > least
    by, how = (f" at `{base.ref}`", _FIRST) if base and stricter else ("", "")
    for shortage in managers(case).shortages(by):
        lost = next(change for change in case.changes if change.token.id in shortage.lost)
        hint = f"{shortage.hint}, lower `guards.min_managers`{how}, or use `--allow min_managers`"
        yield Refusal(Guard.MIN_MANAGERS, Problem(shortage.words, hint, lost.places.get("status")))


def managers(case: Case) -> Managers:
    """Who manages what before and after the case's changes, by the stricter of its limits."""
    least = max(each.limits.min_managers for each in (case, case.base) if each)
    return Managers(case.changes, case.live, least)


def _protected(case: Case) -> Iterator[Refusal]:
    for change in case.doing(Action.DEACTIVATE):
        if change.protected:
            yield Refusal(
                Guard.PROTECTED,
                Problem(
                    f"{label(change)} is protected and may not be deactivated",
                    "remove `protected: true` in a change of its own, or use `--allow protected`",
                    change.places.get("status"),
                ),
            )


def label(change: Change) -> str:
    """The change's token in words: its name and what that does not say of its description, both cut, and its id."""
    names = [f"`{shortened(change.name or change.token.description, _LABEL)}`"]
    if change.described:
        names.append(f"(`{shortened(change.described, _LABEL)}`)")
    return " ".join([*(names if names != ["``"] else []), change.token.id])


def unmanaged(
    manifest: Manifest, baseline: Baseline | None, wanted: Sequence[Wanted], live: Live
) -> tuple[list[Problem], list[Refusal]]:
    """The warnings and the refusals, of the manifest and of the base where that is stricter or about more tokens."""
    policies = [(manifest.unmanaged, manifest.server.org, "or write `unmanaged: ignore`")]
    if baseline:
        base = baseline.manifest
        weaker = manifest.unmanaged.rank < base.unmanaged.rank
        same = manifest.server.org == base.server.org
        if weaker or (not same and manifest.server.org):
            hint = f"or change `unmanaged` of `{baseline.revised.ref}` in a change of its own"
            policies = [*(() if same else policies), (base.unmanaged, base.server.org, hint)]
    warnings: list[Problem] = []
    refusals: list[Refusal] = []
    for severity, org, hint in policies:
        names, problems = _names(wanted, live, org), _incomplete(live)
        if names:
            message = f"no declaration names {count(len(names), 'live token')}: {name_some(names)}"
            problems.append(Problem(message, f"declare them, {hint}"))
        if severity is Severity.FAIL:
            refusals += [Refusal(Guard.UNMANAGED, problem) for problem in problems]
        elif severity is Severity.WARN:
            warnings += problems
    return warnings, refusals


def _incomplete(live: Live) -> list[Problem]:
    """What a list that lacks tokens which can be read says of all others: they may be missing from it as well."""
    lacking = sorted(each for each in live.unlisted if live.includes(live.tokens[each]))
    if not lacking:
        return []
    message = f"the list of tokens lacks {count(len(lacking), 'token')} that can be read by id: {name_some(lacking)}"
    return [Problem(message, "which tokens no declaration names cannot be told: plan again, with other credentials")]


def _names(wanted: Sequence[Wanted], live: Live, asserted: str | None) -> list[str]:
    managed = {each.token.id for each in wanted}
    only = live.orgs_called(asserted) if asserted else None
    found = [
        token
        for token in live.tokens.values()
        if token.id not in managed and live.includes(token) and (only is None or token.org_id in only)
    ]
    return [f"{token.id} ({token.user})" for token in sorted(found, key=lambda token: token.id)]


def too_large(tokens: Iterable[Token], missing: Mapping[TokenId, Missing]) -> list[Problem]:
    """What to warn of when something of a token is too large to be kept."""
    tokens = sorted(tokens, key=lambda token: token.id)
    found = [
        (
            [token for token in tokens if isinstance(token.description, Elided)],
            "with a description too large to be kept",
            "its length and its SHA-256 stand for it: once it is replaced, `undo` cannot restore it",
        ),
        (
            [token for token in tokens if token.rights.unknown],
            "with rights too large to be kept",
            "for the guard `self` it may manage anything, for `min_managers` nothing while it stays",
        ),
    ]
    unreadable = [
        f"{token_id} ({each.detail})" for token_id, each in sorted(missing.items()) if each.kind is Absence.UNREADABLE
    ]
    problems = [
        Problem(
            f"{count(len(some), 'token')} {what}: {name_some([f'{token.id} ({token.user})' for token in some])}", hint
        )
        for some, what, hint in found
        if some
    ]
    if unreadable:
        problems.append(Problem(f"left out, as it cannot be read: {name_some(unreadable)}", "look at it on the server"))
    return problems

"""Manifests and the live tokens in, what is said of tokens that no declaration names, or that are too large, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.baseline import Baseline
from reconciler.core.guard import Guard
from reconciler.core.live import Absence, Live, Missing
from reconciler.core.manifest import Manifest, Severity
from reconciler.core.plan import Refusal
from reconciler.core.resolve import Wanted
from reconciler.core.text import count, name_some
from reconciler.core.token import Elided, Token, TokenId
from reconciler.errors import Problem


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
            hint = f"or change `unmanaged` of `{baseline.ref}` in a change of its own"
            policies = [*(() if same else policies), (base.unmanaged, base.server.org, hint)]
    warnings: list[Problem] = []
    refusals: list[Refusal] = []
    for severity, org, hint in policies:
        names = _names(wanted, live, org)
        if names and severity is not Severity.IGNORE:
            message = f"no declaration names {count(len(names), 'live token')}: {name_some(names)}"
            problem = Problem(message, f"declare them, {hint}")
            if severity is Severity.FAIL:
                refusals.append(Refusal(Guard.UNMANAGED, problem))
            else:
                warnings.append(problem)
    return warnings, refusals


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
            "for the guard `self` it may manage anything, for `min_managers` nothing",
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

"""Manifests and the live tokens in, what `unmanaged` says of those that no declaration names out."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.baseline import Baseline
from reconciler.core.guard import Guard
from reconciler.core.live import Live
from reconciler.core.manifest import Manifest, Severity
from reconciler.core.plan import Refusal
from reconciler.core.resolve import Wanted
from reconciler.core.text import count, name_some
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

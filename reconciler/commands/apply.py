"""`tokenctl apply`: plans or reads a plan, and has it agreed to and sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.live import Live, OrgId, Token, TokenId
from reconciler.core.manifest import is_manifest
from reconciler.core.plan import Plan
from reconciler.core.planner import rebase
from reconciler.documents.plan import is_plan, load_plan
from reconciler.errors import ExitCode, StaleError, UsageError
from reconciler.session import sending, sources
from reconciler.session.connection import check
from reconciler.session.context import Context
from reconciler.session.planning import Source
from reconciler.session.sources import Sources
from reconciler.settings import Flags, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What was asked for. A file that holds a saved plan, whatever it is called, stands alone; others are manifests."""

    sources: Sources
    flags: Flags
    consent: sending.Consent


@dataclass(frozen=True, slots=True)
class _Saved:
    """A source of plans: a saved one, which has to hold over the live tokens."""

    saved: Plan
    files: Sequence[str]

    @property
    def locks(self) -> bool:
        return self.saved.lock

    def orgs(self, _: Callable[[], Live]) -> Mapping[OrgId, str]:
        return {change.token.org_id: change.token.org for change in self.saved.changes}

    def unlisted(self, listed: Mapping[TokenId, Token]) -> Iterable[TokenId]:
        return sorted({change.token.id for change in self.saved.changes} - listed.keys())

    def plan(self, live: Live) -> Plan:
        return rebase(self.saved, live)

    def explained(self, plan: Plan, _: Live) -> Plan:
        return plan


def run(request: ApplyRequest, context: Context) -> ExitCode:
    """Send what the plan shows, if every guard and whoever is asked agrees.

    Raises the errors of reading and planning, LockedError, StaleError, RefusedError and CancelledError: all before any
    PATCH.
    """
    sending.check_digest(request.consent)
    find = _saved if _is_saved(request) else _declared
    return sending.plan_and_send(
        lambda settings: find(request, settings, context), request.flags, request.consent, context
    )


def _is_saved(request: ApplyRequest) -> bool:
    """Whether a saved plan is to be applied. Raises UsageError for one that may not be."""
    wanted, consent = request.sources, request.consent
    # With a base nothing is read before it is known where it stands, and no plan can be meant.
    known = is_plan if wanted.base is None else lambda path: path.suffix == ".json"
    plans = [file for file in wanted.files if file != "-" and known(Path(file))]
    if not plans:
        return False
    if len(wanted.files) > 1:
        raise UsageError("a saved plan stands alone: name one, or only manifests")
    if wanted.select or wanted.allow or wanted.base is not None:
        raise UsageError(
            "--select, --allow and --base are part of a saved plan and cannot be added to it",
            "give them to `tokenctl plan -o FILE`, and have that plan reviewed",
        )
    # A change of a manifest could make a plan of it, with guards waived that no manifest can waive.
    if is_manifest(Path(plans[0]).name) and consent.yes and not consent.expect:
        message = f"{plans[0]} is a saved plan that is called like a manifest, and nobody is asked"
        raise UsageError(message, "say which plan was reviewed with `--expect DIGEST`, or call it `plan.json`")
    return True


def _saved(request: ApplyRequest, settings: Settings, _: Context) -> Source:
    (file,) = request.sources.files
    saved = load_plan(Path(file))
    if saved.server.url != settings.endpoint.url:
        raise StaleError(
            f"the plan is for {saved.server.url}, but this run would talk to {settings.endpoint.url}",
            "set INFLUX_HOST or --url accordingly, or make a new plan",
        )
    return _Saved(saved, (file,))


def _declared(request: ApplyRequest, settings: Settings, context: Context) -> Source:
    reviewed = bool(request.consent.expect) or not request.consent.yes
    declared = sources.read(request.sources, context, reviewed=reviewed)
    check(declared.manifest, declared.baseline, settings)
    return declared

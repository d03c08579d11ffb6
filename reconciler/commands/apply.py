"""`tokenctl apply`: plans or reads a plan, and has it agreed to and sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.baseline import locked
from reconciler.core.manifest import is_manifest
from reconciler.core.plan import Plan
from reconciler.core.token import OrgId
from reconciler.documents.plan import is_plan, load_plan
from reconciler.errors import ExitCode, Problem, StaleError, UsageError
from reconciler.render import text
from reconciler.session import events, journals, locking, planning, sending, sources
from reconciler.session.connection import Connection, check, connected, resolve
from reconciler.session.context import Context
from reconciler.session.events import Events
from reconciler.session.sources import Sources
from reconciler.settings import Flags, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What was asked for. A file that holds a saved plan, whatever it is called, stands alone; others are manifests."""

    sources: Sources
    flags: Flags
    consent: sending.Consent


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the plan comes from: the files it is from, and how to make it over the live tokens.

    `locks` says whether it asks for a lock, `orgs` whose.
    """

    files: Sequence[str]
    plan: Callable[[Connection], Plan]
    locks: bool
    orgs: Callable[[Connection], Mapping[OrgId, str]]


def run(request: ApplyRequest, context: Context) -> ExitCode:
    """Send what the plan shows, if every guard and whoever is asked agrees.

    Raises the errors of reading and planning, LockedError, StaleError, RefusedError and CancelledError: all before any
    PATCH.
    """
    sending.check_digest(request.consent)
    find = _saved if _is_saved(request) else _declared
    return events.streamed(request.consent.json, context, lambda told: _apply(request, find, told, context))


def _apply(
    request: ApplyRequest,
    find: Callable[[ApplyRequest, Settings, Context], _Source],
    told: Events | None,
    context: Context,
) -> ExitCode:
    settings = resolve(request.flags, context)
    source = find(request, settings, context)
    with connected(settings, context, sends=True) as connection:
        wait = request.consent.lock
        orgs = source.orgs(connection) if source.locks or wait is not None else None
        with locking.held(orgs, wait or 0.0, connection, context) as locks:
            journals.tell_interrupted(journals.folder_of(request.consent.journal, context), connection, context)
            read_at = context.moment()
            plan = source.plan(connection)
            locks.demand(plan)
            if told:
                told.plan(plan)
            else:
                context.show(text.plan(plan, colour=context.colour))
            proposal = sending.Proposal(
                plan=plan, files=source.files, read_at=read_at, events=told, before_own=locks.release
            )
            return sending.agree_and_send(proposal, connection, request.consent, context)


def _is_saved(request: ApplyRequest) -> bool:
    """Whether a saved plan is to be applied. Raises UsageError for one that may not be."""
    wanted, consent = request.sources, request.consent
    # With a base nothing is read before it is known where it stands, and no plan can be meant.
    known = is_plan if wanted.base is None else lambda path: path.suffix == ".json"
    plans = [file for file in wanted.files if file != "-" and known(Path(file))]
    if not plans:
        return False
    if len(wanted.files) > 1:
        raise UsageError(Problem("a saved plan stands alone: name one, or only manifests"))
    if wanted.select or wanted.allow or wanted.base is not None:
        raise UsageError(
            Problem(
                "--select, --allow and --base are part of a saved plan and cannot be added to it",
                "give them to `tokenctl plan -o FILE`, and have that plan reviewed",
            )
        )
    # A change of a manifest could make a plan of it, with guards waived that no manifest can waive.
    if is_manifest(Path(plans[0]).name) and consent.yes and not consent.expect:
        message = f"{plans[0]} is a saved plan that is called like a manifest, and nobody is asked"
        raise UsageError(Problem(message, "say which plan was reviewed with `--expect DIGEST`, or call it `plan.json`"))
    return True


def _saved(request: ApplyRequest, settings: Settings, _: Context) -> _Source:
    (file,) = request.sources.files
    saved = load_plan(Path(file))
    if saved.server.url != settings.endpoint.url:
        raise StaleError(
            Problem(
                f"the plan is for {saved.server.url}, but this run would talk to {settings.endpoint.url}",
                "set INFLUX_HOST or --url accordingly, or make a new plan",
            )
        )
    return _Source(
        files=(file,),
        plan=lambda connection: planning.rebase(saved, connection),
        locks=saved.lock,
        orgs=lambda _: {change.token.org_id: change.token.org for change in saved.changes},
    )


def _declared(request: ApplyRequest, settings: Settings, context: Context) -> _Source:
    declared = sources.read(request.sources, context)
    check(declared.manifest, declared.baseline, settings)
    reviewed = bool(request.consent.expect) or not request.consent.yes
    allow = request.sources.allow
    return _Source(
        files=declared.files,
        plan=lambda connection: planning.draft_declared(declared, connection, allow, context, reviewed=reviewed),
        locks=locked(declared.manifest, declared.baseline),
        orgs=lambda connection: planning.organisations(declared.manifest, connection),
    )

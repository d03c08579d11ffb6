"""`tokenctl undo`: makes the plan that undoes a run, and has it agreed to and sent when it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.guard import Guard
from reconciler.errors import ExitCode, Problem, UsageError
from reconciler.render import runs
from reconciler.render.formats import PlanFormat
from reconciler.session import events, journals, locking, outputs, planning, sending
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.events import Events
from reconciler.settings import Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """What was asked for.

    `journal` is that of the run to undo, "" for the newest. `send` says to apply the plan; else it is only written, as
    `form`, `out` ("" for none) and `outputs` say: see `session.outputs.parse`.
    """

    journal: str
    flags: Flags
    allow: Sequence[Guard] = ()
    form: PlanFormat | None = None
    out: str = ""
    outputs: Sequence[str] = ()
    send: bool = False
    consent: sending.Consent


def run(request: UndoRequest, context: Context) -> ExitCode:
    """Plan, and show or send that. REFUSED when a guard refuses.

    Raises the errors of choosing a journal, of reading and planning, and, before any PATCH, those of sending.
    """
    _check(request)
    return events.streamed(request.consent.json, context, lambda told: _undo(request, told, context))


def _undo(request: UndoRequest, told: Events | None, context: Context) -> ExitCode:
    consent, wanted = request.consent, outputs.parse(request.outputs, request.form, request.out)
    settings = resolve(request.flags, context)
    folder = journals.folder_of(consent.journal, context)
    past = journals.chosen(request.journal, folder, settings.endpoint.url, context)
    wanted.check([str(past.path)])
    context.say(runs.undoing(past.run, str(past.path)))
    reviewed = not request.send or bool(consent.expect) or not consent.yes
    locked = consent.lock is not None or (request.send and past.run.lock)
    orgs = {each.change.token.org_id: each.change.token.org for each in past.run.effective} if locked else None
    with (
        connected(settings, context, sends=request.send) as connection,
        locking.held(orgs, consent.lock or 0.0, connection, context) as locks,
    ):
        if request.send:
            journals.tell_interrupted(folder, connection, context)
        read_at = context.moment()
        plan = planning.reverse(past.run, connection, request.allow, reviewed=reviewed)
        locks.demand(plan)
        if told:
            told.plan(plan)
        else:
            wanted.write_plan(plan, context)
        if request.send:
            proposal = sending.Proposal(
                plan=plan, files=[str(past.path)], read_at=read_at, events=told, before_own=locks.release
            )
            return sending.agree_and_send(proposal, connection, consent, context)
    return ExitCode.REFUSED if plan.refusals else ExitCode.OK


def _check(request: UndoRequest) -> None:
    if request.send:
        sending.check_digest(request.consent)
        if request.form or request.out or request.outputs:
            raise UsageError(
                Problem(
                    "--format, --output and --out are for a plan to look at, and --apply sends it",
                    "save it with `-o FILE`, and `tokenctl apply FILE` once it was reviewed",
                )
            )
    elif request.consent.yes or request.consent.expect or request.consent.lock is not None:
        what = "--yes, --expect, --lock and --json"
        raise UsageError(Problem(f"{what} are about sending, and nothing is sent without --apply"))

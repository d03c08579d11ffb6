"""`tokenctl undo`: makes the plan that undoes a run and, with --apply, sends it once it is agreed to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING

from reconciler.apply.journal import LoadedJournal
from reconciler.core import reversal
from reconciler.core.live import Live
from reconciler.core.manifest import Manifest
from reconciler.core.outcome import Run
from reconciler.core.plan import Action, Guard, Plan
from reconciler.errors import ExitCode, UsageError
from reconciler.render import text
from reconciler.render.formats import DRAWN, PlanFormat
from reconciler.session import journals, outputs, reading
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.outputs import Outputs
from reconciler.session.planning import Source, plan_from
from reconciler.session.sending import SendingOptions, plan_and_send
from reconciler.settings import Flags, Settings

if TYPE_CHECKING:  # most runs are on one server
    from reconciler.session.fleet_sending import Sendable

_DECLARED = "the files may still declare what was undone: plan them before the next apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """What was asked for.

    `journals` is that of the run to undo, none for the newest, or those of several servers of a fleet. `deactivated`
    leaves out what that run did not switch off. `send` says to apply the plan, and `form` how to tell that; else it is
    only written, as `form`, `out` ("" for none) and `outputs` say: see `session.outputs.parse`.
    """

    journals: Sequence[str] = ()
    flags: Flags
    allow: Sequence[Guard] = ()
    form: PlanFormat | None = None
    out: str = ""
    outputs: Sequence[str] = ()
    send: bool = False
    sending: SendingOptions
    deactivated: bool = False


def run(request: UndoRequest, context: Context) -> ExitCode:
    """Make the plan, and show or send it; return the exit code, REFUSED for a plan that is refused and only shown.

    Raises the errors of choosing a journal, of reading and planning, and, before any PATCH, those of sending.
    """
    sending = _checked(request)
    wanted = outputs.parse(request.outputs, request.form, request.out)
    wanted.limit(DRAWN, "is of `plan`, which looks at what files declare")
    if len(request.journals) > 1:
        return _fleet(request, wanted, sending, context)
    if request.send:
        code = plan_and_send(partial(_reversal, request, wanted, context), request.flags, sending, context)
        context.streams.say(_DECLARED)
        return code
    settings = resolve(request.flags, context)
    source = _reversal(request, wanted, context, settings)
    with connected(settings, context) as connection:
        return wanted.write_plan(plan_from(source, connection), source.files, context)


def _fleet(request: UndoRequest, wanted: Outputs, sending: SendingOptions, context: Context) -> ExitCode:
    """Show or send the plan that undoes the runs on several servers."""
    from reconciler.session import fleet_outputs, fleet_sending

    find = partial(_several, request, wanted, context)
    if request.send:
        code = fleet_sending.plan_and_send(find, sending, context)
        context.streams.say(_DECLARED)
        return code
    fleet_outputs.check_formats(wanted)
    found = find()
    return fleet_outputs.write(wanted, found.fleet, found.files, context)


def _several(request: UndoRequest, wanted: Outputs, context: Context) -> Sendable:
    """Read the journals, and plan the servers that these name."""
    from reconciler.session import fleet
    from reconciler.session.fleet_sending import Sendable

    found = journals.of_fleet(request.journals)
    settings = fleet.settings_for({name: each.run.server.url for name, each in found.items()}, request.flags, context)
    wanted.check(request.journals, context, request.flags)
    plannable = []
    for name, each in found.items():
        speaking = context._replace(streams=context.streams._replace(speaker=name))
        plannable.append(fleet.Plannable(name, settings[name], _source(each, request, speaking)))
    files = {name: (str(each.path),) for name, each in found.items()}
    return Sendable(fleet.plan_each(plannable, context), settings, files)


def _reversal(request: UndoRequest, wanted: Outputs, context: Context, settings: Settings) -> Source:
    """Find the run to undo, say which it is, and return it as a source of plans."""
    folder = journals.folder_of(request.sending.journal, context)
    loaded = journals.find_journal("".join(request.journals), folder, settings.endpoint.url, context)
    wanted.check([str(loaded.path)], context, request.flags)
    return _source(loaded, request, context)


def _source(loaded: LoadedJournal, request: UndoRequest, context: Context) -> Source:
    """Say which run is undone, and return what undoes it."""
    run, file = loaded.run, str(loaded.path)
    if request.deactivated:
        run = reversal.only_deactivated(run)
    context.streams.say(text.undoing(run, file))
    reviewed = not request.send or request.sending.reviewed
    only = " --deactivated" if request.deactivated else ""
    return Source(
        files=(file,),
        locks=run.lock,
        orgs=lambda _: {each.change.token.org_id: each.change.token.org for each in run.effective},
        ids=[each.change.token.id for each in run.entries],
        needs_list=any(each.change.action is Action.ACTIVATE for each in run.entries),
        plan=lambda live: reversal.reverse(run, live, request.allow, reviewed=reviewed),
        explained=partial(_explained, run, context),
        again=f"Run `tokenctl undo {quote(file)}{only} --apply` to go on: what is done is no longer in the plan.",
    )


def _explained(run: Run, context: Context, plan: Plan, about: Callable[[Manifest], Live]) -> Plan:
    """The plan with what the run's files, if they are still there, declare otherwise."""
    manifest = reading.manifest_there(run.files, context) if plan.changes else None
    return reversal.still_declared(plan, manifest, about(manifest)) if manifest else plan


def _checked(request: UndoRequest) -> SendingOptions:
    """How the plan is sent, and its run told, when it is. Raises UsageError for options that are not for that."""
    if request.send:
        hint = "save it with `-o FILE`, and `tokenctl apply FILE` once it was reviewed"
        if request.out or request.outputs:
            raise UsageError("--output and --out are for a plan to look at, and --apply sends it", hint)
        if request.form not in (None, PlanFormat.TEXT, PlanFormat.JSON):
            raise UsageError(
                f"the format {request.form} is for a plan to look at; --apply tells `text` or `json`", hint
            )
        return request.sending.as_events() if request.form is PlanFormat.JSON else request.sending
    if request.sending.yes or request.sending.expect or request.sending.lock is not None:
        raise UsageError("--yes, --expect and --lock are about sending, and nothing is sent without --apply")
    return request.sending

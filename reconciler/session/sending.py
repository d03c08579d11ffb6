"""Plans from a source, and sends that once it is agreed to. The only module that makes a Writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from reconciler.apply.executor import canary, execute
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Pacing
from reconciler.apply.parts import Parts
from reconciler.core import planner
from reconciler.core.live import TokenId
from reconciler.core.outcome import Outcome, Provenance
from reconciler.core.plan import Action, Guard, Plan
from reconciler.core.text import count, name_some
from reconciler.documents.journal import header_line
from reconciler.errors import ExitCode, RefusedError, StaleError, UnreachableError, UsageError
from reconciler.influx.writer import Writer
from reconciler.render.escape import line
from reconciler.session import planning
from reconciler.session.connection import Connection, connected, resolve
from reconciler.session.context import Context
from reconciler.session.journals import FleetRun, folder_of, interrupted_runs, provenance_of, tell_interrupted
from reconciler.session.locking import Locks, held
from reconciler.session.planning import PLAN_AGAIN, Source
from reconciler.session.report import Outlet, Report, reported
from reconciler.settings import Flags, Settings


class SendingOptions(NamedTuple):
    """The options of sending: who agrees to a plan, how it is sent, and how its run is reported.

    `expect` is the digest that was reviewed, "" for none; `yes` agrees without being asked; `journal` is the folder for
    the journal, "" for the user's own. `lock` is how many seconds to wait for the locks of others, None to take none
    unless the plan's source asks for it. `json` reports the run as events.
    """

    expect: str = ""
    yes: bool = False
    journal: str = ""
    pacing: Pacing = Pacing()
    lock: float | None = None
    json: bool = False

    def as_events(self) -> SendingOptions:
        """The same for a run that is told as events; raises UsageError where somebody would be asked meanwhile."""
        if not self.yes:
            hint = "agree beforehand with `--yes`, best to a plan that was reviewed: `apply PLAN`, or `--expect DIGEST`"
            raise UsageError("`--format json` leaves no room for a question", hint)
        return self._replace(json=True)

    @property
    def reviewed(self) -> bool:
        """Whether a person sees or saw this very plan before it is sent."""
        return bool(self.expect) or not self.yes


def plan_and_send(
    find: Callable[[Settings], Source], flags: Flags, options: SendingOptions, context: Context
) -> ExitCode:
    """Plan over the live tokens, show the plan and, once guards and user agree, send it; return the run's exit code.

    `find` returns the source of the plan. Raises what `find` raises, the errors of planning, LockedError, StaleError,
    RefusedError and CancelledError: all before any PATCH.
    """
    report = Report(context, Outlet(context) if options.json else None)
    with reported(report, context), nothing_sent():
        settings = resolve(flags, context)
        source = find(settings)
        send_to(settings, source, options, report, context)
    return report.code


def send_to(
    settings: Settings,
    source: Source,
    options: SendingOptions,
    report: Report,
    context: Context,
    whole: FleetRun | None = None,
) -> None:
    """Send the plan of a source to one server, as `plan_and_send` says; `whole` is the fleet's run it belongs to."""
    folder = folder_of(options.journal, context)
    with connected(settings, context, sends=True) as server, _locked(source, options, server, context) as locks:
        url = settings.endpoint.url
        found = whole.interrupted if whole else interrupted_runs(folder, frozenset([url]), context)
        tell_interrupted(found.get(url, ()), server, context)
        read_at = context.moment()
        plan = planning.plan_from(source, server)
        locks.check(plan)
        report.plan(plan, source.files)
        _agree(plan, options, context)
        if plan.changes:
            context.interrupt.defer()  # from here on a signal ends the run in good order
            context.collect_garbage()  # from here on it takes as long as the server does
            provenance = provenance_of(plan, source.files, context, whole)
            report.sending()
            parts = Parts(
                reader=server.reader,
                writer=Writer(server.transport, server.retries),
                retries=server.retries,
                journal=Journal.create(folder, provenance.run),
                surroundings=context,
                read_at=read_at,
                pacing=options.pacing,
                observers=[report],
                before_own=locks.release,
                withheld=_withheld(plan, server),
                speed=lambda: server.reader.speed,
            )
            report.outcome(send(plan, provenance, parts, context.streams.say), _again(source, options))


def saved_source(saved: Plan, files: Sequence[str]) -> Source:
    """Return a plan that was made before, from these files, as a source: it is held against the tokens as they are."""
    return Source(
        files=files,
        locks=saved.lock,
        orgs=lambda _: {change.token.org_id: change.token.org for change in saved.changes},
        ids=[change.token.id for change in saved.changes],
        needs_list=bool(saved.count(Action.DEACTIVATE)),
        plan=lambda live: planner.rebase(saved, live),
        again=PLAN_AGAIN,
    )


@contextmanager
def nothing_sent() -> Iterator[None]:
    """Let an error of a server that does not answer say that nothing was sent: it is raised before anything is."""
    try:
        yield
    except UnreachableError as error:
        first = error.problems[0]
        known = first.message.startswith("nothing was sent")
        hint = f"{first.hint}; run it again to go on".removeprefix("; ")
        error.problems = (
            first._replace(message=first.message if known else f"nothing was sent: {first.message}", hint=hint),
        )
        raise


def _again(source: Source, options: SendingOptions) -> str:
    """How a run that did not come to its end goes on; what was reviewed is another plan then."""
    return source.again + (" Its digest is another one then: have that reviewed." if options.expect else "")


def _locked(
    source: Source, options: SendingOptions, connection: Connection, context: Context
) -> AbstractContextManager[Locks]:
    """Return a context that holds the locks that the plan's source or the options ask for, if any."""
    wanted = source.locks or options.lock is not None
    orgs = source.orgs(lambda: planning.Reads(source, connection).named()) if wanted else None
    return held(orgs, options.lock or 0.0, connection, context)


def send(plan: Plan, provenance: Provenance, parts: Parts, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Send the changes of a plan that was agreed to, and return the results. Closes the journal.

    All parts are handed in, so that tests and benchmarks can bring their own. Raises LocalError, with nothing sent,
    when the journal's header cannot be written.
    """
    try:
        parts.journal.write(header_line(plan, provenance))
        if first := canary(plan, parts.pacing.canary):
            names = line(name_some([each.subject for each in first]))
            say(f"Canary: {names}; the rest follows when that is read back")
        return execute(plan, parts)
    finally:
        parts.journal.close()


def _agree(plan: Plan, options: SendingOptions, context: Context) -> None:
    """Return once the plan may be sent, which may ask the user.

    Raises StaleError for another digest than the reviewed one, RefusedError for refusals, CancelledError without a yes.
    """
    if options.expect and options.expect != plan.digest:
        raise StaleError(
            f"this is not the plan that was reviewed: its digest is {plan.digest}, not {options.expect}",
            "somebody changed the file, the tokens or the waivers since; review the plan above",
        )
    if guards := sorted({f"`{refusal.guard}`" for refusal in plan.refusals}):
        raise RefusedError(f"nothing was sent: refused by {', '.join(guards)}", "each way out is named above")
    if plan.changes and not options.yes:
        context.streams.confirm(f"Send {count(len(plan.changes), 'change')} to {plan.server.url}?", "nothing was sent")


def _withheld(plan: Plan, connection: Connection) -> Callable[[], Mapping[TokenId, str]] | None:
    """Return what judges the deactivations by `min_managers` before they begin, None when that is not needed."""
    if Guard.MIN_MANAGERS in plan.waivers or not planner.deactivates_manager(plan):
        return None
    return lambda: planning.withheld(plan, connection)

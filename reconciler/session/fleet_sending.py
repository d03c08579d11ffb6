"""Sends the plans of a fleet once they are agreed to: to the first server alone, then to eight at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.work import Pool
from reconciler.core import fleet as core
from reconciler.core.fleet import Fleet, Planned, Ran, Skipped
from reconciler.core.outcome import Outcome, ResultStatus
from reconciler.core.plan import Plan
from reconciler.core.text import count
from reconciler.errors import ExitCode, LocalError, Problem, StaleError
from reconciler.render import fleet as drawn
from reconciler.render import json, words
from reconciler.session.context import Context
from reconciler.session.fleet import attempted, tls_for, turn_of
from reconciler.session.journals import FleetRun, folder_of, interrupted_runs, stem_of
from reconciler.session.places import named_plan, published
from reconciler.session.planning import RUN_AGAIN
from reconciler.session.report import Outlet, Report, reported
from reconciler.session.sending import SendingOptions, nothing_sent, saved_source, send_to
from reconciler.settings import Settings


class Sendable(NamedTuple):
    """The plans of a fleet, with the settings of each server that is sent to, and the files of each plan.

    `again` is said of how to go on after a run that did not end well.
    """

    fleet: Fleet
    settings: Mapping[str, Settings]
    files: Mapping[str, Sequence[str]]
    again: str = RUN_AGAIN


def plan_and_send(find: Callable[[], Sendable], options: SendingOptions, context: Context) -> ExitCode:
    """Show the plans and, once guards and user agree, send them; return the run's exit code.

    Nothing is sent anywhere while a server cannot be planned for another reason than that it is unreachable. Raises
    what `find` raises, StaleError for another digest than the reviewed one, and CancelledError.
    """
    report = _FleetReport(context, Outlet(context) if options.json else None)
    with reported(report, context):
        found = find()
        report.plan(found)
        if found.fleet.blocking:
            report.keep(found.fleet)
        else:
            _agree(found.fleet, options, context)
            if found.fleet.changing:
                context.interrupt.defer()  # from here on a signal ends the run in good order
                context.collect_garbage()
                _Run(found, options, report, context).send()
                report.outcome()
    return report.code


class _ServerReport(Report):
    """Tells of the run of one server, whose plan was shown before."""

    def __init__(self, planned: Planned, outlet: Outlet | None, context: Context) -> None:
        super().__init__(context, outlet)
        self._plan = planned.plan
        self._name = planned.name

    def plan(self, plan: Plan, files: Sequence[str]) -> None:
        """Show nothing: it is what was shown."""

    @property
    def result(self) -> Outcome | None:
        """What came of the run, None when it did not come that far."""
        return self._outcome

    def _tell(self, event: Callable[..., str], *about: object) -> None:
        super()._tell(lambda *told: json.of_server(event(*told), self._name), *about)


class _FleetReport:
    """Tells of a run that sends to the servers of a fleet: as events where these are wanted, else as text."""

    def __init__(self, context: Context, outlet: Outlet | None) -> None:
        self.outlet = outlet
        self.ran: list[Ran] = []
        self._fleet = Fleet(members=())
        self._journals = self._again = ""
        self._problems: tuple[Problem, ...] = ()
        self._context = context

    @property
    def codes(self) -> Sequence[ExitCode]:
        """What the servers that were begun ended with, in this order."""
        return [each.code for each in self.ran]

    @property
    def code(self) -> ExitCode:
        """What the run exits with, unless an error ends it."""
        codes = [each.code for each in self._fleet.members]
        cut = [self._context.interrupt.exit_code] if self._context.interrupt.came and self._left else []
        return core.ended([*codes, *self.codes, *cut], sent=any(each.sent for each in self.ran))

    @property
    def _left(self) -> Sequence[Planned]:
        begun = {each.name for each in self.ran}
        return [each for each in self._fleet.changing if each.name not in begun]

    @property
    def _stopped(self) -> str:
        """Why servers were not begun, "" when all were."""
        return (core.halted(self.codes) or self._context.interrupt.message) if self._left else ""

    def plan(self, found: Sendable) -> None:
        """Show what is to be done; raises LocalError and BrokenPipeError, as what cannot be shown is not sent."""
        self._fleet, self._again, streams = found.fleet, found.again, self._context.streams
        if self.outlet:
            for each in found.fleet.members:
                self.outlet.write(json.of_server(self._event(each, found.files), each.name))
        elif not (found.fleet.is_settled and streams.terse):
            streams.show(drawn.plan(found.fleet, colour=streams.colour, columns=streams.columns), needed=True)

    def keep(self, fleet: Fleet) -> None:
        """Say that servers which cannot be planned keep all others from being sent to."""
        number = count(len(fleet.blocking), "server")
        hint = f"fix what is named above, or go on without: `--server '!{fleet.blocking[0].name}'`"
        self._problems = (Problem(f"nothing was sent to any server: {number} of the fleet cannot be sent to", hint),)
        self._context.streams.warn(words.problem(self._problems[0]))

    def sending(self, journals: str) -> None:
        """Take how the names of the run's journals begin."""
        self._journals = journals

    def finished(self, ran: Ran) -> None:
        """Take what came of a server."""
        self.ran.append(ran)
        done = sum(status is ResultStatus.DONE for status in ran.statuses)
        self._context.streams.say(
            f"{ran.name}: {ran.code.reason}, {done:,} of {count(len(ran.statuses), 'change')} done"
        )

    def outcome(self) -> None:
        """Show what came of the run, unless events tell it."""
        if not self.outlet:
            told = drawn.outcome(
                self._fleet, self.ran, self._statuses, stopped=self._stopped, journals=self._journals, again=self._again
            )
            try:
                self._context.streams.show("\n" + told, needed=True)
            except (BrokenPipeError, LocalError):
                self._context.streams.say(told)

    def end(self, code: ExitCode, problems: Sequence[Problem] = ()) -> None:
        """Tell that the run ends with this code, because of these problems."""
        if self.outlet and not self.outlet.broken:
            told = (*published(self._problems, self._context), *problems)
            digest = self._fleet.digest if self._fleet.members else ""
            self.outlet.write(json.ended(code, self._statuses, told, self._stopped, digest))

    @property
    def _statuses(self) -> Sequence[ResultStatus]:
        left = sum(len(each.plan.changes) for each in self._left)
        return [*(status for each in self.ran for status in each.statuses), *[ResultStatus.NOT_ATTEMPTED] * left]

    def _event(self, member: Planned | Skipped, files: Mapping[str, Sequence[str]]) -> str:
        if isinstance(member, Skipped):
            return json.ended(member.code, (), published(member.problems, self._context))
        plan = member.plan
        return json.plan_event(named_plan(plan, plan.files or files[member.name], self._context.environment))


def _agree(fleet: Fleet, options: SendingOptions, context: Context) -> None:
    """Return once the plans may be sent, which may ask the user; raises StaleError and CancelledError."""
    if options.expect and options.expect != fleet.digest:
        raise StaleError(
            f"this is not the plan that was reviewed: its digest is {fleet.digest}, not {options.expect}",
            "somebody changed a file or a token since, or other servers are reached now; review the plans above",
        )
    if fleet.changing and not options.yes:
        changes = count(sum(len(each.plan.changes) for each in fleet.changing), "change")
        servers = count(len(fleet.changing), "server")
        context.streams.confirm(f"Send {changes} to {servers}, first to {fleet.changing[0].name}?", "nothing was sent")


class _Run:
    """Sends to the servers with changes; those with one URL come one after another."""

    def __init__(self, found: Sendable, options: SendingOptions, report: _FleetReport, context: Context) -> None:
        self._options = options._replace(yes=True, expect="")  # the fleet's plan was agreed to
        self._found, self._report, self._context = found, report, context
        self._left = list(found.fleet.changing)
        self._tls = tls_for(found.settings.values(), context)
        folder = folder_of(options.journal, context)
        urls = frozenset(each.plan.server.url for each in self._left)
        self._whole = FleetRun(context.now(), interrupted_runs(folder, urls, context))
        verb = "undo" if self._left[0].plan.undoes else "apply"
        report.sending(str(folder / stem_of(verb, self._whole.started)))

    def send(self) -> None:
        """Send to all of them, until a signal or failures end it; waits for those under way in any case."""
        busy: dict[str, str] = {}
        with closing(Pool[Ran](min(core.SENT_AT_ONCE, len(self._left)))) as pool:
            self._context.interrupt.wake = pool.wake
            while True:
                while each := self._next(busy):
                    busy[each.name] = each.plan.server.url
                    pool.submit(partial(self._sent, each, self._context.interrupt.part()))
                if not busy:
                    return
                if ran := pool.take():
                    del busy[ran.name]
                    self._report.finished(ran)

    def _next(self, busy: Mapping[str, str]) -> Planned | None:
        """Take the next server that may begin, None for none now."""
        if self._context.interrupt.came or core.room(self._report.codes, len(busy)) < 1:
            return None
        urls = set(busy.values())
        found = next((each for each in self._left if each.plan.server.url not in urls), None)
        if found:
            self._left.remove(found)
        return found

    def _sent(self, planned: Planned, interrupt: Interrupt) -> Ran:
        """Plan one server again, and send what was shown if it is the same still."""
        lock_s, own = self._options.lock or 0.0, self._context._replace(interrupt=interrupt)
        turn = turn_of(planned, self._tls, own, more_s=lock_s)
        report = _ServerReport(planned, self._report.outlet, turn)
        source = saved_source(planned.plan, planned.plan.files or self._found.files[planned.name])
        settings = self._found.settings[planned.name]

        def act() -> None:
            with reported(report, turn), nothing_sent():
                send_to(settings, source, self._options, report, turn, self._whole)

        try:
            failed = attempted(act, turn)
        except KeyboardInterrupt:
            failed = interrupt.exit_code, (interrupt.problem,)
        statuses = tuple(report.statuses)
        if failed:
            return Ran(planned.name, failed[0], statuses, problems=failed[1])
        return Ran(planned.name, report.code, statuses, report.result)

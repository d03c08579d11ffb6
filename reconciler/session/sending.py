"""Where a plan comes from and who agrees to it in, its PATCHes sent and reported out. Only here a Writer is made."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.apply.executor import canary, execute
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Moment, Pacing
from reconciler.apply.parts import Parts, Watch, Watches
from reconciler.core import planner
from reconciler.core.live import TokenId
from reconciler.core.outcome import Outcome, Provenance
from reconciler.core.plan import Guard, Plan
from reconciler.core.text import count, name_some
from reconciler.errors import (
    ExitCode,
    LocalError,
    RefusedError,
    StaleError,
    UsageError,
)
from reconciler.influx.writer import Writer
from reconciler.render import text
from reconciler.render.escape import line
from reconciler.session import locking, planning, progress
from reconciler.session.connection import Connection, connected, resolve
from reconciler.session.context import Context
from reconciler.session.events import Events, streamed
from reconciler.session.journals import folder_of, provenance_of, tell_interrupted
from reconciler.session.planning import Source
from reconciler.settings import Flags, Settings

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """How a plan is agreed to, how it is sent, and where its run is written down.

    `expect` is the digest that was reviewed, "" for none; `yes` agrees without being asked; `journal` is the folder for
    the journal, "" for the user's own. `lock` is how many seconds to wait for the locks of others, None to take none
    unless the plan's source asks for it. `json` tells the run as events.
    """

    expect: str = ""
    yes: bool = False
    journal: str = ""
    pacing: Pacing = field(default_factory=Pacing)
    lock: float | None = None
    json: bool = False


def check_digest(consent: Consent) -> None:
    """Raise UsageError unless what was expected, if anything, can be a digest."""
    if consent.expect and not _DIGEST.fullmatch(consent.expect):
        raise UsageError("--expect takes a whole digest: 64 hex digits, as `plan` prints them")


def plan_and_send(find: Callable[[Settings], Source], flags: Flags, consent: Consent, context: Context) -> ExitCode:
    """Plan over the live tokens, show the plan, and send it once every guard and whoever is asked agrees.

    `find` finds where the plan comes from. Raises what that raises, the errors of planning, LockedError, StaleError,
    RefusedError and CancelledError: all before any PATCH.
    """

    def run(told: Events | None) -> ExitCode:
        """Run it, with events to tell if any."""
        settings = resolve(flags, context)
        source = find(settings)
        with connected(settings, context, sends=True) as connection:
            wanted = source.locks or consent.lock is not None
            orgs = source.orgs(lambda: planning.read_live(source, connection)) if wanted else None
            with locking.held(orgs, consent.lock or 0.0, connection, context) as locks:
                tell_interrupted(folder_of(consent.journal, context), connection, context)
                read_at = context.moment()
                plan = planning.plan_from(source, connection)
                locks.demand(plan)
                if told:
                    told.plan(plan)
                else:
                    context.streams.show(text.plan(plan, colour=context.streams.colour))
                _agree(plan, consent, context)
                if not plan.changes:
                    return ExitCode.OK
                proposal = _Proposal(plan, source.files, read_at, told, locks.release)
                return _send(proposal, connection, consent, context)

    return streamed(consent.json, context, run)


def send(plan: Plan, provenance: Provenance, parts: Parts, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Send the changes of a plan that was agreed to, with its run in the journal, which is closed in the end.

    It makes no part of the run itself: whoever tries or measures one hands in others. Raises LocalError when the
    journal takes no header; nothing is sent then.
    """
    try:
        parts.journal.header(plan, provenance)
        if first := canary(plan, parts.pacing.canary):
            names = line(name_some([each.subject for each in first]))
            say(f"Canary: {names}; the rest follows when that is read back")
        return execute(plan, parts)
    finally:
        parts.journal.close()


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A plan that was agreed to: the files that it was made from, and the moment before its tokens were asked for.

    `events` are told the run where they are wanted. `before_own` runs before the caller's own token is switched off, if
    it is at all.
    """

    plan: Plan
    files: Sequence[str]
    read_at: Moment
    events: Events | None
    before_own: Callable[[], None]


def _agree(plan: Plan, consent: Consent, context: Context) -> None:
    """Raise whatever stands between this plan and its first PATCH: another digest, a guard, nobody who says yes."""
    if consent.expect and consent.expect != plan.digest:
        raise StaleError(
            f"this is not the plan that was reviewed: its digest is {plan.digest}, not {consent.expect}",
            "somebody changed the file, the tokens or the waivers since; review the plan above",
        )
    if plan.refusals:
        raise RefusedError(f"nothing was sent: {_refused(plan)}", "each way out is named above")
    if plan.changes and not consent.yes:
        context.streams.confirm(f"Send {count(len(plan.changes), 'change')} to {plan.server.url}?", "nothing was sent")


def _refused(plan: Plan) -> str:
    names = sorted({refusal.guard.value for refusal in plan.refusals})
    return f"refused by {', '.join(f'`{name}`' for name in names)}"


def _send(proposal: _Proposal, connection: Connection, consent: Consent, context: Context) -> ExitCode:
    context.interrupt.defer()  # from here on a signal ends the run in good order
    gc.enable()  # from here on it takes as long as the server does
    provenance = provenance_of(proposal.plan, proposal.files, context)
    watch: Watch = progress.applying(len(proposal.plan.changes), context)
    if proposal.events:
        watch = Watches([proposal.events, watch])
    parts = Parts(
        reader=connection.reader,
        writer=Writer(connection.transport, connection.retries),
        journal=Journal.create(folder_of(consent.journal, context), provenance.run),
        clock=context.clock,
        moment=context.moment,
        read_at=proposal.read_at,
        before_own=proposal.before_own,
        withheld=_withheld(proposal.plan, connection),
        retries=connection.retries,
        pacing=consent.pacing,
        interrupt=context.interrupt,
        watch=watch,
        pause=context.pause,
    )
    outcome = send(proposal.plan, provenance, parts, context.streams.say)
    if proposal.events:
        proposal.events.outcome = outcome
    else:
        _report(outcome, proposal.plan, context)
    return outcome.exit_code


def _withheld(plan: Plan, connection: Connection) -> Callable[[], Mapping[TokenId, str]] | None:
    """What `min_managers` has to say when the deactivations begin, None when it has nothing to judge or is waived."""
    if Guard.MIN_MANAGERS in plan.waivers or not planner.deactivates_manager(plan):
        return None
    return lambda: planning.withheld(plan, connection)


def _report(outcome: Outcome, plan: Plan, context: Context) -> None:
    """Show what came of the run; where standard output is broken, on the other one: the exit code stays the run's."""
    try:
        context.streams.show("\n" + text.outcome(outcome, across=plan.across, colour=context.streams.colour))
    except (BrokenPipeError, LocalError):
        context.streams.say(text.outcome(outcome, across=plan.across))

"""`tokenctl undo`: makes the plan that undoes a run, and has it agreed to and sent when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core import reversal
from reconciler.core.live import Live, OrgId, Token, TokenId
from reconciler.core.outcome import Run
from reconciler.core.plan import Guard, Plan
from reconciler.errors import ExitCode, UsageError
from reconciler.render import status
from reconciler.render.formats import PlanFormat
from reconciler.session import journals, outputs, sending
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.outputs import Outputs
from reconciler.session.planning import plan_from
from reconciler.settings import Flags, Settings


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


@dataclass(frozen=True, slots=True)
class _Reversal:
    """A source of plans: a run that is to be undone, and the journal that says what it did."""

    run: Run
    files: Sequence[str]
    waivers: Sequence[Guard]
    reviewed: bool

    @property
    def locks(self) -> bool:
        return self.run.lock

    def orgs(self, _: Callable[[], Live]) -> Mapping[OrgId, str]:
        return {each.change.token.org_id: each.change.token.org for each in self.run.effective}

    def unlisted(self, listed: Mapping[TokenId, Token]) -> Sequence[TokenId]:
        return reversal.unlisted(self.run, listed.keys())

    def plan(self, live: Live) -> Plan:
        return reversal.reverse(self.run, live, self.waivers, reviewed=self.reviewed)

    def explained(self, plan: Plan, _: Live) -> Plan:
        return plan


def run(request: UndoRequest, context: Context) -> ExitCode:
    """Plan, and show or send that. REFUSED when a guard refuses.

    Raises the errors of choosing a journal, of reading and planning, and, before any PATCH, those of sending.
    """
    _check(request)
    wanted = outputs.parse(request.outputs, request.form, request.out)
    if request.send:
        return sending.plan_and_send(
            lambda settings: _reversal(request, wanted, settings, context), request.flags, request.consent, context
        )
    settings = resolve(request.flags, context)
    source = _reversal(request, wanted, settings, context)
    with connected(settings, context) as connection:
        plan = plan_from(source, connection)
        wanted.write_plan(plan, context)
    return ExitCode.REFUSED if plan.refusals else ExitCode.OK


def _reversal(request: UndoRequest, wanted: Outputs, settings: Settings, context: Context) -> _Reversal:
    """The run that is to be undone, once it is said which that is."""
    consent = request.consent
    loaded = journals.find_journal(
        request.journal, journals.folder_of(consent.journal, context), settings.endpoint.url, context
    )
    file = str(loaded.path)
    wanted.check([file])
    context.streams.say(status.undoing(loaded.run, file))
    reviewed = not request.send or bool(consent.expect) or not consent.yes
    return _Reversal(loaded.run, (file,), request.allow, reviewed)


def _check(request: UndoRequest) -> None:
    if request.send:
        sending.check_digest(request.consent)
        if request.form or request.out or request.outputs:
            raise UsageError(
                "--format, --output and --out are for a plan to look at, and --apply sends it",
                "save it with `-o FILE`, and `tokenctl apply FILE` once it was reviewed",
            )
    elif request.consent.yes or request.consent.expect or request.consent.lock is not None:
        what = "--yes, --expect, --lock and --json"
        raise UsageError(f"{what} are about sending, and nothing is sent without --apply")

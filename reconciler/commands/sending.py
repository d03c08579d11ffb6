"""A judged plan and who agrees to it in, its PATCHes sent and reported out. The only module that makes a Writer."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler import __version__
from reconciler.apply.executor import Means, execute
from reconciler.apply.journal import Journal
from reconciler.commands.connect import Connection
from reconciler.commands.context import Context
from reconciler.commands.pipeline import run_url
from reconciler.core.plan import Plan
from reconciler.core.record import Provenance
from reconciler.core.text import count
from reconciler.errors import CancelledError, ExitCode, Problem, RefusedError, StaleError
from reconciler.influx.writer import Writer
from reconciler.render import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """How a plan is agreed to, and where its run is written down.

    `expect` is the digest that was reviewed, "" for none; `yes` agrees without being asked; `journal` is the folder for
    the journal, "" for the user's own.
    """

    expect: str = ""
    yes: bool = False
    journal: str = ""


def agree_and_send(
    plan: Plan, files: Sequence[str], connection: Connection, read_at: float, consent: Consent, context: Context
) -> ExitCode:
    """Send what the plan has, once every guard and whoever is asked agrees; `files` are what it was made from.

    Raises StaleError, RefusedError and CancelledError: all before any PATCH.
    """
    _agree(plan, consent, context)
    if not plan.changes:
        return ExitCode.OK
    return _send(plan, files, connection, read_at, consent, context)


def _agree(plan: Plan, consent: Consent, context: Context) -> None:
    """Raise whatever stands between this plan and its first PATCH: another digest, a guard, nobody who says yes."""
    if consent.expect and consent.expect != plan.digest:
        raise StaleError(
            Problem(
                f"this is not the plan that was reviewed: its digest is {plan.digest}, not {consent.expect}",
                "somebody changed the file, the tokens or the waivers since; review the plan above",
            )
        )
    if plan.refusals:
        raise RefusedError(Problem(f"nothing was sent: {_refused(plan)}", "each way out is named above"))
    if not plan.changes or consent.yes:
        return
    if not context.interactive:
        raise CancelledError(
            Problem("nothing was sent: there is no terminal to ask on", "agree beforehand with `--yes`")
        )
    if context.ask(f"Send {count(len(plan.changes), 'change')} to {plan.server.url}? Only `yes` does it: ") != "yes":
        raise CancelledError(Problem("nothing was sent: the answer was not `yes`"))


def _refused(plan: Plan) -> str:
    names = sorted({refusal.guard.value for refusal in plan.refusals})
    return f"refused by {', '.join(f'`{name}`' for name in names)}"


def _send(
    plan: Plan, files: Sequence[str], connection: Connection, read_at: float, consent: Consent, context: Context
) -> ExitCode:
    gc.enable()  # from here on it takes as long as the server does
    started = context.now()
    folder = Path(consent.journal) if consent.journal else _state_folder(context)
    name = f"apply-{started:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}"
    journal = Journal.create(folder, name)
    provenance = Provenance(
        run=name,
        started=started.isoformat(),
        tool=__version__,
        files=tuple(files),
        run_url=run_url(context.environment),
    )
    try:
        journal.header(plan, provenance)
        means = Means(
            reader=connection.reader,
            writer=Writer(connection.transport, connection.retries),
            journal=journal,
            clock=context.clock,
            read_at=read_at,
        )
        outcome = execute(plan, means)
    finally:
        journal.close()
    context.show("\n" + text.outcome(outcome, colour=context.colour))
    return outcome.exit_code


def _state_folder(context: Context) -> Path:
    base = context.environment.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    return (Path(base) if base.startswith("/") else context.home / ".local" / "state") / "tokenctl"

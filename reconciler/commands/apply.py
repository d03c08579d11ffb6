"""`tokenctl apply`: plans or reads a plan, asks, sends it, and reports. The only command that makes a Writer."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler import __version__, planfile
from reconciler.apply.executor import Means, execute
from reconciler.apply.journal import Journal
from reconciler.commands import connect, planning
from reconciler.commands.connect import Connection
from reconciler.commands.context import Context
from reconciler.commands.reading import read_manifest
from reconciler.core.plan import Plan
from reconciler.core.resolve import select
from reconciler.core.text import count
from reconciler.errors import CancelledError, ExitCode, Problem, RefusedError, StaleError, UsageError
from reconciler.influx.writer import Writer
from reconciler.render import text
from reconciler.settings import Flags, Settings

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What was asked for. One file that ends in `.json` is a saved plan, all others are manifests.

    `expect` is the digest that was reviewed, "" for none; `yes` agrees without being asked; `journal` is the folder for
    the journal, "" for the user's own.
    """

    sources: planning.Sources
    flags: Flags
    expect: str = ""
    yes: bool = False
    journal: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the plan comes from: the files it is from, and how to make it over the live tokens."""

    files: Sequence[str]
    plan: Callable[[Connection], Plan]


def run(request: ApplyRequest, context: Context) -> ExitCode:
    """Send what the plan shows, if every guard and whoever is asked agrees.

    Raises the errors of reading and planning, StaleError, RefusedError and CancelledError: all before any PATCH.
    """
    _check(request)
    settings = connect.resolve(request.flags, context)
    source = (_saved if _is_saved(request) else _declared)(request, settings, context)
    with connect.connected(settings, context) as connection:
        read_at = context.clock()
        plan = source.plan(connection)
        context.show(text.plan(plan, colour=context.colour))
        _agree(plan, request, context)
        if not plan.changes:
            return ExitCode.OK
        return _send(plan, source.files, connection, read_at, request, context)


def _is_saved(request: ApplyRequest) -> bool:
    return any(file.endswith(".json") for file in request.sources.files)


def _check(request: ApplyRequest) -> None:
    sources = request.sources
    if request.expect and not _DIGEST.fullmatch(request.expect):
        raise UsageError(Problem("--expect takes a whole digest: 64 hex digits, as `plan` prints them"))
    if not _is_saved(request):
        return
    if len(sources.files) > 1:
        raise UsageError(Problem("a saved plan stands alone: name one .json file, or only manifests"))
    if sources.select or sources.allow:
        raise UsageError(
            Problem(
                "--select and --allow are part of a saved plan and cannot be added to it",
                "give them to `tokenctl plan -o FILE`, and have that plan reviewed",
            )
        )


def _saved(request: ApplyRequest, settings: Settings, _: Context) -> _Source:
    (file,) = request.sources.files
    saved = planfile.load(Path(file))
    if saved.server.url != settings.endpoint.url:
        raise StaleError(
            Problem(
                f"the plan is for {saved.server.url}, but this run would talk to {settings.endpoint.url}",
                "set INFLUX_HOST or --url accordingly, or make a new plan",
            )
        )
    return _Source((file,), lambda connection: planning.rebase(saved, connection))


def _declared(request: ApplyRequest, settings: Settings, context: Context) -> _Source:
    manifest, files = read_manifest(request.sources.files, context)
    manifest = select(manifest, request.sources.select)
    planning.check_server(manifest, settings)
    reviewed = bool(request.expect) or not request.yes
    return _Source(
        files, lambda connection: planning.draft(manifest, connection, request.sources.allow, reviewed=reviewed)
    )


def _agree(plan: Plan, request: ApplyRequest, context: Context) -> None:
    """Raise whatever stands between this plan and its first PATCH: another digest, a guard, nobody who says yes."""
    if request.expect and request.expect != plan.digest:
        raise StaleError(
            Problem(
                f"this is not the plan that was reviewed: its digest is {plan.digest}, not {request.expect}",
                "somebody changed the file, the tokens or the waivers since; review the plan above",
            )
        )
    if plan.refusals:
        raise RefusedError(Problem(f"nothing was sent: {_refused(plan)}", "each way out is named above"))
    if not plan.changes or request.yes:
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
    plan: Plan, files: Sequence[str], connection: Connection, read_at: float, request: ApplyRequest, context: Context
) -> ExitCode:
    gc.enable()  # from here on it takes as long as the server does
    started = context.now()
    folder = Path(request.journal) if request.journal else _state_folder(context)
    journal = Journal.create(folder, f"apply-{started:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}")
    try:
        journal.header(plan, tool=__version__, files=files, started=started.isoformat())
        means = Means(
            reader=connection.reader,
            writer=Writer(connection.transport),
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

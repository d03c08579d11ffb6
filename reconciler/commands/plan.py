"""`tokenctl plan`: shows what would change. It has no Writer, so it cannot write to the server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler import planfile
from reconciler.commands import connect, planning
from reconciler.commands.context import Context
from reconciler.commands.formats import render
from reconciler.commands.names import PlanFormat
from reconciler.commands.reading import read_manifest
from reconciler.core.resolve import select
from reconciler.errors import ExitCode
from reconciler.render.escape import terminal
from reconciler.settings import Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What was asked for; `out` is the file to save the plan to, "" for none."""

    sources: planning.Sources
    flags: Flags
    form: PlanFormat = PlanFormat.TEXT
    out: str = ""
    detailed_exitcode: bool = False


def run(request: PlanRequest, context: Context) -> ExitCode:
    """Plan, save and show. REFUSED when a guard refuses, CHANGES when there are some and the request asks to tell."""
    manifest, _ = read_manifest(request.sources.files, context)
    manifest = select(manifest, request.sources.select)
    settings = connect.resolve(request.flags, context)
    planning.check_server(manifest, settings)
    with connect.connected(settings, context) as connection:
        plan = planning.draft(manifest, connection, request.sources.allow, reviewed=True)
    if request.out:
        planfile.save(plan, Path(request.out))
        context.say(f"Saved to {terminal(request.out)}")
    context.show(render(plan, request.form, colour=context.colour))
    if plan.refusals:
        return ExitCode.REFUSED
    return ExitCode.CHANGES if request.detailed_exitcode and plan.changes else ExitCode.OK

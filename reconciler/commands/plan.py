"""`tokenctl plan`: shows what would change. It has no Writer, so it cannot write to the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.commands import connect, offline, outputs, planning
from reconciler.commands.context import Context
from reconciler.commands.names import PlanFormat
from reconciler.commands.reading import read_manifest
from reconciler.core.resolve import select
from reconciler.errors import ExitCode, Problem, UsageError
from reconciler.settings import Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What was asked for; `form`, `out` ("" for none) and `outputs` as `commands.outputs.parse` takes them.

    `offline` compares with a commit only.
    """

    sources: planning.Sources
    flags: Flags
    form: PlanFormat | None = None
    out: str = ""
    outputs: Sequence[str] = ()
    offline: bool = False
    detailed_exitcode: bool = False


def run(request: PlanRequest, context: Context) -> ExitCode:
    """Plan, save and show. REFUSED when a guard refuses, CHANGES when there are some and the request asks to tell."""
    wanted = outputs.parse(request.outputs, request.form, request.out)
    if request.offline:
        code = offline.run(request.sources, wanted, context)
        return code if request.detailed_exitcode else ExitCode.OK
    if request.sources.base is not None:
        raise UsageError(Problem("--base compares files only, so far", "add --offline"))
    manifest, read = read_manifest(request.sources.files, context)
    wanted.check(read)
    manifest = select(manifest, request.sources.select)
    settings = connect.resolve(request.flags, context)
    planning.check_server(manifest, settings)
    with connect.connected(settings, context) as connection:
        plan = planning.draft(manifest, connection, request.sources.allow, reviewed=True)
    wanted.write_plan(plan, context)
    if plan.refusals:
        return ExitCode.REFUSED
    return ExitCode.CHANGES if request.detailed_exitcode and plan.changes else ExitCode.OK

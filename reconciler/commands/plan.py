"""`tokenctl plan`: shows what would change. It has no Writer, so it cannot write to the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.commands import base, connect, offline, outputs, planning, reviewing
from reconciler.commands.context import Context
from reconciler.commands.names import PlanFormat
from reconciler.errors import ExitCode, Problem, UsageError
from reconciler.settings import Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What was asked for; `form`, `out` ("" for none) and `outputs` as `commands.outputs.parse` takes them.

    `offline` compares with a commit only; `reviewed` is what `commands.reviewing.reviewed` takes.
    """

    sources: planning.Sources
    flags: Flags
    form: PlanFormat | None = None
    out: str = ""
    outputs: Sequence[str] = ()
    offline: bool = False
    reviewed: str = ""
    detailed_exitcode: bool = False


def run(request: PlanRequest, context: Context) -> ExitCode:
    """Plan, save and show. REFUSED when a guard refuses, CHANGES when there are some and the request asks to tell."""
    wanted = outputs.parse(request.outputs, request.form, request.out)
    if request.offline:
        if request.reviewed:
            raise UsageError(Problem("--reviewed compares plans, and --offline makes none", "leave out one of them"))
        code = offline.run(request.sources, wanted, context)
        return code if request.detailed_exitcode else ExitCode.OK
    declared = base.read(request.sources, context)
    wanted.check([*declared.files, *([request.reviewed] if request.reviewed else [])])
    settings = connect.resolve(request.flags, context)
    base.check(declared, settings)
    with connect.connected(settings, context) as connection:
        plan = base.draft(declared, connection, request.sources.allow, context, reviewed=True)
    wanted.write_plan(plan, context, reviewing.reviewed(request.reviewed, plan, context))
    if plan.refusals:
        return ExitCode.REFUSED
    return ExitCode.CHANGES if request.detailed_exitcode and plan.changes else ExitCode.OK

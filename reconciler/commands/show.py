"""`tokenctl show`: draws a saved plan in any format; asks no server."""

from __future__ import annotations

from pathlib import Path

from reconciler import planfile
from reconciler.commands.context import Context
from reconciler.commands.formats import render
from reconciler.commands.names import PlanFormat
from reconciler.errors import ExitCode


def run(path: str, form: PlanFormat, context: Context) -> ExitCode:
    """Show the plan; REFUSED when a guard refused it. Raises what `planfile.load` raises."""
    plan = planfile.load(Path(path))
    context.show(render(plan, form, colour=context.colour))
    return ExitCode.REFUSED if plan.refusals else ExitCode.OK

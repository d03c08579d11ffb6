"""`tokenctl show`: draws a saved plan in any format; asks no server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.commands import outputs
from reconciler.commands.context import Context
from reconciler.commands.names import PlanFormat
from reconciler.documents.plan import load_plan
from reconciler.errors import ExitCode


def run(path: str, form: PlanFormat | None, wanted: Sequence[str], context: Context) -> ExitCode:
    """Show the plan as `commands.outputs.parse` understands it; REFUSED when a guard refused it.

    Raises what `load_plan` raises.
    """
    places = outputs.parse(wanted, form)
    places.check([path])
    plan = load_plan(Path(path))
    places.write_plan(plan, context)
    return ExitCode.REFUSED if plan.refusals else ExitCode.OK

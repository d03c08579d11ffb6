"""`tokenctl show`: draws a saved plan in any format; asks no server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.documents.plan import load_plan
from reconciler.errors import ExitCode
from reconciler.render.formats import DRAWN, PlanFormat
from reconciler.session import outputs
from reconciler.session.context import Context


def run(path: str, form: PlanFormat | None, wanted: Sequence[str], context: Context) -> ExitCode:
    """Show the saved plan in these formats (see `session.outputs.parse`); return REFUSED if it has refusals, else OK.

    Raises what `load_plan` raises.
    """
    places = outputs.parse(wanted, form)
    places.limit(DRAWN, "is of `plan`, which asks a server")
    places.check([path], context)
    return places.write_plan(load_plan(Path(path)), [path], context)

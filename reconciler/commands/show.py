"""`tokenctl show`: draws saved plans in any format; asks no server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.documents.kinds import is_fleet
from reconciler.documents.plan import load_plan
from reconciler.errors import ExitCode, UsageError
from reconciler.render.formats import DRAWN, PlanFormat
from reconciler.session import outputs
from reconciler.session.context import Context
from reconciler.session.outputs import Outputs


def run(
    paths: Sequence[str],
    form: PlanFormat | None,
    wanted: Sequence[str],
    context: Context,
    *,
    globs: Sequence[str] = (),
    out: str = "",
) -> ExitCode:
    """Show the saved plan in these formats (see `session.outputs.parse`); return REFUSED if it has refusals, else OK.

    Plans of a fleet are merged, limited to the servers of `globs`, and return the gravest code of these; a glob that is
    the name of one server shows that server's plan. `out` is where to save what is shown, "" for nowhere. Raises what
    `load_plan` raises.
    """
    places = outputs.parse(wanted, form, out)
    places.limit(DRAWN, "is of `plan`, which asks a server")
    places.check(paths, context)
    if any(is_fleet(Path(path)) for path in paths):
        return _fleet(paths, globs, places, context)
    if globs:
        raise UsageError("--server chooses servers of a fleet", "leave it out: these are plans of one server")
    if len(paths) > 1:
        raise UsageError("only plans of a fleet can be shown together", "show one plan at a time")
    return places.write_plan(load_plan(Path(paths[0])), paths, context)


def _fleet(paths: Sequence[str], globs: Sequence[str], places: Outputs, context: Context) -> ExitCode:
    from reconciler.core import fleet
    from reconciler.documents.fleet import load_fleet
    from reconciler.session import fleet_outputs

    found = fleet.merged([load_fleet(Path(path)) for path in paths])
    if globs:
        found = fleet.limited(found, globs)
    one = found.members[0] if len(found.members) == 1 and globs == [found.members[0].name] else None
    if isinstance(one, fleet.Planned):
        return places.write_plan(one.plan, paths, context)
    fleet_outputs.check_formats(places)
    return fleet_outputs.write(places, found, {}, context)

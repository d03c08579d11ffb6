"""Where the plans of a fleet are written, and in which format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from reconciler.core.fleet import Fleet, Planned
from reconciler.errors import ExitCode
from reconciler.render import fleet as drawn
from reconciler.render.formats import PlanFormat
from reconciler.session.context import Context
from reconciler.session.outputs import Outputs
from reconciler.session.places import named_plan, published, site_of

FORMATS = (
    PlanFormat.TEXT,
    PlanFormat.JSON,
    PlanFormat.MARKDOWN,
    PlanFormat.HTML,
    PlanFormat.GITHUB,
    PlanFormat.GITLAB_TERRAFORM,
    PlanFormat.GITLAB_CODEQUALITY,
    PlanFormat.SARIF,
    PlanFormat.JUNIT,
    PlanFormat.OPENMETRICS,
)
"""The formats that plans of a fleet can be drawn in."""


def check_formats(wanted: Outputs) -> None:
    """Raise UsageError for a format that is of one server."""
    wanted.limit(
        FORMATS, "is of the plan of one server", "save the plans, and draw one with `show FILE --server NAME`, or use"
    )


def write(
    wanted: Outputs,
    fleet: Fleet,
    files: Mapping[str, Sequence[str]],
    context: Context,
    changed: ExitCode = ExitCode.OK,
) -> ExitCode:
    """Write the plans; return the gravest code of the servers, else `changed` for changes.

    `files` are those that the plan of each server was made from; a saved plan has its own.
    """
    named = cache(lambda: _named(fleet, files, context))

    def draw(form: PlanFormat, colour: bool, columns: int | None) -> str:
        if form is PlanFormat.TEXT:
            return drawn.plan(fleet, colour=colour, columns=columns)
        if form is PlanFormat.OPENMETRICS:
            return _measured(fleet, context)
        from reconciler.render import fleet_html, fleet_markdown, reports

        drawn_by: dict[PlanFormat, Callable[[Fleet], str]] = {
            PlanFormat.JSON: drawn.json,
            PlanFormat.MARKDOWN: partial(fleet_markdown.plan, site=site_of(context.environment)),
            PlanFormat.HTML: fleet_html.plan,
            PlanFormat.GITHUB: reports.github,
            PlanFormat.GITLAB_TERRAFORM: reports.terraform,
            PlanFormat.GITLAB_CODEQUALITY: reports.codequality,
            PlanFormat.SARIF: reports.sarif,
            PlanFormat.JUNIT: reports.junit,
        }
        return drawn_by[form](named())

    def save(path: Path) -> None:
        from reconciler.documents.fleet import save_fleet

        save_fleet(named(), path)

    wanted.write(draw, context, save, is_settled=fleet.is_settled)
    return fleet.code or (changed if fleet.changing else ExitCode.OK)


def _named(fleet: Fleet, files: Mapping[str, Sequence[str]], context: Context) -> Fleet:
    """Return the plans with files as programs know them, and problems without secrets."""
    members = tuple(
        replace(each, plan=named_plan(each.plan, each.plan.files or files[each.name], context.environment))
        if isinstance(each, Planned)
        else replace(each, problems=published(each.problems, context))
        for each in fleet.members
    )
    return replace(fleet, members=members)


def _measured(fleet: Fleet, context: Context) -> str:
    """Return what monitoring gets of the servers."""
    from reconciler.render.metrics import Sample, openmetrics

    samples = [
        Sample(each.name, each.code, each.took_s, each.plan if isinstance(each, Planned) else None)
        for each in fleet.members
    ]
    return openmetrics(samples, context.now())

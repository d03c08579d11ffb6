"""`tokenctl plan`: shows what would change. It has no Writer, so it cannot write to the server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.plan import Plan
from reconciler.core.text import is_digest
from reconciler.errors import ExitCode, Problem, TokenctlError, UsageError
from reconciler.render.formats import OFFLINE, PlanFormat, render_revised
from reconciler.session import outputs, planning, sources
from reconciler.session.connection import check, connected, resolve
from reconciler.session.context import Context
from reconciler.session.outputs import Outputs
from reconciler.session.places import named_revised, site_of
from reconciler.settings import Flags

if TYPE_CHECKING:  # most plans are compared with none, and of one server
    from reconciler.core.review import Review
    from reconciler.session.fleet_files import Which


class PlanRequest(NamedTuple):
    """What was asked for; `form`, `out` ("" for none) and `outputs` are what `session.outputs.parse` takes.

    `offline` asks no server and compares the files with a commit; `reviewed` is the file of a saved plan or a digest,
    "" for none. `fleet` are the servers of a fleet, None for a single one.
    """

    sources: sources.Sources
    flags: Flags
    form: PlanFormat | None = None
    out: str = ""
    outputs: Sequence[str] = ()
    offline: bool = False
    reviewed: str = ""
    detailed_exitcode: bool = False
    fleet: Which | None = None


def run(request: PlanRequest, context: Context) -> ExitCode:
    """Plan, save and show; return REFUSED for a refusal, CHANGES for changes with `detailed_exitcode`, else OK."""
    wanted = outputs.parse(request.outputs, request.form, request.out)
    if request.fleet:
        return _fleet(request, request.fleet, wanted, context)
    if request.offline:
        return _offline(request, wanted, context)
    declared = sources.read(request.sources, context)
    wanted.check(
        [*declared.files, *request.sources.read_too, *([request.reviewed] if request.reviewed else [])],
        context,
        request.flags,
    )
    settings = resolve(request.flags, context)
    check(declared.manifest, declared.baseline, settings)
    with connected(settings, context) as server:
        plan = planning.plan_from(declared.source, server)
    review = _reviewed(request.reviewed, plan, context)
    changed = ExitCode.CHANGES if request.detailed_exitcode else ExitCode.OK
    return wanted.write_plan(plan, declared.files, context, review, changed)


def _fleet(request: PlanRequest, which: Which, wanted: Outputs, context: Context) -> ExitCode:
    """Plan, save and show the servers of a fleet; return the gravest of their codes."""
    from reconciler.session import fleet, fleet_outputs

    for option, is_given in {"--offline": request.offline, "--reviewed": request.reviewed}.items():
        if is_given:
            raise UsageError(f"{option} is about one server", "leave it out, or plan that server alone")
    fleet_outputs.check_formats(wanted)
    servers = fleet.read(which, request.sources, request.flags, context)
    wanted.check(servers.files, context, request.flags)
    made = fleet.plan(servers, context)
    changed = ExitCode.CHANGES if request.detailed_exitcode else ExitCode.OK
    files = {each.name: each.declared.files for each in servers.servers}
    return fleet_outputs.write(wanted, made, files, context, changed)


def _reviewed(name: str, plan: Plan, context: Context) -> Review | None:
    """Return how the plan compares with a saved plan or a digest, None when none is named.

    A saved plan that cannot be read or was changed is only a warning: its author must not be able to keep others from
    planning.
    """
    if not name:
        return None
    from reconciler.core import review
    from reconciler.documents.plan import load_plan
    from reconciler.render import words

    if is_digest(name):
        return review.compare_digest(plan, name.lower())
    try:
        return review.compare(plan, load_plan(Path(name)))
    except TokenctlError as error:
        why = context.streams.masked(error.problems[0].message)
        context.streams.say(words.problem(Problem(f"what was reviewed is not known: {why}"), "Warning"))
        return review.Review(verdict=review.Verdict.UNKNOWN, reason=why)


def _offline(request: PlanRequest, wanted: Outputs, context: Context) -> ExitCode:
    """Show how the files differ from those of --base; return CHANGES for revisions with `detailed_exitcode`, else OK.

    Raises what `sources.read` raises, and UsageError for what needs a server.
    """
    if request.reviewed:
        raise UsageError("--reviewed compares plans, and --offline makes none", "leave out one of them")
    if None in wanted.saved.values():
        raise UsageError("--offline makes no plan that could be saved", "leave out --out")
    wanted.limit(OFFLINE, "needs the answer of a server", "leave out --offline, or write one of")
    if request.sources.allow:
        raise UsageError("--allow waives guards, and --offline judges by none", "leave out one of them")
    if request.sources.usage:
        raise UsageError("--usage is about live tokens, and --offline reads none", "leave out one of them")
    declared = sources.read(request.sources, context)
    wanted.check(declared.files, context)
    if declared.baseline is None:
        raise UsageError("--offline compares the files with a commit", "name it: --base REF")
    revised = declared.baseline
    named = named_revised(revised, context.environment)

    def draw(form: PlanFormat, colour: bool, columns: int | None) -> str:
        shown = revised if form is PlanFormat.TEXT else named
        return render_revised(shown, form, colour=colour, columns=columns, site=site_of(context.environment))

    wanted.write(draw, context, is_settled=not (revised.revisions or revised.warnings))
    return ExitCode.CHANGES if request.detailed_exitcode and revised.revisions else ExitCode.OK

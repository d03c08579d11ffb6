"""`tokenctl plan --offline`: shows what a change of the files means. It asks no server and reads no settings."""

from __future__ import annotations

from reconciler.commands import base
from reconciler.commands.context import Context
from reconciler.commands.formats import OFFLINE, render_revised
from reconciler.commands.outputs import Outputs
from reconciler.commands.planning import Sources
from reconciler.errors import ExitCode, Problem, UsageError


def run(sources: Sources, wanted: Outputs, context: Context) -> ExitCode:
    """Show what the files have otherwise than at --base; CHANGES when there is anything.

    Raises what `commands.base.read` raises, and UsageError for what needs a server.
    """
    _check(sources, wanted)
    declared = base.read(sources, context)
    wanted.check(declared.files)
    revised = declared.baseline
    if revised is None:
        raise UsageError(Problem("--offline compares the files with a commit", "name it: --base REF"))
    wanted.write(lambda form, colour: render_revised(revised, form, colour=colour), context)
    return ExitCode.CHANGES if revised.revisions else ExitCode.OK


def _check(sources: Sources, wanted: Outputs) -> None:
    if None in wanted.saved.values():
        raise UsageError(Problem("--offline makes no plan that could be saved", "leave out --out"))
    for form in (*wanted.shown, *wanted.saved.values()):
        if form not in OFFLINE:
            hint = f"leave out --offline, or write one of {', '.join(OFFLINE)}"
            raise UsageError(Problem(f"the format {form} needs the answer of a server", hint))
    if sources.allow:
        raise UsageError(Problem("--allow waives guards, and --offline judges by none", "leave out one of them"))

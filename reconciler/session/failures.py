"""Reports of what ended a command before it showed anything, as its formats and outputs ask for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.core.manifest import is_manifest
from reconciler.errors import ExitCode, LocalError, UsageError
from reconciler.files import STDIN
from reconciler.render.findings import ProblemReport
from reconciler.render.formats import PROBLEM_FORMATS, PlanFormat, render_problems
from reconciler.session import outputs
from reconciler.session.context import Context
from reconciler.session.outputs import measured
from reconciler.session.places import code_and_problems, named, site_of
from reconciler.session.reading import DEFAULT


def report(error: BaseException, command: str, values: Mapping[str, Any], context: Context) -> None:
    """Write what the error says to each place that the command's options name, in the formats that tell it.

    `values` are those of its parameters. Standard error is left to `cli.main`, and a run that sends tells its end as an
    event. Nothing is written once the command has shown anything, or where its outputs are what is wrong, and nothing
    in the place of a file that it may read.
    """
    form, sends = values.get("form"), command == "apply" or values.get("send")
    if sends or context.shown.is_set():
        return
    with suppress(UsageError, LocalError, BrokenPipeError):
        wanted = outputs.parse(
            values.get("output") or (), PlanFormat(form) if form in list(PlanFormat) else None, values.get("out", "")
        )
        read = {os.path.realpath(each) for each in _read(values, context)}
        told = _report(error, command, values, context)
        tells = {*PROBLEM_FORMATS, *_measured(told, context)}
        telling = wanted._replace(
            shown=tuple(each for each in wanted.shown if each in tells),
            saved={
                path: each
                for path, each in wanted.saved.items()
                if each in tells and os.path.realpath(path) not in read
            },
        )

        def draw(form: PlanFormat, *_: object) -> str:
            if form is PlanFormat.OPENMETRICS:
                return measured(told.code, context)
            return render_problems(told, form, site_of(context.environment))

        telling.write(draw, context)


def _measured(told: ProblemReport, context: Context) -> Sequence[PlanFormat]:
    """Return the format of metrics where a server cannot be planned for: files and command line were all right."""
    is_measured = told.command == "plan" and context.asked and told.code is not ExitCode.USAGE
    return (PlanFormat.OPENMETRICS,) if is_measured else ()


def _report(error: BaseException, command: str, values: Mapping[str, Any], context: Context) -> ProblemReport:
    code, problems = code_and_problems(error, context)
    return ProblemReport(command=command, code=code, problems=problems, files=named(_about(values), context))


def _about(values: Mapping[str, Any]) -> list[str]:
    """Return the files that the command is about, as they were typed; of a folder its manifests."""
    named = values.get("files") or ([values["path"]] if values.get("path") else [DEFAULT])
    return [file for each in named for file in ([STDIN] if each == "-" else _within(each) or [each])]


def _within(folder: str) -> list[str]:
    with suppress(OSError, ValueError):
        return sorted(str(each) for each in Path(folder).iterdir() if is_manifest(each.name))
    return []


def _read(values: Mapping[str, Any], context: Context) -> Iterator[str]:
    """Yield all that may be a file which the command reads or that has credentials.

    That is what was typed but for the outputs, what the environment names, and the journals.
    """
    yield from _about(values)
    yield from outputs.credentials(context)
    for name, value in values.items():
        if name not in ("out", "output"):
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))
    if "journal" in values:
        from reconciler.session.journals import folder_of

        with suppress(OSError):
            yield from map(str, folder_of(values["journal"], context).iterdir())

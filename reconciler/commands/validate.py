"""`tokenctl validate`: reads the files and names all their problems at once; asks no server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.text import count
from reconciler.errors import ExitCode, InvalidError, Problem, UsageError
from reconciler.manifest.load import Disk, Loaded, load
from reconciler.render.formats import REPORTS, PlanFormat, render_problems
from reconciler.session import outputs
from reconciler.session.context import Context
from reconciler.session.places import named, published
from reconciler.session.reading import read_files

if TYPE_CHECKING:  # most runs are of one server
    from reconciler.session.fleet_files import Which

_NOTHING = ("", "")  # is asserted of the server


def run(
    files: Sequence[str],
    context: Context,
    *,
    by_folder: bool = False,
    which: Which | None = None,
    form: PlanFormat | None = None,
    wanted: Sequence[str] = (),
) -> ExitCode:
    """Check the files as one manifest or, with `by_folder`, as one for each folder and each server in it.

    With `which` they are for each of these servers of a fleet, beside its own files.

    Write that they are good as `form` and `wanted` say, which `session.outputs.parse` takes. Raises InvalidError with
    the problems of all files.
    """
    places = outputs.parse(wanted, form)
    places.limit(REPORTS, "is of plans, and none is made here")
    if which:
        names, tokens, warnings = _fleet(which, files, context, by_folder=by_folder)
    else:
        names, tokens, warnings = _read(list(_groups(files, context)) if by_folder and files else [files], context)
    places.check(names, context)
    words = f"{count(len(names), 'file')}, {count(tokens, 'declaration')}: no problems\n"

    def draw(form: PlanFormat, *_: object) -> str:
        return words if form is PlanFormat.TEXT else _drawn(form, names, warnings, context)

    places.write(draw, context, is_settled=not warnings)
    return ExitCode.OK


_Found = tuple[Sequence[str], int, Sequence[Problem]]  # files, how many declarations, and warnings


def _read(groups: Sequence[Sequence[str]], context: Context) -> _Found:
    """Read each manifest; raises InvalidError with the problems of all."""
    problems: list[Problem] = []
    good: list[Loaded] = []
    for group in groups:
        try:
            good.append(read_files(group, context))
        except InvalidError as error:
            problems += error.problems
    if problems:
        raise InvalidError(sorted(problems, key=lambda problem: problem.position))
    names = [name for each in good for name in each.files]
    tokens = sum(len(each.manifest.tokens) for each in good)
    return names, tokens, [warning for each in good for warning in each.warnings]


def _fleet(which: Which, files: Sequence[str], context: Context, *, by_folder: bool) -> _Found:
    """Read the manifest of each server; a declaration for all of them counts for each. Raises as `_read` does."""
    from reconciler.session.fleet_files import read
    from reconciler.session.sources import Sources

    if by_folder:
        raise UsageError("--by-folder is about manifests of one server each", "leave it out: --fleet does as much")
    found = read(which, Sources(files=files), context)
    tokens = sum(len(each.manifest.tokens) for each in found.servers.values())
    return found.files, tokens, found.warnings


def _drawn(form: PlanFormat, files: Sequence[str], warnings: Sequence[Problem], context: Context) -> str:
    """Return that the files are good, in a format that shows problems."""
    from reconciler.render.findings import ProblemReport

    told, names = published(warnings, context), named(files, context)
    return render_problems(ProblemReport(command="validate", code=ExitCode.OK, warnings=told, files=names), form)


def _groups(files: Iterable[str], context: Context) -> Iterable[Sequence[str]]:
    """Yield the files of each manifest; those that assert no server join the others if these assert a single one."""
    folders: dict[Path, dict[tuple[str, str] | None, list[str]]] = {}
    for path in files:
        if path == "-":
            raise UsageError("--by-folder is about files, and standard input is in no folder")
        for name in Disk(context.streams.stdin).names(path):
            folders.setdefault(Path(name).parent, {}).setdefault(_server(name, context), []).append(name)
    for groups in folders.values():
        asserting = [server for server in groups if server not in (None, _NOTHING)]
        if len(asserting) == 1:
            groups[asserting[0]] += groups.pop(_NOTHING, [])
        yield from groups.values()


def _server(name: str, context: Context) -> tuple[str, str] | None:
    """Return the URL and organisation that the file asserts, None when the file is refused."""
    try:
        return load([name], context.streams.stdin).manifest.server.meant
    except InvalidError:
        return None

"""`tokenctl validate`: reads the files and names all their problems at once; asks no server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from reconciler.core.text import count
from reconciler.errors import ExitCode, InvalidError, Problem, UsageError
from reconciler.manifest.load import Disk, load
from reconciler.session.context import Context
from reconciler.session.reading import read_manifest

_NOTHING = ("", "")  # is asserted of the server


def run(files: Sequence[str], context: Context, *, by_folder: bool = False) -> ExitCode:
    """Check the files as one manifest or, with `by_folder`, as one for each folder and each server in it.

    Raises InvalidError with the problems of all files.
    """
    groups = list(_groups(files, context)) if by_folder and files else [files]
    problems: list[Problem] = []
    read = tokens = 0
    for group in groups:
        try:
            manifest, names = read_manifest(group, context)
        except InvalidError as error:
            problems += error.problems
            continue
        read, tokens = read + len(names), tokens + len(manifest.tokens)
    if problems:
        raise InvalidError(sorted(problems, key=lambda problem: problem.position))
    context.streams.show(f"{count(read, 'file')}, {count(tokens, 'declaration')}: no problems\n")
    return ExitCode.OK


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

"""`tokenctl fmt`: gives files the one layout, without a change of what they mean; asks no server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.errors import ExitCode, InvalidError, Problem
from reconciler.files import STDIN
from reconciler.manifest.edit import Text
from reconciler.manifest.layout import formatted
from reconciler.manifest.load import Disk, load
from reconciler.session.context import Context
from reconciler.session.reading import beside_default, named_or_default
from reconciler.session.rewriting import Rewritten, in_parts, write


def run(files: Sequence[str], context: Context, *, check: bool = False) -> ExitCode:
    """Format each file for itself, or with `check` show what would change.

    Raises InvalidError with the problems of all files, UsageError when there is none, LocalError when one cannot be
    written.
    """
    made: list[Rewritten] = []
    problems: list[Problem] = []
    for name in _names(named_or_default(files, [] if files else beside_default(context)), context):
        seen: dict[str, bytes] = {}
        try:
            (root,) = load(["-" if name == STDIN else name], context.streams.stdin, seen=seen).roots
        except InvalidError as error:
            problems += error.problems
            continue
        before = Text(seen[name].decode())
        text, then = formatted(name, before, root)
        made.append(
            Rewritten(name, seen[name], in_parts(before.raw, root), in_parts(text.raw, then), text, "formatted")
        )
    if problems:
        raise InvalidError(sorted(problems, key=lambda problem: problem.position))
    unchanged = "all files are formatted" if len(made) > 1 else f"{made[0].name} is formatted"
    return write(made, context, suffix="formatted", unchanged=unchanged, check=check, quiet=True)


def _names(files: Sequence[str], context: Context) -> Iterator[str]:
    """Yield each file once, and those of the folders."""
    disk = Disk(context.streams.stdin)
    yield from {disk.identity(name): name for path in files for name in disk.names(path)}.values()

"""File names in, the manifest that they make together out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.commands.context import Context
from reconciler.core.manifest import Manifest
from reconciler.errors import Problem, UsageError
from reconciler.manifest.load import load

DEFAULT = "tokens.yaml"


def read_manifest(files: Sequence[str], context: Context) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest and the files it was read from; without files, `tokens.yaml` of this folder. Says the warnings.

    Raises InvalidError with every problem of every file, UsageError when there is nothing to read.
    """
    if not files and not Path(DEFAULT).exists():
        hint = "name the files or folders to read, or `-` for standard input"
        raise UsageError(Problem(f"no file was named and there is no {DEFAULT} here", hint))
    loaded = load(files or [DEFAULT], context.stdin)
    for warning in loaded.warnings:
        from reconciler.render import pieces  # most files have none, and it costs as much as reading a small one

        context.say(pieces.problem(warning, "Warning"))
    return loaded.manifest, loaded.files

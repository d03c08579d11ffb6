"""`tokenctl schema`: prints a JSON Schema of the installed package."""

from __future__ import annotations

from pathlib import Path

import reconciler
from reconciler.commands.context import Context
from reconciler.commands.names import SchemaName
from reconciler.errors import ExitCode


def run(name: SchemaName, context: Context) -> ExitCode:
    """Show the schema's file as it is."""
    path = Path(reconciler.__file__).parent / "schemas" / f"{name}.v1.json"
    context.show(path.read_text(encoding="utf-8"))
    return ExitCode.OK

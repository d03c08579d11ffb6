"""`tokenctl schema`: prints a JSON Schema of the installed package."""

from __future__ import annotations

from reconciler.commands.context import Context
from reconciler.commands.names import SchemaName
from reconciler.errors import ExitCode
from reconciler.schema import schema_text


def run(name: SchemaName, context: Context) -> ExitCode:
    """Show the schema's file as it is."""
    context.show(schema_text(name))
    return ExitCode.OK

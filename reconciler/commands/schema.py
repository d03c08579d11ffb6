"""`tokenctl schema`: prints a JSON Schema of the installed package."""

from __future__ import annotations

from enum import StrEnum

from reconciler.errors import ExitCode
from reconciler.session.context import Context


class SchemaName(StrEnum):
    """The schemas that `schema` prints."""

    TOKENS = "tokens"
    PLAN = "plan"
    FLEET = "fleet"
    REVISIONS = "revisions"
    JOURNAL = "journal"
    EVENTS = "events"
    PROBLEMS = "problems"
    USAGE = "usage"


def run(name: SchemaName, context: Context) -> ExitCode:
    """Show the schema's file as it is."""
    from reconciler.schema import schema_text  # the command line imports this module for its words

    context.streams.show(schema_text(name))
    return ExitCode.OK

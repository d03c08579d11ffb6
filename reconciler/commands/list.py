"""`tokenctl list`: an inventory of the live tokens, with status, never with a secret."""

from __future__ import annotations

from reconciler.core.guards import too_large
from reconciler.errors import ExitCode
from reconciler.render import json, text, words
from reconciler.render.formats import ListFormat
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.settings import Flags


def run(flags: Flags, form: ListFormat, context: Context) -> ExitCode:
    """Show every token that these credentials may read."""
    settings = resolve(flags, context)
    with connected(settings, context) as connection:
        listing = connection.listing()
    tokens = listing.tokens.values()
    if form is ListFormat.JSON:
        context.streams.show(json.tokens(listing.server, tokens))
    else:
        context.streams.show(text.tokens(tokens, listing.server, context.streams.columns))
    for problem in too_large(tokens, listing.unreadable):
        context.streams.say(words.problem(problem, "Warning"))
    if not tokens:
        context.streams.say(
            "The list is empty. A server leaves out what these credentials may not read, and says nothing."
        )
    return ExitCode.OK

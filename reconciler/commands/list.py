"""`tokenctl list`: an inventory of the live tokens, with status, never with a secret."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.guards import too_large
from reconciler.core.live import Live, Status, Token
from reconciler.core.select import found
from reconciler.core.text import count
from reconciler.errors import ExitCode
from reconciler.render import json, text, words
from reconciler.render.formats import TokensFormat
from reconciler.session.connection import check, connected, resolve
from reconciler.session.context import Context
from reconciler.settings import Flags


def run(
    flags: Flags,
    form: TokensFormat,
    context: Context,
    *,
    having: Sequence[str] = (),
    user: str = "",
    status: Status | None = None,
    not_in: Sequence[str] = (),
) -> ExitCode:
    """Show every token that these credentials may read and that the words and filters leave.

    Raises the errors of reading files and tokens, and those of `connection.check` for the files of `not_in`.
    """
    settings = resolve(flags, context)
    manifest = None
    if not_in:
        from reconciler.session.reading import read_manifest  # no other list reads files

        manifest, _ = read_manifest(not_in, context)
        check(manifest, None, settings)
    with connected(settings, context) as connection:
        live = connection.live()
    tokens = found(live.tokens.values(), words=having, user=user, status=status)
    if manifest:
        from reconciler.core.resolve import declared_tokens

        declared = declared_tokens(manifest, live)
        tokens = [each for each in tokens if each.id not in declared]
    _show(tokens, live, form, context)
    return ExitCode.OK


def _show(tokens: Sequence[Token], live: Live, form: TokensFormat, context: Context) -> None:
    if form is TokensFormat.JSON:
        context.streams.show(json.tokens(live.server, tokens))
    elif form is TokensFormat.CSV:
        context.streams.show(text.csv(tokens))
    else:
        context.streams.show(text.tokens(tokens, live.server, context.streams.columns))
    for problem in too_large(tokens, live.missing):
        context.streams.say(words.problem(problem, "Warning"))
    inactive = sum(each.status is Status.INACTIVE for each in tokens)
    context.streams.say(f"{len(tokens):,} of {count(len(live.tokens), 'token')}, {inactive:,} inactive")
    if not live.tokens:
        context.streams.say(words.EMPTY)

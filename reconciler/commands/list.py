"""`tokenctl list`: an inventory of the live tokens, with status, never with a secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.core import usage
from reconciler.core.guards import too_large
from reconciler.core.live import Live, Status, Token
from reconciler.core.select import found
from reconciler.core.text import count
from reconciler.core.usage import Evidence
from reconciler.documents.usage import load_evidence
from reconciler.errors import ExitCode
from reconciler.render import json, words
from reconciler.render import tokens as drawn
from reconciler.render.formats import TokensFormat
from reconciler.session.connection import check, connected, resolve
from reconciler.session.context import Context
from reconciler.settings import Flags


class ListRequest(NamedTuple):
    """What `tokenctl list` was asked for.

    `having` are words that a token must have, `user` is a glob of its owner's name, "" for any, and `not_in` names
    files that must not declare it. `usage` names the evidence to show beside each token, "" for none.
    """

    form: TokensFormat = TokensFormat.TEXT
    having: Sequence[str] = ()
    user: str = ""
    status: Status | None = None
    not_in: Sequence[str] = ()
    usage: str = ""


def run(request: ListRequest, flags: Flags, context: Context) -> ExitCode:
    """Show every token that these credentials may read and that the words and filters leave.

    Raises the errors of reading files, evidence and tokens, and those of `connection.check` for the files of `not_in`.
    """
    settings = resolve(flags, context)
    evidence = load_evidence(Path(request.usage)) if request.usage else None
    manifest = None
    if request.not_in:
        from reconciler.session.reading import read_manifest  # no other list reads files

        manifest, _ = read_manifest(request.not_in, context)
        check(manifest, None, settings)
    with connected(settings, context) as connection:
        live = connection.live()
    if evidence:
        usage.check(evidence, live.tokens)
    tokens = found(live.tokens.values(), words=request.having, user=request.user, status=request.status)
    if manifest:
        from reconciler.core.resolve import assert_org, declared_tokens

        assert_org(manifest, live, (), "correct `server.org`, or name another file")
        declared = declared_tokens(manifest, live)
        tokens = [each for each in tokens if each.id not in declared]
    _show(tokens, live, request.form, evidence, context)
    return ExitCode.OK


def _show(tokens: Sequence[Token], live: Live, form: TokensFormat, evidence: Evidence | None, context: Context) -> None:
    if form is TokensFormat.JSON:
        context.streams.show(json.tokens(live.server, tokens, evidence))
    elif form is TokensFormat.CSV:
        context.streams.show(drawn.csv(tokens, evidence))
    else:
        context.streams.show(drawn.table(tokens, live.server, context.streams.columns, evidence))
    for problem in too_large(tokens, live.missing):
        context.streams.say(words.problem(problem, "Warning"))
    inactive = sum(each.status is Status.INACTIVE for each in tokens)
    context.streams.say(f"{len(tokens):,} of {count(len(live.tokens), 'token')}, {inactive:,} inactive")
    if not live.tokens:
        context.streams.say(words.EMPTY)

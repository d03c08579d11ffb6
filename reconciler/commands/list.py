"""`tokenctl list`: an inventory of the live tokens, with status, never with a secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core import usage
from reconciler.core.guards import too_large
from reconciler.core.live import Live, Status, Token
from reconciler.core.select import found
from reconciler.core.text import count, name_some
from reconciler.core.usage import Evidence
from reconciler.documents.usage import load_evidence
from reconciler.errors import ExitCode, UsageError
from reconciler.render import json, words
from reconciler.render import tokens as drawn
from reconciler.render.formats import TokensFormat
from reconciler.session.connection import check, connected, resolve
from reconciler.session.context import Context
from reconciler.settings import Flags, Settings

if TYPE_CHECKING:  # most lists are of one server
    from reconciler.core.fleet import Inventory, Skipped
    from reconciler.session.fleet import Named
    from reconciler.session.fleet_files import Which


class ListRequest(NamedTuple):
    """What `tokenctl list` was asked for.

    `having` are words that a token must have, `user` is a glob of its owner's name, "" for any, and `not_in` names
    files that must not declare it. `usage` names the evidence to show beside each token, "" for none.
    `fleet` are the servers of a fleet, None for a single one.
    """

    form: TokensFormat = TokensFormat.TEXT
    having: Sequence[str] = ()
    user: str = ""
    status: Status | None = None
    not_in: Sequence[str] = ()
    usage: str = ""
    fleet: Which | None = None


def run(request: ListRequest, flags: Flags, context: Context) -> ExitCode:
    """Show every token that these credentials may read and that the words and filters leave.

    Raises the errors of reading files, evidence and tokens, and those of `connection.check` for the files of `not_in`.
    """
    if request.fleet:
        return _fleet(request, request.fleet, flags, context)
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


def _fleet(request: ListRequest, which: Which, flags: Flags, context: Context) -> ExitCode:
    """Show the tokens of each server of a fleet; return the gravest code of those that could not be read."""
    from reconciler.core.fleet import Inventory, Skipped
    from reconciler.render import fleet as drawn_fleet
    from reconciler.session import fleet

    for option, given in {"--not-in": request.not_in, "--usage": request.usage}.items():
        if given:
            raise UsageError(f"{option} is about one server", "leave it out, or list that server alone, with --profile")

    def listed(one: Named, settings: Settings, turn: Context) -> Inventory:
        with connected(settings, turn) as connection:
            live = connection.live()
        tokens = found(live.tokens.values(), words=request.having, user=request.user, status=request.status)
        warnings = too_large(tokens, live.missing)
        by_id = sorted(tokens, key=lambda token: token.id)
        return Inventory(one.name, live.server, tuple(by_id), len(live.tokens), tuple(warnings))

    asked = fleet.ask_each(fleet.named(which, flags, context), listed, context)
    _show_fleet(asked, [each for each in asked if isinstance(each, Inventory)], request.form, context)
    skipped = [each for each in asked if isinstance(each, Skipped)]
    for told in drawn_fleet.skipped(skipped, "Not read"):
        context.streams.warn(told)
    return ExitCode.gravest(each.code for each in skipped)


def _show_fleet(
    asked: Sequence[Inventory | Skipped], read: Sequence[Inventory], form: TokensFormat, context: Context
) -> None:
    streams = context.streams
    if form is TokensFormat.JSON:
        streams.show(json.tokens_of_fleet(asked))
    elif form is TokensFormat.CSV:
        streams.show(drawn.csv_of_fleet(read))
    else:
        streams.show(drawn.table_of_fleet(read, streams.columns))
    for each in read:
        for problem in each.warnings:
            streams.say(words.problem(problem, f"Warning on {each.name}"))
    shown = [token for each in read for token in each.tokens]
    inactive = sum(token.status is Status.INACTIVE for token in shown)
    known = count(sum(each.of for each in read), "token")
    servers = count(len(asked), "server")
    of = servers if len(read) == len(asked) else f"{len(read):,} of {servers}"
    streams.say(f"{len(shown):,} of {known} on {of}, {inactive:,} inactive")
    if empty := [each.name for each in read if not each.of]:
        streams.say(f"{name_some(empty)}: {words.EMPTY}")

"""`tokenctl usage`: what a server's request log says of its tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.core.live import TokenId
from reconciler.core.requestlog import Tally
from reconciler.core.usage import ListedToken
from reconciler.documents.usage import load_list, save_evidence, usage_document
from reconciler.errors import ExitCode, InvalidError
from reconciler.render.escape import json_text, terminal
from reconciler.render.formats import ListFormat
from reconciler.render.usage import usage
from reconciler.session import outputs
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.requestlogs import read_logs
from reconciler.settings import Flags

_FIRST = (2, 7, 5)  # the version that began to write such lines
_ON = "start influxd with `--log-level debug` for some days; docs/retiring-tokens.md has what that costs"
_VERSION = re.compile(rb"(\d+)\.(\d+)\.(\d+)")


class UsageRequest(NamedTuple):
    """What was asked for.

    `logs` are files, `-` being standard input; `since_s` leaves out what is older at their end, None for nothing;
    `tokens` is a list that `tokenctl list` printed, "" to ask the server; `out` the file for the evidence, "" for none.
    """

    logs: Sequence[str]
    flags: Flags
    since_s: float | None = None
    form: ListFormat = ListFormat.TEXT
    out: str = ""
    tokens: str = ""


def run(request: UsageRequest, context: Context) -> ExitCode:
    """Show when each live token was used last; raises InvalidError for logs without a request, and why."""
    wanted = outputs.parse((), None, request.out)
    wanted.check([*request.logs, *([request.tokens] if request.tokens else [])], context, request.flags)
    tokens = _tokens(request, context)
    tally = Tally(tokens, request.since_s)
    read_logs(request.logs, tally, context)
    evidence = tally.evidence
    if evidence is None:
        raise InvalidError(*_without(tally))
    context.shown.set()
    if request.form is ListFormat.JSON:
        context.streams.show(json_text(usage_document(evidence, tokens), indent=2) + "\n")
    else:
        context.streams.show(usage(evidence, tokens, context.streams.columns))
    if request.out:
        save_evidence(evidence, tokens, Path(request.out))
        context.streams.say(f"Saved to {terminal(request.out)}")
    return ExitCode.OK


def _tokens(request: UsageRequest, context: Context) -> Mapping[TokenId, ListedToken]:
    if request.tokens:
        masked = context.streams.masked
        listed = load_list(Path(request.tokens))
        return {each.id: each._replace(description=masked(each.description)) for each in listed.values()}
    with connected(resolve(request.flags, context), context) as server:
        live = server.listing().tokens.values()
    return {each.id: ListedToken(id=each.id, status=each.status, description=str(each.description)) for each in live}


def _without(tally: Tally) -> tuple[str, str]:
    """Return that there is no request in a log, as far as it tells why, and what to do about it."""
    version = _VERSION.match(tally.version)
    if tally.of_container:
        return "no request is in the log: it is a file of Docker's own", "give what `docker logs` prints"
    if tally.on_terminal:
        hint = "give the log of a service, or of a container without `-t`: its lines have `ts=` and `lvl=`"
        return "no request is in the log: it has the layout for a terminal", hint
    if version and tuple(map(int, version.groups())) < _FIRST:
        known = version[0].decode()
        return f"no request is in the log: InfluxDB {known} writes none, only 2.7.5 and later do", "upgrade the server"
    if tally.level and tally.level != b"debug":
        level = terminal(tally.level.decode("ascii", "replace"))
        return f"no request is in the log: the server ran with `--log-level {level}`", _ON
    return "no request is in the log: no line is one that InfluxDB writes for a request", _ON

"""The events of a run as lines of schemas/journal.v1.json, and the Run that such lines tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeAlias, TypeVar

from reconciler.core.outcome import Entry, Outcome, Provenance, Result, ResultStatus, Run
from reconciler.core.plan import Change, Plan
from reconciler.documents import decode
from reconciler.documents.decode import DecodeError, Document, Fields, list_of, matching, one_of, text
from reconciler.documents.plan import change, limits, parts, server, token_document

FORMAT_VERSION = 1

T = TypeVar("T")
Line: TypeAlias = Mapping[str, object]


def header_line(plan: Plan, provenance: Provenance) -> Document:
    """Return the line that begins the journal of a run that sends this plan."""
    return {
        "event": "header",
        "format_version": FORMAT_VERSION,
        "run": provenance.run,
        "tokenctl": provenance.tool,
        "started": provenance.started,
        **parts(plan, "server", "org_ids", "digest"),
        "changes": len(plan.changes),
        **parts(plan, "managed", "limits", "undoes", "lock"),
        **parts(provenance, "files", "commit", "run_url", "who"),
        **(parts(provenance, "server_name") if provenance.server_name else {}),
    }


def intent_line(change: Change, attempt: int) -> Document:
    """Return the line that is written before a PATCH; `attempt` counts from 1."""
    return {
        "event": "intent",
        "id": change.token.id,
        "attempt": attempt,
        **parts(change, "name", "protected"),
        **token_document(change.token),
        "after": change.body,
    }


def result_line(result: Result) -> Document:
    """Return the line that tells the result of an operation."""
    return {"event": "result", **_known(result.change, result.status, result.reason, result.updated_at)}


def summary_line(outcome: Outcome) -> Document:
    """Return the line that ends the journal of a run that was not interrupted."""
    return {"event": "summary", "reason": outcome.exit_code.reason, "stopped": outcome.stopped}


def settled_line(entries: Iterable[Entry], at: str, tool: str) -> Document:
    """Return the line that ends the journal of an interrupted run, once these operations in doubt are settled."""
    results = [_known(each.change, each.status, each.reason, each.left_at) for each in entries if each.status]
    return {"event": "settled", "at": at, "tokenctl": tool, "results": results}


def _known(change: Change, status: ResultStatus, reason: str, updated_at: str) -> Document:
    return {"id": change.token.id, "status": status, "reason": reason, "updatedAt": updated_at}


def parse_line(content: bytes) -> Line | None:
    """Return the fields of a line, None when it is cut off or has no event."""
    with suppress(DecodeError):
        line = decode.parse(content)
        if isinstance(line.get("event"), str):
            return line
    return None


def is_last(line: Line) -> bool:
    """Return whether the line ends its journal."""
    return line["event"] in ("summary", "settled")


def read_run(lines: Iterable[bytes], most: int) -> Run:
    """Return the run that the lines of a journal tell of; raises DecodeError for no journal, or more than `most` lines.

    One line may be broken: the last, as a crash left it, or the one before the line that a later run added. Unknown
    events are passed over, and so are results without an intent, of changes that were not sent.
    """
    numbered = enumerate(lines, 1)
    run = _taken(_header, _first(next(numbered, None)), 1)
    entries: dict[str, Entry] = {}
    ended, broken = False, 0
    for number, content in numbered:
        line = parse_line(content)
        if number > most:
            raise DecodeError(f"has more than {most:,} lines")
        if broken and (line is None or line["event"] != "settled"):
            raise DecodeError("is not one of a journal", subject=f"line {broken}")
        broken = 0 if line else number
        if line and line["event"] == "header":
            raise DecodeError("is another header", subject=f"line {number}")
        if line and (event := _EVENTS.get(str(line["event"]))):
            _taken(partial(event, entries), line, number)
            ended = is_last(line)
    return run._replace(entries=tuple(entries.values()), ended=ended)


def _first(numbered: tuple[int, bytes] | None) -> Line:
    """Return the first line; raises DecodeError unless it is a header of this version of the format."""
    if not numbered:
        raise DecodeError("is empty")
    line = parse_line(numbered[1])
    if line is None or line["event"] != "header":
        raise DecodeError("is no header", subject="its first line")
    version = line.get("format_version")
    if isinstance(version, int) and version != FORMAT_VERSION:
        raise DecodeError(f"has version {version}, and this tokenctl reads {FORMAT_VERSION}", subject="its format")
    return line


def _taken(take: Callable[[Fields], T], line: Line, number: int) -> T:
    """Return what `take` makes of a line's fields; a later version may have more of these."""
    field = Fields(line, exact=False)
    try:
        taken = take(field)
        field.end()
    except DecodeError as error:
        raise DecodeError(str(error), subject=f"line {number}:") from None
    return taken


def _header(field: Fields) -> Run:
    field("format_version", decode.integer(FORMAT_VERSION, FORMAT_VERSION))
    field("tokenctl", _SHORT)
    field("org_ids", list_of(decode.ID))
    field("digest", decode.DIGEST)
    field("commit", _COMMIT)
    field("run_url", text)
    field.optional("who", text, "")
    return Run(
        name=field("run", decode.RUN_NAME),
        started=field("started", _SHORT),
        server=server(field.inner("server")),
        files=tuple(field("files", list_of(text))),
        server_name=field.optional("server_name", _NAME, ""),
        undoes=field("undoes", _UNDOES),
        lock=field.optional("lock", decode.boolean, False),
        planned=field("changes", decode.COUNT),
        managed=field("managed", decode.COUNT),
        limits=limits(field.inner("limits")),
        entries=(),
        ended=False,
    )


def _intent(entries: dict[str, Entry], field: Fields) -> None:
    field("attempt", decode.ORDINAL)
    begun = change(field, field.inner("after", exact=True, least=1))
    # What a retry finds is what the first attempt left: before the run, the token was as it says.
    earlier = entries.get(begun.token.id)
    entries[begun.token.id] = Entry(change=earlier.change if earlier else begun)


def _result(entries: dict[str, Entry], field: Fields) -> None:
    token_id, status, reason = field("id", decode.ID), field("status", _STATUS), field("reason", text)
    left_at = field("updatedAt", text)
    if entry := entries.get(token_id):
        entries[token_id] = entry._replace(status=status, reason=reason, left_at=left_at or entry.left_at)


def _summary(_: dict[str, Entry], field: Fields) -> None:
    field("reason", _SHORT)
    field("stopped", text)


def _settled(entries: dict[str, Entry], field: Fields) -> None:
    field("at", _SHORT)
    field("tokenctl", _SHORT)
    field("results", list_of(lambda value: _result(entries, Fields(decode.an_object(value), exact=False))))


_EVENTS = {"intent": _intent, "result": _result, "summary": _summary, "settled": _settled}
_STATUS = one_of(ResultStatus)
_SHORT = matching("(?s).{0,200}", "a string of at most 200 characters")
_NAME = matching("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "the name of a server")
_UNDOES = matching("[A-Za-z0-9._-]{0,200}", "the name of a run, or empty")
_COMMIT = matching("([0-9a-f]{40}|[0-9a-f]{64})?", "40 or 64 lower-case hex digits, or empty")

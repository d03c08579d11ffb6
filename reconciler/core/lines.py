"""The events of a run as the lines of schemas/journal.v1.json, and such lines as a Run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, NotRequired, TypedDict

from reconciler.core.document import (
    SubjectDocument,
    before_document,
    change_from,
    limits_document,
    limits_from,
    server_document,
)
from reconciler.core.live import Server
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.core.record import Entry, Provenance, Run

FORMAT_VERSION = 1


class Header(TypedDict):
    """The first line: which run this is."""

    event: Literal["header"]
    format_version: int
    run: str
    tokenctl: str
    started: str
    server: dict[str, str]
    org_ids: list[str]
    digest: str
    changes: int
    managed: int
    limits: dict[str, int | str]
    undoes: str
    lock: NotRequired[bool]
    files: list[str]
    commit: str
    run_url: str


class Intent(SubjectDocument):
    """A PATCH is about to be sent."""

    event: Literal["intent"]
    attempt: int
    after: dict[str, str]


class Known(TypedDict):
    """What is known of an operation."""

    id: str
    fate: str
    reason: str
    updatedAt: str


class Told(Known):
    """The same as a line of its own."""

    event: Literal["result"]


class Summary(TypedDict):
    """The run ended by itself."""

    event: Literal["summary"]
    reason: str
    stopped: str


class Settled(TypedDict):
    """A later run found this one interrupted, and read what became of it."""

    event: Literal["settled"]
    at: str
    tokenctl: str
    results: list[Known]


Line = Header | Intent | Told | Summary | Settled


def header(plan: Plan, provenance: Provenance) -> Header:
    """The line that begins the journal of a run that sends this plan."""
    return {
        "event": "header",
        "format_version": FORMAT_VERSION,
        "run": provenance.run,
        "tokenctl": provenance.tool,
        "started": provenance.started,
        "server": server_document(plan.server),
        "org_ids": list(plan.org_ids),
        "digest": plan.digest,
        "changes": len(plan.changes),
        "managed": plan.managed,
        "limits": limits_document(plan.limits),
        "undoes": plan.undoes,
        "lock": plan.lock,
        "files": list(provenance.files),
        "commit": provenance.commit,
        "run_url": provenance.run_url,
    }


def intent(change: Change, attempt: int) -> Intent:
    """The line before a PATCH; `attempt` counts from 1."""
    token = change.token
    return {
        "event": "intent",
        "id": token.id,
        "attempt": attempt,
        "name": change.name,
        "protected": change.protected,
        "org_id": token.org_id,
        "org": token.org,
        "user_id": token.user_id,
        "user": token.user,
        "before": before_document(token),
        "after": change.body,
    }


def result(result: Result) -> Told:
    """The line that says what came of an operation."""
    return {
        "event": "result",
        "id": result.change.token.id,
        "fate": result.fate.value,
        "reason": result.reason,
        "updatedAt": result.updated_at,
    }


def summary(outcome: Outcome) -> Summary:
    """The line that ends the journal of a run that ends by itself."""
    return {"event": "summary", "reason": outcome.exit_code.reason, "stopped": outcome.stopped}


def settled(entries: Iterable[Entry], at: str, tool: str) -> Settled:
    """The line that ends the journal of an interrupted run, once these of its operations are settled."""
    results: list[Known] = [
        {"id": each.change.token.id, "fate": each.fate.value, "reason": each.reason, "updatedAt": each.left_at}
        for each in entries
        if each.fate
    ]
    return {"event": "settled", "at": at, "tokenctl": tool, "results": results}


def is_last(line: Line) -> bool:
    """Whether nothing is left to tell after this line."""
    return line["event"] in ("summary", "settled")


def from_lines(header: Header, lines: Sequence[Line]) -> Run:
    """The run of lines that the schema accepts: its header, and all that follow it.

    An event that is not known is passed over, and so is a result without an intent: there, nothing was sent.
    """
    entries: dict[str, Entry] = {}
    for line in lines:
        match line["event"]:
            case "intent":
                # What a retry finds is what the first attempt left: before the run, the token was as it says.
                change = entries[line["id"]].change if line["id"] in entries else change_from(line, line["after"])
                entries[line["id"]] = Entry(change=change)
            case "result":
                _learn(entries, line)
            case "settled":
                for known in line["results"]:
                    _learn(entries, known)
    return Run(
        name=header["run"],
        started=header["started"],
        server=Server(
            url=header["server"]["url"], build=header["server"]["build"], version=header["server"]["version"]
        ),
        undoes=header["undoes"],
        lock=header.get("lock", False),
        planned=header["changes"],
        managed=header["managed"],
        limits=limits_from(header["limits"]),
        entries=tuple(entries.values()),
        ended=bool(lines) and is_last(lines[-1]),
    )


def _learn(entries: dict[str, Entry], known: Known) -> None:
    entry = entries.get(known["id"])
    if entry:
        entries[known["id"]] = replace(
            entry, fate=Fate(known["fate"]), reason=known["reason"], left_at=known["updatedAt"] or entry.left_at
        )

"""Reads the events that a run with `--format json` wrote to standard output, and holds each against its schema."""

from __future__ import annotations

import json
from typing import Any

from reconciler.schema import load_schema, violations

DIGEST = "0" * 64  # in the place of what differs from run to run
EVENTS, PLAN = load_schema("events"), load_schema("plan")


def events_of(out: str) -> list[dict[str, Any]]:
    """The events, every one of them as its schema says, in a line of its own; the last one is a summary."""
    assert out.isascii()
    assert out.endswith("\n")
    found = [checked(line) for line in out.replace('"DIGEST"', f'"{DIGEST}"').splitlines()]
    names = [each["event"] for each in found]
    assert names[:1] in (["plan"], ["summary"])
    assert (names.count("plan") <= 1, names.count("summary"), names[-1]) == (True, 1, "summary")
    return found


def checked(line: str) -> dict[str, Any]:
    """One event that is as its schema says."""
    event: dict[str, Any] = json.loads(line)
    assert violations(event, EVENTS) == ()
    if event["event"] == "plan":
        assert violations(event["plan"], PLAN) == ()
    # Nothing that the schema does not tell of.
    told = EVENTS["definitions"][event["event"]]["properties"]
    assert event.keys() == {"format_version", "event", *told}
    return event


def short(out: str) -> list[str]:
    """Return a line for each event: its name, and what it has of id, status and reason."""
    keys = ("event", "id", "status", "reason")
    return [" ".join(str(each[key]) for key in keys if key in each) for each in events_of(out)]


def counts(out: str) -> list[int]:
    """How many changes are done, failed, unverified and not attempted, as the summary says."""
    found = events_of(out)[-1]["counts"]
    return [found[key] for key in ("done", "failed", "unverified", "not_attempted")]

"""The lines of a journal: they are read as they were written, and what the schema refuses is refused."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.manifest import Limits
from reconciler.core.outcome import Entry, Outcome, Provenance, Result, ResultStatus
from reconciler.documents.decode import DecodeError, Document
from reconciler.documents.journal import (
    header_line,
    intent_line,
    read_run,
    result_line,
    settled_line,
    summary_line,
)
from reconciler.schema import load_schema
from tests.builders import INACTIVE, declared, planned, token
from tests.documents.mutations import mutated
from tests.strategies import World, draft_of, worlds

ORACLE = jsonschema.Draft7Validator(load_schema("journal"))
PLAN = planned(
    [declared(1, description="\x1b", name="one"), declared(2, status=INACTIVE, protected=True)],
    [token(1), token(2)],
    limits=Limits(max_deactivations=7),
)
HEADER = header_line(PLAN, Provenance(run="apply-1", started="now", tool="0.1.0", files=("a", "b"), commit="0" * 40))
LINES: tuple[Document, ...] = (
    HEADER,
    *(intent_line(change, 1) for change in PLAN.changes),
    *(result_line(Result(change=change, status=status)) for change in PLAN.changes for status in ResultStatus),
    summary_line(Outcome(results=())),
    settled_line([Entry(change=PLAN.changes[0], status=ResultStatus.DONE, left_at="then")], "now", "0.1.0"),
)


def _texts(*lines: Any) -> list[bytes]:
    return [json.dumps(line).encode() + b"\n" for line in lines]


@given(worlds(least=1))
def test_what_is_written_is_read(world: World) -> None:
    plan = draft_of(world)
    header = header_line(plan, Provenance(run="apply-1", started="now", tool="0.1.0"))
    run = read_run(_texts(header, *(intent_line(change, 1) for change in plan.changes)), 100)
    assert (run.planned, run.managed, run.limits, run.server) == (
        len(plan.changes),
        plan.managed,
        plan.limits,
        plan.server,
    )
    # Whose own a token is, and what it may do, is no matter of a journal.
    wanted = [
        (each.token.id, each.token.org_id, each.token.description, each.body, each.name, each.protected)
        for each in plan.changes
    ]
    assert [
        (each.token.id, each.token.org_id, each.token.description, each.body, each.name, each.protected)
        for each in (entry.change for entry in run.entries)
    ] == wanted


@settings(max_examples=4 * settings().max_examples)
@given(st.sampled_from(LINES).flatmap(mutated))
def test_what_the_schema_refuses_is_refused(line: Any) -> None:
    lines = [line] if line.get("event") == "header" or "run" in line else [HEADER, line]
    try:
        read_run(_texts(*lines), 100)
    except DecodeError:
        return
    # Half a line is no line: whoever was killed may have left one.
    assert ORACLE.is_valid(line) or not isinstance(line.get("event"), str)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({**LINES[1], "before": {"status": "on"}}, "line 2: `before.status` must be `active` or `inactive`"),
        ({**LINES[1], "before": {"status": "active"}}, "line 2: `before` must have `description`"),
        ({**LINES[1], "attempt": True}, "line 2: `attempt` must be an integer from 1 to 9007199254740991"),
        ({"event": "summary"}, "line 2: it must have `reason`"),
        ({**LINES[-1], "results": [{}]}, "line 2: `results[0]` must have `id`"),
    ],
)
def test_the_path_of_what_is_wrong_is_told(line: Any, why: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_run(_texts(HEADER, line), 100)
    assert str(caught.value).startswith(why)


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line["event"]))
def test_what_a_later_version_adds_is_passed_over(line: Document) -> None:
    added = {
        key: {**value, "more": 1} if isinstance(value, dict) and key != "after" else value
        for key, value in line.items()
    }
    lines = [{**added, "more": [1]}]
    assert read_run(_texts(*(lines if line is HEADER else [HEADER, *lines])), 100).name == "apply-1"

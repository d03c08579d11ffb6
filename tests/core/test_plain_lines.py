"""The fast look at a line: it accepts what tokenctl writes, and nothing that the schema refuses."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core import lines
from reconciler.core.outcome import Fate, Result
from reconciler.core.plain_lines import is_plain
from reconciler.schema import checker, load_schema
from tests.strategies import World, draft_of, worlds

CHECK = checker(load_schema("journal"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**60) | st.floats(allow_nan=False) | st.text(max_size=3)
    | st.sampled_from(["0" * 16, "0" * 16 + "\n", "A" * 16, "active", "done", "not attempted"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["status", "description", "x"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def _written(world: World) -> list[Any]:
    """Intents and results as they come back from a file."""
    changes = draft_of(world).changes
    results = [lines.result(Result(change=change, fate=fate)) for change in changes for fate in Fate]
    return [json.loads(json.dumps(each)) for each in (*(lines.intent(change, 1) for change in changes), *results)]


@settings(max_examples=20)
@given(worlds())
def test_what_is_written_is_plain(world: World) -> None:
    assert all(map(is_plain, _written(world)))


@given(worlds(least=2), st.data())
def test_what_is_plain_is_what_the_schema_says(world: World, data: st.DataObject) -> None:
    written = _written(world)
    if not written:
        return
    line = data.draw(st.sampled_from(written))
    place = data.draw(st.sampled_from([line, *(value for value in line.values() if isinstance(value, dict))]))
    key = data.draw(st.sampled_from([*place, "more"]))
    if data.draw(st.booleans()):
        place.pop(key, None)
    else:
        place[key] = data.draw(VALUES)
    if isinstance(line.get("event"), str) and is_plain(line):
        assert CHECK(line) is None


def test_other_events_are_for_the_schema() -> None:
    assert not is_plain({"event": "summary", "reason": "ok", "stopped": ""})

"""Changes documents: each time one value is changed, added or taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

_NEAR = [
    "0" * 16,
    "0" * 16 + "\n",
    "A" * 16,
    "active",
    "done",
    "0" * 64,
    "0" * 40,
    "100%",
    "7%\n",
    "007%",
    "",
    "PATCH\n",
    "v" * 201,
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**60) | st.sampled_from([0.0, 1.0, 1.5, -0.0]) | st.text(max_size=3)
    | st.sampled_from(_NEAR),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["status", "description", "", "x"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


@st.composite
def mutated(draw: st.DrawFn, document: object) -> Any:
    """The document as it comes back from a file, with one mutation that may leave it valid."""
    value = json.loads(json.dumps(document))
    where = draw(st.sampled_from(list(_containers(value))))
    if isinstance(where, list):
        number = draw(st.integers(0, len(where) - 1))
        where[number : number + draw(st.integers(0, 1))] = draw(st.lists(VALUES, max_size=1))
        return value
    key = draw(st.sampled_from([*where, "more", "lock", "undoes", "mark", "marks", "status"]))
    if draw(st.booleans()) and key in where:
        del where[key]
    else:
        where[key] = draw(VALUES)
    return value

"""A unified difference, as `diff -u` writes it."""

from __future__ import annotations

from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.difference import difference

B = " b\n" * 3
LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12) | st.just([*map(str, range(9))])


@given(LINES, LINES)
def test_it_is_what_the_standard_library_writes(one: list[str], other: list[str]) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (one, other))
    expected = unified_diff(before.splitlines(True), after.splitlines(True), "x", "x, edited")
    assert difference("x", "edited", [before], [after]) == "".join(expected)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (["a\n", "b\n"], ["a\n", "b\n"], ""),
        ([""], ["a"], "@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n"),
        (["a\n", "b\n"], ["c\n", "d\n"], "@@ -1,2 +1,2 @@\n-a\n-b\n+c\n+d\n"),
        (
            ["a\n", "b\n" * 7, "c\n"],
            ["d\n", "b\n" * 7, "e\n"],
            f"@@ -1,4 +1,4 @@\n-a\n+d\n{B}@@ -6,4 +6,4 @@\n{B}-c\n+e\n",
        ),
        (["a\n"], ["a\n", "b\n"], "@@ -1 +1,2 @@\n a\n+b\n"),
        (["a\u2028b\n::c\n"], ["d\n::c\n"], "@@ -1,2 +1,2 @@\n-a\\u2028b\n+d\n :\\:c\n"),
    ],
)
def test_parts_are_compared_each_for_itself_and_escaped(before: list[str], after: list[str], shown: str) -> None:
    head = "--- x\n+++ x, edited\n" if shown else ""
    assert difference("x", "edited", before, after) == head + shown

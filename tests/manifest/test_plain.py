"""What is read without a YAML parser is what PyYAML's parsers read, positions included."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import FrameType
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.manifest import check, document, plain
from reconciler.manifest.plain import Entry, Items, Row, Spot, Value
from reconciler.manifest.syntax import SECRET_WORDS, TextFile

WHOLE = """# of the platform team
version: 1
guards:
  max_deactivations: 10%
server:
  org: "acme: a & b"
tokens:
  # the first
  - id: "0d3a5f0c1be4e000"
    name: a-b
    description: x (y), [z] {w} it's
    status: null

  - match:
        user: al ice
        org: ""
    labels:
      team: a
    status: inactive
# the end
lock: true
"""
LINES = [
    "version: 1\n", "tokens:\n", '  - id: "a b"\n', "  - id: x\n", "    name: null\n", "    status: active\n", "    match:\n",
    "      user: al ice\n", '      org: ""\n', "- id: q\n", "  name: x, y\n", "guards:\n", "  a: 1\n", "  b: 2\n", "\n", "# c\n", "  # c\n",
    "      # c\n", "  \n", "lock: true\n", "    labels:\n", "        team: z\n", "      deep:\n", "key: a \n", "k:  two\n", "---\n", "    t: 1_000\n",
    "  -\n", '  q: "a\'b"\n', '    v: a"b\n', "    u: a, [b] {c}\n", "    r: a & b ! c ? d | e > f % g @ h ` i\n", "tokens: x\n", "    s: 'x'\n",
]  # fmt: skip
SIGNS = " :#-\"'\n\tabc019[]{},&*!|>%@`?~=.<\\\xa0\u2028\uffffé😀_/"


@given(st.lists(st.sampled_from(LINES), max_size=9).map("".join))
def test_any_lines_are_read_alike(text: str) -> None:
    read_alike(text)
    read_alike(f"version: 1\ntokens:\n{text}")


ITEMS = [
    f"  - {first}\n    name: {name}\n    status: {status}\n"
    for first in ('id: "0d3a5f0c1be4e000"', "id: a-b", 'name: ""')
    for name in ("x y", '"z # z"', "null")
    for status in ("active", "~")
]
BETWEEN = [
    *[""] * 9,
    "\n",
    "# c\n",
    "    until: 2026-12-31\n",
    "    name: twice\n",
    "      # c\n",
    "lock: true\n",
    "    labels:\n      a: b\n",
]


@example(["  - id: a\n    name: b\n"] * 2 + ["  - id: a\n    name: null\n"])
@example(["  - id: a\n    name: b\n"] * 2 + ["  - id: a\n    name: ~\n"])
@example(["  - id: a\n", "  - labels:\n      id: a\n", "  - id: b\n"])
@example(["  - id: a\n    labels:\n      b: c\n"] * 3)
@example(["  - id: a\n", "  - id:\n", "  - id: b\n"])
@example(["  - id: a\n", "  - id:\n", "  - id: b\n      c: d\n"])
@example(["  - id: a\n", "  - id: a\n    name: b\n", "  - id: c\n"])
@example(["  - ids: a\n    id: b\n"])
@example(["  - id: a\n    labels:\n      b: c\n    name: d\n"] * 2 + ["  - id: a\n    labels: b\n    name: d\n"])
@given(st.lists(st.tuples(st.sampled_from(ITEMS), st.sampled_from(BETWEEN)).map("".join), min_size=3, max_size=9))
def test_items_that_are_written_alike_are_read_alike(items: list[str]) -> None:
    read_alike(f"version: 1\ntokens:\n{''.join(items)}")


@given(st.data())
def test_a_file_that_is_changed_here_and_there_is_read_alike(data: st.DataObject) -> None:
    text = WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(SIGNS, max_size=2)) + text[at + data.draw(st.integers(0, 3)) :]
    read_alike(text)


def test_the_files_of_this_repository_are_read_alike() -> None:
    files = [*Path("examples").rglob("*.yaml"), *Path("tests").rglob("*.yaml")]
    texts = {each.read_bytes().decode(errors="replace").replace("\r\n", "\n") for each in files}
    assert sum(map(read_alike, texts)) > len(texts) / 5


def test_the_plainest_form_is_read_without_a_parser() -> None:
    assert read_alike(WHOLE)
    assert read_alike(WHOLE.replace("  - ", "- ").replace("\n    ", "\n  ").replace("\n      ", "\n    "))


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "version: 1", "version:\n", "tokens:\n", "version: 1 # one\n", "version: 1\n  # deeper\n", "a: 1\na: 2\n", "tokens:\n  a: 1\n", "a:\n  - b: 1\n",
        "  - a: 1\n", "a: 1\n  b: 2\n", "a:\nb: 1\n", "tokens:\n  - a: 1\n    - b: 2\n", "tokens:\n  - a: 1\n - b: 2\n", "a: 'x'\n", 'a: "\\n"\n', "a: x\u2028y\n", "a: - b\n",
        "a:\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 9)) + " " * 9 + "a: 1\n",
    ],
)  # fmt: skip
def test_any_other_form_is_left_to_a_parser(text: str) -> None:
    assert plain.read(TextFile("tokens.yaml", text)) is None


def test_most_items_become_rows_where_these_are_asked_for() -> None:
    items = [f'  - id: "a{number:015x}"\n    name: n-{number}\n    status: active\n' for number in range(99)]
    items[50] = items[50].replace("active", "off")
    root = plain.read(TextFile("tokens.yaml", f"version: 1\ntokens:\n{''.join(items)}"), usual=check.USUAL)
    assert root
    tokens = root["tokens"]
    assert isinstance(tokens, Items)
    assert [number for number, each in enumerate(tokens) if not isinstance(each, Row)] == [*range(32), 50]
    assert plain.read(TextFile("tokens.yaml", f"version: 1\ntokens:\n{''.join(items)}lock: true\n"), usual=check.USUAL)


def test_several_threads_may_ask_where_items_stand() -> None:
    items = "".join(f'  - id: "a{number:015x}"\n    name: n-{number}\n    status: active\n' for number in range(2_000))
    file = TextFile("tokens.yaml", f"version: 1\ntokens:\n{items}")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for usual in (check.USUAL, plain.NO_KEYS):
            root = plain.read(file, usual=usual)
            assert root
            tokens = root["tokens"]
            assert isinstance(tokens, Items)
            together = Barrier(4)

            def places(tokens: Items = tokens, together: Barrier = together) -> list[int]:
                together.wait()
                return [each.place("status").line for each in tokens if not isinstance(each, Entry) or each.marks]

            with ThreadPoolExecutor(4) as pool:
                found = [pool.submit(places) for _ in range(4)]
            assert [each.result() for each in found] == [[5 + 3 * number for number in range(2_000)]] * 4
    finally:
        sys.setswitchinterval(interval)


def test_items_of_many_forms_or_with_many_keys_are_not_worth_a_pattern_each() -> None:
    def item(*keys: str) -> str:
        return "  - " + "    ".join(f"{key}: x\n" for key in keys)

    def patterns(items: list[str]) -> int:
        made = 0

        def enter(frame: FrameType, event: str, _: object) -> None:
            nonlocal made
            made += event == "call" and frame.f_code.co_name == "_form"

        file = TextFile("tokens.yaml", f"tokens:\n{''.join(items)}")
        sys.setprofile(enter)
        try:
            assert plain.read(file, 2)
        finally:
            sys.setprofile(None)
        assert read_alike(file.text)
        return made

    forms = [(one, two) for one in "abcdefg" for two in "hijklmn"]
    assert patterns([item(*form) for form in forms[:9] for _ in range(3)]) == 9
    assert patterns([item(*form) for form in forms for _ in range(3)]) == 32
    assert patterns([item(*"abcdefghijklmnop")] * 3) == 1
    assert patterns([item(*"abcdefghijklmnopq")] * 3) == 0


def read_alike(text: str) -> bool:
    """Whether the text is read without a parser; fails where that gives anything but what the parsers give."""
    file = TextFile("tokens.yaml", text)
    found = plain.read(file)
    at_once = plain.read(file, 2)
    places = [[each.place(key) for key in ("", *each)] for each in mappings(found)]
    assert shape(at_once) == shape(found)
    in_rows = plain.read(file, 2, dict.fromkeys(("id", "name", "status"), r'[^"\\\n]*+'))
    assert shape(without_rows(in_rows)) == shape(found)
    assert [[each.place(key) for key in ("", *each)] for each in mappings(found)] == places  # with all marks made
    for loader in (yaml.CSafeLoader, yaml.SafeLoader) if found is not None else ():
        other, problems = document.read(file, loader)
        assert shape(found) == shape(other)
        assert {(each.message, each.hint) for each in problems} <= {SECRET_WORDS}
    return found is not None


def without_rows(root: Entry | None) -> Entry | None:
    """The document with the entries of its rows, which end for a parser where the next item begins."""
    tokens = root.get("tokens") if root else None
    if root is None or not isinstance(tokens, Items):
        return root
    rows = {id(each) for each in tokens if isinstance(each, Row)}
    for at, each in enumerate(tokens):
        if id(each) in rows:
            tokens[at] = entry = each.entry
            if at + 1 < len(tokens):
                follower = tokens[at + 1]
                mark = follower.entry.mark if isinstance(follower, Row) else follower.mark
                entry.end = Spot(mark.index - 2, mark.line, mark.column - 2)
            tokens.marks.insert(at, entry.mark)
    return root


def mappings(value: Value) -> list[Entry]:
    """A mapping and all that are in it."""
    if isinstance(value, Entry):
        return [value, *(each for part in value.values() for each in mappings(part))]
    return [each for part in value for each in mappings(part)] if isinstance(value, Items) else []


def shape(value: Value) -> object:
    """A value with all positions that it and its parts know."""
    if isinstance(value, Entry):
        parts = [(key, shape(each), [spot(mark) for mark in value.marks[key]]) for key, each in value.items()]
        return "mapping", spot(value.mark), spot(value.end), list(value.cut), parts
    if isinstance(value, Items):
        return (
            "list",
            spot(value.mark),
            spot(value.end),
            [spot(mark) for mark in value.marks],
            [shape(each) for each in value],
        )
    return value


def spot(mark: Any) -> tuple[int, int, int]:
    """A position as numbers."""
    return mark.index, mark.line, mark.column

"""Values as YAML: each text comes back as it was, by both parsers and by what other programs read with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.text import REFUSED
from reconciler.manifest import document
from reconciler.manifest.dump import Item, scalar, single_quoted
from reconciler.manifest.syntax import TextFile

TEXTS = json.loads((Path(__file__).parent.parent / "authoring/texts.json").read_text("utf-8"))
LOADERS = (yaml.CSafeLoader, yaml.SafeLoader)
WORDS = st.sampled_from(
    [
        "a",
        "B",
        "z0",
        "0",
        "1e3",
        ":",
        "-",
        "#",
        "'",
        '"',
        "\\",
        "?",
        ",",
        "[",
        "]",
        "{",
        "}",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "=",
        "~",
        "y",
        "No",
        "null",
        "---",
        "...",
        "é",
        "🔥",
        "\n",
    ]
)
TEXT = (
    st.lists(WORDS, max_size=6).map(" ".join)
    | st.text(max_size=12)
    | st.text("aB1 :-#'\"\\\n\u00a0\u200b\U0001f525", max_size=9)
).filter(lambda text: not REFUSED.search(text))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: repr(case["text"]))
def test_a_text_is_written_in_one_way(case: dict[str, str]) -> None:
    assert scalar(case["text"]) == case["written"]


@given(TEXT)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    for written in filter(None, (scalar(text), single_quoted(text) if "\n" not in text else None)):
        for source in (f"- x: {written} # c\n", f"[{{x: {written}, y: z}}]\n"):
            assert yaml.safe_load(source)[0]["x"] == text
            for loader in LOADERS:
                root, problems = document.read(TextFile("x", source), loader)
                assert isinstance(root, list)
                assert not problems
                assert isinstance(root[0], dict)
                assert root[0]["x"] == text


def test_a_declaration_is_written_in_lines_or_in_braces() -> None:
    fields = {"id": "0d3a5f0c1be4e000", "description": "a, b", "until": "2026-12-31", "protected": "true"}
    item = Item(fields, {"": "acme / mira", "until": "the last day"})
    assert item.lines() == [
        "# acme / mira",
        '- id: "0d3a5f0c1be4e000"',
        '  description: "a, b"',
        "  # the last day",
        '  until: "2026-12-31"',
        "  protected: true",
    ]
    assert item.flow() == '{id: "0d3a5f0c1be4e000", description: "a, b", until: "2026-12-31", protected: true}'

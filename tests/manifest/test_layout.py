"""Formatting and editing of any manifest: what is asked for changes, and nothing else; twice is once."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.errors import InvalidError, LocalError
from reconciler.manifest import check, document
from reconciler.manifest.dump import scalar
from reconciler.manifest.edit import Text, edited, reread
from reconciler.manifest.layout import formatted, lowered
from reconciler.manifest.plain import Entry
from reconciler.manifest.syntax import TextFile
from tests.documents_at_random import Writer

LOADERS = (yaml.CSafeLoader, yaml.SafeLoader)
FIELDS = st.sampled_from(
    [
        ("status", "inactive"), ("status", None), ("description", "it's: \n new"), ("description", "new text"),
        ("description", None), ("protected", "true"), ("protected", None), ("until", "2026-12-31"),
    ]
)  # fmt: skip

_ANY_SIZE = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large]
)


def read(text: Text, loader: object = None) -> Entry:
    root, problems = document.read(TextFile("tokens.yaml", text.read), loader)
    assert not problems
    assert check.accepts(root)
    return root


def written(chance: Random) -> Text:
    """A document of these choices that is a manifest."""
    text = Text(Writer(chance).document())
    root, problems = document.read(TextFile("tokens.yaml", text.read))
    assume(not problems and check.accepts(root))
    return text


def comments(text: Text) -> Counter[str]:
    """The comments, by the scanner: what is in no scalar."""
    rest, at = "", 0
    for token in yaml.scan(text.read, yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken):
            start, end = token.start_mark.index, token.end_mark.index
            header = text.read[start:end].partition("\n")[0] if text.read[start] in "|>" else ""
            rest += text.read[at:start] + header + "\n"
            at = end
    return Counter(each.rstrip() for each in re.findall("#.*", rest + text.read[at:]))


@_ANY_SIZE
@given(st.randoms(use_true_random=False))
def test_formatting_keeps_meaning_and_comments_and_is_done_once(chance: Random) -> None:
    text = written(chance)
    (once, root), (other, _) = (formatted("tokens.yaml", text, read(text, loader)) for loader in LOADERS)
    assert once.raw == other.raw
    assert formatted("tokens.yaml", once, root)[0].raw == once.raw
    assert read(once) == lowered(read(text))
    assert comments(once) == comments(text)


@_ANY_SIZE
@given(st.randoms(use_true_random=False), FIELDS)
def test_setting_a_field_changes_that_field(chance: Random, field: tuple[str, str | None]) -> None:
    text = written(chance)
    root = read(text)
    numbers = [number for number in range(len(root.get("tokens") or ())) if chance.random() < 0.6]
    key, value = field
    (once, then), (other, _) = (
        edited("tokens.yaml", text, read(text, loader), numbers, {key: value}) for loader in LOADERS
    )
    assert once.raw == other.raw
    assert edited("tokens.yaml", once, then, numbers, {key: value})[0].raw == once.raw
    assert once.raw.startswith("\ufeff") == text.raw.startswith("\ufeff")
    if "\r" in text.raw:
        assert not re.search("(?<!\r)\n", once.raw)
    if value is not None:
        assert comments(once) == comments(text)
        assert once.raw.endswith("\n") == text.raw.endswith("\n")
    assert not comments(once) - comments(text)


@_ANY_SIZE
@given(st.randoms(use_true_random=False))
def test_a_status_there_and_back_gives_the_same_bytes(chance: Random) -> None:
    text = written(chance)
    root = read(text)
    tokens = [dict(each) for each in root.get("tokens") or () if isinstance(each, Entry)]
    for number, token in enumerate(tokens):
        status = token.get("status")
        if isinstance(status, str):
            there, then = edited("tokens.yaml", text, root, [number], {"status": "active"})
            there, then = edited("tokens.yaml", there, then, [number], {"status": "inactive"})
            assert edited("tokens.yaml", there, then, [number], {"status": status})[0].raw == text.raw


@given(
    st.sampled_from(["{}", '"{}"', "'{}'"]),
    st.text("ab .-é🔥", min_size=1).map(str.strip).filter(lambda text: text[:1].isascii() and text[:1].isalpha()),
    st.text("ab .-é🔥\n", min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_a_text_there_and_back_gives_the_same_bytes_where_its_quotes_stay(
    quotes: str, value: str, other: str, end: str, mark: str
) -> None:
    text = Text(mark + one(f"    description: {quotes.format(value)}").raw.replace("\n", end))
    there, then = edited("tokens.yaml", text, read(text), [0], {"description": other})
    back, _ = edited("tokens.yaml", there, then, [0], {"description": value})
    sign = there.read.rpartition("description: ")[2][0]
    if sign == quotes[0] or (sign.isalpha() and quotes == "{}" and scalar(value) == value):
        assert back.raw == text.raw
    assert back.raw.startswith("\ufeff") == (mark != "")
    assert not back.raw.endswith("\n")


def one(after_id: str) -> Text:
    return Text(f'version: 1\ntokens:\n  - id: "0d3a5f0c1be4e000"\n{after_id}')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    description: |+\n      one\n    status: active\n\n    labels: {a: b}\n", "    description: |+\n      one\n    labels: {a: b}\n"),
        ("    description: |\n      one\n    status: active", "    description: |\n      one\n"),
        ("    description: |-\n      one\n    status: active\n         \n       # c\n       # d\n", "    description: |-\n      one\n\n    # c\n    # d\n"),
        ("    # above\n    status: # goes\n      # stays\n      active # goes\n", "    # above\n      # stays\n"),
        ("    status: active", ""),
    ],
)  # fmt: skip
def test_a_key_is_taken_away_and_nothing_else(before: str, after: str) -> None:
    text = one(before)
    expected = one(after).raw if after else one("").raw.removesuffix("\n")
    assert edited("tokens.yaml", text, read(text), [0], {"status": None})[0].raw == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{id: x, status: a,\n name: y}", "{id: x,\n name: y}"),
        ("{\n  id: x,\n  status: a, # goes\n  name: y\n}", "{\n  id: x,\n  name: y\n}"),
        ("{id: x, status: a # stays\n , name: y}", "{id: x,  # stays\n  name: y}"),
        ("{id: x, # stays\n  status: a # goes\n}", "{id: x # stays\n}"),
        ("{id: x,\n  status: a }", "{id: x\n   }"),
        ("{id: x, status: a,}", "{id: x,}"),
    ],
)
def test_a_key_in_braces_is_taken_away_with_one_comma(before: str, after: str) -> None:
    text = Text(f"version: 1\ntokens: [{before}]\n")
    root, problems = document.read(TextFile("tokens.yaml", text.read))
    assert not problems
    assert isinstance(root, Entry)
    assert edited("tokens.yaml", text, root, [0], {"status": None})[0].raw == f"version: 1\ntokens: [{after}]\n"


def test_what_does_not_read_back_as_it_should_is_not_written() -> None:
    text = one("    status: active\n")
    with pytest.raises(LocalError, match=r"^tokens.yaml cannot be written so that it reads back as it should"):
        reread("tokens.yaml", text, {**read(text), "version": "2"})


def test_what_cannot_be_laid_out_is_refused() -> None:
    text = Text('version: 1\ntokens:\n- ? id\n  : "0d3a5f0c1be4e000"\n  ? status\n  : active\n')
    with pytest.raises(InvalidError, match=r"^tokens.yaml:3:5: a key after `\?` can be read"):
        formatted("tokens.yaml", text, read(text))
    with pytest.raises(InvalidError, match=r"^tokens.yaml:5:5: a key after `\?` can be read"):
        edited("tokens.yaml", text, read(text), [0], {"status": None})
    once, _ = edited("tokens.yaml", text, read(text), [0], {"status": "inactive", "description": "x"})
    assert once.raw == text.raw.replace("  ? status\n  : active", "  description: x\n  ? status\n  : inactive")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("--- {version: 1,\n    tokens: [{id: 0D3A5F0C1BE4E000}]}", '--- {version: 1,\n    tokens: [{id: "0d3a5f0c1be4e000"}]}\n'),
        ("{version: 1, tokens: [\n    {id: \"0d3a5f0c1be4e000\",  \n\n  description: \"a\\ \n b\"},\n]}\n", "{version: 1, tokens: [\n    {id: \"0d3a5f0c1be4e000\",\n\n  description: \"a\\ \n b\"},\n]}\n"),
        ("--- # c\nversion: 1\ntokens:\n-   {id: \"0d3a5f0c1be4e000\",\n      name: x}\n-\n     {id: \"0d3a5f0c1be4e001\"}\n", "--- # c\nversion: 1\ntokens:\n  - {id: \"0d3a5f0c1be4e000\",\n      name: x}\n  -\n    {id: \"0d3a5f0c1be4e001\"}\n"),
        ("version: 1\ntokens:\n- id: \"0d3a5f0c1be4e000\"\n  description:\n          \"foo\n      bar\"\n", 'version: 1\ntokens:\n  - id: "0d3a5f0c1be4e000"\n    description:\n      "foo\n     bar"\n'),
        ("version: 1\ntokens:\n- id: >-\n    0D3A5F0C1BE4E000\n", 'version: 1\ntokens:\n  - id: "0d3a5f0c1be4e000"\n'),
        ("version: 1\ntokens:\n- id: 0d3a5f0c1be4e000\n  description:\n       |2\n      x\n   \n  status:\n       active\n", 'version: 1\ntokens:\n  - id: "0d3a5f0c1be4e000"\n    description:\n      |2\n        x\n\n    status:\n      active\n'),
    ],
)  # fmt: skip
def test_what_people_seldom_write_is_formatted_too(before: str, after: str) -> None:
    text = Text(before)
    assert formatted("tokens.yaml", text, read(text))[0].raw == after

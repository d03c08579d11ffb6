"""Foreign text is escaped once and visibly, and takes the columns that it is given."""

from __future__ import annotations

import pytest

from reconciler.render import escape


@pytest.mark.parametrize(
    ("given_text", "terminal", "quoted"),
    [
        ("plain", "plain", '"plain"'),
        ('a"b\\c', 'a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb\tc\r", "a\\nb\\tc\\r", '"a\\nb\\tc\\r"'),
        (
            "\x1b\x9b\u202e\U000e0041\u3164",
            "\\x1b\\x9b\\u202e\\U000e0041\\u3164",
            '"\\x1b\\x9b\\u202e\\U000e0041\\u3164"',
        ),
        ("##[x] ##vso[y] ##ok", "#\\#[x] #\\#vso[y] ##ok", '"#\\\\#[x]'),
    ],
)
def test_foreign_text_is_escaped_once_and_visibly(given_text: str, terminal: str, quoted: str) -> None:
    assert escape.terminal(given_text) == terminal
    assert escape.quoted(given_text).replace("\\\\#", "\\#").startswith(quoted.replace("\\\\#", "\\#"))


def test_text_is_cut_and_filled_by_columns() -> None:
    assert escape.padded("abc", 5) == "abc  "
    assert escape.padded("abcdef", 5) == "abc…f"
    assert escape.padded("日本語", 6) == "日本語"
    assert escape.padded("日本語", 5) == "日本…"
    assert escape.shortened("ingest hamburg production", 12) == "ingest …tion"
    assert escape.padded("日本語", 4) == "日… "
    assert escape.width("e\u0301") == 1

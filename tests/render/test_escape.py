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


LONG = "ingest-hamburg-plant-a-production-eu-central"
CELLS = [[LONG, "0d3a5f0c1be4e001", "ci-bot", ""], ["short", "0d3a5f0c1be4e002", "m", ""]]


def test_nothing_is_cut_where_there_is_no_terminal() -> None:
    assert escape.rows(CELLS, None, beside=16, whole=(1,)) == [
        f"{LONG}  0d3a5f0c1be4e001  ci-bot",
        f"{'short':<40}  0d3a5f0c1be4e002  m     ",
    ]
    assert escape.rows([["", ""]], None, beside=16, whole=()) == [""]
    assert escape.rows([], None, beside=16, whole=(1,)) == []


@pytest.mark.parametrize("columns", [60, 70, 80, 86])
def test_the_widest_column_is_cut_to_what_a_terminal_has(columns: int) -> None:
    first, second = escape.rows(CELLS, columns, beside=16, whole=(1,))
    assert escape.width(first) + 16 == columns
    assert first.endswith("  0d3a5f0c1be4e001  ci-bot")
    assert second.split() == ["short", "0d3a5f0c1be4e002", "m"]


def test_a_terminal_that_is_wide_enough_or_far_too_narrow_cuts_no_more_than_it_has_to() -> None:
    assert escape.rows(CELLS, 200, beside=16, whole=(1,))[0] == f"{LONG}  0d3a5f0c1be4e001  ci-bot"
    assert escape.rows(CELLS, 10, beside=16, whole=(1,)) == [
        "inges…al  0d3a5f0c1be4e001  ci-bot",
        "short     0d3a5f0c1be4e002  m     ",
    ]


def test_cells_of_a_column_that_look_alike_are_told_apart_before_they_are_cut() -> None:
    cells = [["acme" + "o" * 20], ["\u0430cme" + "o" * 20]]
    assert escape.rows(cells, None, beside=0, whole=()) == ["acme" + "o" * 20 + " " * 5, "\\u0430cme" + "o" * 20]
    assert escape.rows(cells, 14, beside=0, whole=()) == ["acmeooooo…oooo", "\\u0430cme…oooo"]


def test_texts_that_would_look_alike_are_not_cut() -> None:
    alike = [[f"{'x' * 20}{side}{'y' * 20}"] for side in "ab"]
    assert escape.rows(alike, 30, beside=0, whole=()) == [cell for [cell] in alike]


def test_words_that_have_no_room_go_on_below_where_the_text_begins() -> None:
    assert escape.continued("  but  ", "one two three", None) == "  but  one two three"
    assert escape.continued("  but  ", "one two three", 20) == "  but  one two three"
    assert escape.continued("  but  ", "one two three", 19) == "  but  one two\n       three"
    assert escape.continued("  but  ", f"one {'x' * 20}", 20) == "  but  one\n       xxxxxxxx…xxxx"
    assert escape.continued("  but  ", "some words", 1) == "  but  some\n       words"
    assert escape.continued("  but  ", "日本語 one", 10) == "  but  日本語\n       one"


def test_no_line_that_goes_on_is_a_command_in_a_log() -> None:
    assert escape.continued("  ", "some ::error::", 12) == "  some\n  :\\:error::"
    assert escape.continued("  ", "some ::error::", 11) == "  some\n  :\\:err…::"
    assert escape.continued("  ", "some ::warn a", 11) == "  some\n  :\\:warn a"
    assert escape.continued("  ", "some ::warn a", 10) == "  some\n  :\\:warn\n  a"

"""Texts that look the same are told apart, and those that differ visibly are left as they are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given

from reconciler.core.contrast import apart, common_end, narrowed, told_apart
from tests.strategies import TEXT

NFD = unicodedata.normalize("NFD", "café")


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("café eu", f"{NFD} eu", ("caf\\xe9 eu", "cafe\\u0301 eu")),
        ("prod", "pr\u043ed", ("prod", "pr\\u043ed")),
        ("coco", "\u0441\u043e\u0441\u043e", ("coco", "\\u0441\\u043e\\u0441\\u043e")),
        ("Alpha", "\u0391lpha", ("Alpha", "\\u0391lpha")),
        ("abc", "\uff41bc", ("abc", "\\uff41bc")),
        ("a-b", "a\u2013b", ("a-b", "a\\u2013b")),
        ("a,b", "a\uff0cb", ("a,b", "a\\uff0cb")),
        ("\u2601", "\u2601\ufe0f", ("\u2601", "\u2601\\ufe0f")),
        ("prod eu (old)", "pr\u043ed eu (new)", ("prod eu (old)", "pr\\u043ed eu (new)")),
        ('"prod"', '"pr\u043ed eu"', ('"prod"', '"pr\\u043ed eu"')),
        ("\u3078\u3084 x", "\u30d8\u3084 y", ("\\u3078\\u3084 x", "\\u30d8\\u3084 y")),
        ("k\xf6ln prod", "k\xf6ln pr\u043ed", ("k\xf6ln prod", "k\xf6ln pr\\u043ed")),
    ],
)  # fmt: skip
def test_what_looks_the_same_and_is_not_is_escaped_where_it_differs(
    one: str, other: str, shown: tuple[str, str]
) -> None:
    assert apart(one, other) == shown
    assert apart(other, one) == shown[::-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "café"),
        ("Müller", "Muller"),
        ("Hamburg", "\u0413\u0430\u043c\u0431\u0443\u0440\u0433"),
        ("日本語", "日本人"),
        ("größe a", "größe bc"),
        ("", "é"),
        ("Il0", "lI0"),
    ],
)
def test_what_differs_visibly_stays_as_it_is(one: str, other: str) -> None:
    assert apart(one, other) == (one, other)


def test_look_alikes_of_a_list_are_escaped_and_no_others() -> None:
    assert told_apart(["acme", "beta", "acme"]) == ["acme", "beta", "acme"]
    assert told_apart(["café", "日本", "acme", "\u0430cme", f"{NFD}", "acm\u0435", "\u0430cme"]) == [
        "caf\\xe9", "日本", "acme", "\\u0430cme", "cafe\\u0301", "acm\\u0435", "\\u0430cme",
    ]  # fmt: skip


@given(TEXT, TEXT)
def test_no_two_texts_become_one(one: str, other: str) -> None:
    shown = apart(one, other)
    assert one == other or shown[0] != shown[1] or "\\" in one + other
    assert apart(one, one) == (one, one)


def test_a_long_text_is_narrowed_to_what_differs_with_what_is_around_it() -> None:
    before, after = "a" * 100 + "old" + "z" * 100, "a" * 100 + "new" + "z" * 100
    assert common_end(before, after, 100) == 100
    assert common_end("aba", "aa", 1) == 1
    assert narrowed([before, after], 100, 100, 12) == [["aaaaoldzzzz"], ["aaaanewzzzz"]]
    longer = "a" * 100 + "0123456789" + "z" * 100
    assert narrowed([before, longer], 100, 100, 12) == [["aaaoldzzz"], ["aaa012", "789zzz"]]
    assert narrowed(["short", ""], 0, 0, 12) == [["short"], [""]]

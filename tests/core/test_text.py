"""Which characters of foreign text act, deceive or draw nothing."""

from __future__ import annotations

import pytest

from reconciler.core.text import REFUSED, count, is_plain, seconds


@pytest.mark.parametrize("text", ["", "plain", "Zürich ☃ 日本語", "a-b_c.d/e@f:g+h", "🚰"])
def test_text_that_draws_itself_is_plain(text: str) -> None:
    assert is_plain(text)
    assert not REFUSED.search(text)


@pytest.mark.parametrize(
    "text",
    ["\0", "\t", "\x1b", "\x7f", "\x85", "\x9b", "\u061c", "\u200e", "\u2028", "\u202e", "\u2066", "\ufeff", "\ud800", "\ufdd0", "\ufffe", "\U000e0041"],
)  # fmt: skip
def test_text_that_acts_or_deceives_is_neither_plain_nor_allowed(text: str) -> None:
    assert not is_plain(text)
    assert REFUSED.search(text)


@pytest.mark.parametrize("text", ["\n", "\u200b", "\u3164", "\u2800", "\u00a0"])
def test_text_that_draws_nothing_is_allowed_but_not_plain(text: str) -> None:
    assert not is_plain(text)
    assert not REFUSED.search(text)


def test_numbers_have_their_noun_and_unit_in_one_way() -> None:
    assert [count(each, "token") for each in (0, 1, 2, 2000)] == ["0 tokens", "1 token", "2 tokens", "2,000 tokens"]
    assert [seconds(each) for each in (0.0, 0.04, 0.1, 0.54, 30.0, 2000.0)] == [
        *["less than 0.1 s"] * 2,
        "0.1 s",
        "0.5 s",
        "30.0 s",
        "2,000.0 s",
    ]

"""Which characters of foreign text act, deceive or draw nothing."""

from __future__ import annotations

import pytest

from reconciler.core.text import REFUSED, is_plain


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

"""What is known of a server's tokens: which of them is the caller's own, and what a text too large is known by."""

from __future__ import annotations

import pytest

from reconciler.core.live import LARGEST_TEXT, Elided, Token, TokenId, kept, own_id
from tests.builders import token, token_id


@pytest.mark.parametrize(
    ("tokens", "named", "found"),
    [
        ([token(1), token(2)], None, None),
        ([token(1), token(2, proven=True)], None, token_id(2)),
        ([token(1), token(2, proven=True)], token_id(1), token_id(2)),
        ([token(1), token(2)], token_id(1), token_id(1)),
        ([token(1, proven=False), token(2)], token_id(1), None),
        ([], token_id(1), token_id(1)),
    ],
)
def test_the_own_token_is_the_one_with_the_callers_secret_else_the_one_that_is_named(
    tokens: list[Token], named: TokenId | None, found: TokenId | None
) -> None:
    assert own_id({each.id: each for each in tokens}, named) == found


def test_a_text_too_large_to_be_kept_equals_only_one_of_the_same_length_and_hash() -> None:
    large = kept("x" * (LARGEST_TEXT + 1))
    assert isinstance(large, Elided)
    assert large == kept("x" * (LARGEST_TEXT + 1))
    assert large != kept("y" * (LARGEST_TEXT + 1))
    assert large != str(large)
    assert kept(large) is large
    assert kept("x" * LARGEST_TEXT) == "x" * LARGEST_TEXT


def test_tokens_are_equal_whatever_is_only_shown_of_them() -> None:
    one = token(1)
    assert len({one, one._replace(created_at="2024-05-13T09:41:07Z", proven=False, grants=None)}) == 1
    assert one != one._replace(is_own=True)
    assert one != tuple(one)

"""The decoder: JSON as RFC 8259 has it, each value of its type alone, and where the wrong one is."""

from __future__ import annotations

import pytest

from reconciler.documents import decode
from reconciler.documents.decode import DecodeError, Decoder


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON"), (b'{"a": NaN}', "it is not JSON"), (b'{"a": "\xff"}', "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"), (b"[]", "it must be an object"), (b"null", "it must be an object"),
    ],
)  # fmt: skip
def test_what_is_no_object_of_json_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode.parse(content)
    assert str(caught.value) == why


PAIR: Decoder[object] = decode.record(dict, a=decode.text, b=decode.list_of(decode.or_null(decode.integer(1, 2))))


@pytest.mark.parametrize(
    ("decoder", "value", "why"),
    [
        (decode.text, 1, "it must be a string"),
        (decode.boolean, 1, "it must be `true` or `false`"),
        (decode.integer(0), True, "it must be an integer from 0 to 9007199254740991"),
        (decode.integer(0), 1.0, "it must be an integer from 0 to 9007199254740991"),
        (decode.integer(3, 3), 2**64, "it must be 3"),
        (decode.matching("[a-z]", "a letter"), "a\n", "it must be a letter"),
        (decode.one_of(["a", "b"]), ["a"], "it must be `a` or `b`"),
        (PAIR, [], "it must be an object"),
        (PAIR, {"a": ""}, "it must have `b`"),
        (PAIR, {"a": "", "b": {}}, "`b` must be an array"),
        (PAIR, {"a": "", "b": [None, 1, 3]}, "`b[2]` must be an integer from 1 to 2"),
        (PAIR, {"a": "", "b": [], "c": 1}, "it has an unknown key `c`"),
        (PAIR, {"a": "", "b": [], "\x1b[31m": 1}, "it has an unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_path_and_without_its_value(
    decoder: Decoder[object], value: object, why: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decoder(value)
    assert str(caught.value) == why


def test_a_good_value_is_what_it_means() -> None:
    assert PAIR({"b": [1, None], "a": "x"}) == {"a": "x", "b": (1, None)}

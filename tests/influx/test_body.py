"""Bodies as they come, whole and in pieces, and what is no JSON although Python would read it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.influx.body import Elements, Single
from reconciler.influx.decoding import LARGEST, PIECE, WireError, decode


def read(*pieces: bytes) -> list[Any]:
    """The elements of the list `a` in a body that comes in these pieces."""
    found: list[Any] = []
    elements = Elements("a", found.append)
    for piece in pieces:
        elements.feed(piece)
    elements.finish()
    return found


def refusal(*pieces: bytes) -> str:
    """Why the body is refused."""
    with pytest.raises(WireError) as caught:
        read(*pieces)
    assert caught.value.__cause__ is None
    return str(caught.value)


GOOD: dict[str, tuple[bytes, list[Any]]] = {
    "none": (b'{"a":[]}', []),
    "one": (b'{"a":[1]}', [1]),
    "blanks everywhere": (b' {\n"a" :\t[ \r\n] } ', []),
    "more blanks": (b'{"links": {"self": "x"}, "a" : [ {"b": []} , "\xc3\xbc" , 12 ] , "c": null } \n', [{"b": []}, "ü", 12]),
    "a name that only looks like it": (b'{"b": "\\"a\\" : [", "a": [true]}', [True]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "elements"), GOOD.values(), ids=GOOD)
def test_a_list_is_read_wherever_its_pieces_end(body: bytes, elements: list[Any]) -> None:
    assert read(body) == elements == json.loads(body)["a"]
    for at in range(len(body)):
        assert read(body[:at], body[at:]) == elements
    assert read(*(body[at : at + 1] for at in range(len(body)))) == elements


BAD = {
    "nothing": (b"", "it is not JSON"),
    "blanks": (b" \n", "it is not JSON"),
    "half": (b'{"a":[1,2', "it is not JSON"),
    "half a number": (b'{"a":[1,2', "it is not JSON"),
    "half the end": (b'{"a":[1,2]', "it is not JSON"),
    "trailing comma": (b'{"a":[1,]}', "it is not JSON"),
    "only a comma": (b'{"a":[,]}', "it is not JSON"),
    "no comma": (b'{"a":[1 2]}', "it is not JSON"),
    "two documents": (b'{"a":[1]}{"a":[1]}', "it is not JSON"),
    "rubbish after it": (b'{"a":[1]} x', "it is not JSON"),
    "rubbish before it": (b'x {"a":[1]}', "it is not JSON"),
    "deeper": (b'{"b":{"a":[1]}}', "it is not JSON"),
    "deeper in a list": (b'[{"a":[1]}]', "it is not JSON"),
    "in a text": (b'{"b": "\\"a\\": [1]"}', "it has no list `a`"),
    "a name that ends like it": (b'{"\\"a":[],"a":[1]}', "it has no list `a`"),
    "no list": (b'{"a":{}}', "it has no list `a`"),
    "no object": (b"[1]", "it is no JSON object"),
    "not UTF-8": (b'{"a":["\xff"]}', "it is not JSON"),
    "half a character": (b'{"a":[1]}\xc3', "it is not JSON"),
    "UTF-16": ('{"a":[1]}'.encode("utf-16"), "it is not JSON"),
    "byte order mark": (b'\xef\xbb\xbf{"a":[1]}', "it is not JSON"),
    "not a number": (b'{"a":[NaN]}', "it is not JSON"),
    "infinite before it": (b'{"b":-Infinity,"a":[1]}', "it is not JSON"),
    "deep": (b'{"a":[' + b"[" * 100_000, "it is not JSON"),
    "deep objects": (b'{"a":[' + b'{"b":' * 100_000, "it is not JSON"),
    "deep head": (b'{"b":' + b"[" * 100_000 + b']"a":[', "it is not JSON"),
    "many digits": (b'{"a":[' + b"9" * 10_000 + b"]}", "it is not JSON"),
    "twice": (b'{"a":[1],"a":[2]}', "it has a key twice"),
    "first something else": (b'{"a":1,"a":[2]}', "it has a key twice"),
    "a key before it and after it": (b'{"b":1,"a":[2],"b":1}', "it has a key twice"),
    "another key twice": (b'{"b":1,"b":1,"a":[2]}', "it has a key twice"),
    "a key of an element twice": (b'{"a":[{"id":1,"id":2}]}', "it has a key twice"),
    "spelled otherwise": (b'{"a":[{"id":1,"\\u0069d":2}]}', "it has a key twice"),
}


@pytest.mark.parametrize(("body", "said"), BAD.values(), ids=BAD)
def test_what_is_no_such_object_is_refused_wherever_its_pieces_end(body: bytes, said: str) -> None:
    assert refusal(body) == said
    if len(body) < 100:
        for at in range(len(body)):
            assert refusal(body[:at], body[at:]) == said
        assert refusal(*(body[at : at + 1] for at in range(len(body)))) == said


TOO_LARGE = f"a part of it has more than {LARGEST:,} characters"


@pytest.mark.parametrize(
    ("head", "again"),
    [(b"", b"x"), (b'{"b":"', b"x"), (b'{"a":["', b"x"), (b'{"a":[1', b" "), (b'{"a":[1]', b" "), (b'{"a":[1],"b":[', b"1,")],
    ids=["rubbish", "head", "element", "blanks", "tail", "more in the tail"],
)  # fmt: skip
def test_a_part_without_an_end_is_given_up(head: bytes, again: bytes) -> None:
    elements = Elements("a", lambda _: None)
    assert elements.feed(head)
    fed = 0
    while elements.feed(again * 10_000):
        fed += 10_000 * len(again)
    assert fed < 3 * LARGEST
    assert not elements.feed(b"more")
    with pytest.raises(WireError) as caught:
        elements.finish()
    assert str(caught.value) == TOO_LARGE


def test_an_element_may_have_this_size_and_no_more() -> None:
    text = "x" * (LARGEST - 2)
    assert read(b'{"a":["' + text.encode() + b'"]}') == [text]
    assert refusal(b'{"a":["x' + text.encode() + b'"]}') == TOO_LARGE


def test_blanks_between_elements_are_no_part_of_one() -> None:
    assert read(b'{"a":[1', *[b" " * 60_000] * 10, b",", *[b" " * 60_000] * 40, b"2]}") == [1, 2]


def test_a_refused_element_ends_it() -> None:
    def take(element: object) -> None:
        raise WireError(f"number {element}")

    elements = Elements("a", take)
    assert not elements.feed(b'{"a":[' + b"1," * 40_000)
    with pytest.raises(WireError, match="number 1"):
        elements.finish()


def test_an_element_that_comes_byte_by_byte_costs_no_more_than_twice_its_size() -> None:
    looked_at = []

    class Counting(Elements):
        def _advance(self, *, last: bool) -> None:
            super()._advance(last=last)
            looked_at.append(len(self._text))

    elements = Counting("a", lambda _: None)
    for byte in b'{"a":["' + b"x" * 200_000:
        elements.feed(bytes([byte]))
    assert sum(looked_at) < 3 * 200_000


def test_a_whole_body_is_as_strict() -> None:
    assert decode(b'{"a": "\xc3\xbc"}') == {"a": "ü"}
    for body in (b"", b"{", b'{"a":NaN}', b'{"a":"\xff"}', b"[" * 100_000, '{"a":1}'.encode("utf-16")):
        with pytest.raises(WireError, match="it is not JSON"):
            decode(body)
    with pytest.raises(WireError, match="it has a key twice"):
        decode(b'{"a":{"b":1,"b":1}}')


KEYS = st.text().filter(lambda key: key != "a" and '"a' not in key)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([None, 1]), st.data())
def test_any_list_in_any_pieces_is_read_as_json_reads_it(
    elements: list[Any], others: dict[str, Any], indent: int | None, data: st.DataObject
) -> None:
    before, after = dict(list(others.items())[::2]), dict(list(others.items())[1::2])
    body = json.dumps({**before, "a": elements, **after}, indent=indent, ensure_ascii=data.draw(st.booleans())).encode(
        "utf-8", "backslashreplace"
    )
    at = data.draw(st.integers(0, len(body)))
    assert read(body[:at], body[at:]) == elements


@pytest.mark.parametrize(
    ("body", "said"),
    [(b'{"a":1},{"a":2}', "it is not JSON"), (b"1", "it is no JSON object"), (b'{"a":1}],"b":[2', "it is not JSON")],
)
def test_one_large_object_is_held_to_be_one(body: bytes, said: str) -> None:
    single = Single(("a",))
    single.feed(b" " * PIECE + body)
    with pytest.raises(WireError, match=said):
        single.entry()

"""An object that is too large to be held, as it comes: what matters of it is kept, and what is not JSON is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.live import LARGEST_TEXT, Elided, kept
from reconciler.influx.body import Elements, Single
from reconciler.influx.decoding import LARGEST, OMITTED, LargeObject, WireError, decode

WANTED = ("a", "b", "c")


def read(*pieces: str) -> tuple[dict[str, Any] | None, str]:
    """The object that comes in these pieces, and what stands behind it."""
    reader = LargeObject(WANTED)
    rest = "".join([reader.feed(piece) for piece in pieces])
    return reader.found, rest


def pieces(text: str, size: int = 1) -> Iterator[str]:
    """The text in pieces of this size."""
    return (text[at : at + size] for at in range(0, len(text), size))


def pieces_at_the_ends(text: str, size: int, ends: int = 500) -> Iterator[str]:
    """Both ends of the text in pieces of this size, and what is between them in one: there nothing new comes."""
    yield from pieces(text[:ends], size)
    yield text[ends:-ends]
    yield from pieces(text[-ends:], size)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from((*WANTED, "", "x", "\ud83d\ude00")), VALUES), st.data())
def test_what_fits_is_read_as_json_is(value: dict[str, Any], data: st.DataObject) -> None:
    indent, plain = data.draw(st.sampled_from((None, 1, "\t"))), data.draw(st.booleans())
    text = json.dumps(value, indent=indent, ensure_ascii=not plain)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    wanted = {key: each for key, each in value.items() if key in WANTED}
    assert read(*parts, " ,{") == (wanted, " ,{")
    assert read(*pieces(text)) == (wanted, "")


GOOD = [
    "{}", " { } ", '{"a":1}', '{"a" : [ {"x":["]",{}]} , "\\"" ] ,"x":{"y":"}"}, "b":{}}', '{"a":"\\ud83d\\ude00\\ud83d","b":-1.5e3}',
    '{"\\u0061":true}', '{"a":"\\ud83d","b":"\\ude00\\\\u0041\\n\\/"}', '{"x":[[["\\\\"]]],"a":null}', '{"x":"a","x":"b"}',
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_an_object_is_read_wherever_its_pieces_end(text: str) -> None:
    whole = json.loads(text)
    wanted = {key: each for key, each in whole.items() if key in WANTED}
    for at in range(len(text) + 1):
        assert read(text[:at], text[at:])[0] == wanted
    assert read(*pieces(text))[0] == wanted


BAD = {
    '{"a":1,}': "it is not JSON", '{"a" 1}': "it is not JSON", '{"a":1 "b":2}': "it is not JSON", "{a:1}": "it is not JSON",
    '{"a":}': "it is not JSON", '{"a":NaN}': "it is not JSON", '{"a":nul}': "it is not JSON", '{"a":01}': "it is not JSON",
    '{"a":"\\x"}': "it is not JSON", '{"a":"\\u12G4"}': "it is not JSON", '{"a":"\n"}': "it is not JSON", '{"x":"\\u00"  }': "it is not JSON",
    '{"a":[1}': "it is not JSON", '{"x":{"y":1]}': "it is not JSON", '{"a":[1,]}': "it is not JSON", '{"a":{"x":1,"x":2}}': "it has a key twice",
    '{"a":1,"a":2}': "it has a key twice", '{"a":1,"\\u0061":2}': "it has a key twice",
    '{"x":' + "[" * 1000: "it is not JSON", '{"a":' + "[" * 1000: "it is not JSON", '{"a":' + "9" * 6000 + " ": "it is not JSON",
    '{"a":' + "9" * 70_000: "it is not JSON",  "[1]": f"a part of it has more than {LARGEST:,} characters",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_what_is_no_object_is_refused_wherever_its_pieces_end(text: str, said: str) -> None:
    for size in (1, 2, 7, len(text)):
        with pytest.raises(WireError) as caught:
            read(*pieces(text, size))
        assert str(caught.value) == said
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("unit", ["x", "é", "\ud83d\ude00", "\\", '"', "\n", "\ud83d"])
@pytest.mark.parametrize("size", [1, 5, 65_535, 10_000_000])
def test_a_long_text_is_known_by_its_length_and_hash(unit: str, size: int) -> None:
    assert kept(unit * LARGEST_TEXT)[:LARGEST_TEXT] == (unit * LARGEST_TEXT)[:LARGEST_TEXT] or len(unit) > 1
    for number in (LARGEST_TEXT, LARGEST_TEXT + 1) if len(unit) == 1 else (LARGEST_TEXT // 2, LARGEST_TEXT // 2 + 1):
        value = json.loads(json.dumps(unit * number))
        text = json.dumps({"x": value, "a": value})
        found, _ = read(*(pieces_at_the_ends if size < 100 else pieces)(text, size))
        assert found == {"a": kept(value)}
        assert type(found["a"]) is (Elided if len(value) > LARGEST_TEXT else str)


def test_what_stands_for_a_text_equals_no_text() -> None:
    text = "x" * 2_000_000
    elided = kept(text)
    assert isinstance(elided, Elided)
    assert (elided.length, elided.sha256) == (2_000_000, hashlib.sha256(text.encode()).hexdigest())
    assert str(elided) == f"(2,000,000 characters, too large to be kept, SHA-256 {elided.sha256})"
    assert elided not in (str(elided), text, "")
    assert str(elided) != elided
    assert {str(elided): 1}.get(elided) is None
    assert elided == kept(text) == kept(elided)
    assert {elided, kept(text)} == {elided}
    assert elided not in (kept(text + "x"), kept("y" + text[1:]))


MIB = "x" * LARGEST
LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "text": (f'{{"a":1,"b":"{MIB}","c":[]}}', {"a": 1, "b": kept(MIB), "c": []}),
    "list": (f'{{"a":["{MIB}"],"b":{{"x":"{MIB}"}}}}', {"a": OMITTED, "b": OMITTED}),
    "unknown": (f'{{"x":["{MIB}"],"y":"{MIB}","a":2}}', {"a": 2}),
    "key": (f'{{"{MIB}":{{}},"a":2}}', {"a": 2}),
    "many keys": ("{" + "".join(f'"{number:0500}":[],' for number in range(2_100)) + '"a":"b"}', {"a": "b"}),
    "many entries": ('{"a":[' + ('{"k":"' + "v" * 500 + '"},') * 2_100 + '{"k":"v"}]}', {"a": OMITTED}),
    "blanks": ('{"a":[3]' + " " * LARGEST + ',"b":4}', {"a": [3], "b": 4}),
}


@pytest.mark.parametrize(("text", "value"), LARGE.values(), ids=LARGE)
def test_a_large_object_is_read_alone_and_among_others(text: str, value: dict[str, Any]) -> None:
    for size in (65_536, 10_000_000):
        alone = Single(WANTED)
        alone.begin()
        assert all(alone.feed(piece.encode()) for piece in pieces(text, size))
        assert alone.entry() == value
        found: list[Any] = []
        elements = Elements("l", found.append, WANTED)
        for piece in pieces(f'{{"l":[{text} , {{"z":1}},{text}, {text} ], "m":1}}', size):
            assert elements.feed(piece.encode())
        elements.finish()
        assert found == [value, {"z": 1}, value, value]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f'{{"a":"{MIB}"', "it is not JSON"), (f'{{"a":"{MIB}"}}}}', "it is not JSON"), (f'{{"a":"{MIB}"}} 1', "it is not JSON"),
        (f'{{"a":"{MIB}","a":1}}', "it has a key twice"), (f'"{MIB}"', f"a part of it has more than {LARGEST:,} characters"),
        (f'{{"a":"{MIB}\udcff"}}', "it is not JSON"), (f'{{"a":"{MIB}"}}\udcc3', "it is not JSON"), ("[]", "it is no JSON object"), ("", "it is not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_single_object_is_refused(body: str, said: str) -> None:
    data = body.encode("utf-8", "surrogateescape")
    for size in (1_000, 10_000_000):
        found = Single(WANTED)
        for at in range(0, len(data), size):
            if not found.feed(data[at : at + size]):
                assert not found.feed(b"more")
                break
        with pytest.raises(WireError) as caught:
            found.entry()
        assert str(caught.value) == said
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("after", ["", " ", "x", '{"z":1}'])
def test_nothing_but_a_comma_or_the_end_follows_a_large_element(after: str) -> None:
    elements = Elements("l", lambda _: None, WANTED)
    elements.feed(f'{{"l":[{{"a":"{MIB}{MIB}"}}'.encode())
    elements.feed(after.encode() * 70_000)
    with pytest.raises(WireError, match="it is not JSON"):
        elements.finish()


def test_what_fits_is_no_large_object() -> None:
    single = Single(WANTED)
    single.feed(b'{"x": 1, "a": 2}')
    assert single.entry() == decode(b'{"x": 1, "a": 2}')

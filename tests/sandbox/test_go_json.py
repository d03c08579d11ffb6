"""What Go's encoding/json reads, which fields that sets in a struct, and what it says of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.go_json import GoError, List, Members, Number, Struct, Text, Texts, decode, parse, read_id

BAD = {
    b"": "EOF",
    b" \t\r\n": "EOF",
    b"{": "unexpected EOF",
    b"{ ": "unexpected EOF",
    b"[": "unexpected EOF",
    b"[1": "unexpected EOF",
    b"[1,": "unexpected EOF",
    b'{"a"': "unexpected EOF",
    b'{"a":': "unexpected EOF",
    b'{"a":1': "unexpected EOF",
    b'"a': "unexpected EOF",
    b'"a\\': "unexpected EOF",
    b'"a\\u12': "unexpected EOF",
    b"tru": "unexpected EOF",
    b"-": "unexpected EOF",
    b"1.": "unexpected EOF",
    b"1e": "unexpected EOF",
    b"status: x": "invalid character 's' looking for beginning of value",
    b"# x": "invalid character '#' looking for beginning of value",
    b"'x'": "invalid character '\\'' looking for beginning of value",
    b"NaN": "invalid character 'N' looking for beginning of value",
    b"+1": "invalid character '+' looking for beginning of value",
    b"\xef\xbb\xbf{}": "invalid character 'ï' looking for beginning of value",
    b"\x00": "invalid character '\\x00' looking for beginning of value",
    b"\x7f": "invalid character '\\x7f' looking for beginning of value",
    b"\x80": "invalid character '\\u0080' looking for beginning of value",
    b"\xa0": "invalid character '\\u00a0' looking for beginning of value",
    b"]": "invalid character ']' looking for beginning of value",
    b"\\": "invalid character '\\\\' looking for beginning of value",
    b"{1:2}": "invalid character '1' looking for beginning of object key string",
    b"{'a':1}": "invalid character '\\'' looking for beginning of object key string",
    b'{"a":1,}': "invalid character '}' looking for beginning of object key string",
    b"[1,]": "invalid character ']' looking for beginning of value",
    b'{"a" 1}': "invalid character '1' after object key",
    b'{"a":1 "b":2}': "invalid character '\"' after object key:value pair",
    b"[1 2]": "invalid character '2' after array element",
    b'"a\nb"': "invalid character '\\n' in string literal",
    b'"a\tb"': "invalid character '\\t' in string literal",
    b'"\\x"': "invalid character 'x' in string escape code",
    b'"\\uzzzz"': "invalid character 'z' in \\u hexadecimal character escape",
    b"trve": "invalid character 'v' in literal true (expecting 'u')",
    b"falsy": "invalid character 'y' in literal false (expecting 'e')",
    b"nul0": "invalid character '0' in literal null (expecting 'l')",
    b"-x": "invalid character 'x' in numeric literal",
    b"1.x": "invalid character 'x' after decimal point in numeric literal",
    b"1ex": "invalid character 'x' in exponent of numeric literal",
    b"[" * 10_001: "exceeded max depth",
}


@pytest.mark.parametrize(("body", "message"), BAD.items(), ids=lambda value: repr(value)[:30])
def test_wrong_input_is_refused_in_gos_words(body: bytes, message: str) -> None:
    with pytest.raises(GoError) as caught:
        parse(body)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b" true ", True),
        (b"false", False),
        (b'"x"', "x"),
        (b'{} {"ignored', Members()),
        (b"[]", []),
        (b'["a", [null], {}]', ["a", [None], []]),
        (b'{"a": "1", "a": "2"}', Members([("a", "1"), ("a", "2")])),
        (b'{"a": {"b": ["c"]}, "d": false}', Members([("a", Members([("b", ["c"])])), ("d", False)])),
        (b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"', '"\\/\b\f\n\r\té'),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"a\\ud800b"', "a\ufffdb"),
        (b'"\\udc00\\ud800"', "\ufffd\ufffd"),
        (b'"a\xff\xfeb"', "a\ufffd\ufffdb"),
        (b'"\xe2\x82"', "\ufffd\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        ('"Zürich ☃"'.encode(), "Zürich ☃"),
    ],
)
def test_the_first_value_is_read(body: bytes, value: object) -> None:
    assert parse(body) == value


@pytest.mark.parametrize("text", ["0", "-0", "12", "1.5", "1e9", "1E+9", "-1.25e-3", "0 rest"])
def test_numbers_are_read_as_numbers(text: str) -> None:
    assert isinstance(parse(text.encode()), Number)


def plain(value: Any) -> object:
    if isinstance(value, Members):
        return {key: plain(each) for key, each in value}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return "number" if isinstance(value, Number) else value


VALUES = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(VALUES, st.booleans())
def test_what_python_writes_is_read_as_it_was(value: object, ascii_only: bool) -> None:
    assert plain(parse(json.dumps(value, ensure_ascii=ascii_only).encode())) == value


@given(st.binary(max_size=40) | st.text('{}[]",:\\u 01e.-tfn', max_size=12).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read = plain(parse(body))
    except GoError:
        read = "refused"
    # Whatever Python's reader takes for a whole document, Go's takes too.
    try:
        json.loads(body.decode(), parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return
    assert read != "refused" or body[:3] == b"\xef\xbb\xbf"


def shout(text: str) -> str:
    if text == "bad":
        raise GoError("refused by its own reader")
    return text.upper()


INNER = Struct("pkg.Inner", {"action": Text("pkg.Action"), "id": Text("pkg.ID", shout)})
OUTER = Struct(
    "pkg.Outer", {"status": Text("pkg.Status"), "list": List("[]pkg.Inner", INNER), "one": INNER, "map": Texts()}
)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("{}", {}),
        ("null", {}),
        ('{"status": "x"}', {"status": "x"}),
        ('{"status": null}', {}),
        ('{"STATUS": "x"}', {"status": "x"}),
        ('{"\u017ftatu\u017f": "x"}', {"status": "x"}),
        ('{"status": "a", "Status": "b"}', {"status": "b"}),
        ('{"status": "a", "status": null}', {"status": "a"}),
        ('{"other": [1, {"x": 2}]}', {}),
        ('{"list": []}', {"list": []}),
        ('{"list": [{"action": "a"}, null]}', {"list": [{"action": "a"}, {}]}),
        ('{"one": {"id": "abc"}}', {"one": {"id": "ABC"}}),
        ('{"map": {}}', {"map": {}}),
        ('{"map": {"a": "x", "B": null, "a": "y"}}', {"map": {"a": "y", "B": ""}}),
    ],
)
def test_fields_are_set_as_go_sets_them(body: str, fields: object) -> None:
    assert decode(body.encode(), OUTER) == fields


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "array into Go value of type pkg.Outer"),
        ('"x"', "string into Go value of type pkg.Outer"),
        ("5", "number into Go value of type pkg.Outer"),
        ("true", "bool into Go value of type pkg.Outer"),
        ('{"status": 5}', "number into Go struct field Outer.status of type pkg.Status"),
        ('{"status": {}}', "object into Go struct field Outer.status of type pkg.Status"),
        ('{"status": []}', "array into Go struct field Outer.status of type pkg.Status"),
        ('{"status": 1, "list": 2}', "number into Go struct field Outer.status of type pkg.Status"),
        ('{"list": {}}', "object into Go struct field Outer.list of type []pkg.Inner"),
        ('{"list": [5]}', "number into Go struct field Outer.list of type pkg.Inner"),
        ('{"list": [{"action": 5}]}', "number into Go struct field Inner.list.action of type pkg.Action"),
        ('{"map": []}', "array into Go struct field Outer.map of type map[string]string"),
        ('{"map": {"a": 1, "b": []}}', "number into Go struct field Outer.map of type string"),
        ('{"one": {"id": "bad"}}', "refused by its own reader"),
        ('{"one"', "unexpected EOF"),
    ],
)
def test_wrong_types_are_named_as_go_names_them(body: str, message: str) -> None:
    with pytest.raises(GoError) as caught:
        decode(body.encode(), OUTER)
    assert str(caught.value).removeprefix("json: cannot unmarshal ") == message


def test_an_id_is_read_whatever_its_case() -> None:
    assert read_id("0D3A5F0C1BE4E000") == "0d3a5f0c1be4e000"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "id must have a length of 16 bytes"),
        ("abc", "id must have a length of 16 bytes"),
        ("0d3a5f0c1be4e0000", "id must have a length of 16 bytes"),
        ("0d3a5f0c1be4e00é", "id must have a length of 16 bytes"),
        ("0d3a5f0c1be4e00g", "invalid ID"),
        ("0x3a5f0c1be4e000", "invalid ID"),
        ("0" * 16, "invalid ID"),
    ],
)
def test_what_is_no_id_is_refused_in_influxdbs_words(text: str, message: str) -> None:
    with pytest.raises(GoError) as caught:
        read_id(text)
    assert str(caught.value) == message

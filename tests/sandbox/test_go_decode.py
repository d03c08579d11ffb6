"""Which fields a JSON value sets in a Go struct."""

from __future__ import annotations

import pytest

from reconciler.sandbox.go_decode import List, Struct, Text, Texts, decode
from reconciler.sandbox.go_parse import GoError


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

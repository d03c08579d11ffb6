"""Labels: what a lock needs of them, and what anybody would find out about them over the API."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import quote

import pytest

from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import ACME, EDGE, LAPTOP, MANAGER, OPERATOR, SEED, Client, Got

PATH = "/api/v2/labels"
ABSENT = "0123456789abcdef"


def make(client: Client, name: str = "lock", org: str = ACME, secret: str = OPERATOR.secret, **fields: object) -> Got:
    """Make a label."""
    return client.send("POST", PATH, {"orgID": org, "name": name, **fields}, secret=secret)


def test_a_label_is_made_shown_changed_and_deleted(client: Client) -> None:
    made = make(client, " Lock ", properties={"z": "2", "a": "1"}, id=ABSENT)
    label_id = made.json["label"]["id"]
    shown = {
        "links": {"self": f"{PATH}/{label_id}"},
        "label": {"id": label_id, "orgID": ACME, "name": "Lock", "properties": {"a": "1", "z": "2"}},
    }
    assert (made.status, made.text) == (201, json.dumps(shown, indent="\t"))
    assert label_id != ABSENT
    assert client.send("GET", f"{PATH}/{label_id}").json == shown
    assert client.send("GET", PATH).json == {"links": {"self": PATH}, "labels": [shown["label"]]}
    changed = client.send("PATCH", f"{PATH}/{label_id}", {"name": " other ", "properties": {"a": "", "b": "3"}})
    assert changed.json["label"] == {"id": label_id, "orgID": ACME, "name": "other", "properties": {"b": "3", "z": "2"}}
    assert client.send("PATCH", f"{PATH}/{label_id}", {"name": "", "properties": {"b": "", "z": ""}}).json["label"] == {
        "id": label_id, "orgID": ACME, "name": "other",
    }  # fmt: skip
    assert (client.send("DELETE", f"{PATH}/{label_id}").status, client.sandbox.labels) == (204, ())
    for method in ("GET", "PATCH", "DELETE"):
        assert client.send(method, f"{PATH}/{label_id}", {}).error == (404, "label not found")
        assert client.send(method, f"{PATH}/x", {}).error == (400, "id must have a length of 16 bytes")


def test_a_name_is_unique_in_its_organisation_whatever_its_case(client: Client) -> None:
    assert make(client, "tokenctl.lock").status == 201
    assert make(client, " TOKENCTL.LOCK ").error == (422, "label with name TOKENCTL.LOCK already exists")
    assert make(client, "tokenctl.lock").headers["x-platform-error-code"] == "conflict"
    assert make(client, "tokenctl.lock", EDGE).status == 201
    other = make(client, "other").json["label"]["id"]
    assert client.send("PATCH", f"{PATH}/{other}", {"name": "Tokenctl.Lock"}).error == (
        422,
        "label with name Tokenctl.Lock already exists",
    )
    assert client.send("PATCH", f"{PATH}/{other}", {"name": "OTHER"}).json["label"]["name"] == "OTHER"
    assert [int(each.id, 16) - int(other, 16) for each in client.sandbox.labels] == [-2, -1, 0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("tokenctl.lock", "tokenctl.loc\u212a", False),
        ("tokenctl.LOC\u212a", "tokenctl.loc\u212a", True),
        ("id", "\u0130d", False),
        ("\u0130d", "\u0130D", True),
        ("\u023aa", "\u023ab", True),  # the index has room for three bytes, and the first letter takes them
        ("\u03a3\u03a3", "\u03c3\u03c3", True),
        ("\u03a3\u03a3", "\u03c3\u03c2", False),
        ("\u1e9e", "\xdf", False),
        ("lock", "\x1clock", False),
        ("lock", "\xa0lock\u3000", True),
    ],
)
def test_a_name_is_another_one_when_its_key_in_the_index_of_a_server_is(
    client: Client, one: str, other: str, same: bool
) -> None:
    assert make(client, one).status == 201
    assert make(client, other).status == (422 if same else 201)


@pytest.mark.parametrize(
    ("asked", "name", "found"),
    [("tokenctl.lock", "tokenctl.loc\u212a", True), ("\xdf", "\u1e9e", True), ("i", "\u0130", False), ("ss", "\xdf", False)],
)  # fmt: skip
def test_the_list_is_narrowed_as_go_folds_case(client: Client, asked: str, name: str, found: bool) -> None:
    make(client, name)
    assert len(client.send("GET", f"{PATH}?name={quote(asked)}").json["labels"]) == found


def test_the_list_is_narrowed_by_organisation_and_name(client: Client) -> None:
    for name, org in (("one", ACME), ("two", ACME), ("one", EDGE)):
        make(client, name, org)
    for query, found in {
        f"?orgID={ACME}": [("one", ACME), ("two", ACME)],
        "?name=ONE": [("one", ACME), ("one", EDGE)],
        f"?name=one&orgID={EDGE}": [("one", EDGE)],
        "?orgID=nonsense&name=two": [("two", ACME)],
        f"?orgID={ABSENT}": [],
    }.items():
        labels = client.send("GET", PATH + query).json["labels"]
        assert [(each["name"], each["orgID"]) for each in labels] == found, query


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("", 400, "failed to unmarshal json: EOF"),
        ("{}", 400, "label name is required"),
        ('{"name": "x"}', 400, "orgID is required"),
        ('{"orgID": "x"}', 400, "failed to unmarshal json: id must have a length of 16 bytes"),
        (
            '{"properties": {"a": 5}}',
            400,
            "failed to unmarshal json: json: cannot unmarshal number into Go struct field Label.properties of type string",
        ),
        (
            '{"properties": []}',
            400,
            "failed to unmarshal json: json: cannot unmarshal array into Go struct field Label.properties of type map[string]string",
        ),
    ],
)
def test_what_is_no_label_is_refused(client: Client, body: str, status: int, message: str) -> None:
    assert client.send("POST", PATH, body).error == (status, message)


def test_a_change_that_is_none_is_refused(client: Client) -> None:
    label_id = make(client, properties={"a": None}).json["label"]["id"]
    assert client.sandbox.labels[0].properties == {"a": ""}
    assert client.send("PATCH", f"{PATH}/{label_id}", "[").error == (500, "unexpected EOF")
    assert client.send("PATCH", f"{PATH}/{label_id}", {"name": "  "}).error == (400, "label name is required")


def test_who_has_no_right_to_labels_sees_none_and_changes_none(client: Client) -> None:
    label_id = make(client).json["label"]["id"]
    assert client.send("GET", PATH, secret=LAPTOP.secret).json["labels"] == []
    for method, action in (("GET", "read"), ("PATCH", "write"), ("DELETE", "write")):
        assert client.send(method, f"{PATH}/{label_id}", {}, secret=LAPTOP.secret).error == (
            401,
            f"{action}:orgs/{ACME}/labels/{label_id} is unauthorized",
        )
    assert make(client, "x", secret=LAPTOP.secret).error == (401, f"write:orgs/{ACME}/labels is unauthorized")


def test_a_right_counts_in_its_organisation() -> None:
    rights = tuple(Permission(action, "labels", org_id=ACME) for action in ("read", "write"))
    tokens = tuple(replace(each, permissions=rights) if each is MANAGER else each for each in SEED.tokens)
    with Sandbox.start(seed=replace(SEED, tokens=tokens)) as sandbox:
        client = Client(sandbox)
        assert make(client, secret=MANAGER.secret).status == 201
        assert make(client, org=EDGE, secret=MANAGER.secret).status == 401
        make(client, org=EDGE)
        assert [each["orgID"] for each in client.send("GET", PATH, secret=MANAGER.secret).json["labels"]] == [ACME]


def test_of_many_who_make_one_label_at_once_one_does(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            got = list(pool.map(lambda who, n=number: make(client, f"l{n}", properties={"who": str(who)}), range(8)))
            assert sorted(each.status for each in got) == [201] + [422] * 7
            (winner,) = (each.json["label"] for each in got if each.status == 201)
            assert client.sandbox.labels[-1].properties == winner["properties"]

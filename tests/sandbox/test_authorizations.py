"""The rules of the authorizations API, one by one, on a running sandbox."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.sandbox.profiles import profile
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import ACME, BY_NAME, EDGE, LAPTOP, MANAGER, PATH, SEED, STAMP, Client


def test_the_list_is_by_ascending_id_and_has_the_secrets_of_version_2_7(client: Client) -> None:
    listed = client.send("GET", PATH).json["authorizations"]
    assert [each["id"] for each in listed] == sorted(token.id for token in SEED.tokens)
    assert [each["token"] for each in listed] == [token.secret for token in SEED.tokens]


@pytest.mark.parametrize(
    ("query", "descriptions"),
    [
        ("?user=user2", ["laptop", "phone"]),
        (f"?userID={LAPTOP.user_id}", ["laptop", "phone"]),
        (f"?userID={LAPTOP.user_id.upper()}&user=nobody", ["laptop", "phone"]),
        ("?org=edge-lab", ["lab bench", "lab bench", ""]),
        ("?org=%20edge-lab+", ["lab bench", "lab bench", ""]),
        (f"?orgID={EDGE}&org=nowhere", ["lab bench", "lab bench", ""]),
        ("?user=user2&org=edge-lab", []),
        ("?user=user2&org=acme", ["laptop", "phone"]),
        (f"?id={LAPTOP.id}&user=mira&org=edge-lab", ["laptop"]),
        ("?user=user2&user=mira", ["laptop", "phone"]),
        ("?orgID=00000000000000aa", []),
        ("?%75ser=user2", ["laptop", "phone"]),
    ],
)
def test_filters_are_combined_and_ids_win(client: Client, query: str, descriptions: list[str]) -> None:
    assert client.listed(query) == descriptions


@pytest.mark.parametrize(
    "query", ["?user=", "?User=user2", "?token=x", "?limit=1", "?user=%zz", "?user=user2;x", "?", "?&&"]
)
def test_a_filter_that_is_not_understood_filters_nothing(client: Client, query: str) -> None:
    assert len(client.listed(query)) == len(SEED.tokens)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?user=User2", (404, "user not found")),
        ("?org=zz%22z", (404, 'organization name "zz"z" not found')),
        ("?user=nobody&org=nowhere", (404, "user not found")),
        ("?id=00000000000000aa", (404, "authorization not found")),
        ("?id=abc", (400, "id must have a length of 16 bytes")),
        ("?userID=zzzzzzzzzzzzzzzz&id=abc", (400, "invalid ID")),
        ("?orgID=0000000000000000", (400, "invalid ID")),
    ],
)
def test_a_filter_that_names_nothing_is_an_error(client: Client, query: str, error: tuple[int, str]) -> None:
    assert client.send("GET", PATH + query).error == error


def test_a_patch_sets_the_fields_it_names_and_the_time(client: Client) -> None:
    target = f"{PATH}/{LAPTOP.id}"
    changed = client.send("PATCH", target, {"status": "inactive"}).json
    assert (changed["status"], changed["description"], changed["updatedAt"]) == ("inactive", "laptop", STAMP)
    changed = client.send("PATCH", target, {"description": "kitchen"}).json
    assert (changed["status"], changed["description"]) == ("inactive", "kitchen")
    assert client.send("GET", target).json == changed
    assert client.send("PATCH", target, {"status": ""}).json["status"] == "active"
    assert client.send("PATCH", target, "null").json["description"] == "kitchen"


def test_a_patch_is_checked_in_the_servers_order(client: Client) -> None:
    reader = BY_NAME["grafana"].secret
    assert client.send("PATCH", f"{PATH}/abc", "{").error == (400, "id must have a length of 16 bytes")
    assert client.send("PATCH", f"{PATH}/00000000000000aa", "{").error == (500, "unexpected EOF")
    assert client.send("PATCH", f"{PATH}/00000000000000aa", '{"status":"x"}').error == (404, "authorization not found")
    refused = (401, f"read:orgs/{ACME}/authorizations/{LAPTOP.id} is unauthorized")
    assert client.send("PATCH", f"{PATH}/{LAPTOP.id}", '{"status":"x"}', secret=reader).error == refused
    assert client.send("PATCH", f"{PATH}/{LAPTOP.id}", '{"status":"x"}').error == (400, "unknown authorization status")


def test_a_manager_of_one_organisation_sees_only_that(client: Client) -> None:
    bench = BY_NAME["bench-1"]
    assert "lab bench" not in client.listed(secret=MANAGER.secret)
    assert client.send("GET", f"{PATH}/{bench.id}", secret=MANAGER.secret).error == (
        401, f"read:orgs/{EDGE}/authorizations/{bench.id} is unauthorized",
    )  # fmt: skip


def test_an_inactive_caller_sees_an_empty_list_and_a_reason_for_one(client: Client) -> None:
    client.sandbox.change(MANAGER.id, status="inactive")
    assert client.listed(secret=MANAGER.secret) == []
    for method, target, body in (
        ("GET", f"{PATH}/{LAPTOP.id}", None), ("PATCH", f"{PATH}/{LAPTOP.id}", {}), ("GET", "/api/v2/me", None),
        ("POST", PATH, {"orgID": ACME, "permissions": [{"action": "read", "resource": {"type": "buckets"}}]}),
    ):  # fmt: skip
        assert client.send(method, target, body, secret=MANAGER.secret).error == (401, "token is inactive")


READ = {"action": "read", "resource": {"type": "buckets", "orgID": ACME}}


def test_a_new_token_has_a_secret_of_its_own_and_an_ascending_id(client: Client) -> None:
    body = {"orgID": ACME, "description": "new", "permissions": [READ], "status": "inactive"}
    first, second = (client.send("POST", PATH, body).json for _ in range(2))
    assert (first["user"], first["status"], first["createdAt"]) == ("admin", "inactive", STAMP)
    assert len(first["token"]) == 88
    assert first["token"] != second["token"]
    assert max(token.id for token in SEED.tokens) < first["id"] < second["id"]
    assert client.send("DELETE", f"{PATH}/{first['id']}").status == 204
    assert client.send("DELETE", f"{PATH}/{first['id']}").error == (404, "authorization not found")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{", (400, "invalid json structure: unexpected EOF")),
        ({"orgID": "abc"}, (400, "invalid json structure: id must have a length of 16 bytes")),
        ({"orgID": ACME}, (400, "authorization must include permissions")),
        ({"orgID": ACME, "permissions": []}, (400, "authorization must include permissions")),
        ({"permissions": [READ]}, (400, "org id required: invalid ID")),
        ({"orgID": ACME, "permissions": [READ], "status": "x"}, (400, "invalid status: must be active or inactive")),
        (
            {"orgID": ACME, "permissions": [{"action": "read", "resource": {"type": "pipes"}}]},
            (400, "invalid resource type for permission: unknown resource type for permission"),
        ),
        (
            {"orgID": ACME, "permissions": [{}]},
            (400, "invalid resource type for permission: unknown resource type for permission"),
        ),
        (
            {"orgID": ACME, "permissions": [{"action": "see", "resource": {"type": "users"}}]},
            (400, "invalid action type for permission: unknown action for permission"),
        ),
        (
            {"orgID": EDGE, "permissions": [READ]},
            (400, f"permission read:orgs/{ACME}/buckets is not for org id {EDGE}"),
        ),
        (
            {"orgID": ACME, "permissions": [{"action": "read", "resource": {"type": "instance"}}]},
            (400, "authorizations cannot be created with the instance type, it is only used during setup"),
        ),
        ({"orgID": ACME, "userID": "00000000000000aa", "permissions": [READ]}, (400, "unable to create token")),
        (
            {"orgID": "00000000000000aa", "permissions": [{"action": "read", "resource": {"type": "users"}}]},
            (400, "unable to create token"),
        ),
    ],
)  # fmt: skip
def test_a_new_token_is_refused_with_the_servers_words(client: Client, body: object, error: tuple[int, str]) -> None:
    assert client.send("POST", PATH, body).error == error


def test_a_caller_makes_no_token_beyond_its_rights(client: Client) -> None:
    body = {"orgID": EDGE, "permissions": [READ]}
    refused = client.send("POST", PATH, body, secret=MANAGER.secret)
    assert refused.error == (401, f"write:orgs/{EDGE}/authorizations is unauthorized")


def test_secrets_are_shown_once_where_they_are_hidden() -> None:
    with Sandbox.start(seed=SEED, profile=profile("2.9.1")) as sandbox:
        client = Client(sandbox)
        assert {each["token"] for each in client.send("GET", PATH).json["authorizations"]} == {""}
        made = client.send("POST", PATH, {"orgID": ACME, "permissions": [READ]}).json
        assert len(made["token"]) == 88
        assert client.send("GET", f"{PATH}/{made['id']}").json["token"] == ""
        assert client.send("GET", PATH, secret=made["token"]).status == 200


def test_the_owner_of_a_token_may_be_gone() -> None:
    users = tuple(user for user in SEED.users if user.name != "user2")
    orgs = tuple(org for org in SEED.orgs if org.name != "edge-lab")
    with Sandbox.start(seed=replace(SEED, users=users, orgs=orgs), profile=profile("2.8.0")) as sandbox:
        client = Client(sandbox)
        assert len(client.listed()) == 7
        assert client.send("PATCH", f"{PATH}/{LAPTOP.id}", {"status": "inactive"}).error == (404, "user not found")
        bench = next(token for token in SEED.tokens if token.description == "lab bench")
        assert client.send("GET", f"{PATH}/{bench.id}").error == (404, "organization not found")
        assert client.send("GET", PATH, secret=LAPTOP.secret).error == (403, "User is inactive")

"""Users, organisations and resource types: what the influx CLI and an operator need beside authorizations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import User
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import ACME, EDGE, LAPTOP, MANAGER, PATH, SEED, Client

ADMIN, USER2 = SEED.users[0], SEED.users[1]
MANY = tuple(User(f"{number:016x}", f"user {number}", "active") for number in range(1, 30))


def test_who_asks_is_told(client: Client) -> None:
    assert client.send("GET", "/api/v2/me").json == {
        "links": {"self": f"/api/v2/users/{ADMIN.id}"}, "id": ADMIN.id, "name": "admin", "status": "active",
    }  # fmt: skip
    assert client.send("GET", "/api/v2/me", secret=LAPTOP.secret).error == (
        401,
        f"read:users/{USER2.id} is unauthorized",
    )
    assert client.send("POST", "/api/v2/me").status == 405
    assert client.send("GET", "/api/v2/me/x").text == "404 page not found\n"


def test_users_are_found_by_name_and_by_id(client: Client) -> None:
    found = client.send("GET", "/api/v2/users").json
    assert found["links"] == {"self": "/api/v2/users"}
    assert [each["name"] for each in found["users"]] == ["admin", "user2", "ci-bot", "grafana", "mira"]
    assert [each["id"] for each in client.send("GET", "/api/v2/users?name=user2").json["users"]] == [USER2.id]
    assert [each["id"] for each in client.send("GET", f"/api/v2/users?name=x&id={USER2.id}").json["users"]] == [
        USER2.id
    ]
    assert client.send("GET", "/api/v2/users?name=nobody").error == (404, "user not found")
    assert client.send("GET", "/api/v2/users?id=x").error == (400, "id must have a length of 16 bytes")
    assert client.send("GET", f"/api/v2/users/{USER2.id}").json["name"] == "user2"
    assert client.send("GET", f"/api/v2/users/{ACME}").error == (404, "user not found")


def test_users_that_may_not_be_read_are_left_out(client: Client) -> None:
    assert client.send("GET", "/api/v2/users", secret=LAPTOP.secret).json["users"] == []
    assert client.send("GET", f"/api/v2/users/{USER2.id}", secret=LAPTOP.secret).status == 401


def test_no_more_users_are_listed_than_a_page_has() -> None:
    with Sandbox.start(seed=replace(SEED, users=(*SEED.users, *MANY))) as sandbox:
        assert len(Client(sandbox).send("GET", "/api/v2/users").json["users"]) == 20


def test_a_user_is_made_once(client: Client) -> None:
    made = client.send("POST", "/api/v2/users", {"name": "new"})
    assert (made.status, made.json["name"], made.json["status"]) == (201, "new", "active")
    second = client.send("POST", "/api/v2/users", {"name": "newer", "status": "inactive"})
    assert second.json["status"] == "inactive"
    assert int(second.json["id"], 16) == int(made.json["id"], 16) + 1
    assert client.send("POST", "/api/v2/users", {"name": "new"}).error == (422, "user with name new already exists")
    assert client.send("POST", "/api/v2/users", {}).error == (400, "name is empty")
    assert client.send("POST", "/api/v2/users", "[").error == (500, "unexpected EOF")
    assert client.send("POST", "/api/v2/users", {"name": "x"}, secret=LAPTOP.secret).error == (
        401,
        "write:users is unauthorized",
    )


def test_the_tokens_of_a_deleted_user_are_orphans(client: Client) -> None:
    assert client.send("DELETE", f"/api/v2/users/{USER2.id}", secret=LAPTOP.secret).status == 401
    assert client.send("DELETE", f"/api/v2/users/{USER2.id}").status == 204
    assert client.send("DELETE", f"/api/v2/users/{USER2.id}").error == (404, "user not found")
    assert client.send("GET", f"{PATH}/{LAPTOP.id}").error == (404, "user not found")
    assert LAPTOP.id not in client.send("GET", PATH).text
    # A change of an orphan is stored, whatever the answer says.
    assert client.send("PATCH", f"{PATH}/{LAPTOP.id}", {"status": "inactive"}).error == (404, "user not found")
    assert next(each.status for each in client.sandbox.tokens if each.id == LAPTOP.id) == "inactive"


def test_organisations_are_found_by_name_and_by_id(client: Client) -> None:
    assert [each["name"] for each in client.send("GET", "/api/v2/orgs").json["orgs"]] == ["acme", "edge-lab"]
    assert [each["id"] for each in client.send("GET", "/api/v2/orgs?org=%20edge-lab").json["orgs"]] == [EDGE]
    assert client.send("GET", f"/api/v2/orgs?orgID={ACME}").json["orgs"] == [
        {"links": {"self": f"/api/v2/orgs/{ACME}"}, "id": ACME, "name": "acme"}
    ]
    assert client.send("GET", "/api/v2/orgs?org=x").error == (404, 'organization name "x" not found')
    assert client.send("GET", f"/api/v2/orgs?orgID={USER2.id}").error == (404, "organization not found")
    assert client.send("GET", "/api/v2/orgs", secret=MANAGER.secret).json["orgs"] == []


def test_the_types_that_permissions_are_about_are_listed(client: Client) -> None:
    listed = client.send("GET", "/api/v2/resources").json
    assert listed[:3] == ["authorizations", "buckets", "dashboards"]
    assert "instance" not in listed


def test_what_the_influx_cli_sends_to_make_an_operator_token_is_answered(client: Client) -> None:
    org = client.send("GET", "/api/v2/orgs?org=acme").json["orgs"][0]["id"]
    user = client.send("GET", "/api/v2/users?name=admin").json["users"][0]["id"]
    permissions = [
        {"action": action, "resource": {"type": each}}
        for each in client.send("GET", "/api/v2/resources").json
        for action in ("read", "write")
    ]
    body = {"orgID": org, "userID": user, "description": "second", "permissions": permissions}
    made = client.send("POST", PATH, body)
    assert made.status == 201
    assert len(client.send("GET", PATH, secret=made.json["token"]).json["authorizations"]) == len(SEED.tokens) + 1


@pytest.mark.parametrize(("version", "status"), [("2.4.0", 403), ("2.5.0", 400), ("2.9.1", 400)])
def test_no_token_is_made_for_the_whole_instance(version: str, status: int) -> None:
    body = {"orgID": ACME, "permissions": [{"action": "read", "resource": {"type": "instance"}}]}
    with Sandbox.start(seed=SEED, profile=profile(version)) as sandbox:
        assert Client(sandbox).send("POST", PATH, body).status == status


def test_who_has_rights_over_the_whole_instance_may_do_everything() -> None:
    rights = tuple(Permission(action, "instance") for action in ("read", "write"))
    tokens = tuple(replace(each, permissions=rights) if each is LAPTOP else each for each in SEED.tokens)
    with Sandbox.start(seed=replace(SEED, tokens=tokens)) as sandbox:
        assert len(Client(sandbox).send("GET", PATH, secret=LAPTOP.secret).json["authorizations"]) == len(tokens)


@pytest.mark.parametrize(
    ("field", "type_"),
    [
        ("orgID", "platform.ID"),
        ("userID", "*platform.ID"),
        ("resource.id", "*platform.ID"),
        ("resource.orgID", "*platform.ID"),
    ],
)
def test_an_id_of_another_type_is_refused_in_gos_words(client: Client, field: str, type_: str) -> None:
    resource: dict[str, object] = {"type": "buckets"}
    body: dict[str, object] = {"orgID": ACME, "permissions": [{"action": "read", "resource": resource}]}
    name = field.rpartition(".")[2]
    (resource if "." in field else body)[name] = 5
    path = f"Resource.permissions.{field}" if "." in field else f"postAuthorizationRequest.{field}"
    assert client.send("POST", PATH, body).error == (
        400,
        f"invalid json structure: json: cannot unmarshal number into Go struct field {path} of type {type_}",
    )


def test_the_cloud_shows_no_secret_but_a_new_one_and_finds_a_token_by_its_own() -> None:
    with Sandbox.start(seed=SEED, profile=profile("cloud")) as sandbox:
        client = Client(sandbox)
        answer = client.send("GET", PATH)
        assert {each["token"] for each in answer.json["authorizations"]} == {"redacted"}
        assert answer.headers["x-influxdb-build"] == "Cloud"
        assert "x-influxdb-version" not in answer.headers
        found = client.send("GET", f"{PATH}?token={LAPTOP.secret.replace('=', '%3D')}").json["authorizations"]
        assert [each["id"] for each in found] == [LAPTOP.id]
        assert client.send("GET", f"{PATH}?token=none").json["authorizations"] == []
        body = {"orgID": ACME, "permissions": [{"action": "read", "resource": {"type": "buckets", "orgID": ACME}}]}
        made = client.send("POST", PATH, body).json
        assert len(made["token"]) == 88
        assert client.send("PATCH", f"{PATH}/{made['id']}", {"description": "x"}).json["token"] == "redacted"
    with Sandbox.start(seed=SEED) as sandbox:
        every = Client(sandbox).send("GET", f"{PATH}?token=none").json["authorizations"]
        assert len(every) == len(SEED.tokens)


def test_the_caller_learns_who_it_is(client: Client) -> None:
    assert client.send("GET", "/api/v2/me", secret=MANAGER.secret).json["name"] == "ci-bot"
    refused = client.send("GET", "/api/v2/me", secret=LAPTOP.secret)
    assert refused.error == (401, f"read:users/{LAPTOP.user_id} is unauthorized")

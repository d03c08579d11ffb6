"""The rules of the authorizations API, one by one, on a running sandbox."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import default_seed
from reconciler.sandbox.server import Sandbox

SEED = default_seed()
BY_NAME = {token.secret.split("-00")[0].removeprefix("FAKE-"): token for token in SEED.tokens}
OPERATOR, LAPTOP, MANAGER = BY_NAME["operator"], BY_NAME["laptop"], BY_NAME["manager"]
ACME, EDGE = (org.id for org in SEED.orgs)
PATH = "/api/v2/authorizations"
NOW = datetime(2026, 1, 2, 3, 4, 5, 120000, UTC)
STAMP = "2026-01-02T03:04:05.12Z"


@dataclass
class Got:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.text)

    @property
    def error(self) -> tuple[int, str]:
        """Status and message."""
        return self.status, self.json["message"]


class Client:
    """Sends raw requests."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.address = sandbox.url.removeprefix("http://")

    def send(self, method: str, target: str, body: object = None, secret: str = OPERATOR.secret, **headers: str) -> Got:
        """Send a request with that token; a body that is no text becomes JSON."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        sent = {"Authorization": f"Token {secret}"} if secret else {}
        with closing(connection):
            connection.request(method, target, content, {**sent, **headers})
            with connection.getresponse() as response:
                given = {name.lower(): value for name, value in response.getheaders()}
                return Got(response.status, given, response.read().decode())

    def listed(self, query: str = "", secret: str = OPERATOR.secret) -> list[str]:
        """The descriptions of a list."""
        return [
            each["description"] for each in self.send("GET", f"{PATH}{query}", secret=secret).json["authorizations"]
        ]


@pytest.fixture
def client() -> Iterator[Client]:
    """The world of the demo, at a time that stands still."""
    with Sandbox.start(seed=SEED, now=lambda: NOW) as sandbox:
        yield Client(sandbox)


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


def test_an_id_is_read_from_the_path_as_it_stands(client: Client) -> None:
    assert client.send("GET", f"{PATH}/{LAPTOP.id.upper()}/").json["id"] == LAPTOP.id
    for path, error in (
        ("%30" + LAPTOP.id[1:], (400, "id must have a length of 16 bytes")),
        (LAPTOP.id + "%20", (400, "id must have a length of 16 bytes")),
        ("0000000000000000", (400, "invalid ID")),
        ("00000000000000aa", (404, "authorization not found")),
    ):
        assert client.send("GET", f"{PATH}/{path}").error == error
    broken = client.send("GET", f"{PATH}/%zz")
    assert (broken.status, broken.text) == (400, "400 Bad Request")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", PATH), ("PATCH", PATH), ("DELETE", PATH), ("HEAD", PATH), ("get", PATH), ("OPTIONS", PATH),
        ("PUT", f"{PATH}/{LAPTOP.id}"), ("POST", f"{PATH}/{LAPTOP.id}"), ("HEAD", f"{PATH}/{LAPTOP.id}"),
        ("POST", "/api/v2/me"), ("DELETE", "/api/v2/setup"),
    ],
)  # fmt: skip
def test_a_method_that_a_route_lacks_gets_an_empty_answer(client: Client, method: str, target: str) -> None:
    got = client.send(method, target)
    assert (got.status, got.text, got.headers.get("content-type")) == (405, "", None)


def test_routes_that_are_not_there(client: Client) -> None:
    deeper = client.send("GET", f"{PATH}/{LAPTOP.id}/more")
    assert (deeper.status, deeper.text) == (404, "404 page not found\n")
    assert client.send("GET", f"{PATH}//").status == 404
    for target in ("/api/v2//authorizations", "/api/v2/authorizationsx", "/api/v2/"):
        assert client.send("GET", target).error == (404, "path not found")
    page = client.send("GET", "/", secret="")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_probes_need_no_credentials(client: Client) -> None:
    assert client.send("GET", "/ping", secret="").status == 204
    assert client.send("HEAD", "/ping", secret="").status == 204
    assert client.send("GET", "/health", secret="").json["status"] == "pass"
    assert client.send("GET", "/api/v2/setup", secret="").json == {"allowed": False}
    ready = client.send("GET", "/ready", secret="")
    assert ready.text == f'{{\n    "status": "ready",\n    "started": "{STAMP}",\n    "up": "1s"\n}}'


def test_a_browser_of_another_origin_is_answered(client: Client) -> None:
    preflight = client.send("OPTIONS", PATH, secret="", Origin="http://ui.example")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "http://ui.example"
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert (
        client.send("GET", PATH, Origin="http://ui.example").headers["access-control-allow-origin"]
        == "http://ui.example"
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Token",
        "Token ",
        OPERATOR.secret,
        f"Token  {OPERATOR.secret}",
        f"Basic {OPERATOR.secret}",
        "Token é",
        "Token a.b.c",
    ],
)
def test_credentials_that_are_none_are_refused_in_one_line(client: Client, header: str) -> None:
    got = client.send("GET", PATH, secret="", Authorization=header.encode().decode("latin-1"))
    assert (got.status, got.text) == (401, '{"code":"unauthorized","message":"unauthorized access"}')
    assert got.headers["x-platform-error-code"] == "unauthorized"


@pytest.mark.parametrize("scheme", ["Token", "token", "BEARER", "Bearer"])
def test_the_scheme_is_read_whatever_its_case_and_blanks_at_the_end_are_dropped(client: Client, scheme: str) -> None:
    assert client.send("GET", PATH, secret="", Authorization=f"{scheme} {OPERATOR.secret}  ").status == 200


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


def test_the_caller_learns_who_it_is(client: Client) -> None:
    assert client.send("GET", "/api/v2/me", secret=MANAGER.secret).json["name"] == "ci-bot"
    refused = client.send("GET", "/api/v2/me", secret=LAPTOP.secret)
    assert refused.error == (401, f"read:users/{LAPTOP.user_id} is unauthorized")


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


@pytest.mark.parametrize(
    "path", ["/api/v2", "/api/v2x", "/v1/x", "/private/legacy/authorizations", "/api/v2/", "authorizations"]
)
def test_what_is_not_the_web_interface_needs_credentials(client: Client, path: str) -> None:
    if path.startswith("/"):
        assert client.send("GET", path, secret="").error == (401, "unauthorized access")
        assert client.send("GET", path).error == (404, "path not found")
    else:
        assert client.send("GET", f"/{path}").headers["content-type"] == "text/html; charset=utf-8"


def test_the_name_of_a_status_is_gos(client: Client) -> None:
    client.send("POST", "/api/v2/users", {"name": "twice"})
    connection = http.client.HTTPConnection(client.address, timeout=20)
    with closing(connection):
        connection.request("POST", "/api/v2/users", '{"name": "twice"}', {"Authorization": f"Token {OPERATOR.secret}"})
        with connection.getresponse() as response:
            assert (response.status, response.reason) == (422, "Unprocessable Entity")

"""Routes, credentials and methods of the API, on a running sandbox."""

from __future__ import annotations

import pytest

from tests.sandbox.client import LAPTOP, OPERATOR, PATH, STAMP, Client


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


def test_every_answer_has_the_time_of_day(client: Client) -> None:
    answers = [client.send("GET", target, secret="") for target in ("/ping", PATH, "/")]
    assert {each.headers["date"] for each in answers} == {"Fri, 02 Jan 2026 03:04:05 GMT"}


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


@pytest.mark.parametrize(
    "path", ["/api/v2", "/api/v2x", "/v1/x", "/private/legacy/authorizations", "/api/v2/", "authorizations"]
)
def test_what_is_not_the_web_interface_needs_credentials(client: Client, path: str) -> None:
    if path.startswith("/"):
        assert client.send("GET", path, secret="").error == (401, "unauthorized access")
        assert client.send("GET", path).error == (404, "path not found")
    else:
        assert client.send("GET", f"/{path}").headers["content-type"] == "text/html; charset=utf-8"

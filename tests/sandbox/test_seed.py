"""Worlds to begin with, good and bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import InvalidError
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import default_seed, parse_seed, read_seed

ORG, USER, TOKEN = "5f2c9e1a77b0d3c4", "0d3a5e9c41e4e000", "0d3a5f0c1be4e000"


def world(**changes: Any) -> dict[str, Any]:
    token = {"id": TOKEN, "token": "FAKE-x", "orgID": ORG, "userID": USER, **changes}
    return {"orgs": [{"id": ORG, "name": "acme"}], "users": [{"id": USER, "name": "ci"}], "tokens": [token]}


def test_a_token_needs_little_and_the_rest_has_defaults() -> None:
    seed = parse_seed(world(key="x", createdAt="2024-01-02T03:04:05Z"))
    (token,) = seed.tokens
    assert (token.status, token.description, token.permissions) == ("active", "", ())
    assert token.created_at == token.updated_at == "2024-01-02T03:04:05Z"
    assert seed.users[0].status == "active"
    assert parse_seed({}).tokens == ()


def test_permissions_are_read_with_their_scopes() -> None:
    entries = [
        {"action": "read", "resource": {"type": "users"}},
        {"action": "write", "resource": {"type": "buckets", "id": TOKEN.upper(), "orgID": ORG}},
    ]
    (token,) = parse_seed(world(permissions=entries)).tokens
    assert token.permissions == (Permission("read", "users"), Permission("write", "buckets", TOKEN, ORG))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "seed: it is no mapping"),
        ({"organisations": []}, "organisations: there is no such key"),
        ({"orgs": {}}, "orgs: it is no list"),
        ({"orgs": [5]}, "orgs[0]: it is no mapping"),
        ({"orgs": [{"id": ORG}]}, "orgs[0].name: it is no text"),
        ({"orgs": [{"id": ORG, "name": "\ud800"}]}, "orgs[0].name: it is no text"),
        ({"users": [{"id": "abc", "name": "x"}]}, "users[0].id: id must have a length of 16 bytes"),
        ({"users": [{"id": USER, "name": "x", "status": "gone"}]}, "users[0].status: it is none of active, inactive"),
        ({"buckets": [{"id": USER, "name": "x", "orgID": 5}]}, "buckets[0].orgID: it is no text"),
        (world(secret="x"), "tokens[0].secret: there is no such key"),
        (world(permissions=[{"action": "read"}]), "tokens[0].permissions[0].resource: it is no mapping"),
        (
            world(permissions=[{"action": "see", "resource": {"type": "users"}}]),
            "tokens[0].permissions[0].action: it is none of read, write",
        ),
    ],
)
def test_a_broken_world_is_refused_with_the_path_of_the_fault(document: object, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_seed(document)
    assert str(caught.value) == message


def test_a_file_that_is_no_world_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    for content, message in (
        (b"{", "the seed cannot be read: it is not JSON"),
        (b"[" * 100_000, "the seed cannot be read: it is not JSON"),
        (b'{"orgs": 5}', "orgs: it is no list"),
    ):
        path.write_bytes(content)
        with pytest.raises(InvalidError) as caught:
            read_seed(path)
        assert str(caught.value) == f"{path}: {message}"
    with pytest.raises(InvalidError) as caught:
        read_seed(tmp_path / "none.json")
    assert str(caught.value) == f"{tmp_path / 'none.json'}: the seed cannot be read: no such file or directory"


def test_the_world_of_the_demo_is_small_and_its_secrets_are_plainly_fake() -> None:
    seed = default_seed()
    assert (len(seed.orgs), len(seed.users), len(seed.tokens)) == (2, 5, 12)
    assert "user2" in {user.name for user in seed.users}
    assert {token.status for token in seed.tokens} == {"active", "inactive"}
    assert all(token.secret.startswith("FAKE-") and len(token.secret) == 88 for token in seed.tokens)
    path = Path(__file__).parents[2] / "examples" / "world.json"
    assert parse_seed(json.loads(path.read_text())) == seed

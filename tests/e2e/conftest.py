"""A server to run against: the one of TOKENCTL_E2E_URL and TOKENCTL_E2E_TOKEN, or sandboxes like several versions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.sandbox.server import Sandbox
from tests.shell import Program

_REAL = os.environ.get("TOKENCTL_E2E_URL", "")
# `make test` runs one, `make e2e` all of them.
_SANDBOXES = [
    ("2.9.1", None),
    *(
        pytest.param(each, marks=pytest.mark.thorough)
        for each in [("2.7.12", None), ("2.8.0", None), ("2.8.0", True), ("2.9.1", False), ("cloud", None)]
    ),
]


def _empty() -> Seed:
    """What a server has that was just set up: one organisation, one user, one operator token."""
    seed = default_seed()
    return Seed(orgs=seed.orgs[:1], users=seed.users[:1], buckets=(), tokens=seed.tokens[:1])


@dataclass
class Operator:
    """Somebody with all rights who works on the server over its API, beside tokenctl."""

    client: httpx.Client
    made: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    @cached_property
    def own(self) -> dict[str, Any]:
        """The operator's own token, the first of the server when the test began."""
        return self.listed()[0]

    def listed(self) -> list[dict[str, Any]]:
        """Every token that the server lists."""
        found: list[dict[str, Any]] = self.client.get("/api/v2/authorizations").json()["authorizations"]
        return found

    def user(self) -> str:
        """Make a user and give the id."""
        answer = self.client.post("/api/v2/users", json={"name": f"tokenctl e2e {len(self.users)}"})
        assert answer.status_code == 201, answer.text
        self.users.append(answer.json()["id"])
        return self.users[-1]

    def delete_user(self, user_id: str) -> None:
        """Delete a user; the user's tokens stay behind as orphans."""
        self.client.delete(f"/api/v2/users/{user_id}").raise_for_status()

    def token(
        self, description: str, permissions: Sequence[dict[str, Any]] | None = None, user: str = ""
    ) -> dict[str, Any]:
        """Make a token that may read buckets, or what is asked for, of the operator or of another user."""
        org = self.own["orgID"]
        rights = permissions or [{"action": "read", "resource": {"type": "buckets", "orgID": org}}]
        body = {"orgID": org, "description": description, "permissions": rights}
        body |= {"userID": user} if user else {}
        answer = self.client.post("/api/v2/authorizations", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        self.made.append(made["id"])
        return made

    def patch(self, token_id: str, **body: str) -> None:
        """Change a token as somebody else would."""
        self.client.patch(f"/api/v2/authorizations/{token_id}", json=body).raise_for_status()

    def stored(self, token_id: str) -> tuple[str, str]:
        """Status and description of a token as the server has them."""
        answer = self.client.get(f"/api/v2/authorizations/{token_id}").json()
        return answer["status"], answer["description"]

    def leave(self) -> None:
        """Remove everything that was made, and a lock that was left behind."""
        for label in self.client.get("/api/v2/labels").json()["labels"]:
            if label["name"].lower() == "tokenctl.lock":
                assert self.client.delete(f"/api/v2/labels/{label['id']}").status_code == 204
        for token_id in self.made:
            assert self.client.delete(f"/api/v2/authorizations/{token_id}").status_code in (204, 404)
        for user_id in self.users:
            assert self.client.delete(f"/api/v2/users/{user_id}").status_code in (204, 404)


@pytest.fixture(params=["real"] if _REAL else _SANDBOXES, ids=str)
def operator(request: pytest.FixtureRequest) -> Iterator[Operator]:
    """The operator of the server of this test, who tidies up after it."""
    if _REAL:
        running: Any = nullcontext()
        url, secret = _REAL, os.environ["TOKENCTL_E2E_TOKEN"]
    else:
        version, hashed = request.param
        seed = _empty()
        running = Sandbox.start(seed=seed, profile=profile(version, hashed=hashed))
        url, secret = running.url, seed.tokens[0].secret
    headers = {"Authorization": f"Token {secret}"}
    with running, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        operator = Operator(client)
        yield operator
        operator.leave()


@pytest.fixture
def program(operator: Operator, tmp_path: Path) -> Program:
    """The installed program, signed in as the operator; on a sandbox its command lines, which say as much of that."""
    secret = operator.client.headers["Authorization"].removeprefix("Token ")
    environment = {
        "INFLUX_HOST": str(operator.client.base_url),
        "INFLUX_TOKEN": secret,
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    return Program(tmp_path, environment, here=not _REAL)

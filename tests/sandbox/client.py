"""A client that sends raw requests to a sandbox of the world of the demo."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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

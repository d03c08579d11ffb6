"""A number of live tokens in; a server with as many out: a sandbox, or that of TOKENCTL_E2E_URL."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.bare import AUTHORIZATIONS, Client, send_all
from bench.timing import PYTHON

REAL = os.environ.get("TOKENCTL_E2E_URL", "").rstrip("/")


@dataclass(frozen=True)
class Server:
    """A server, and the ids of the tokens that were made for the benchmark."""

    url: str
    secret: str
    ids: list[str]

    @property
    def environment(self) -> dict[str, str]:
        """Which server and as whom, for a process."""
        return {"INFLUX_HOST": self.url, "INFLUX_TOKEN": self.secret, "NO_PROXY": "*"}


@dataclass
class Servers:
    """The servers of one run of the benchmark, which end with the stack."""

    stack: ExitStack
    _sandboxes: dict[int, Server] = field(default_factory=dict)

    def having(self, size: int) -> Server:
        """A server with so many tokens beside the caller's; a real one only grows, and loses what it got at the end."""
        if REAL:
            self._fill(size)
            return self._real
        if size not in self._sandboxes:
            self._sandboxes[size] = self.stack.enter_context(_sandbox(size))
        return self._sandboxes[size]

    @cached_property
    def _real(self) -> Server:
        server = Server(REAL, os.environ["TOKENCTL_E2E_TOKEN"], [])
        self.stack.callback(self._empty, server)
        return server

    def _fill(self, size: int) -> None:
        """Make the tokens that are not there yet; each id is noted as its answer comes."""
        server = self._real
        org = Client(server.url, server.secret).listed()[0]["orgID"]
        rights = [{"action": "read", "resource": {"type": "buckets", "orgID": org}}]
        body = {"orgID": org, "description": "tokenctl benchmark", "permissions": rights}
        made: list[bytes] = []
        try:
            send_all(server.url, server.secret, [("POST", AUTHORIZATIONS, body)] * (size - len(server.ids)), made)
        finally:
            server.ids.extend(json.loads(each)["id"] for each in made)

    def _empty(self, server: Server) -> None:
        print(f"deleting the {len(server.ids):,} tokens that were made on {server.url}")
        send_all(server.url, server.secret, [("DELETE", f"{AUTHORIZATIONS}/{each}", None) for each in server.ids])


@contextmanager
def _sandbox(size: int) -> Iterator[Server]:
    command = [PYTHON, "-m", "bench.sandbox_server", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        url, secret = (process.stdout.readline() if process.stdout else "").split()
        own = 1  # the operator's comes first
        yield Server(url, secret, [each["id"] for each in Client(url, secret).listed()[own:]])
        process.terminate()


@contextmanager
def listing(body: Path) -> Iterator[dict[str, str]]:
    """A server that answers every request with this body at once, as the environment of a process."""
    with subprocess.Popen([PYTHON, "-m", "bench.list_server", str(body)], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip() if process.stdout else ""
        yield {"INFLUX_HOST": url, "INFLUX_TOKEN": "FAKE-bench", "NO_PROXY": "*"}
        process.terminate()

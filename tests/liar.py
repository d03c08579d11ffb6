"""A server, or a proxy, that asks a sandbox and gives another answer: what a lying or broken one would say."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.influx.raw_server import Connection, RawServer, answer, raw_server


@dataclass(frozen=True)
class Exchange:
    """A request, and what the sandbox answered to it."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    connection: Connection

    @property
    def document(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.body)

    def answer(self, **changes: Any) -> bytes:
        """The answer as it is, but for `status`, `body` (a text, or what is to be JSON) and headers."""
        body = changes.pop("body", self.body)
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return answer(changes.pop("status", self.status), content, **{**self.headers, **changes})


Lie = Callable[[Exchange], Iterable[bytes] | None]
"""What is sent in place of the sandbox's answer, None to let that through."""


@contextmanager
def liar(sandbox: str, lie: Lie, *, deaf: bool = False) -> Iterator[RawServer]:
    """A server that stands for the sandbox at that URL; a deaf one has nothing changed there, and only asks."""

    def script(connection: Connection) -> Iterator[bytes]:
        exchange = _forward(connection, urlsplit(sandbox).netloc, deaf=deaf)
        lies = lie(exchange)
        if lies is None:
            yield exchange.answer()
        else:
            yield from lies

    with raw_server(script=script) as server:
        yield server


def _forward(connection: Connection, sandbox: str, *, deaf: bool) -> Exchange:
    head, _, body = connection.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    headers = dict(line.split(": ", 1) for line in lines)
    upstream = http.client.HTTPConnection(sandbox, timeout=20)
    sent = {name: value for name, value in headers.items() if name.lower() in ("authorization", "content-type")}
    upstream.request("GET" if deaf else method, url.path + (f"?{url.query}" if url.query else ""), body or None, sent)
    with upstream.getresponse() as got:
        content = got.read()
        kept = {name.title().replace("-", "_"): value for name, value in got.getheaders() if name.lower() in _KEPT}
    upstream.close()
    return Exchange(method, url.path, got.status, kept, content, connection)


_KEPT = ("content-type", "x-influxdb-version", "x-influxdb-build", "x-platform-error-code", "retry-after")

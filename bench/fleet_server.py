"""Many servers in one process, each at a path of its own, all alike; they answer reads after a given time.

Run as `python -m bench.fleet_server MILLISECONDS [PEM]`: with a certificate and its key in one file it speaks TLS. A
path that begins with /silent is never answered.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from functools import cache

from bench import worlds

_LIVE = 12  # tokens of a server
_HEAD = (
    "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nX-Influxdb-Build: OSS\r\n"
    "X-Influxdb-Version: v2.7.12\r\nContent-Length: {size}\r\n\r\n"
)


@cache
def _answer(rest: str) -> bytes:
    """The answer to a GET of what follows /api/v2/authorizations."""
    whole = worlds.answer(_LIVE, 1)
    found = {f"/{each['id']}": each for each in json.loads(whole)["authorizations"]}
    status, body = "404 Not Found", b'{"code":"not found","message":"authorization not found"}'
    if rest in found or not rest:
        status, body = "200 OK", json.dumps(found[rest]).encode() if rest else whole
    return _HEAD.format(status=status, size=len(body)).encode() + body


class _Connection(asyncio.Protocol):
    """Answers each request on it; none has a body."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what came as a whole."""
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            if not target.startswith("/silent"):
                answer = _answer(target.partition("?")[0].partition("/api/v2/authorizations")[2])
                asyncio.get_running_loop().call_later(self._wait_s, self._write, answer)

    def _write(self, answer: bytes) -> None:
        if isinstance(self._transport, asyncio.WriteTransport) and not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(wait_s: float, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(wait_s), "127.0.0.1", 0, ssl=tls, backlog=1024)
    print(f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main(wait_ms: str, pem: str = "") -> None:
    """Print the URL and answer until killed."""
    tls = None
    if pem:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pem)
    asyncio.run(_serve(int(wait_ms) / 1000, tls))


if __name__ == "__main__":
    main(*sys.argv[1:])

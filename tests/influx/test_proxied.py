"""What httpcore says of a connection through a proxy, as an error of an exchange; and when one is used again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from reconciler.core.endpoint import Endpoint, Secret
from reconciler.errors import FailureKind, TransientError
from reconciler.influx.transport import Bounds, Transport
from tests.influx.raw_server import SECRET, Connection, Script, answer, raw_server

_ENDPOINT = Endpoint(url="http://influx.example", secret=Secret(SECRET))


def _through(url: str, bounds: Bounds | None = None) -> Transport:
    return Transport(_ENDPOINT, clock=time.monotonic, environment={"HTTP_PROXY": url}, bounds=bounds)


def test_a_connection_to_a_proxy_is_used_again() -> None:
    with raw_server(answer(200), answer(404)) as proxy, _through(proxy.url) as transport:
        assert [transport.send("GET", "/api").status for _ in range(2)] == [200, 404]
        assert proxy.calls == 1
        assert proxy.requests[0].startswith(b"GET http://influx.example/api HTTP/1.1\r\n")


def test_an_answer_that_was_there_before_its_request_is_none() -> None:
    early = answer(200, b"first") + answer(200, b"of nobody")
    with raw_server(early, answer(200, b"second")) as proxy, _through(proxy.url) as transport:
        assert transport.send("GET", "/api").body == b"first"
        with pytest.raises(TransientError) as caught:
            transport.send("GET", "/api")
        assert caught.value.kind is FailureKind.STALE
        assert transport.send("GET", "/api").body == b"second"
        assert proxy.calls == 2


def silent(connection: Connection) -> Iterator[bytes]:
    while connection.pause():
        pass
    yield b""


def broken_off(connection: Connection) -> Iterator[bytes]:
    yield b"HTTP/1.1 2"
    yield b""


@pytest.mark.parametrize(
    ("script", "scheme", "said"),
    [
        (broken_off, "http", "the answer of http://influx.example cannot be used: it is not HTTP, or was broken off"),
        (silent, "http", "http://influx.example did not answer in time: 0.2 s without a byte, or 120 s in all"),
        (
            silent,
            "https",
            "no connection to http://influx.example through PROXY: no answer to the TLS handshake within 0.2 s",
        ),
    ],
)
def test_what_a_proxy_does_not_do_is_told(script: Script, scheme: str, said: str) -> None:
    with raw_server(script=script) as proxy:
        url = proxy.url.replace("http:", f"{scheme}:")
        bounds = Bounds(connect_s=0.2, silence_s=0.2)
        with _through(url, bounds) as transport, pytest.raises(TransientError) as caught:
            transport.send("GET", "/api")
    assert caught.value.problems[0].message == said.replace("PROXY", f"the proxy {url} (from HTTP_PROXY)")

"""Requests as they come over a socket, from clients that misbehave too."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing, suppress

import pytest

from reconciler.sandbox.listener import RequestSeen
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import LAPTOP, OPERATOR, PATH, SEED, Client


def raw(sandbox: Sandbox, data: bytes, *, shut: bool = True) -> bytes:
    """What comes back for these bytes."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        got = b""
        with suppress(OSError):  # the server may have let go of it already
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                got += more
        return got


def test_requests_are_kept_without_credentials() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        client = Client(sandbox)
        client.send("PATCH", f"{PATH}/{LAPTOP.id}", '{"status":"inactive"}')
        client.send("GET", f"{PATH}?user=a//b")
        assert sandbox.requests == (
            RequestSeen(method="PATCH", target=f"{PATH}/{LAPTOP.id}", body=b'{"status":"inactive"}', status=200),
            RequestSeen(method="GET", target=f"{PATH}?user=a//b", body=b"", status=404),
        )
        assert "FAKE" not in repr(sandbox.requests)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / SPDY\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["blank", "short", "version", "protocol", "long line", "long header", "tls"],
)
def test_what_is_no_http_is_refused_and_the_server_lives_on(data: bytes) -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        answer = raw(sandbox, data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
        assert Client(sandbox).send("GET", "/ping").status == 204


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: x", b"Content-Length: 10", b"Transfer-Encoding: chunked\r\n\r\nzz"],
    ids=["no number", "short", "bad chunk"],
)
def test_a_body_that_is_not_there_ends_the_connection(head: bytes) -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        assert raw(sandbox, b"POST /ping HTTP/1.1\r\n" + head + b"\r\n\r\n{}") == b""
        assert sandbox.requests == ()


def test_a_body_in_chunks_is_read() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        chunks = b'4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n'
        answer = raw(sandbox, b"POST /ping HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert sandbox.requests[0].body == b'{"a":1}'


def test_a_client_that_goes_away_does_no_harm() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        host, _, port = sandbox.url.removeprefix("http://").partition(":")
        for _ in range(20):
            gone = socket.create_connection((host, int(port)))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            gone.sendall(f"GET {PATH} HTTP/1.1\r\nAuthorization: Token {SEED.tokens[0].secret}\r\n\r\n".encode() * 50)
            gone.close()
        assert Client(sandbox).send("GET", "/ping").status == 204


def test_the_name_of_a_status_is_gos(client: Client) -> None:
    client.send("POST", "/api/v2/users", {"name": "twice"})
    connection = http.client.HTTPConnection(client.address, timeout=20)
    with closing(connection):
        connection.request("POST", "/api/v2/users", '{"name": "twice"}', {"Authorization": f"Token {OPERATOR.secret}"})
        with connection.getresponse() as response:
            assert (response.status, response.reason) == (422, "Unprocessable Entity")

"""One request and one answer over real sockets: bounds, origins, and servers that break."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.core.endpoint import Endpoint, Secret
from reconciler.errors import UnreachableError, UsageError
from reconciler.influx.transport import Answer, Bounds, Transport
from tests.influx.raw_server import SECRET, Connection, answer, raw_server

QUICK = Bounds(deadline_s=0.3, body=1000)


def transport(url: str, bounds: Bounds | None = None, trace: list[str] | None = None) -> Transport:
    note = None if trace is None else trace.append
    return Transport(Endpoint(url=url, secret=Secret(SECRET)), clock=time.monotonic, trace=note, bounds=bounds)


def get(url: str, bounds: Bounds | None = None) -> Answer:
    with transport(url, bounds) as opened:
        return opened.send("GET", "/api")


def failure(url: str, bounds: Bounds | None = None) -> str:
    """What the error says, with the server's port left out; never the secret."""
    trace: list[str] = []
    with transport(url, bounds, trace) as opened, pytest.raises(UnreachableError) as caught:
        opened.send("GET", "/api")
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(caught.value.__cause__) + "".join(trace)
    return str(caught.value).replace(url, "URL")


UNUSABLE = "the answer of URL cannot be used: {}\n  hint: check that the URL is that of an InfluxDB v2 server"
TOO_LATE = (
    "URL did not answer in time: 30 s without a byte, or 0.3 s in all\n  hint: look at the server's load, and try again"
)


def test_a_get_carries_the_token_and_asks_for_an_uncompressed_answer() -> None:
    with raw_server(answer(200, "hello", X_Foreign="Yes")) as server:
        got = get(server.url)
        assert (got.status, got.body, got.headers["x-foreign"]) == (200, b"hello", "Yes")
        (request,) = server.requests
    assert sorted(request.decode().strip().split("\r\n")) == [
        "Accept-Encoding: identity",
        "Accept: application/json",
        f"Authorization: Token {SECRET}",
        "Connection: keep-alive",
        "GET /api HTTP/1.1",
        f"Host: 127.0.0.1:{server.url.rpartition(':')[2]}",
        f"User-Agent: tokenctl/{__version__}",
    ]


def test_a_patch_carries_json_in_utf_8() -> None:
    with raw_server(answer(200, "{}")) as server, transport(server.url) as opened:
        opened.send("PATCH", "/api", body={"description": 'Zürich "edge"\n'})
        (request,) = server.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.startswith("PATCH /api HTTP/1.1\r\n")
    assert "Content-type: application/json\r\n" in head
    assert body == '{"description": "Zürich \\"edge\\"\\n"}'


def test_a_path_prefix_is_kept_and_query_values_are_encoded_strictly() -> None:
    with raw_server(answer(200)) as server, transport(server.url + "/influx/eu") as opened:
        opened.send("GET", "/api", {"org": "a+b c/ü&d=e;%"})
        (request,) = server.requests
    assert request.startswith(b"GET /influx/eu/api?org=a%2Bb%20c%2F%C3%BC%26d%3De%3B%25 HTTP/1.1\r\n")


def test_requests_share_a_connection() -> None:
    accepted: list[Connection] = []

    def script(connection: Connection) -> Iterator[bytes]:
        if connection not in accepted:
            accepted.append(connection)
        yield answer(200)

    with raw_server(script=script) as server, transport(server.url) as opened:
        for _ in range(3):
            opened.send("GET", "/api")
        assert (len(server.requests), len(accepted)) == (3, 1)


def test_the_trace_has_a_line_for_each_request_and_nothing_secret() -> None:
    trace: list[str] = []
    ticks = iter(range(100))
    with raw_server(answer(200, "x" * 1234)) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        with Transport(endpoint, clock=lambda: float(next(ticks)), trace=trace.append) as opened:
            opened.send("GET", "/api", {"org": "a b"})
    (line,) = trace
    assert line.startswith("GET /api?org=a%20b -> 200, 1,234 bytes, ")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with transport(f"http://127.0.0.1:{port}", None, trace) as opened, pytest.raises(UnreachableError):
        opened.send("PATCH", "/api", body={})
    assert trace[1].startswith("PATCH /api -> no answer, ")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_and_only_the_configured_server_sees_the_token(status: int) -> None:
    with raw_server(answer(200, "caught")) as other:
        for target in (f"{other.url}/api", f"//127.0.0.1:{other.port}/api"):
            with raw_server(answer(status, Location=target)) as server:
                said = failure(server.url)
                assert said == (
                    "URL redirects to the host `127.0.0.1`, and the token is not taken there\n"
                    "  hint: if that is where the server really is, say so with --url or INFLUX_HOST"
                )
                assert len(server.requests) == 1
        assert other.requests == []


def test_a_redirect_within_the_server_or_to_nowhere_is_not_followed_either() -> None:
    for given, where in ((answer(307, Location="/signin"), "the host `127.0.0.1`"), (answer(304), "another place")):
        with raw_server(given) as server:
            assert failure(server.url).startswith(f"URL redirects to {where}, and the token is not taken there\n")
            assert len(server.requests) == 1


def test_a_compressed_answer_is_refused_unread() -> None:
    bomb = gzip.compress(bytes(100_000_000), 1)
    with raw_server(answer(200, bomb, Content_Encoding="gzip")) as server:
        assert failure(server.url) == UNUSABLE.format("it is compressed, although that was declined")


def test_a_body_over_the_bound_is_refused_whatever_its_length_claims() -> None:
    with raw_server(answer(200, b"x" * 1001)) as server:
        assert failure(server.url, QUICK) == UNUSABLE.format("it has more than 1,000 bytes")
    chunks = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
    with raw_server(answer(200, chunks, Transfer_Encoding="chunked")) as server:
        assert failure(server.url, QUICK) == UNUSABLE.format("it has more than 1,000 bytes")
    with raw_server(answer(200, b"x" * 1000)) as server:
        assert len(get(server.url, Bounds(body=1000)).body) == 1000


def drip(first: bytes, again: bytes, connection: Connection) -> Iterator[bytes]:
    yield first
    while connection.pause():
        yield again


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 103 Early\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx", b""),
    ],
    ids=["body", "chunk head", "header", "1xx", "close"],
)
def test_a_server_that_drips_is_left_at_the_deadline(first: bytes, again: bytes) -> None:
    with raw_server(script=lambda connection: drip(first, again, connection)) as server:
        started = time.monotonic()
        said = failure(server.url, QUICK)
        assert time.monotonic() - started < 5
    broken_off = UNUSABLE.format("it is not HTTP, or was broken off")
    assert said == (TOO_LATE if again else broken_off)


def test_a_silent_server_is_left_at_the_deadline() -> None:
    def script(connection: Connection) -> Iterator[bytes]:
        while connection.pause():
            pass
        yield b""

    with raw_server(script=script) as server:
        assert failure(server.url, QUICK) == TOO_LATE


def test_one_slow_answer_does_not_end_the_requests_of_others() -> None:
    def script(connection: Connection) -> Iterator[bytes]:
        if b"/slow" in server.requests[-1]:
            yield from drip(b"HTTP/1.1 200 OK\r\nX: ", b"x", connection)
        yield answer(200)

    with raw_server(script=script) as server, transport(server.url, QUICK) as opened:
        with pytest.raises(UnreachableError):
            opened.send("GET", "/slow")
        assert opened.send("GET", "/fast").status == 200


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"",
    ],
    ids=["ssh", "tls alert", "short", "short chunk", "negative length", "huge header", "nothing"],
)
def test_an_answer_that_is_no_whole_http_answer_is_refused(bytes_sent: bytes) -> None:
    with raw_server(script=lambda _: [bytes_sent, b""]) as server:
        assert failure(server.url) == UNUSABLE.format("it is not HTTP, or was broken off")


def test_a_reset_connection_is_named() -> None:
    def script(connection: Connection) -> Iterator[bytes]:
        connection.reset()
        yield b"x"

    with raw_server(script=script) as server:
        assert failure(server.url) == (
            "no connection to URL: the connection was reset\n"
            "  hint: look at the server and at what stands between: a proxy, a firewall"
        )


def test_a_port_that_nobody_listens_on_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}") == (
        "no connection to URL: nothing listens there\n"
        "  hint: check the URL (--url, INFLUX_HOST) and that the server runs"
    )


def test_a_host_that_has_no_address_is_named() -> None:
    assert failure("http://tokenctl.invalid").startswith("no connection to URL: the host name is not known\n")


def test_a_call_that_nobody_takes_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        said = failure(f"http://127.0.0.1:{full.getsockname()[1]}", Bounds(connect_s=0.2))
        for caller in callers:
            caller.close()
    assert said == (
        "no connection to URL: no answer to the call within 0.2 s\n  hint: check the URL, firewalls and proxies"
    )


REQUEST = """
import sys, time
from reconciler.core.endpoint import Endpoint, Secret
from reconciler.errors import TokenctlError
from reconciler.influx.transport import Transport
try:
    with Transport(Endpoint(url=sys.argv[1], secret=Secret("FAKE")), clock=time.monotonic) as opened:
        print(opened.send("GET", "/api").body.decode())
except TokenctlError as error:
    print(error)
"""


def through_proxy(url: str, proxy: str) -> str:
    """What a request to the URL gives when the environment names a proxy."""
    environment = {"PATH": os.environ["PATH"], "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "other.example"}
    coverage = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", REQUEST, url], env=environment | coverage, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_proxy_of_the_environment_is_used_but_never_for_loopback() -> None:
    with raw_server(answer(200, "by proxy")) as proxy:
        assert through_proxy("http://influx.example", proxy.url) == "by proxy\n"
        with raw_server(answer(200, "direct")) as server:
            assert through_proxy(server.url, proxy.url) == "direct\n"
        assert len(proxy.requests) == 1


def test_a_proxy_that_refuses_is_named() -> None:
    with raw_server(answer(403)) as proxy:
        said = through_proxy("https://influx.example", proxy.url)
        assert b"FAKE" not in b"".join(proxy.requests)
    assert said == (
        "no connection to https://influx.example: the proxy refuses\n"
        "  hint: check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY\n"
    )


def test_a_proxy_that_cannot_be_used_is_refused_without_its_password() -> None:
    assert through_proxy("https://influx.example", "socks5://me:SENTINEL@127.0.0.1:1") == (
        "the proxy that the environment names cannot be used\n"
        "  hint: write http://HOST:PORT into HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the server in NO_PROXY\n"
    )


def test_tls_against_a_plain_port_is_named() -> None:
    with raw_server(answer(400, "plain HTTP")) as server:
        said = failure(server.url.replace("http", "https"))
    assert said.startswith("no connection to URL: TLS failed: ")
    assert said.endswith(
        "\n  hint: check whether the URL should begin with http://, and whether the server wants a client certificate"
    )


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "not.pem"
    file.write_text("nothing")
    for given in ({"ca_file": str(file)}, {"client_cert": str(file), "client_key": str(file)}):
        endpoint = Endpoint(url="https://influx.example", secret=Secret(SECRET), **given)
        with pytest.raises(UsageError) as caught:
            Transport(endpoint, clock=time.monotonic)
        assert str(caught.value) == (
            "the certificates cannot be used\n"
            "  hint: --ca-file, --client-cert, --client-key and SSL_CERT_FILE name PEM files, keys without a password"
        )


def test_a_path_that_would_become_another_is_never_sent() -> None:
    with raw_server(answer(200)) as server, transport(server.url) as opened:
        for path in ("/api/../users/1", "/api#x"):
            with pytest.raises(AssertionError):
                opened.send("GET", path, {"a": "b"})
        assert server.requests == []

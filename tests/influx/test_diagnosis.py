"""Calls that fail at TLS, or for the lack of it, and what is found out about them: over real sockets."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme

from reconciler.core.endpoint import Endpoint, Secret
from reconciler.errors import TransientError, UnreachableError
from reconciler.influx import network
from reconciler.influx.reader import Reader
from reconciler.influx.transport import Bounds, Transport
from tests.influx.raw_server import SECRET, Connection, RawServer, answer, raw_server
from tests.influx.test_retry import retries
from tests.influx.test_transport import NO_TLS_HERE

AUTHORITY = trustme.CA()


def tls(*names: str, common: str | None = None) -> ssl.SSLContext:
    """A server with a certificate of the authority for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*(names or ("127.0.0.1",)), common_name=common).configure_cert(context)
    return context


def tunnel(connection: Connection) -> Iterator[bytes]:
    """What a proxy does after CONNECT to a port of this machine: carry bytes both ways."""
    port = int(connection.request.split(b" ")[1].rpartition(b":")[2])
    with socket.create_connection(("127.0.0.1", port)) as inner:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            ready = select.select([inner, connection._stream], [], [], 5)[0]
            if inner in ready:
                yield (got := inner.recv(65536))
                if not got:
                    return
            elif ready:
                inner.sendall(connection._stream.recv(65536))


def failure(url: str, authority: str = "", connect_s: float = 5.0, **environment: str) -> str:
    """What the error of a read says, which was not sent again."""
    waits: list[float] = []
    endpoint = Endpoint(url=url, secret=Secret(SECRET), ca_file=authority)
    with (
        Transport(
            endpoint, clock=time.monotonic, environment=environment, bounds=Bounds(connect_s=connect_s)
        ) as opened,
        pytest.raises(UnreachableError) as caught,
    ):
        Reader(opened, retries=retries(waits)).list_tokens()
    assert waits == []
    assert SECRET not in str(caught.value)
    return str(caught.value)


def secrets_in(server: RawServer) -> bool:
    """Whether the caller's secret has come to the server."""
    return SECRET.encode() in b"".join(server.requests)


@pytest.fixture
def authority(tmp_path: Path) -> str:
    AUTHORITY.cert_pem.write_to_path(path := tmp_path / "authority.pem")
    return str(path)


def test_a_port_that_wants_tls_and_says_nothing_is_asked_once() -> None:
    with raw_server(tls=tls()) as server:
        url = f"http://127.0.0.1:{server.port}/influx"
        assert failure(url) == (
            f"no connection to {url}: it speaks TLS\n"
            f"  hint: write https://127.0.0.1:{server.port}/influx (--url, INFLUX_HOST)"
        )
        assert (server.calls, server.requests) == (2, [])


def test_a_server_that_breaks_off_and_speaks_no_tls_is_asked_about_it_once() -> None:
    waits: list[float] = []
    with raw_server(b"") as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        with Transport(endpoint, clock=time.monotonic) as opened, pytest.raises(UnreachableError):
            Reader(opened, retries=retries(waits)).list_tokens()
        assert (len(server.requests), server.handshakes, len(waits)) == (4, 1, 3)


def test_a_server_that_speaks_tls_as_it_should_is_not_asked_about_it(authority: str) -> None:
    with raw_server(script=lambda _: [b""], tls=tls()) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET), ca_file=authority)
        with (
            Transport(endpoint, clock=time.monotonic) as opened,
            pytest.raises(UnreachableError, match="it is not HTTP, or was broken off"),
        ):
            opened.send("GET", "/ping")
        assert (len(server.requests), server.calls) == (1, 1)


def test_a_server_that_has_answered_is_not_asked_whether_it_speaks_tls() -> None:
    parts = iter([[answer(200)], [b""], [b""], [b""]])
    with (
        raw_server(script=lambda _: next(parts)) as server,
        Transport(Endpoint(url=server.url, secret=Secret(SECRET)), clock=time.monotonic) as opened,
    ):
        opened.send("GET", "/ping")
        for _ in range(3):
            with pytest.raises(UnreachableError, match="it is not HTTP, or was broken off"):
                opened.send("GET", "/ping")
        assert (len(server.requests), server.handshakes) == (4, 0)


@pytest.mark.parametrize("url", ["http://influx.example", "https://influx.example"])
def test_a_proxy_that_wants_tls_is_told_as_that(url: str) -> None:
    with raw_server(tls=tls()) as proxy:
        plain = f"http://me:SENTINEL@127.0.0.1:{proxy.port}"
        assert failure(url, ALL_PROXY=plain) == (
            f"no connection to {url} through the proxy http://127.0.0.1:{proxy.port} (from ALL_PROXY): the proxy speaks TLS\n"
            f"  hint: write https://127.0.0.1:{proxy.port} into ALL_PROXY"
        )
        assert proxy.requests == []


def test_a_server_behind_a_proxy_that_wants_tls_is_not_taken_for_the_proxy() -> None:
    with raw_server(NO_TLS_HERE["Go"]) as proxy:
        assert failure("http://influx.example/x", HTTP_PROXY=proxy.url) == (
            f"no connection to http://influx.example/x through the proxy {proxy.url} (from HTTP_PROXY): it speaks TLS\n"
            "  hint: write https://influx.example:80/x (--url, INFLUX_HOST)"
        )
        assert (len(proxy.requests), proxy.handshakes) == (1, 1)


def test_a_proxy_that_has_no_tls_is_told_as_that() -> None:
    with raw_server(answer(400)) as proxy:
        secure = proxy.url.replace("http:", "https:")
        assert failure("https://influx.example", HTTPS_PROXY=secure) == (
            f"no connection to https://influx.example through the proxy {secure} (from HTTPS_PROXY): it does not speak TLS\n"
            f"  hint: write {proxy.url} into HTTPS_PROXY, if the proxy has no TLS"
        )


def test_a_server_that_has_no_tls_is_told_as_that() -> None:
    with raw_server(answer(400)) as server:
        url = server.url.replace("http:", "https:")
        assert failure(url) == (
            f"no connection to {url}: it does not speak TLS\n"
            f"  hint: write {server.url} (--url, INFLUX_HOST), if the server has no TLS"
        )
    with raw_server(answer(400)) as server, raw_server(script=tunnel) as proxy:
        assert failure(f"https://influx.example:{server.port}", HTTPS_PROXY=proxy.url) == (
            f"no connection to https://influx.example:{server.port} through the proxy {proxy.url} (from HTTPS_PROXY): "
            "it does not speak TLS\n"
            f"  hint: if the server has no TLS, write http://influx.example:{server.port} with --allow-insecure-http, "
            "which shows your token to everybody on the way; else check the port"
        )
        assert not secrets_in(server)


def wary(connection: Connection, *, hangs: bool) -> Iterator[bytes]:
    """A server in plain that has no word for a handshake, and may not even end the connection."""
    if not connection.request.startswith(b"\x16"):
        yield answer(401)
    while hangs and connection.pause():
        pass
    yield b""


@pytest.mark.parametrize("hangs", [False, True])
def test_a_server_without_tls_that_has_no_word_for_a_handshake_is_asked_in_plain(hangs: bool) -> None:
    with raw_server(script=partial(wary, hangs=hangs)) as server:
        url = server.url.replace("http:", "https:")
        assert failure(url, connect_s=0.3) == (
            f"no connection to {url}: it does not speak TLS\n"
            f"  hint: write {server.url} (--url, INFLUX_HOST), if the server has no TLS"
        )
        assert (server.calls, server.requests[1]) == (
            2,
            b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        )
    with raw_server(script=partial(wary, hangs=hangs)) as proxy:
        url = proxy.url.replace("http:", "https:")
        said = failure("https://influx.example", connect_s=0.3, HTTPS_PROXY=url)
        assert said.endswith(f"\n  hint: write {proxy.url} into HTTPS_PROXY, if the proxy has no TLS")


@pytest.mark.parametrize(
    ("hangs", "said"),
    [
        (False, "TLS failed: unexpected eof while reading"),
        (True, "no answer to the TLS handshake within 0.3 s"),
    ],
)
def test_a_server_that_has_no_word_for_anything_is_asked_in_plain_once(hangs: bool, said: str) -> None:
    def script(connection: Connection) -> Iterator[bytes]:
        while hangs and connection.pause():
            pass
        yield b""

    with raw_server(script=script) as server:
        endpoint = Endpoint(url=server.url.replace("http:", "https:"), secret=Secret(SECRET))
        with Transport(endpoint, clock=time.monotonic, bounds=Bounds(connect_s=0.3)) as opened:
            with pytest.raises(TransientError, match=said):
                opened.send("GET", "/ping")
            with pytest.raises(TransientError):
                opened.send("GET", "/ping")
        assert server.calls == 3


def test_a_certificate_for_another_host_is_told_with_its_names(authority: str) -> None:
    for names, said in (
        (("influx.example",), "`influx.example`"),
        (("influx.example", "10.0.0.1"), "`influx.example` and `10.0.0.1`"),
        (("*.example", "a.example", "b.example", "c.example", "d.example"), "`*.example`, `a.example`, `b.example` and 2 more"),
        ((f"{'x' * 60}.{'y' * 60}",), f"`{'x' * 60}.{'y' * 19}`"),
    ):  # fmt: skip
        with raw_server(tls=tls(*names)) as server:
            assert failure(server.url, authority) == (
                f"no connection to {server.url}: its certificate is for {said}, not for `127.0.0.1`\n"
                "  hint: check the URL (--url, INFLUX_HOST): its host has to be one that the certificate names"
            )
            assert (server.calls, server.requests) == (2, [])


def test_a_proxy_with_a_certificate_for_another_host_is_told_as_that(authority: str) -> None:
    with raw_server(tls=tls("proxy.example")) as proxy:
        assert failure("https://influx.example", authority, HTTPS_PROXY=proxy.url) == (
            f"no connection to https://influx.example through the proxy {proxy.url} (from HTTPS_PROXY): "
            "its certificate is for `proxy.example`, not for `127.0.0.1`\n"
            "  hint: check HTTPS_PROXY: its host has to be one that the certificate names"
        )


def test_a_certificate_behind_a_proxy_is_not_asked_for_again(authority: str) -> None:
    with raw_server(tls=tls("influx.example")) as server, raw_server(script=tunnel) as proxy:
        url = f"https://other.example:{server.port}"
        assert failure(url, authority, HTTPS_PROXY=proxy.url) == (
            f"no connection to {url} through the proxy {proxy.url} (from HTTPS_PROXY): its certificate is for another host\n"
            "  hint: check the URL (--url, INFLUX_HOST): its host has to be one that the certificate names"
        )


def test_a_certificate_that_is_not_shown_again_is_for_another_host(authority: str) -> None:
    again = iter([None])
    context = tls("influx.example")
    context.sni_callback = lambda *_: next(again, ssl.ALERT_DESCRIPTION_INTERNAL_ERROR)
    with raw_server(tls=context) as server:
        said = failure(server.url, authority)
        assert said.startswith(f"no connection to {server.url}: its certificate is for another host\n")


NAMES: list[tuple[dict[str, object], str]] = [
    ({}, "no host"),
    ({"subject": ((("organizationName", "Acme"),), (("commonName", "influx.example"),))}, "`influx.example`"),
    ({"subject": ((("commonName", "cn"),),), "subjectAltName": (("DNS", "san"),)}, "`san`"),
]


@pytest.mark.parametrize(("certificate", "said"), NAMES)
def test_the_names_of_a_certificate_make_a_sentence(certificate: dict[str, object], said: str) -> None:
    assert network.certificate_names(certificate) == said

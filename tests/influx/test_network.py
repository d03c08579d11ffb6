"""Which proxy the environment names and what of it is said, and each error of a socket or of TLS in its own words."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from reconciler.core.endpoint import Endpoint, Secret
from reconciler.core.secrets import masked
from reconciler.errors import FailureKind, TransientError, UnreachableError, UsageError
from reconciler.influx.network import proxy_for, proxy_secrets, reason
from reconciler.influx.transport import Transport
from tests.influx.raw_server import SECRET, answer, raw_server

HTTPS, HTTP = "https://influx.example:8086", "http://influx.example"
NAMED: dict[str, tuple[dict[str, str], str, str]] = {
    "none": ({}, HTTPS, ""),
    "empty": ({"HTTPS_PROXY": "", "ALL_PROXY": ""}, HTTPS, ""),
    "https": ({"HTTPS_PROXY": "http://p:1"}, HTTPS, "http://p:1 from HTTPS_PROXY"),
    "http": ({"HTTP_PROXY": "http://p:1"}, HTTP, "http://p:1 from HTTP_PROXY"),
    "http is not for https": ({"HTTP_PROXY": "http://p:1"}, HTTPS, ""),
    "all": ({"ALL_PROXY": "http://p:1"}, HTTPS, "http://p:1 from ALL_PROXY"),
    "own before all": ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://p:1"}, HTTPS, "http://p:1 from HTTPS_PROXY"),
    "lower case first": ({"HTTPS_PROXY": "http://a:1", "https_proxy": "p:1"}, HTTPS, "http://p:1 from https_proxy"),
    "no scheme": ({"HTTPS_PROXY": "p:1"}, HTTPS, "http://p:1 from HTTPS_PROXY"),
    "upper case": ({"HTTPS_PROXY": "HTTPS://P:1/"}, HTTPS, "https://P:1 from HTTPS_PROXY"),
    "address": ({"HTTPS_PROXY": "http://[::1]:3128"}, HTTPS, "http://[::1]:3128 from HTTPS_PROXY"),
    "password": ({"HTTPS_PROXY": "http://me:SENTINEL%40@p:1"}, HTTPS, "http://p:1 from HTTPS_PROXY"),
    "loopback": ({"ALL_PROXY": "http://p:1"}, "http://127.0.0.1:8086", ""),
    "loopback by name": ({"ALL_PROXY": "http://p:1"}, "https://localhost", ""),
    "loopback in version 6": ({"ALL_PROXY": "http://p:1"}, "https://[::1]", ""),
    "not to a host": ({"ALL_PROXY": "p:1", "NO_PROXY": "other.example, influx.example"}, HTTPS, ""),
    "not to a port": ({"ALL_PROXY": "p:1", "NO_PROXY": "influx.example:8086"}, HTTPS, ""),
    "not to another port": ({"ALL_PROXY": "p:1", "NO_PROXY": "influx.example:80"}, HTTPS, "http://p:1 from ALL_PROXY"),
    "not to the usual port": ({"ALL_PROXY": "p:1", "NO_PROXY": "influx.example:80"}, HTTP, ""),
    "not to a domain": ({"ALL_PROXY": "p:1", "NO_PROXY": "example"}, HTTPS, ""),
    "not to a dotted domain": ({"ALL_PROXY": "p:1", "no_proxy": ".Example"}, HTTPS, ""),
    "not to a starred domain": ({"ALL_PROXY": "p:1", "no_proxy": "*.example"}, HTTPS, ""),
    "not to anything": ({"ALL_PROXY": "p:1", "NO_PROXY": "*"}, HTTPS, ""),
    "an end is no domain": ({"ALL_PROXY": "p:1", "NO_PROXY": "x.example,ample"}, HTTPS, "http://p:1 from ALL_PROXY"),
    "not to an address": ({"ALL_PROXY": "p:1", "NO_PROXY": "10.0.0.1"}, "http://10.0.0.1", ""),
    "not to an address of version 6": ({"ALL_PROXY": "p:1", "NO_PROXY": "fe80::1"}, "https://[fe80::1]", ""),
    "not to it in brackets": ({"ALL_PROXY": "p:1", "NO_PROXY": "[fe80::1]:443"}, "https://[fe80::1]", ""),
}


DIRECT = [
    ("10.0.0.0/8", "10.1.2.3"), ("10.9.9.9/8", "10.1.2.3"), ("10.1.2.3/32", "10.1.2.3"), ("0.0.0.0/0", "10.1.2.3"),
    ("10.1.2.3:8086", "10.1.2.3"), ("fd00::/8", "[fd12::1]"), ("[fd00::]/8", "[fd12::1]"), ("FD12:0::1", "[fd12::1]"),
    ("[fd12::1]", "[fd12:0:0::1]"), ("[fd12::1]:8086", "[fd12::1]"), ("fd12::1/128", "[fd12::1]"), ("::/0", "[fd12::1]"),
    ("10.0.0.0/8", "[::ffff:10.1.2.3]"), ("::ffff:0:0/96", "[::ffff:10.1.2.3]"),
    ("influx.example", "influx.example"), ("INFLUX.Example", "influx.example"), (".influx.example", "influx.example"), ("example", "influx.example"),
    (".example", "influx.example"), ("*.example", "influx.example"), ("*.influx.example", "influx.example"),
    ("influx.example.", "influx.example"), ("influx.example", "influx.example."), ("influx.example:8086", "influx.example"), (".example:8086", "influx.example"),
    ("localhost,,10.0.0.0/8", "10.1.2.3"), ("localhost 10.0.0.0/8", "10.1.2.3"), (" localhost ,\t10.0.0.0/8 ", "10.1.2.3"), ("x,*", "10.1.2.3"),
]  # fmt: skip
PROXIED = [
    ("10.0.0.0/8", "11.1.2.3"), ("10.0.0.0/8", "influx.example"), ("10.1.2.3:80", "10.1.2.3"), ("10.0.0.0/33", "10.1.2.3"),
    ("10.0.0.0/255.0.0.0", "10.1.2.3"), ("10.0.0.0/", "10.1.2.3"), ("10", "10.1.2.3"), ("1.2.3", "10.1.2.3"), ("2.3", "10.1.2.3"), ("fd00::/8", "10.1.2.3"),
    ("fd00::/8", "[fe80::1]"), ("[fd12::1]:80", "[fd12::1]"), ("fd12::1:8086", "[fd12::1]"), ("[]", "[fd12::1]"), ("[fd00::/8", "[fd12::1]"),
    ("10.0.0.0/8", "10.example"), ("lux.example", "influx.example"), ("*x.example", "influx.example"), ("influx.example:80", "influx.example"), (":8086", "influx.example"),
    ("influx.example.org", "influx.example"), (".", "influx.example"), ("-", "influx.example"), ("", "influx.example"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("excepted", "host", "direct"), [(*each, True) for each in DIRECT] + [(*each, False) for each in PROXIED]
)
def test_what_curl_and_go_take_excepts_a_server(excepted: str, host: str, direct: bool) -> None:
    environment = {"no_proxy": "", "NO_PROXY": excepted, "ALL_PROXY": "http://p:1"}
    assert (proxy_for(f"https://{host}:8086", environment) is None) is direct


@pytest.mark.parametrize(("environment", "server", "said"), NAMED.values(), ids=NAMED)
def test_the_environment_names_the_proxy(environment: dict[str, str], server: str, said: str) -> None:
    found = proxy_for(server, environment)
    assert (f"{found.address} from {found.variable}" if found else "") == said
    assert "SENTINEL" not in repr(found)


SHOWN: list[tuple[str, str, str]] = [
    ("https://p", HTTPS, ""),
    ("http://p", HTTPS, ""),
    ("https://me:SENTINEL@p", HTTPS, ""),
    ("http://me@p", HTTPS, ""),
    ("http://me:@p", HTTP, f"the proxy http://p (from ALL_PROXY) sees your token: {HTTP} is plain http"),
    ("http://me:SENTINEL@p", HTTPS, "the password for the proxy http://p (from ALL_PROXY) is sent over plain http"),
    ("https://p", HTTP, f"the proxy https://p (from ALL_PROXY) sees your token: {HTTP} is plain http"),
    (
        "http://me:SENTINEL@p", HTTP,
        f"the proxy http://p (from ALL_PROXY) sees your token: {HTTP} is plain http, and so is the way to the proxy, which takes its password",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("url", "server", "said"), SHOWN)
def test_what_others_see_by_way_of_a_proxy_is_said(url: str, server: str, said: str) -> None:
    found = proxy_for(server, {"ALL_PROXY": url})
    assert found
    assert found.shows(server) == said


UNUSABLE = [
    "socks5://me:SENTINEL@127.0.0.1:1", "ftp://SENTINEL", "http://", "http://me:SENTINEL/@p", "http://me@SENTINEL@p", "http://p/SENTINEL",
    "http://p:SENTINEL", "http://p:99999", "http://:80", "http://me:SENTINEL@:80", "http://999.9.9.9", "http://p ", "http://p\nSENTINEL", "me:SENTINEL@",
]  # fmt: skip


@pytest.mark.parametrize("url", UNUSABLE)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    endpoint = Endpoint(url=HTTPS, secret=Secret(SECRET))
    with pytest.raises(UsageError) as caught:
        Transport(endpoint, clock=time.monotonic, environment={"HTTPS_PROXY": url})
    assert str(caught.value) == (
        "the proxy that HTTPS_PROXY names cannot be used\n"
        "  hint: write http://HOST:PORT into it, a password percent-encoded, or name the server in NO_PROXY"
    )
    assert caught.value.__cause__ is None


def through(server: str, **environment: str) -> str:
    """The body of an answer by way of the proxy that the environment names, or what the error says."""
    endpoint = Endpoint(url=server, secret=Secret(SECRET))
    with Transport(endpoint, clock=time.monotonic, environment=environment) as opened:
        try:
            return opened.send("GET", "/api").body.decode()
        except UnreachableError as error:
            return str(error)


def test_a_plain_request_goes_to_the_proxy_and_none_for_loopback() -> None:
    with raw_server(answer(200, "by proxy")) as other, raw_server(answer(200, "direct")) as server:
        assert through(HTTP, HTTP_PROXY=other.url.replace("//", "//me:it%20@")) == "by proxy"
        assert through(server.url, HTTP_PROXY=other.url, ALL_PROXY=other.url) == "direct"
        (request,) = other.requests
    assert request.startswith(b"GET http://influx.example/api HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6aXQg\r\n" in request


@pytest.mark.parametrize(
    ("status", "why"), [(403, "it refuses with 403"), (407, "it refuses with 407"), (302, "it refuses with 302")]
)
def test_a_proxy_that_refuses_is_named_and_gets_no_token(status: int, why: str) -> None:
    with raw_server(answer(status, Location="http://elsewhere.example", Proxy_Authenticate="Basic")) as other:
        said = through(HTTPS, HTTPS_PROXY=other.url.replace("//", "//me:SENTINEL@"))
        (request,) = other.requests
    assert said.replace(other.url, "PROXY") == (
        f"no connection to {HTTPS} through the proxy PROXY (from HTTPS_PROXY): {why}\n"
        "  hint: look at what names the proxy, and at its user and password"
    )
    assert request.startswith(b"CONNECT influx.example:8086 HTTP/1.1\r\n")
    assert SECRET.encode() not in request
    assert "SENTINEL" not in said


def test_a_proxy_that_refuses_a_plain_request_for_lack_of_a_password_is_named_and_has_refused_it() -> None:
    with raw_server(answer(407, Proxy_Authenticate="Basic")) as other:
        endpoint, environment = Endpoint(url=HTTP, secret=Secret(SECRET)), {"HTTP_PROXY": other.url}
        opened = Transport(endpoint, clock=time.monotonic, environment=environment)
        with opened, pytest.raises(UnreachableError) as caught:
            opened.send("PATCH", "/api", body={})
        assert str(caught.value) == (
            f"no connection to {HTTP} through the proxy {other.url} (from HTTP_PROXY): it refuses with 407\n"
            "  hint: look at what names the proxy, and at its user and password"
        )
        assert caught.value.is_over


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (429, "try again later"),
        (503, "the proxy does not reach the server: look at both"),
        (522, "the proxy does not reach the server: look at both"),
    ],
)
def test_a_proxy_that_may_reach_the_server_later_is_asked_again(status: int, hint: str) -> None:
    with raw_server(answer(status)) as other:
        endpoint, environment = Endpoint(url=HTTPS, secret=Secret(SECRET)), {"HTTPS_PROXY": other.url}
        opened = Transport(endpoint, clock=time.monotonic, environment=environment)
        with opened, pytest.raises(TransientError) as caught:
            opened.send("GET", "/api")
        said = f"no connection to {HTTPS} through the proxy {other.url} (from HTTPS_PROXY): it refuses with {status}"
        assert (str(caught.value), caught.value.kind) == (f"{said}\n  hint: {hint}", FailureKind.PASSING)


@pytest.mark.parametrize(
    "lie", [b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"]
)
def test_a_proxy_that_is_none_gets_no_token(lie: bytes) -> None:
    with raw_server(lie) as other:
        said = through(HTTPS, HTTPS_PROXY=other.url)
        assert said.startswith(("no connection to ", "the answer of "))
        assert SECRET not in said
        assert SECRET.encode() not in b"".join(other.requests)


def test_a_proxy_that_is_not_there_is_named() -> None:
    with raw_server(answer(200)) as gone:
        pass
    assert through(HTTPS, https_proxy=gone.url).startswith(
        f"no connection to {HTTPS} through the proxy {gone.url} (from https_proxy): nothing listens there\n"
    )


def test_a_proxys_password_is_known_in_each_way_in_which_it_may_come_back() -> None:
    environment = {"HTTP_PROXY": "http://me:pass%20word@p", "https_proxy": "token-alone@p:1", "all_proxy": "http://p"}
    assert [each.reveal() for each in proxy_secrets(environment)] == [
        "me:pass%20word", "me:pass word", "pass%20word", "pass word", "bWU6cGFzcyB3b3Jk",
        "token-alone", "dG9rZW4tYWxvbmU=",
    ]  # fmt: skip


def test_what_a_proxy_says_holds_neither_its_password_nor_the_token() -> None:
    body = f"SENTINEL%20password me:SENTINEL%20password SENTINEL password {SECRET}"
    with raw_server(answer(200, body, X_Echo=f"Basic bWU6U0VOVElORUwgcGFzc3dvcmQ= {body}")) as other:
        endpoint = Endpoint(url=HTTP, secret=Secret(SECRET))
        environment = {"HTTP_PROXY": other.url.replace("//", "//me:SENTINEL%20password@")}
        with Transport(endpoint, clock=time.monotonic, environment=environment) as opened:
            got = opened.send("GET", "/api")
            assert masked(got.body.decode(), *opened.endpoint.secrets) == "*** *** *** ***"
    assert got.headers["x-echo"] == "Basic *** *** *** *** ***"


def certificate_error(number: int = 0) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: X] long text")
    error.verify_code, error.verify_message = number, "certificate revoked"
    return error


def tls_error(name: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: X] long text")
    error.reason = name
    return error


STRANGER = "its certificate comes from an authority that is not known here"
REFUSED = "it refuses the client certificate, or that there is none"
FAILURES = {
    "certificate": (certificate_error(), "its certificate is not trusted: certificate revoked"),
    "early": (certificate_error(9), "its certificate is not valid yet"),
    "expired": (certificate_error(10), "its certificate has expired"),
    "self-signed": (certificate_error(18), "its certificate is self-signed"),
    "self-signed authority": (certificate_error(19), STRANGER),
    "no authority": (certificate_error(20), STRANGER),
    "no chain": (certificate_error(21), STRANGER),
    "name": (certificate_error(62), "its certificate is for another host"),
    "address": (certificate_error(64), "its certificate is for another host"),
    "client": (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it wants a client certificate"),
    "client authority": (tls_error("TLSV1_ALERT_UNKNOWN_CA"), "it does not trust the client certificate"),
    "client expired": (tls_error("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "it says that the client certificate has expired"),
    "client bad": (tls_error("SSLV3_ALERT_BAD_CERTIFICATE"), REFUSED),
    "handshake": (tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "it breaks off the TLS handshake"),
    "too old": (tls_error("TLSV1_ALERT_PROTOCOL_VERSION"), "it speaks no TLS of version 1.2 or later"),
    "too old for us": (tls_error("UNSUPPORTED_PROTOCOL"), "it speaks no TLS of version 1.2 or later"),
    "plain": (tls_error("WRONG_VERSION_NUMBER"), "it does not speak TLS"),
    "plain, OpenSSL 3.2": (tls_error("RECORD_LAYER_FAILURE"), "it does not speak TLS"),
    "alert": (tls_error("TLSV1_ALERT_INTERNAL_ERROR"), "TLS failed: internal error"),
    "tls": (ssl.SSLError(1, "text"), "TLS failed: the connection was closed"),
    "no name": (socket.gaierror(-2, "text"), "the host name is not known"),
    "no name at all": (UnicodeError("SENTINEL"), "the host name is not known"),
    "refused": (ConnectionRefusedError(), "nothing listens there"),
    "reset": (ConnectionResetError(), "the connection was reset"),
    "pipe": (BrokenPipeError(), "the connection was reset"),
    "other": (OSError(113, "No route to host"), "no route to host"),
    "bare": (OSError(), "the connection failed"),
    "foreign": (ValueError("SENTINEL"), "the connection failed"),
}


@pytest.mark.parametrize(("error", "words"), FAILURES.values(), ids=FAILURES)
def test_an_error_is_worded_and_gets_a_hint(error: Exception, words: str) -> None:
    said, hint = reason(error)
    assert said == words
    assert hint.startswith(("check ", "look ", "if ", "have ", "name ", "give ", "update "))


def test_the_error_that_counts_is_the_one_behind() -> None:
    outer = ValueError()
    outer.__cause__ = ConnectionRefusedError()
    assert reason(outer)[0] == "nothing listens there"


def test_an_error_that_was_raised_from_none_is_found_too() -> None:
    outer = ValueError()
    outer.__context__ = ConnectionRefusedError()
    outer.__suppress_context__ = True
    assert reason(outer)[0] == "nothing listens there"

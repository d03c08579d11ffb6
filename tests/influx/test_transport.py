"""One request and one answer over real sockets: bounds, origins, and servers that break."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from hypothesis import given as holds
from hypothesis import strategies as st

from reconciler import __version__
from reconciler.core.endpoint import Endpoint, Header, Secret, normalise
from reconciler.errors import TokenctlError, UnreachableError, UsageError
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
COMPRESSED = (
    "the answer of URL cannot be used: it is compressed (`{}`), although that was declined\n"
    "  hint: look at {}: it must not compress what is asked for with `Accept-Encoding: identity`"
)
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
        "GET /api HTTP/1.1",
        f"Host: 127.0.0.1:{server.url.rpartition(':')[2]}",
        f"User-Agent: tokenctl/{__version__}",
    ]


def test_an_extra_header_goes_to_the_configured_server_alone() -> None:
    header = Header("X-Gate", Secret("Bearer SENTINEL-SENTINEL"))
    with raw_server(answer(302, Location="/signin/SENTINEL-SENTINEL")) as server, raw_server(answer(200)) as proxy:
        for environment, said in (({}, "`/signin/***` there"), ({"HTTPS_PROXY": proxy.url}, "")):
            url = "https://influx.example" if environment else server.url
            endpoint = Endpoint(url=url, secret=Secret(SECRET), header=header)
            with (
                Transport(endpoint, clock=time.monotonic, environment=environment) as opened,
                pytest.raises(UnreachableError) as caught,
            ):
                opened.send("GET", "/api")
            assert said in str(caught.value)
            assert "SENTINEL" not in str(caught.value)
        assert b"\r\nX-Gate: Bearer SENTINEL-SENTINEL\r\n" in server.requests[0]
        assert proxy.requests[0].startswith(b"CONNECT influx.example:443 ")
        assert b"SENTINEL" not in b"".join(proxy.requests)


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
                    f"URL redirects to `{other.url}`, and the token is not taken there\n"
                    "  hint: if that is where the server really is, say so with --url or INFLUX_HOST; "
                    "where a gate wants a sign-in, give it the header that it takes with INFLUX_EXTRA_HTTP_HEADER"
                )
                assert len(server.requests) == 1
        assert other.requests == []


def test_a_redirect_within_the_server_or_to_nowhere_is_not_followed_either() -> None:
    for given, where in (
        (answer(307, Location="/signin?to=SENTINEL"), "`/signin` there"),
        (answer(304), "another place"),
    ):
        with raw_server(given) as server:
            assert failure(server.url).startswith(f"URL redirects to {where}, and the token is not taken there\n")
            assert len(server.requests) == 1


def test_a_compressed_answer_is_refused_unread() -> None:
    bomb = gzip.compress(bytes(100_000_000), 1)
    with raw_server(answer(200, bomb, Content_Encoding="gzip")) as server:
        assert failure(server.url) == COMPRESSED.format("gzip", "the proxy before the server")
    with raw_server(answer(200, bomb, Content_Encoding="Identity,\t, br")) as server, Transport(
        Endpoint(url="http://influx.example", secret=Secret(SECRET)),
        clock=time.monotonic,
        environment={"HTTP_PROXY": server.url},
    ) as opened, pytest.raises(UnreachableError) as caught:  # fmt: skip
        opened.send("GET", "/api")
    said = str(caught.value).replace(server.url, "PROXY").replace("http://influx.example", "URL")
    assert said == COMPRESSED.format("br", "the proxy PROXY (from HTTP_PROXY)")


@pytest.mark.parametrize("status", [401, 502])
def test_the_status_of_a_compressed_error_holds_without_its_text(status: int) -> None:
    with raw_server(answer(status, gzip.compress(b"text"), Content_Encoding="gzip")) as server:
        got = get(server.url)
    assert (got.status, got.body) == (status, b"")


@pytest.mark.parametrize("encoding", ["identity", "Identity", "", " ", "identity, identity", ","])
def test_an_answer_that_is_not_encoded_may_say_so(encoding: str) -> None:
    with raw_server(answer(200, "plain", Content_Encoding=encoding)) as server:
        assert get(server.url).body == b"plain"


NO_TLS_HERE = {
    "Go": answer(400, "Client sent an HTTP request to an HTTPS server.\n", Content_Type="text/plain"),
    "nginx": answer(400, "<html><center>The plain HTTP request was sent to HTTPS port", Content_Type="text/html"),
    "Apache": answer(
        400, "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />", Content_Type="text/html"
    ),
    "Tomcat": answer(400, "Bad Request\r\nThis combination of host and port requires TLS.\r\n"),
    "IIS": answer(403, "The page must be viewed over a secure channel", Content_Type="text/html"),
    "a balancer": answer(426, "This service requires the use of TLS"),
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
}


@pytest.mark.parametrize("given", NO_TLS_HERE.values(), ids=NO_TLS_HERE)
def test_a_port_that_wants_tls_and_says_so_is_told_as_that(given: bytes) -> None:
    with raw_server(script=lambda _: [given, b""]) as server:
        assert failure(server.url) == (
            f"no connection to URL: it speaks TLS\n  hint: write https://127.0.0.1:{server.port} (--url, INFLUX_HOST)"
        )
        assert (len(server.requests), server.calls) == (1, 1)


def test_only_an_answer_to_a_plain_request_can_say_that_it_wants_tls() -> None:
    with raw_server(answer(200, NO_TLS_HERE["Go"]), answer(503, NO_TLS_HERE["Go"])) as server:
        assert [get(server.url).status, get(server.url).status] == [200, 503]


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


def test_who_still_waits_when_all_connections_are_ended_asks_nobody_again() -> None:
    ended, told = threading.Event(), SimpleQueue[Exception]()

    def script(connection: Connection) -> Iterator[bytes]:
        while not ended.is_set() and connection.pause():
            pass
        yield answer(200)  # which wakes who waits

    def ask() -> None:
        try:
            opened.send("GET", "/api")
        except TokenctlError as error:
            told.put(error)

    with raw_server(script=script) as server:
        with transport(server.url) as opened:
            thread = threading.Thread(target=ask)
            thread.start()
            while not server.requests:
                time.sleep(0.001)
        ended.set()
        thread.join(30)
        ask()
        assert len(server.requests) == 1
    for _ in range(2):
        error = told.get(timeout=30)
        said = "the run ended before the server answered\n  hint: run it again"
        assert (type(error), str(error)) == (UnreachableError, said)


def test_one_slow_answer_does_not_end_the_requests_of_others() -> None:
    def script(connection: Connection) -> Iterator[bytes]:
        if b"/slow" in server.requests[-1]:
            yield from drip(b"HTTP/1.1 200 OK\r\nX: ", b"x", connection)
        yield answer(200)

    with raw_server(script=script) as server, transport(server.url, Bounds(deadline_s=1.0)) as opened:
        with pytest.raises(UnreachableError):
            opened.send("GET", "/slow")
        assert opened.send("GET", "/fast").status == 200


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x04\x03\x00\x02\x02\x28",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"",
    ],
    ids=["ssh", "nearly a tls alert", "short", "short chunk", "negative length", "huge header", "nothing"],
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


def test_a_path_that_would_become_another_is_never_sent() -> None:
    with raw_server(answer(200)) as server, transport(server.url) as opened:
        for path in (
            "/api/../users/1",
            "/api#x",
            "//other",
            "/api/.",
            "/api/a b",
            "/api?a=\n",
            "api",
            "/é",
            "@other/",
            "",
        ):
            with pytest.raises(AssertionError):
                opened.send("GET", path, {"a": "b"})
        assert server.requests == []


HOSTS = st.text("ax0199.-_:[]%n", max_size=12) | st.sampled_from(
    ["xn--a.example", "999.9.9.9", "a" * 64, "a..b", "[::ffff:1.2.3.4]"]
)


@holds(HOSTS)
def test_a_host_is_taken_or_refused_in_words(host: str) -> None:
    said = ""
    try:
        with transport(normalise(f"https://{host}")):
            pass
    except UsageError as error:
        said = str(error)
    assert said == "" or said.startswith("the server's URL `https://")


@holds(st.text("az09._~%!$&'()*+,;=:@-/zü\\^`{|}\"<>[]", max_size=16))
def test_a_path_is_sent_as_it_is_or_refused_in_words(path: str) -> None:
    with raw_server(answer(200)) as server:
        try:
            url = normalise(f"{server.url}/{path}")
        except TokenctlError:
            return
        get(url)
        assert server.requests[0].startswith(f"GET {url.removeprefix(server.url)}/api HTTP/1.1\r\n".encode())


def test_a_host_without_a_name_is_not_asked_for() -> None:
    assert failure("http://a..b").startswith("no connection to URL: the host name is not known\n")


def test_half_a_character_is_sent_as_json_writes_it() -> None:
    with raw_server(answer(200, "{}")) as server, transport(server.url) as opened:
        opened.send("PATCH", "/api", body={"description": "a\ud800"})
        assert server.requests[0].endswith(b'{"description": "a\\ud800"}')


@pytest.mark.parametrize(
    "location",
    [
        "http://xn--a.example/",
        "http://[::1",
        "http://\xff\xfe/",
        "http:///x",
        "\xc3",
        "//",
        "a" * 90_000,
        "http://x:99999/",
        "http://x:SENTINEL/",
        "javascript:SENTINEL",
        "http://me:SENTINEL@",
    ],
)
def test_a_redirect_to_what_is_no_url_is_a_redirect(location: str) -> None:
    with raw_server(answer(302, Location=location)) as server:
        said = failure(server.url)
    assert said.startswith("URL redirects to ")
    assert "SENTINEL" not in said


REDIRECTS = {
    "https://influx.example/x?y": "https://influx.example:443",
    "//influx.example:80": "http://influx.example:80",
    "HTTP://Influx.Example": "http://influx.example:80",
    "https://me:SENTINEL@[::1]:8086/": "https://[::1]:8086",
    "ftp://influx.example": "ftp://influx.example",
}


@pytest.mark.parametrize(("location", "where"), REDIRECTS.items())
def test_a_redirect_is_told_with_scheme_host_and_port(location: str, where: str) -> None:
    with raw_server(answer(302, Location=location)) as server:
        assert failure(server.url).partition(",")[0] == f"URL redirects to `{where}`"


def test_a_redirect_that_repeats_the_token_does_not_have_it_repeated() -> None:
    with raw_server(
        answer(302, Location=f"http://{SECRET}/"), answer(302, Location=f"http://x.{SECRET}.example/")
    ) as server:
        assert failure(server.url).startswith("URL redirects to `http://***:80`,")
        assert failure(server.url).startswith("URL redirects to `http://x.***.example:80`,")


def test_a_header_is_cut_and_has_no_secret() -> None:
    with raw_server(answer(200, X_Influxdb_Version=f"v2 {SECRET}", X_Influxdb_Build="x" * 5000)) as server:
        headers = get(server.url).headers
        assert (headers["x-influxdb-version"], headers["x-influxdb-build"]) == ("v2 ***", "x" * 200)


def test_no_cookie_is_kept() -> None:
    with raw_server(answer(200, Set_Cookie="session=1; Path=/")) as server, transport(server.url) as opened:
        opened.send("GET", "/api")
        opened.send("GET", "/api")
        assert b"cookie" not in b"".join(server.requests).lower()


class Collecting:
    """A sink that wants only so many bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.got = most, b"from before"

    def begin(self) -> None:
        """Forget what came before."""
        self.got = b""

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes."""
        self.got += chunk
        return len(self.got) < self.most


def test_a_sink_takes_a_good_body_and_ends_it() -> None:
    trace: list[str] = []
    with raw_server(answer(200, "good"), answer(500, "bad")) as server, transport(server.url, None, trace) as opened:
        sink = Collecting(100)
        assert (opened.send("GET", "/api", sink=sink).body, sink.got) == (b"", b"good")
        assert (opened.send("GET", "/api", sink=sink).body, sink.got) == (b"bad", b"good")
        assert trace[0].startswith("GET /api -> 200, 4 bytes, ")
    with raw_server(answer(200, b"x" * 10_000_000)) as server, transport(server.url) as opened:
        sink = Collecting(100_000)
        size = opened.send("GET", "/api", sink=sink).size
        assert 100_000 <= size == len(sink.got) < 300_000


def test_a_sink_is_bounded_too() -> None:
    with (
        raw_server(answer(200, b"x" * 2001)) as server,
        transport(server.url, Bounds(stream=2000)) as opened,
        pytest.raises(UnreachableError) as caught,
    ):
        opened.send("GET", "/api", sink=Collecting(10**9))
    assert "it has more than 2,000 bytes" in str(caught.value)


def test_a_request_goes_out_at_once_or_not_at_all() -> None:
    class TooLateError(Exception):
        """Not now."""

    asked: list[str] = []

    def ready() -> None:
        """Let nothing go out."""
        raise TooLateError

    with raw_server(answer(200)) as server, transport(server.url) as opened:
        with pytest.raises(TooLateError):
            opened.send("PATCH", "/x", body={"description": "x"}, ready=ready)
        assert (opened.send("PATCH", "/y", body={"a": "b"}, ready=lambda: asked.append("")).status, server.calls) == (
            200,
            2,
        )
        assert [each.split(b"\r\n")[0] for each in server.requests] == [b"PATCH /y HTTP/1.1"]
    assert asked == [""]

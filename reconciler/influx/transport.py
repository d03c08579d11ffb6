"""Sends requests and gives whole answers.

The caller's secret goes to the configured origin and to no other: redirects are errors, every request has the
configured URL with a path that was checked, and nothing that a server says ever becomes a URL or a cookie.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote, urljoin, urlsplit

from reconciler import __version__
from reconciler.core.endpoint import PORTS, Endpoint
from reconciler.core.secrets import masked
from reconciler.errors import FailureKind, Problem, TransientError, UnreachableError
from reconciler.influx import network, trust
from reconciler.influx.body import Sink
from reconciler.influx.deadline import Deadline
from reconciler.influx.decoding import LARGEST
from reconciler.influx.diagnosis import Diagnosis
from reconciler.influx.exchange import (
    AnswerError,
    BrokenOffError,
    CallTimeoutError,
    Connections,
    Direct,
    Exchange,
    ExchangeError,
    Headers,
    LateError,
    ProxyRefusesError,
    Request,
    Response,
    Stream,
)

_SHOWN = 200  # characters of a header that may be shown
_HEADERS = {
    "User-Agent": f"tokenctl/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}
_KEPT_S = 5.0  # an idle connection
_PROXY_AUTHENTICATION = 407
# What needs no encoding, and no segment that stands for another one.
_TARGET = re.compile(r"(?:/(?!\.{1,2}(?:[/?]|$))[A-Za-z0-9_.~-]+)+(?:\?[A-Za-z0-9_.~%=&-]*)?")


class Bounds(NamedTuple):
    """How long one request may take to connect, without a byte, and in all; how large an answer may be, in bytes.

    `body` is for an answer that is held whole, `stream` for one that goes to a sink.
    """

    connect_s: float = 10.0
    silence_s: float = 30.0  # a server with 100,000 tokens thinks for about 8 s before it answers a list
    deadline_s: float = 120.0
    body: int = LARGEST
    stream: int = 256 * 1024 * 1024


class Answer(NamedTuple):
    """A whole answer of a server; the names of `headers` are in lower case. `body` is empty when it went to a sink."""

    endpoint: Endpoint
    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int


class Transport:
    """The connections of all threads of a run. Opening it sends nothing.

    `trace` is given a line for each request: method, path, status, size and time, never a header or a body. `clock`
    counts seconds from any moment. `check` is called before each wait, and may raise; `waiting` is that of the backend.
    `environment` may name a proxy and certificates; `tls` is a context that was made of these before. Raises UsageError
    for those that cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float],
        trace: Callable[[str], None] | None = None,
        check: Callable[[], None] = lambda: None,
        waiting: Callable[[float], float | None] = lambda _: None,
        bounds: Bounds | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.proxy = network.proxy_for(endpoint.url, environment)
        # A proxy may speak in the server's place.
        self.endpoint = endpoint._replace(others=network.proxy_secrets(environment))
        self._secrets = self.endpoint.secrets
        self.clock = clock
        self._trace = trace
        self._bounds = bounds or Bounds()
        self._url = urlsplit(endpoint.url)
        self._deadline = Deadline(clock, check=check, waiting=waiting)
        self.taken = self._deadline.taken
        self._diagnosis = Diagnosis(
            endpoint=self.endpoint,
            proxy=self.proxy,
            environment=environment,
            deadline=self._deadline,
            seconds=self._bounds.connect_s,
        )
        self._is_new = True
        self.date: str | None = None  # the `Date` of the first answer, "" if it had none
        self._headers = self._common_headers()
        self._connections = Connections(self._maker(environment, tls))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.close()

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        *,
        sink: Sink | None = None,
        within_s: float | None = None,
        ready: Callable[[], None] = lambda: None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Answer:
        """Send one request, once, and return its whole answer, whatever its status but a redirect.

        `path` begins with `/`. With a sink, the body of an answer with status 200 goes there. `within_s` is how long it
        may take in all, where that is less than usual. `ready` is called when there is a connection, right before the
        request goes out; when it raises, that is raised, and the server has nothing of it. `meanwhile`, given for an
        answer that will be long, may be called while the server thinks. Raises UnreachableError when no whole answer
        came within the bounds, TransientError where asking again may help.
        """
        pairs = [f"{key}={quote(value, safe='')}" for key, value in (query or {}).items()]
        target = f"{path}?{'&'.join(pairs)}" if pairs else path
        request = self._request(method, target, body)._replace(meanwhile=meanwhile)
        started, seen = self.clock(), "no answer"
        try:
            seconds = min(self._bounds.deadline_s, within_s or self._bounds.deadline_s)
            with self._connections.one(method) as connection, self._deadline.within(seconds, ready):
                answer = self._exchange(connection, request, sink)
            seen = f"{answer.status}, {answer.size:,} bytes"
        except ExchangeError as error:
            if self._connections.is_closed:  # a thread goes on for a moment after the run has ended
                raise UnreachableError("the run ended before the server answered", "run it again") from error
            if self._deadline.stale:
                self._connections.note_stale(method)
            raise self._failure(error) from error
        finally:
            if self._trace:
                self._trace(f"{method} {target} -> {seen}, {self.clock() - started:.3f} s")
        self._check_plain(answer)
        return answer

    def _check_plain(self, answer: Answer) -> None:
        if self._url.scheme != "http":
            return
        if self.proxy and answer.status == _PROXY_AUTHENTICATION:
            raise self._failure(ProxyRefusesError(answer.status))
        if 400 <= answer.status < 500 and network.wants_tls(answer.body):
            is_proxy = bool(self.proxy) and self._diagnosis.is_tls()
            raise UnreachableError(self._diagnosis.wants_tls(is_proxy=is_proxy))

    def _maker(self, environment: Mapping[str, str], tls: ssl.SSLContext | None) -> Callable[[], Exchange]:
        """Return what makes connections to the server, or through the proxy; each calls when it is used."""
        bounds, through = self._bounds, self.proxy
        if self._url.scheme == "https":
            tls = tls or trust.context(self.endpoint, environment)  # loading the authorities takes 30 ms
            tls.set_alpn_protocols(["http/1.1"])
        if through:
            from reconciler.influx import proxied

            return proxied.maker(
                through,
                self.endpoint.url,
                tls=tls,
                to_proxy=trust.authorities(self.endpoint, environment) if through.speaks_tls else None,
                deadline=self._deadline,
                waits=(bounds.connect_s, bounds.silence_s),
                kept_s=_KEPT_S,
            )
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]

        def connect() -> Stream:
            stream = self._deadline.connect_tcp(host, port, bounds.connect_s)
            return stream.start_tls(tls, host, bounds.connect_s) if tls else stream

        return partial(Direct, connect, kept_s=_KEPT_S, silence_s=bounds.silence_s)

    def _common_headers(self) -> Headers:
        headers = {"Host": urlsplit(self.endpoint.url).netloc, **_HEADERS}
        if secret := self.endpoint.secret.reveal():  # a doctor may have none
            headers["Authorization"] = f"Token {secret}"
        if header := self.endpoint.header:
            headers[header.name] = header.value.reveal()
        return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())

    def _request(self, method: str, target: str, body: Mapping[str, object] | None) -> Request:
        """Return the request for that path and query."""
        if not _TARGET.fullmatch(target):
            raise AssertionError("a request would leave the configured path")
        headers, content = self._headers, b""
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
            size = str(len(content)).encode("ascii")
            headers = (*headers, (b"Content-type", b"application/json"), (b"Content-Length", size))
        return Request(method.encode("ascii"), f"{self._url.path}{target}".encode("ascii"), headers, content)

    def _exchange(self, connection: Exchange, request: Request, sink: Sink | None) -> Answer:
        response = connection.handle(request)
        self._is_new = False
        headers = _shown(response.headers, self._secrets)
        if self.date is None:
            self.date = headers.get("date", "")
        if 300 <= response.status < 400:
            raise self._redirected(headers.get("location", ""))
        encoding = _encoding(headers.get("content-encoding", ""))
        if encoding and response.status < 400:
            raise self._compressed(encoding)
        body, size = self._read(response, sink if response.status == 200 else None)
        # What an error's status says holds, whatever its text is packed in.
        return Answer(self.endpoint, response.status, headers, b"" if encoding else body, size)

    def _read(self, response: Response, sink: Sink | None) -> tuple[bytes, int]:
        """The body, empty where it goes to the sink, which gets no more than it wants, and how many bytes came."""
        body, size = bytearray(), 0
        most = self._bounds.stream if sink else self._bounds.body
        if sink:
            sink.begin()
        for chunk in response.body:
            size += len(chunk)
            if size > most:
                raise UnreachableError(_unusable(self.endpoint.url, f"it has more than {most:,} bytes"))
            if not sink:
                body += chunk
            elif not sink.feed(chunk):
                break
        return bytes(body), size

    def _redirected(self, location: str) -> UnreachableError:
        secrets = self.endpoint.secrets
        known = *secrets, *map(str.lower, secrets)
        where = masked(_target(self.endpoint.url, location), *known)
        gate = "where a gate wants a sign-in, give it the header that it takes with INFLUX_EXTRA_HTTP_HEADER"
        hint = f"if that is where the server really is, say so with --url or INFLUX_HOST; {gate}"
        return UnreachableError(f"{self.endpoint.url} redirects to {where}, and the token is not taken there", hint)

    def _compressed(self, encoding: str) -> UnreachableError:
        by = str(self.proxy or "the proxy before the server")
        hint = f"look at {by}: it must not compress what is asked for with `Accept-Encoding: identity`"
        why = f"it is compressed (`{encoding}`), although that was declined"
        return UnreachableError(f"the answer of {self.endpoint.url} cannot be used: {why}", hint)

    def _failure(self, error: Exception) -> UnreachableError:
        url, bounds, through = self.endpoint.url, self._bounds, self._diagnosis.through
        broken = FailureKind.STALE if self._deadline.stale else FailureKind.PASSING
        called = "TLS handshake" if self._deadline.shaking else "call"
        if problem := self._of_another_kind(error):
            return UnreachableError(problem)
        match error:
            case CallTimeoutError():
                why = f"no connection to {url}{through}: no answer to the {called} within {bounds.connect_s:g} s"
                return TransientError(why, "check the URL, firewalls and proxies", kind=FailureKind.PASSING)
            case LateError():
                why = f"{bounds.silence_s:g} s without a byte, or {bounds.deadline_s:g} s in all"
                hint = "look at the server's load, and try again"
                return TransientError(f"{url} did not answer in time: {why}", hint, kind=FailureKind.LATE)
            case ProxyRefusesError(status=status):
                why = f"no connection to {url}{through}: it refuses" + f" with {status}" * bool(status)
                if status in network.PASSING:
                    hint = "the proxy does not reach the server: look at both" if status >= 500 else "try again later"
                    return TransientError(why, hint, kind=FailureKind.PASSING)
                return UnreachableError(why, "look at what names the proxy, and at its user and password", is_over=True)
            case AnswerError():
                return TransientError(_unusable(url, "it is not HTTP, or was broken off"), kind=broken)
        problem = self._diagnosis.no_connection(error)
        return TransientError(problem, kind=broken) if network.may_pass(error) else UnreachableError(problem)

    def _of_another_kind(self, error: Exception) -> Problem | None:
        """Return the problem of a call without TLS to what speaks it, or with TLS to what has none; else None.

        That is found out before the first answer, and once.
        """
        cut = AnswerError | BrokenOffError
        may_be_tls = self._deadline.alerted or (self._deadline.silent and isinstance(error, cut))
        may_be_tls = may_be_tls or (isinstance(error, ProxyRefusesError) and error.status == 400)
        lost = isinstance(error, CallTimeoutError) or network.is_broken_off(error)
        if not self._is_new or not (may_be_tls or (lost and self._deadline.shaking)):
            return None
        self._is_new = False
        if self._deadline.shaking:
            return self._diagnosis.lacks_tls() if self._diagnosis.is_plain() else None
        return self._diagnosis.wants_tls(is_proxy=True) if self._diagnosis.is_tls() else None


def _target(url: str, location: str) -> str:
    """Return where a redirect leads: scheme, host and port, or the path on this server. It is foreign text."""
    try:
        parts = urlsplit(urljoin(url, location))
        own, port = urlsplit(url), parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return "another place"
    if not location or not parts.hostname:
        return "another place"
    if (parts.scheme, parts.hostname, port) == (own.scheme, own.hostname, own.port or PORTS[own.scheme]):
        return f"`{parts.path or '/'}` there"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"`{parts.scheme}://{host}{f':{port}' if port else ''}`"


@lru_cache(maxsize=8)  # most answers of a run have the same headers
def _shown(headers: Sequence[tuple[bytes, bytes]], secrets: Sequence[str]) -> Mapping[str, str]:
    """Return the headers of an answer by their names; the values of one that comes twice are joined."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii").lower(), _decoded(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return MappingProxyType({name: masked(value, *secrets)[:_SHOWN] for name, value in found.items()})


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _encoding(text: str) -> str:
    """Return how an answer is encoded, by its header; "" for not at all."""
    coded = [part for each in text.split(",") if (part := each.strip()) and part.lower() != "identity"]
    return ", ".join(coded)


def _unusable(url: str, why: str) -> Problem:
    return Problem(f"the answer of {url} cannot be used: {why}", "check that the URL is that of an InfluxDB v2 server")

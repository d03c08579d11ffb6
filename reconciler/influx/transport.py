"""Sends requests and gives whole answers, over httpx's connections; the only module that imports httpx.

The caller's secret goes to the configured origin and to no other: redirects are errors, every request's origin is
checked right before it is sent, and nothing that a server says ever becomes a URL. An httpx client would follow
neither, but makes the next request of every redirect, and keeps the cookies that a server sets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import httpx

from reconciler import __version__
from reconciler.core.endpoint import Endpoint
from reconciler.core.secrets import masked
from reconciler.errors import FailureKind, Problem, TransientError, UnreachableError, UsageError
from reconciler.influx import network
from reconciler.influx.body import Sink
from reconciler.influx.deadline import DeadlineBackend
from reconciler.influx.decoding import LARGEST

_SHOWN = 200  # characters of a header that may be shown
_HEADERS = {
    "User-Agent": f"tokenctl/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=64)  # more than there are workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long one request may take to connect, without a byte, and in all; how large an answer may be, in bytes.

    `body` is for an answer that is held whole, `stream` for one that goes to a sink.
    """

    connect_s: float = 10.0
    silence_s: float = 30.0  # a server with 100,000 tokens thinks for about 8 s before it answers a list
    deadline_s: float = 120.0
    body: int = LARGEST
    stream: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a server; the names of `headers` are in lower case. `body` is empty when it went to a sink."""

    endpoint: Endpoint
    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int


class Transport:
    """The connections of all threads of a run. Opening it sends nothing.

    `trace` is given a line for each request: method, path, status, size and time, never a header or a body. `clock`
    counts seconds from any moment. `check` is called before each wait, and may raise. `environment` may name a proxy
    and certificates. Raises UsageError for proxies and certificates that cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float],
        trace: Callable[[str], None] | None = None,
        check: Callable[[], None] = lambda: None,
        bounds: Bounds | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.proxy = network.proxy_for(endpoint.url, environment)
        # A proxy may speak in the server's place.
        self.endpoint = replace(endpoint, others=network.proxy_secrets(environment))
        self._clock = clock
        self._trace = trace
        self._bounds = bounds or Bounds()
        self._origin = _origin(endpoint.url)
        self._backend = DeadlineBackend(clock, check=check)
        self._http = self._open(environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

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
    ) -> Answer:
        """Send one request, once, and return its whole answer, whatever its status but a redirect.

        `path` begins with `/`. With a sink, the body of an answer with status 200 goes there. `within_s` is how long it
        may take in all, where that is less than usual. `ready` is called when there is a connection, right before each
        part of the request goes out; when it raises, that is raised, and the server never has the whole request. Raises
        UnreachableError when no whole answer came within the bounds, TransientError where asking again may help.
        """
        pairs = [f"{key}={quote(value, safe='')}" for key, value in (query or {}).items()]
        target = f"{path}?{'&'.join(pairs)}" if pairs else path
        request = self._request(method, target, body)
        started, seen = self._clock(), "no answer"
        try:
            with self._backend.within(min(self._bounds.deadline_s, within_s or self._bounds.deadline_s), ready):
                answer = self._exchange(request, sink)
            seen = f"{answer.status}, {answer.size:,} bytes"
        except httpx.HTTPError as error:
            raise self._failure(error) from error
        finally:
            if self._trace:
                self._trace(f"{method} {target} -> {seen}, {self._clock() - started:.3f} s")
        return answer

    def _open(self, environment: Mapping[str, str]) -> httpx.HTTPTransport:
        endpoint = self.endpoint
        # Loading the certificate authorities takes 20 ms.
        context = network.tls_context(endpoint, environment) if endpoint.url.startswith("https:") else False
        through = None
        try:
            if self.proxy:
                own = None if self.proxy.is_plain else network.authorities(endpoint, environment)
                through = httpx.Proxy(self.proxy.url.reveal(), ssl_context=own)
            opened = httpx.HTTPTransport(verify=context, proxy=through, trust_env=False, limits=_LIMITS)
        except (ImportError, ValueError, httpx.InvalidURL):
            raise network.unusable_proxy(self.proxy.variable if self.proxy else "") from None
        opened._pool._network_backend = self._backend  # noqa: SLF001  httpx offers no other way in
        return opened

    def _request(self, method: str, target: str, body: Mapping[str, object] | None) -> httpx.Request:
        headers = _HEADERS | {"Authorization": f"Token {self.endpoint.secret.reveal()}"}
        content = None
        if body is not None:
            headers["Content-type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
        waits = {"timeout": httpx.Timeout(self._bounds.silence_s, connect=self._bounds.connect_s).as_dict()}
        request = httpx.Request(method, self.endpoint.url + target, headers=headers, content=content, extensions=waits)
        url, (scheme, host, port, prefix) = request.url, self._origin
        if (url.scheme, url.host, url.port, url.raw_path) != (scheme, host, port, prefix + target.encode()):
            raise AssertionError("a request would leave the configured server or path")
        return request

    def _exchange(self, request: httpx.Request, sink: Sink | None) -> Answer:
        response = self._http.handle_request(request)
        try:
            secrets = self.endpoint.secrets
            headers = {key.lower(): masked(value, *secrets)[:_SHOWN] for key, value in response.headers.items()}
            if response.is_redirect:
                raise self._redirected(headers.get("location", ""))
            if "content-encoding" in headers:
                raise UnreachableError(_unusable(self.endpoint.url, "it is compressed, although that was declined"))
            body, size = self._read(response, sink if response.status_code == 200 else None)
        finally:
            response.close()
        return Answer(self.endpoint, response.status_code, headers, body, size)

    def _read(self, response: httpx.Response, sink: Sink | None) -> tuple[bytes, int]:
        """The body, empty where it goes to the sink, which gets no more than it wants, and how many bytes came."""
        body, size = bytearray(), 0
        most = self._bounds.stream if sink else self._bounds.body
        if sink:
            sink.begin()
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > most:
                raise UnreachableError(_unusable(self.endpoint.url, f"it has more than {most:,} bytes"))
            if not sink:
                body += chunk
            elif not sink.feed(chunk):
                break
        return bytes(body), size

    def _redirected(self, location: str) -> UnreachableError:
        try:
            host = urlsplit(urljoin(self.endpoint.url, location)).hostname if location else ""
        except ValueError:
            host = ""
        secrets = self.endpoint.secrets
        where = f"the host `{masked(host, *secrets, *map(str.lower, secrets))}`" if host else "another place"
        hint = "if that is where the server really is, say so with --url or INFLUX_HOST"
        url = self.endpoint.url
        return UnreachableError(f"{url} redirects to {where}, and the token is not taken there", hint)

    def _failure(self, error: httpx.HTTPError) -> UnreachableError:
        url, bounds = self.endpoint.url, self._bounds
        through = f" through the proxy {self.proxy.address} (from {self.proxy.variable})" if self.proxy else ""
        broken = FailureKind.STALE if self._backend.stale else FailureKind.PASSING
        match error:
            case httpx.ConnectTimeout():
                why = f"no connection to {url}{through}: no answer to the call within {bounds.connect_s:g} s"
                return TransientError(why, "check the URL, firewalls and proxies", kind=FailureKind.PASSING)
            case httpx.TimeoutException():
                why = f"{bounds.silence_s:g} s without a byte, or {bounds.deadline_s:g} s in all"
                hint = "look at the server's load, and try again"
                return TransientError(f"{url} did not answer in time: {why}", hint, kind=FailureKind.LATE)
            case httpx.ProxyError():
                status = str(error)[:3]
                why = f"it refuses with {status}" if status.isdecimal() else "it refuses"
                hint = "look at what names the proxy, and at its user and password"
                return UnreachableError(f"no connection to {url}{through}: {why}", hint)
            case httpx.RemoteProtocolError():
                return TransientError(_unusable(url, "it is not HTTP, or was broken off"), kind=broken)
        why, hint = network.reason(error)
        problem = Problem(f"no connection to {url}{through}: {why}", hint)
        return TransientError(problem, kind=broken) if network.may_pass(error) else UnreachableError(problem)


def _origin(url: str) -> tuple[str, str, int | None, bytes]:
    """Scheme, host, port and path of the URL, as httpx reads it."""
    try:
        parts = httpx.URL(url)
        return parts.scheme, parts.host, parts.port, parts.raw_path.rstrip(b"/")
    except (ValueError, httpx.InvalidURL):
        hint = "its host is neither a name nor an address"
        raise UsageError(f"the server's URL `{url}` cannot be used", hint) from None


def _unusable(url: str, why: str) -> Problem:
    return Problem(f"the answer of {url} cannot be used: {why}", "check that the URL is that of an InfluxDB v2 server")

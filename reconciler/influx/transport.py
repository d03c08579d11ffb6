"""Requests in, whole answers out, over one httpx client; the only module that imports httpx.

The caller's secret goes to the configured origin and to no other: redirects are errors, every request's origin is
checked right before it is sent, and nothing that a server says ever becomes a URL.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from reconciler import __version__
from reconciler.core.endpoint import Endpoint, is_loopback
from reconciler.errors import Problem, TransientError, Trouble, UnreachableError, UsageError
from reconciler.influx import network
from reconciler.influx.deadline import DeadlineBackend

_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=64)  # more than there are workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long one request may take to connect, without a byte, and in all; how large an answer may be, in bytes."""

    connect_s: float = 10.0
    silence_s: float = 30.0  # a server with 100,000 tokens thinks for about 8 s before it answers a list
    deadline_s: float = 120.0
    body: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """One client for all threads of a run. Opening it sends nothing.

    `trace` is given a line for each request: method, path, status, size and time, never a header or a body. `clock`
    counts seconds from any moment. Raises UsageError for certificates and proxies that cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float],
        trace: Callable[[str], None] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._trace = trace
        self._bounds = bounds or Bounds()
        self._origin = httpx.URL(endpoint.url)
        self._backend = DeadlineBackend(clock)
        self._client = _client(endpoint, self._bounds, self._backend)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, once, and give its whole answer, whatever its status but a redirect.

        `path` begins with `/`. Raises UnreachableError when no whole answer came within the bounds, TransientError
        where asking again may help.
        """
        target = (
            path
            + "?" * bool(query)
            + "&".join(f"{key}={quote(value, safe='')}" for key, value in (query or {}).items())
        )
        request = self._request(method, target, body)
        started, seen = self._clock(), "no answer"
        try:
            with self._backend.within(self._bounds.deadline_s):
                answer = self._exchange(request)
            seen = f"{answer.status}, {len(answer.body):,} bytes"
        except httpx.HTTPError as error:
            raise self._failure(error) from error
        finally:
            if self._trace:
                self._trace(f"{method} {target} -> {seen}, {self._clock() - started:.3f} s")
        return answer

    def _request(self, method: str, target: str, body: Mapping[str, str] | None) -> httpx.Request:
        headers = {"Authorization": f"Token {self.endpoint.secret.reveal()}"}
        content = None
        if body is not None:
            headers["Content-type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False).encode()
        request = self._client.build_request(method, self.endpoint.url + target, headers=headers, content=content)
        url, origin = request.url, self._origin
        prefix = origin.raw_path.rstrip(b"/")
        if (url.scheme, url.host, url.port) != (origin.scheme, origin.host, origin.port) or (
            url.raw_path != prefix + target.encode()
        ):
            raise AssertionError("a request would leave the configured server or path")
        return request

    def _exchange(self, request: httpx.Request) -> Answer:
        response = self._client.send(request, stream=True)
        try:
            headers = {key.lower(): value for key, value in response.headers.items()}
            if response.is_redirect:
                raise _redirected(self.endpoint.url, response)
            if "content-encoding" in headers:
                raise _unusable(self.endpoint.url, "it is compressed, although that was declined")
            chunks, size = [], 0
            for chunk in response.iter_raw():
                size += len(chunk)
                if size > self._bounds.body:
                    raise _unusable(self.endpoint.url, f"it has more than {self._bounds.body:,} bytes")
                chunks.append(chunk)
        finally:
            response.close()
        return Answer(response.status_code, headers, b"".join(chunks))

    def _failure(self, error: httpx.HTTPError) -> UnreachableError:
        url, bounds = self.endpoint.url, self._bounds
        broken = Trouble.STALE if self._backend.stale else Trouble.PASSING
        match error:
            case httpx.ConnectTimeout():
                why = f"no connection to {url}: no answer to the call within {bounds.connect_s:g} s"
                return TransientError(Problem(why, "check the URL, firewalls and proxies"), Trouble.PASSING)
            case httpx.TimeoutException():
                why = f"{bounds.silence_s:g} s without a byte, or {bounds.deadline_s:g} s in all"
                hint = "look at the server's load, and try again"
                return TransientError(Problem(f"{url} did not answer in time: {why}", hint), Trouble.LATE)
            case httpx.ProxyError():
                hint = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
                return UnreachableError(Problem(f"no connection to {url}: the proxy refuses", hint))
            case httpx.RemoteProtocolError():
                return TransientError(_useless(url, "it is not HTTP, or was broken off"), broken)
        why, hint = network.reason(error)
        problem = Problem(f"no connection to {url}: {why}", hint)
        return TransientError(problem, broken) if network.may_pass(error) else UnreachableError(problem)


def _client(endpoint: Endpoint, bounds: Bounds, backend: DeadlineBackend) -> httpx.Client:
    origin = httpx.URL(endpoint.url)
    local = is_loopback(origin.host)
    # A proxy cannot reach this machine's loopback. Loading the certificate authorities takes 20 ms.
    verify = False if local and origin.scheme == "http" else _trust(endpoint)
    try:
        client = httpx.Client(
            verify=verify,
            trust_env=not local,
            limits=_LIMITS,
            timeout=httpx.Timeout(bounds.silence_s, connect=bounds.connect_s),
            follow_redirects=False,
            headers={
                "User-Agent": f"tokenctl/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        raise UsageError(
            Problem(
                "the proxy that the environment names cannot be used",
                "write http://HOST:PORT into HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the server in NO_PROXY",
            )
        ) from None
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001  httpx offers no other way in
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = backend  # noqa: SLF001
    return client


def _trust(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        if endpoint.ca_file:
            context = ssl.create_default_context(cafile=endpoint.ca_file)
        else:
            context = httpx.create_ssl_context()
        if endpoint.client_cert:
            # Without a password OpenSSL would ask for one on the terminal, of all places in a pipeline.
            context.load_cert_chain(endpoint.client_cert, endpoint.client_key or None, password=lambda: b"")
    except OSError:
        raise UsageError(
            Problem(
                "the certificates cannot be used",
                "--ca-file, --client-cert, --client-key and SSL_CERT_FILE name PEM files, keys without a password",
            )
        ) from None
    return context


def _redirected(url: str, response: httpx.Response) -> UnreachableError:
    host = response.next_request.url.host if response.next_request else ""
    where = f"the host `{host}`" if host else "another place"
    return UnreachableError(
        Problem(
            f"{url} redirects to {where}, and the token is not taken there",
            "if that is where the server really is, say so with --url or INFLUX_HOST",
        )
    )


def _unusable(url: str, why: str) -> UnreachableError:
    return UnreachableError(_useless(url, why))


def _useless(url: str, why: str) -> Problem:
    return Problem(f"the answer of {url} cannot be used: {why}", "check that the URL is that of an InfluxDB v2 server")

"""Connections through a proxy, which httpcore makes; the only module that imports it or httpx.

They take 70 ms to import, which a run without a proxy is spared.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from reconciler.influx.deadline import Deadline
from reconciler.influx.exchange import (
    AnswerError,
    BrokenOffError,
    CallError,
    CallTimeoutError,
    Exchange,
    LateError,
    ProxyRefusesError,
    Request,
    Response,
    Stream,
)
from reconciler.influx.network import Proxy, unusable_proxy


def maker(
    proxy: Proxy,
    url: str,
    *,
    tls: ssl.SSLContext | None,
    to_proxy: ssl.SSLContext | None,
    deadline: Deadline,
    waits: tuple[float, float],
    kept_s: float,
) -> Callable[[], Exchange]:
    """Return what makes connections to the server with that URL, which calls once it is used.

    `tls` is for the server and `to_proxy` for the proxy, `waits` are how long a call, and silence, may last. Raises
    UsageError for a proxy that cannot be used.
    """
    try:
        of = httpx.Proxy(proxy.url.reveal())
        at = httpcore.URL(scheme=of.url.raw_scheme, host=of.url.raw_host, port=of.url.port, target="/")
        means = _Backend(deadline)
        pool: httpcore.ConnectionPool
        if of.url.scheme.startswith("socks"):
            pool = httpcore.SOCKSProxy(at, of.raw_auth, tls, keepalive_expiry=kept_s, network_backend=means)
        else:
            pool = httpcore.HTTPProxy(
                at,
                of.raw_auth,
                ssl_context=tls,
                proxy_ssl_context=to_proxy,
                keepalive_expiry=kept_s,
                network_backend=means,
            )
    except (RuntimeError, ValueError, httpx.InvalidURL):  # the first where nothing speaks SOCKS
        raise unusable_proxy(proxy.variable) from None
    server = httpcore.URL(url)
    # It is not used as a pool: that looks at each of its connections before and after each request.
    return lambda: _Proxied(pool.create_connection(server.origin), server, waits, deadline)


def _call(address: str, port: int, timeout: float) -> Stream:
    """Connect to an address with httpcore's sockets, which speak TLS within TLS; raises CallError."""
    with _translated():
        return _Below(httpcore.SyncBackend().connect_tcp(address, port, timeout, socket_options=()))


class _Proxied:
    """An `Exchange` through the proxy."""

    def __init__(
        self,
        connection: httpcore.ConnectionInterface,
        server: httpcore.URL,
        waits: tuple[float, float],
        deadline: Deadline,
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._server = server
        call_s, silence_s = waits
        self._extensions = {"timeout": {"connect": call_s, "read": silence_s, "write": silence_s}}

    def handle(self, request: Request) -> Response:
        """Send a request, and return its answer once its head has come."""
        at = self._server
        url = httpcore.URL(scheme=at.scheme, host=at.host, port=at.port, target=request.target)
        whole = httpcore.Request(
            request.method, url, headers=request.headers, content=request.content, extensions=self._extensions
        )
        with _translated():
            answer = self._connection.handle_request(whole)
        if self._deadline.silent:  # httpcore keeps what came behind the answer before
            raise AnswerError("it was there before its request")
        return Response(answer.status, tuple(answer.headers), _body(answer))

    def is_available(self) -> bool:
        """Return whether its last answer was read to the end, and allows for another one."""
        return self._connection.is_available()

    def has_expired(self) -> bool:
        """Return whether it has been idle for too long, or the other side has ended it."""
        return self._connection.has_expired()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _body(answer: httpcore.Response) -> Iterator[bytes]:
    try:
        with _translated():
            yield from answer.iter_stream()
    finally:
        answer.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what httpcore raises as an ExchangeError with the same cause."""
    try:
        yield
    except httpcore.ConnectTimeout as error:
        raise CallTimeoutError from error
    except httpcore.ConnectError as error:
        raise CallError from error
    except httpcore.TimeoutException as error:
        raise LateError from error
    except httpcore.NetworkError as error:
        raise BrokenOffError from error
    except httpcore.ProtocolError as error:
        raise AnswerError(str(error)) from error
    except httpcore.ProxyError as error:
        text = str(error)[:3]
        raise ProxyRefusesError(int(text) if text.isdecimal() else 0) from error


class _Below:
    """A `Stream` that is httpcore's."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _translated():
            return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _translated():
            self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        with _translated():
            return _Below(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """The connections that httpcore uses: those with a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> _Above:
        return _Above(self._deadline.connect_tcp(host, port, timeout, _call))


class _Above(httpcore.NetworkStream):
    """A `Stream` as httpcore uses it; a request goes out at once, although httpcore writes its head and body apart."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._send(timeout)
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._held += buffer
        if not buffer:  # that is how httpcore ends a request
            self._send(timeout)

    def _send(self, timeout: float | None) -> None:
        held, self._held = self._held, b""
        if held:
            # A server may refuse before it has read all, and its answer says why.
            with suppress(BrokenOffError):
                self._stream.write(held, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Above(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

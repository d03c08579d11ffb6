"""Sockets whose every wait also ends with the current request: a total deadline, kept for each thread.

httpx's own timeouts start anew with every byte, so a server that drips bytes, headers or 1xx answers could hold a
request for ever. Closing the shared client from a watchdog would end the requests of the other threads too.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import httpcore

_Value = TypeVar("_Value")
_HTTP = b"HTTP/"
_ALERT = b"\x15\x03"  # a record of TLS, or of SSL 3: its type and the first half of its version


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the latter for a label that is empty or too long
        raise httpcore.ConnectError from error
    return [str(address[0]) for *_, address in found]


class DeadlineBackend(httpcore.NetworkBackend):
    """httpcore's socket backend, in which no wait is longer than what is left of the thread's current request.

    `check` is called before each wait, and may raise. `waiting` is told for how many seconds a wait goes on, 0 when it
    begins, and says after how many more it wants to be told again, None for never.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        addresses: Callable[[str, int], Sequence[str]] = _addresses,
        check: Callable[[], None] = lambda: None,
        waiting: Callable[[float], float | None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._check = check
        self._waiting = waiting
        self._addresses = addresses
        self._sockets = httpcore.SyncBackend()
        self._current = threading.local()

    @contextmanager
    def within(self, seconds: float, ready: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Let every wait of this thread end `seconds` from now: the time of one request.

        `ready` is called before the request goes out, and may raise.
        """
        self._current.ends = self._clock() + seconds
        self._current.ready = ready
        self._current.reused = self._current.tunnelled = self._current.shaking = False
        self._current.answered = b""
        try:
            yield
        finally:
            del self._current.ends

    @property
    def stale(self) -> bool:
        """Whether this thread's latest request went out on a connection that had answered before, and got no byte."""
        return self._current.reused and not self._current.answered

    @property
    def silent(self) -> bool:
        """Return whether this thread's latest request got no byte."""
        return not self._current.answered

    @property
    def alerted(self) -> bool:
        """Return whether the answer to this thread's latest request begins as a TLS alert does."""
        return bool(self._current.answered == _ALERT)

    @property
    def tunnelled(self) -> bool:
        """Return whether the latest TLS handshake of this thread's latest request went through a proxy."""
        return bool(self._current.tunnelled)

    @property
    def shaking(self) -> bool:
        """Return whether this thread's latest request ended in a TLS handshake."""
        return bool(self._current.shaking)

    def speaks_plain(self, host: str, port: int, seconds: float) -> bool:
        """Return whether a request without TLS, which holds no secret, is answered in HTTP."""
        question = f"GET /ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        try:
            with self.within(seconds), closing(self.connect_tcp(host, port)) as plain:
                plain.write(question)
                return plain.read(len(_HTTP)) == _HTTP
        except (httpcore.NetworkError, httpcore.TimeoutException):
            return False

    def certificate(
        self, host: str, port: int, context: ssl.SSLContext, seconds: float
    ) -> Mapping[str, Any] | Exception:
        """Return the certificate that a handshake with this context shows, or its error; nothing else is sent."""
        try:
            with (
                self.within(seconds),
                closing(self.connect_tcp(host, port)) as plain,
                closing(plain.start_tls(context, host)) as shown,
            ):
                return dict(shown.get_extra_info("ssl_object").getpeercert())
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            return error

    def sending(self, *, reused: bool) -> None:
        """Note that this thread's request goes out, on a connection that has answered before or has not.

        Raises what `ready` raises: then it must not go out.
        """
        self._current.ready()
        self._current.reused = reused

    def received(self, chunk: bytes) -> None:
        """Note that this piece of the answer came."""
        self._current.answered = self._current.answered or chunk[: len(_ALERT)]

    def shakes(self, *, tunnelled: bool) -> None:
        """Note that a TLS handshake begins, through a proxy or not."""
        self._current.tunnelled = tunnelled
        self._current.shaking = True

    def shook(self) -> None:
        """Note that the TLS handshake ended well."""
        self._current.shaking = False

    def read(self, stream: httpcore.NetworkStream, max_bytes: int, timeout: float | None) -> bytes:
        """Read from the stream in waits that end now and then, for whoever wants to be told."""
        waited = 0.0
        while True:
            wait = self.cut(timeout - waited if timeout else None)
            part = min(wait, self._waiting(waited) or wait)
            try:
                return stream.read(max_bytes, part)
            except httpcore.ReadTimeout:
                waited += part
                if part == wait:
                    raise

    def watched(self, exchange: Callable[[], httpcore.NetworkStream]) -> httpcore.NetworkStream:
        """What the exchange gives, which cannot be waited for in parts: for whoever wants to be told a thread waits."""
        every_s = self._waiting(0.0)
        if every_s is None:
            return exchange()
        ended: SimpleQueue[httpcore.NetworkStream | Exception] = SimpleQueue()

        def run() -> None:
            try:
                ended.put(exchange())
            except Exception as error:  # noqa: BLE001  raised below
                ended.put(error)

        threading.Thread(target=run, daemon=True).start()
        found = self._taken(ended, every_s)
        if isinstance(found, Exception):
            raise found
        return found

    def taken(self, ended: SimpleQueue[_Value]) -> _Value:
        """The next of the queue that other threads fill, once it is there; tells meanwhile how long that takes."""
        return self._taken(ended, self._waiting(0.0))

    def _taken(self, ended: SimpleQueue[_Value], every_s: float | None) -> _Value:
        waited = 0.0
        while True:
            try:
                return ended.get(timeout=every_s)
            except Empty:
                waited += every_s or 0.0
                self._check()
                self._waiting(waited)

    def cut(self, timeout: float | None) -> float:
        """The wait that is allowed, in seconds; raises httpcore.ReadTimeout when time is up, and what `check` does."""
        self._check()
        left: float = self._current.ends - self._clock()
        if left <= 0:
            raise httpcore.ReadTimeout
        return min(left, timeout or left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that takes the call, each within `timeout`.

        Raises httpcore.ConnectError and httpcore.TimeoutException.
        """
        error: Exception = httpcore.ConnectError()
        for address in self._addresses(host, port):
            try:
                connect = partial(self._sockets.connect_tcp, address, port, self.cut(timeout))
                stream = self.watched(partial(connect, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as caught:
                error = caught
            else:
                return _DeadlineStream(stream, self)
        raise error


class _DeadlineStream(httpcore.NetworkStream):
    """A connection to which each request goes out at once, although httpcore writes its head and its body apart."""

    def __init__(self, stream: httpcore.NetworkStream, backend: DeadlineBackend) -> None:
        self._stream = stream
        self._backend = backend
        self._has_answered = False
        self._held = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, or wait for it."""
        self._send(timeout)
        chunk = self._backend.read(self._stream, max_bytes, timeout)
        if chunk:
            self._has_answered = True
            self._backend.received(chunk)
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it, by the time that nothing is written: that is how httpcore ends a request."""
        self._held += buffer
        if not buffer:
            self._send(timeout)

    def _send(self, timeout: float | None) -> None:
        if self._held:
            out, self._held = self._held, b""
            self._backend.sending(reused=self._has_answered)
            self._stream.write(out, self._backend.cut(timeout))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Begin TLS on the connection; the handshake counts too."""
        self._backend.shakes(tunnelled=self._has_answered)
        handshake = partial(self._stream.start_tls, ssl_context, server_hostname, self._backend.cut(timeout))
        stream = self._backend.watched(handshake)
        self._backend.shook()
        return _DeadlineStream(stream, self._backend)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks a stream about itself."""
        return self._stream.get_extra_info(info)


class Connections:
    """The connections of all threads of a run; `make` returns a new one, which connects once it is used."""

    def __init__(self, make: Callable[[], httpcore.ConnectionInterface]) -> None:
        self._make = make
        self._open: set[httpcore.ConnectionInterface] = set()
        self._idle: deque[httpcore.ConnectionInterface] = deque()

    @contextmanager
    def one(self) -> Iterator[httpcore.ConnectionInterface]:
        """Yield a connection that no other thread uses meanwhile: the latest that is idle and still open."""
        connection = self._kept() or self._make()
        self._open.add(connection)
        try:
            yield connection
        finally:
            if connection.is_available():
                self._idle.append(connection)
            else:
                self._end(connection)

    def close(self) -> None:
        """End all connections, those that are in use too."""
        for each in [*self._open]:
            each.close()

    def _kept(self) -> httpcore.ConnectionInterface | None:
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        if not connection.has_expired():
            return connection
        self._end(connection)
        return None

    def _end(self, connection: httpcore.ConnectionInterface) -> None:
        self._open.discard(connection)
        connection.close()

"""Connections whose every wait also ends with the current request: a total deadline, kept for each thread.

Timeouts of sockets start anew with every byte, so a server that drips bytes, headers or 1xx answers could hold a
request for ever. Closing a connection from a watchdog would say nothing of why it ended.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Self, TypeVar

from reconciler.influx.exchange import BrokenOffError, CallError, CallTimeoutError, ExchangeError, LateError, Stream

_Value = TypeVar("_Value")
_HTTP = b"HTTP/"
_ALERT = b"\x15\x03"  # a record of TLS, or of SSL 3: its type and the first half of its version


def _addresses(host: str, port: int) -> list[str]:
    try:
        # The codec for other hosts, which Python takes for all texts, takes 4 ms to load.
        name = host.encode("ascii") if host.isascii() else host
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the latter for a label that is empty or too long
        raise CallError from error
    return [str(address[0]) for *_, address in found]


class Socket:
    """A `Stream` over TCP; call it with `connect`."""

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain

    @classmethod
    def connect(cls, address: str, port: int, timeout: float) -> Self:
        """Call an address; raises CallError."""
        with _call():
            made = socket.create_connection((address, port), timeout)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(made)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, or wait for it."""
        try:
            self._socket.settimeout(timeout)
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise LateError from error
        except OSError as error:
            raise BrokenOffError from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(buffer)
        except TimeoutError as error:
            raise LateError from error
        except OSError as error:
            raise BrokenOffError from error

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Begin TLS on the connection, which is ended when that fails."""
        with _call():
            try:
                self._socket.settimeout(timeout)
                return Socket(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> Any:
        """Return the `ssl_object`, or whether there `is_readable` something: bytes, or the end."""
        if info == "ssl_object":
            return self._socket
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


@contextmanager
def _call() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise CallTimeoutError from error
    except OSError as error:
        raise CallError from error


class Deadline:
    """Makes connections on which no wait is longer than what is left of the thread's current request.

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
        except ExchangeError:
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
        except ExchangeError as error:
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

    def read(self, stream: Stream, max_bytes: int, timeout: float | None) -> bytes:
        """Read from the stream in waits that end now and then, for whoever wants to be told."""
        waited = 0.0
        while True:
            wait = self.cut(timeout - waited if timeout else None)
            part = min(wait, self._waiting(waited) or wait)
            try:
                return stream.read(max_bytes, part)
            except LateError:
                waited += part
                if part == wait:
                    raise

    def watched(self, exchange: Callable[[], Stream]) -> Stream:
        """What the exchange gives, which cannot be waited for in parts: for whoever wants to be told a thread waits."""
        every_s = self._waiting(0.0)
        if every_s is None:
            return exchange()
        ended: SimpleQueue[Stream | Exception] = SimpleQueue()

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
        """The wait that is allowed, in seconds; raises LateError when time is up, and what `check` does."""
        self._check()
        left: float = self._current.ends - self._clock()
        if left <= 0:
            raise LateError
        return min(left, timeout or left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        call: Callable[[str, int, float], Stream] = Socket.connect,
    ) -> Stream:
        """Connect to the first address of the host that takes the call, each within `timeout`; raises ExchangeError."""
        error: Exception = CallError()
        for address in self._addresses(host, port):
            try:
                stream = self.watched(partial(call, address, port, self.cut(timeout)))
            except CallError as caught:
                error = caught
            else:
                return _DeadlineStream(stream, self)
        raise error


class _DeadlineStream:
    """A `Stream` whose waits end by the deadline."""

    def __init__(self, stream: Stream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._has_answered = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, or wait for it."""
        chunk = self._deadline.read(self._stream, max_bytes, timeout)
        if chunk:
            self._has_answered = True
            self._deadline.received(chunk)
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write a whole request, after one last look at whether it may go out."""
        self._deadline.sending(reused=self._has_answered)
        self._stream.write(buffer, self._deadline.cut(timeout))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Begin TLS on the connection; the handshake counts too."""
        self._deadline.shakes(tunnelled=self._has_answered)
        handshake = partial(self._stream.start_tls, ssl_context, server_hostname, self._deadline.cut(timeout))
        stream = self._deadline.watched(handshake)
        self._deadline.shook()
        return _DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection says about itself."""
        return self._stream.get_extra_info(info)

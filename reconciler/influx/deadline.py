"""Sockets whose every wait also ends with the current request: a total deadline, kept for each thread.

httpx's own timeouts start anew with every byte, so a server that drips bytes, headers or 1xx answers could hold a
request for ever. Closing the shared client from a watchdog would end the requests of the other threads too.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore


class DeadlineBackend(httpcore.NetworkBackend):
    """httpcore's socket backend, in which no wait is longer than what is left of the thread's current request."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sockets = httpcore.SyncBackend()
        self._current = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let every wait of this thread end `seconds` from now."""
        self._current.ends = self._clock() + seconds
        try:
            yield
        finally:
            del self._current.ends

    def cut(self, timeout: float | None) -> float:
        """The wait that is allowed, in seconds; raises httpcore.ReadTimeout when the time is up."""
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
        """Connect; raises httpcore.ConnectError and httpcore.ConnectTimeout."""
        stream = self._sockets.connect_tcp(host, port, self.cut(timeout), local_address, socket_options)
        return _DeadlineStream(stream, self.cut)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, cut: Callable[[float | None], float]) -> None:
        self._stream = stream
        self._cut = cut

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, or wait for it."""
        return self._stream.read(max_bytes, self._cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self._stream.write(buffer, self._cut(timeout))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Begin TLS on the connection; the handshake counts too."""
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, self._cut(timeout)), self._cut)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks a stream about itself."""
        return self._stream.get_extra_info(info)

"""HTTP/1.1 over one connection: a plain answer is taken apart here, and any other one by h11.

A plain answer came whole, with a length and nothing that could be read in two ways. h11 would say the same of it, and
takes four times as long.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import h11

Headers = Sequence[tuple[bytes, bytes]]
_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ -~]*\r\n"
    rb"((?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n"
)
_LENGTH = re.compile(rb"[0-9]{1,6}")
_WITHOUT_BODY = (b"204", b"304")
_MORE_TO_SAY = (b"connection", b"transfer-encoding")  # headers after which an answer is not plain
_CHUNK = 64 * 1024  # bytes read at once
_LARGEST = 100 * 1024  # bytes of a head
_STALE = 8  # connections in a row


class ExchangeError(Exception):
    """A request had no whole answer; what the system said is its cause."""


class CallError(ExchangeError):
    """There is no connection: nobody took the call, or the TLS handshake failed."""


class CallTimeoutError(CallError):
    """The call, or the TLS handshake, was not answered in time."""


class LateError(ExchangeError):
    """The request did not go out in time, or was not answered in time."""


class BrokenOffError(ExchangeError):
    """The connection broke while the request or the answer was under way."""


class AnswerError(ExchangeError):
    """What came is no HTTP, or ended too early."""


class ProxyRefusesError(ExchangeError):
    """A proxy does not let the request through, with this status; 0 where it has none."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Stream(Protocol):
    """A connection to one address; waits are in seconds, None for as long as it takes. Raises ExchangeError."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, or wait for it; nothing when the other side has ended the connection."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""

    def close(self) -> None:
        """End the connection."""

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        """Begin TLS on the connection; raises CallError."""

    def get_extra_info(self, info: str) -> Any:
        """Return the `ssl_object`, or whether there `is_readable` something."""


class Request(NamedTuple):
    """A request: `target` is its path and query as they go over the wire, `content` its body.

    `meanwhile`, given for an answer that will be long, is called once the request has gone out: the server thinks then.
    """

    method: bytes
    target: bytes
    headers: Headers
    content: bytes = b""
    meanwhile: Callable[[], object] | None = None


class Response(NamedTuple):
    """An answer's status and headers, as they came, and its body in pieces; reading those raises ExchangeError."""

    status: int
    headers: Headers
    body: Iterator[bytes]


class Exchange(Protocol):
    """A connection that is used for one request after the other."""

    def handle(self, request: Request) -> Response:
        """Send a request, and return its answer once its head has come. Raises ExchangeError."""

    def is_available(self) -> bool:
        """Return whether it may be used again: its last answer was read to the end, and it is open on our side."""

    def has_expired(self) -> bool:
        """Return whether it has been idle for too long, or the other side has ended it."""

    def close(self) -> None:
        """End the connection."""


class Direct:
    """An `Exchange` with the server itself: `connect` is called once, for the first request.

    It is kept open for `kept_s` seconds after an answer, and waits `silence_s` seconds for bytes.
    """

    def __init__(self, connect: Callable[[], Stream], *, kept_s: float, silence_s: float) -> None:
        self._connect = connect
        self._kept_s = kept_s
        self._silence_s = silence_s
        self._stream: Stream | None = None
        self._idle_since: float | None = None

    def handle(self, request: Request) -> Response:
        """Send a request, and return its answer once its head has come."""
        self._stream = stream = self._stream or self._connect()
        self._idle_since = None
        # A server may refuse before it has read all, and its answer says why.
        with suppress(BrokenOffError):
            stream.write(_written(request), self._silence_s)
        if request.meanwhile:
            import h11  # noqa: F401  which a long answer needs

            request.meanwhile()
        first = stream.read(_CHUNK, self._silence_s)
        if answer := plain(first):
            self._idle_since = time.monotonic()
            return answer
        return self._parsed(request, first, stream)

    def _parsed(self, request: Request, first: bytes, stream: Stream) -> Response:
        """Return the answer that begins with these bytes, as h11 reads it."""
        import h11  # takes longer to import than most commands need for their answers

        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST)
        parser.send(h11.Request(method=request.method, target=request.target, headers=[*request.headers]))
        for event in (h11.Data(data=request.content), h11.EndOfMessage()):
            parser.send(event)
        events = self._events(parser, first, stream)
        response = next(each for each in events if isinstance(each, h11.Response))
        return Response(response.status_code, tuple(response.headers.raw_items()), self._body(parser, events))

    def _events(self, parser: h11.Connection, chunk: bytes, stream: Stream) -> Iterator[object]:
        """Yield what h11 finds in the answer, until it has ended."""
        import h11

        try:
            while True:
                if not chunk and parser.their_state is h11.SEND_RESPONSE:
                    raise AnswerError("ended before its head did")
                parser.receive_data(chunk)
                while (event := parser.next_event()) is not h11.NEED_DATA:
                    yield event
                chunk = stream.read(_CHUNK, self._silence_s)
        except h11.RemoteProtocolError as error:
            raise AnswerError(str(error)) from error

    def _body(self, parser: h11.Connection, events: Iterator[object]) -> Iterator[bytes]:
        import h11

        while isinstance(event := next(events), h11.Data):
            yield bytes(event.data)
        # What comes after an answer would be taken for the next one.
        if parser.their_state is h11.DONE and not parser.trailing_data[0]:
            self._idle_since = time.monotonic()

    def is_available(self) -> bool:
        """Return whether its last answer was read to the end, and allows for another one."""
        return self._idle_since is not None

    def has_expired(self) -> bool:
        """Return whether it has been idle for too long, or the other side has ended it."""
        if self._idle_since is None or self._stream is None:
            return True
        return time.monotonic() - self._idle_since > self._kept_s or bool(self._stream.get_extra_info("is_readable"))

    def close(self) -> None:
        """End the connection."""
        self._idle_since = None
        if self._stream:
            self._stream.close()


def _written(request: Request) -> bytes:
    """Return the request as it goes over the wire."""
    lines = [b"%b %b HTTP/1.1" % (request.method, request.target)]
    lines += [b"%b: %b" % header for header in request.headers]
    return b"\r\n".join((*lines, b"", request.content))


def plain(answer: bytes) -> Response | None:
    """Return the answer, where these bytes are a whole plain one after which the connection stays open; else None."""
    head = _HEAD.match(answer)
    if not head or head[1] in _WITHOUT_BODY:
        return None
    headers = tuple((name, value) for name, _, value in (line.partition(b": ") for line in head[2].splitlines()))
    known = [name.lower() for name, _ in headers]
    if known.count(b"content-length") != 1 or any(name in known for name in _MORE_TO_SAY):
        return None
    length = headers[known.index(b"content-length")][1]
    body = answer[head.end() :]
    if not _LENGTH.fullmatch(length) or int(length) != len(body):
        return None
    return Response(int(head[1]), headers, iter((body,)))


class Connections:
    """The connections of all threads of a run; `make` returns a new one, which connects once it is used."""

    def __init__(self, make: Callable[[], Exchange]) -> None:
        self._make = make
        self.is_closed = False
        self._stale: Counter[str] = Counter()  # by method, since one that was kept open last answered such a request
        self._open: set[Exchange] = set()
        self._idle: deque[Exchange] = deque()

    @contextmanager
    def one(self, method: str) -> Iterator[Exchange]:
        """Yield a connection for such a request that no other thread uses meanwhile: the latest idle one, or a new one.

        Raises ExchangeError once all were ended.
        """
        if self.is_closed:
            raise ExchangeError
        may_be_kept = self._stale[method] < _STALE
        kept = self._kept() if may_be_kept else None
        connection = kept or self._make()
        self._open.add(connection)
        try:
            yield connection
        finally:
            has_answered = connection.is_available()
            if has_answered:
                self._stale[method] = 0 if kept else max(0, self._stale[method] - 1)
            if has_answered and may_be_kept:
                self._idle.append(connection)
            else:
                self._end(connection)

    def note_stale(self, method: str) -> None:
        """Note that one that was kept open broke at such a request: after several in a row a new one comes next."""
        self._stale[method] += 1

    def close(self) -> None:
        """End all connections, those that are in use too, and make no other."""
        self.is_closed = True
        for each in [*self._open]:
            each.close()

    def _kept(self) -> Exchange | None:
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        if not connection.has_expired():
            return connection
        self._end(connection)
        return None

    def _end(self, connection: Exchange) -> None:
        self._open.discard(connection)
        connection.close()

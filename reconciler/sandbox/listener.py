"""Answers requests on sockets, with the standard library's ThreadingHTTPServer."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from reconciler.sandbox.exchange import PLAIN, Answer, Delivery, Request

_CLOSE_S = 5.0
_LINE = 65536
_DRIP_S = 0.02
_CLOSE_AFTER_S = (0.0, 0.0002, 0.0005, 0.001)  # around the moment at which a client sends its next request
_REASONS = {422: "Unprocessable Entity"}  # Go's name, which clients show; Python's depends on its version
_TLS = b"\x16"  # how a handshake begins
_BAD_REQUEST = Answer(400, b"400 Bad Request", PLAIN, {"Connection": "close"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSeen:
    """A request that was answered; never its credentials."""

    method: str
    target: str
    body: bytes
    status: int


class Listener(ThreadingHTTPServer):
    """A listening socket and every connection accepted on it."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self,
        listen: tuple[str, int],
        answer: Callable[[Request], Answer],
        answered: Callable[[Request, Answer, str], None] = lambda *_: None,
    ) -> None:
        self.answer = answer
        self.answered = answered
        self.closing = threading.Event()
        self.seen: list[RequestSeen] = []
        self.pauses = itertools.cycle(_CLOSE_AFTER_S)
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        if ":" in listen[0]:
            self.address_family = socket.AF_INET6
        super().__init__(listen, _Handler)

    def server_bind(self) -> None:
        """Bind without asking for the name of the address, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection and remember it."""
        accepted, address = self.socket.accept()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            self._open.add(accepted)
        return accepted, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection and forget it."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the server."""

    def wake(self) -> None:
        """Let `handle_request` return."""
        with socket.socket(self.address_family) as caller:
            caller.settimeout(_CLOSE_S)
            caller.connect(self.server_address)

    def end_connections(self) -> None:
        """Cut every open connection and wait until its thread has let it go."""
        with self._changed:
            for connection in self._open:
                with suppress(OSError):  # its client may have closed it already
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=_CLOSE_S)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    command = ""  # until a request line was read
    server: Listener

    def handle(self) -> None:
        """Answer requests until the connection ends; who speaks TLS here is told at once, and not after a timeout."""
        if self.connection.recv(1, socket.MSG_PEEK) == _TLS:
            self.send_error(400)
        else:
            super().handle()

    def handle_one_request(self) -> None:
        """Read one request and answer it; whatever the method is called."""
        try:
            self.raw_requestline = self.rfile.readline(_LINE + 1)
            if not self.raw_requestline:
                raise ConnectionError
            if len(self.raw_requestline) > _LINE:
                self.send_error(414)
                return
            if not self.parse_request():
                return
            body = self._body()
        except (OSError, ValueError):
            self.close_connection = True
            return
        # The request line as it came: the standard library would make one slash of two.
        target = self.requestline.split()[1]
        request = Request(method=self.command, target=target, headers=_first(self.headers), body=body)
        answer = self.server.answer(request)
        self.server.seen.append(RequestSeen(method=self.command, target=target, body=body, status=answer.status))
        self.server.answered(request, answer, _address(self.client_address))
        self._send(answer)

    def send_error(self, *_: object) -> None:
        """Refuse what is not HTTP, as Go does."""
        self.close_connection = True
        self._send(_BAD_REQUEST)

    def log_message(self, *_: object) -> None:
        """Say nothing: the requests are kept in `seen`."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionError
        return body

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(100).partition(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline(100)
        return chunk

    def _send(self, answer: Answer) -> None:
        headers = dict(answer.headers)
        if answer.kind:
            headers["Content-Type"] = answer.kind
        if answer.status != 204:
            headers["Content-Length"] = str(len(answer.body))
        reason = _REASONS.get(answer.status) or self.responses.get(answer.status, ("",))[0]
        lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        body = b"" if self.command == "HEAD" else answer.body
        try:
            self._deliver("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"), body, answer.delivery)
        except OSError:
            self.close_connection = True

    def _deliver(self, head: bytes, body: bytes, delivery: Delivery) -> None:
        self.close_connection |= delivery is not Delivery.WHOLE
        if delivery is Delivery.RESET:
            # Closing it now sends a reset, whatever was not yet read or sent.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif delivery is Delivery.SLOW:
            self.wfile.write(head)
            for byte in body:
                self.wfile.write(bytes([byte]))
                if self.server.closing.wait(_DRIP_S):
                    break
        else:
            part = body[: len(body) // 2] if delivery is Delivery.TRUNCATED else body
            self.wfile.write(head + part)  # one write, one packet
            if delivery is Delivery.CLOSED:
                self.server.closing.wait(next(self.server.pauses))


def _address(client: tuple[str, int]) -> str:
    host, port = client[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _first(headers: Message) -> dict[str, str]:
    """The first value of each header by its name in lower case, without blanks around it."""
    return {name.lower(): value.strip(" \t") for name, value in reversed(headers.items())}

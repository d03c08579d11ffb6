"""A server of raw bytes on a loopback socket, for answers that no decent server gives."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

SECRET = "FAKE-caller-" + "0" * 74 + "=="

Script = Callable[["Connection"], Iterable[bytes]]


class Connection:
    """One accepted connection and its latest request; a script may reset it, or wait until the test is over."""

    def __init__(self, stream: socket.socket, over: threading.Event) -> None:
        self.request = b""
        self._stream = stream
        self._over = over

    def read_request(self) -> bytes:
        """The next request, head and body, or nothing when the client closed before it was whole."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self._stream.recv(65536)
            if not chunk:
                return b""
            data += chunk
            if data.startswith(b"\x16"):
                return data  # the hello of TLS, which ends with no blank line
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            chunk = self._stream.recv(65536)
            if not chunk:
                return b""
            body += chunk
        return head + b"\r\n\r\n" + body

    def pause(self, seconds: float = 0.01) -> bool:
        """Let a moment pass, at most until the test is over; says whether it is not."""
        return not self._over.wait(seconds)

    def reset(self) -> None:
        """Break the connection off hard."""
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._stream.close()


class RawServer:
    """Answers each request with the bytes that the script makes; keeps the requests as they came, and counts calls.

    After a request in plain, a handshake of TLS is only counted and closed: that is how a client asks what is there.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.calls = self.handshakes = 0
        self._script = script
        self._tls = tls
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Stop, and wait for every thread."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            thread = threading.Thread(target=self._serve, args=(stream,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, stream: socket.socket) -> None:
        with suppress(OSError), stream:
            stream.settimeout(5)  # a client that never closes must not keep the test
            if self._tls:
                stream = self._tls.wrap_socket(stream, server_side=True)
            connection = Connection(stream, self._over)
            with stream:
                while request := connection.read_request():
                    if self.requests and request.startswith(b"\x16"):
                        self.handshakes += 1
                        return
                    self.requests.append(request)
                    connection.request = request
                    for part in self._script(connection):
                        stream.sendall(part)
                        if not part:
                            return


@contextmanager
def raw_server(*answers: bytes, script: Script | None = None, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """A server that gives these answers one after the other (the last for ever), or what the script makes.

    An empty part closes the connection.
    """
    left = list(answers)
    server = RawServer(script or (lambda _: [left.pop(0) if len(left) > 1 else left[0]]), tls)
    try:
        yield server
    finally:
        server.close()


def answer(status: int, body: bytes | str = b"", **headers: str) -> bytes:
    """A whole answer; underscores in header names stand for hyphens."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Any"] + [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def refusal(status: int, code: str, message: str) -> bytes:
    """An error answer as an InfluxDB v2 server writes it."""
    return answer(
        status,
        f'{{\n\t"code": "{code}",\n\t"message": "{message}"\n}}',
        Content_Type="application/json; charset=utf-8",
        X_Influxdb_Build="OSS",
        X_Influxdb_Version="v2.7.12",
        X_Platform_Error_Code=code,
    )

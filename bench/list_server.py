"""A file in; a server on a free loopback port out that answers every request with it, at once."""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def main(path: Path) -> None:
    """Print the URL and answer until killed."""
    body = path.read_bytes()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nX-Influxdb-Build: OSS\r\n"
        f"X-Influxdb-Version: v2.7.12\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    answer = head.encode() + body
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                received = b""
                while b"\r\n\r\n" not in received and (part := connection.recv(65536)):
                    received += part
                connection.sendall(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Bare `http.client`, which tokenctl is measured against: one list, or many requests by 8 threads.

Run as a process, `python -m bench.bare list` or `python -m bench.bare describe IDS TEXT`, with INFLUX_HOST and
INFLUX_TOKEN; IDS is a file with an id on each line.
"""

import http.client
import json
import os
import sys
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

AUTHORIZATIONS = "/api/v2/authorizations"
_THREADS = 8


class Client:
    """A connection that sends requests with the token and returns the bodies of answers; RuntimeError for errors."""

    def __init__(self, url: str, token: str) -> None:
        scheme, _, rest = url.partition("://")
        host, slash, self._path = rest.partition("/")
        self._path = (slash + self._path).rstrip("/")
        self._connection = (http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection)(host)
        self._headers = {"Authorization": f"Token {token}", "Content-type": "application/json"}

    def send(self, method: str, path: str, body: object = None) -> bytes:
        """Send a request and return the body of its answer."""
        content = None if body is None else json.dumps(body).encode()
        self._connection.request(method, self._path + path, content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(answer.status, text)
        return text

    def listed(self) -> list[dict[str, str]]:
        """List all tokens."""
        found: list[dict[str, str]] = json.loads(self.send("GET", AUTHORIZATIONS))["authorizations"]
        return found


def send_all(
    url: str, token: str, requests: Sequence[tuple[str, str, object]], take: list[bytes] | None = None
) -> None:
    """Send the requests (method, path, body) by 8 threads; raises the first error once all threads have ended.

    `take`, if any, is a list that gets the body of each answer as it comes.
    """
    queue: SimpleQueue[tuple[str, str, object]] = SimpleQueue()
    for each in requests:
        queue.put(each)
    errors: list[Exception] = []

    def work() -> None:
        client = Client(url, token)
        try:
            while not errors:
                text = client.send(*queue.get_nowait())
                if take is not None:
                    take.append(text)
        except Empty:
            return
        except Exception as error:  # noqa: BLE001  raised below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    url, token = os.environ["INFLUX_HOST"], os.environ["INFLUX_TOKEN"]
    if arguments[0] == "list":
        Client(url, token).listed()
    else:
        with open(arguments[1], encoding="utf-8") as file:  # noqa: PTH123  pathlib takes 5 ms
            ids = file.read().split()
        body = {"description": arguments[2]}
        send_all(url, token, [("PATCH", f"{AUTHORIZATIONS}/{each}", body) for each in ids])


if __name__ == "__main__":
    main(sys.argv[1:])

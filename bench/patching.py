"""A way to send, a number of changes and a text, in; seconds and CPU seconds that 8 threads took for it, out.

Run as a process of its own: `python -m bench.patching tokenctl|httpx|http.client CHANGES TEXT`, with INFLUX_HOST and
INFLUX_TOKEN. The tokens are read before the clock starts; each gets the text as its description.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

import httpx

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Moment
from reconciler.apply.parts import Parts
from reconciler.core.endpoint import Endpoint, Secret, Speed
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Provenance, ResultStatus
from reconciler.core.plan import Change, Plan
from reconciler.errors import ExitCode
from reconciler.influx.reader import Listing, Reader
from reconciler.influx.retry import Retries
from reconciler.influx.transport import Transport
from reconciler.influx.writer import Writer
from reconciler.session.sending import send

THREADS = 8


def main(way: str, size: int, text: str) -> None:
    """Print what it took."""
    url, token = os.environ["INFLUX_HOST"], os.environ["INFLUX_TOKEN"]
    with Transport(Endpoint(url=url, secret=Secret(token)), clock=time.monotonic) as transport:
        listing = Reader(transport).list_tokens()
        before = _peak_mib()
        ids = [token_id for token_id, each in listing.tokens.items() if not each.is_own][:size]
        started, used = time.perf_counter(), time.process_time()
        match way:
            case "tokenctl":
                _tokenctl(transport, listing, text, size)
            case "httpx":
                _httpx(url, token, ids, text)
            case "http.client":
                _http_client(url, token, ids, text)
        wall, cpu = time.perf_counter() - started, time.process_time() - used
    print(json.dumps({"wall_ms": wall * 1000, "cpu_ms": cpu * 1000, "grown_mib": _peak_mib() - before}))


def _peak_mib() -> float:
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _tokenctl(transport: Transport, listing: Listing, text: str, size: int) -> None:
    """Everything from the journal to the report."""
    changes = tuple(Change(token=each, description=text) for each in listing.tokens.values() if not each.is_own)[:size]
    plan = Plan(
        server=listing.server, orgs=(), changes=changes, declared=size, managed=size, live=size, limits=Limits()
    )
    speed = Speed().after_list(size, 0.0)
    retries = Retries(chance=lambda: 0.5, now=lambda: datetime.now(UTC), sleep=time.sleep, say=print)
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        journal = Journal.create(Path(folder), "run")
        outcome = send(
            plan,
            Provenance(run="run", started="", tool="0"),
            Parts(
                reader=Reader(transport, retries=retries),
                writer=Writer(transport, retries),
                retries=retries,
                journal=journal,
                surroundings=_Surroundings(),
                read_at=_moment(),
                speed=lambda: speed,
            ),
        )
    if outcome.exit_code is not ExitCode.OK or len(outcome.having(ResultStatus.DONE)) != size:
        raise RuntimeError(outcome.stopped)


def _moment() -> Moment:
    return Moment(time.monotonic(), time.time())


@dataclass(frozen=True)
class _Surroundings:
    """Those of this process."""

    clock: Callable[[], float] = time.monotonic
    moment: Callable[[], Moment] = _moment
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    interrupt: Interrupt = field(default_factory=Interrupt)


def _httpx(url: str, token: str, ids: Sequence[str], text: str) -> None:
    body = json.dumps({"description": text}).encode()
    headers = {"Authorization": f"Token {token}", "Content-type": "application/json"}
    with httpx.Client(trust_env=False, headers=headers) as client:

        def send(token_id: str) -> None:
            answer = client.patch(f"{url}/api/v2/authorizations/{token_id}", content=body)
            answer.raise_for_status()

        _spread(ids, lambda: send)


def _http_client(url: str, token: str, ids: Sequence[str], text: str) -> None:
    body = json.dumps({"description": text}).encode()
    headers = {"Authorization": f"Token {token}", "Content-type": "application/json"}

    def connected() -> Callable[[str], None]:
        connection = http.client.HTTPConnection(url.removeprefix("http://"))

        def send(token_id: str) -> None:
            connection.request("PATCH", f"/api/v2/authorizations/{token_id}", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(answer.status)

        return send

    _spread(ids, connected)


def _spread(ids: Sequence[str], sender: Callable[[], Callable[[str], None]]) -> None:
    """Let the threads send for all of these ids, each by a sender of its own."""
    queue: SimpleQueue[str] = SimpleQueue()
    for token_id in ids:
        queue.put(token_id)

    def work() -> None:
        send = sender()
        try:
            while True:
                send(queue.get_nowait())
        except Empty:
            return

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

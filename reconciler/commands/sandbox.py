"""`tokenctl sandbox`: serves the embedded InfluxDB-compatible API until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from reconciler.core.endpoint import is_loopback
from reconciler.errors import ExitCode, UsageError
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import default_seed, read_seed
from reconciler.sandbox.server import Sandbox
from reconciler.session.context import Context


class SandboxRequest(NamedTuple):
    """What was asked for: `listen` is HOST:PORT, `seed` and `data` are files ("" for none), `hashed` None leaves it to
    the version whether secrets are hidden, `faults` are written as `Fault.parse` reads them,
    `request_log` is the file to write a line to for each request."""

    listen: str
    seed: str = ""
    data: str = ""
    version: str = "2.7.12"
    hashed: bool | None = None
    faults: Sequence[str] = ()
    request_log: str = ""


def run(request: SandboxRequest, context: Context) -> ExitCode:
    """Serve until SIGTERM, SIGINT or SIGHUP; prints the URL on stdout once requests are answered."""
    context.collect_garbage()  # it runs until it is stopped
    # Its `put` may come in the middle of its `get`; an Event whose `set` does waits for ever.
    stop: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # what nohup is for
            signal.signal(number, lambda number, _: stop.put(number))
    address = _address(request.listen)
    seed = read_seed(Path(request.seed)) if request.seed else default_seed()
    served = profile(request.version, hashed=request.hashed)
    data = Path(request.data) if request.data else None
    faults = [Fault.parse(text) for text in request.faults]
    log = Path(request.request_log) if request.request_log else None
    with Sandbox.start(seed=seed, listen=address, data=data, profile=served, faults=faults, request_log=log) as sandbox:
        context.streams.show(f"{sandbox.url}\n")
        context.streams.say("An InfluxDB look-alike for tests and play, no production server. Stop it with Ctrl-C.")
        if not served.recorded:
            context.streams.say("It follows the documentation of InfluxDB Cloud; no real answers were recorded for it.")
        if not is_loopback(address[0].lower()):
            context.streams.say(f"It listens on {address[0]}: everybody who can reach this machine can use it.")
        if not request.seed:
            secret = seed.tokens[0].secret
            context.streams.say(f"Try: INFLUX_HOST={sandbox.url} INFLUX_TOKEN={secret} tokenctl list", public=True)
        stop.get()
    return ExitCode.OK


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise UsageError(f"cannot listen on `{listen}`", "write HOST:PORT, such as 127.0.0.1:8086")
    return host.removeprefix("[").removesuffix("]"), int(port)

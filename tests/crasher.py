"""A process of its own that runs `apply` and kills itself at a boundary: no signal handler, no `finally`, no flush.

It is told what to do by a line of JSON on stdin, and answers with a line when that run is over. It forks for each run,
as importing everything takes longer than a run.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Moment
from reconciler.apply.parts import Parts
from reconciler.core.live import Missing, Token, TokenId
from reconciler.core.outcome import Provenance
from reconciler.core.plan import Guard
from reconciler.influx.reader import Listing, Reader
from reconciler.influx.writer import Writer
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context, Secrets, Streams
from reconciler.session.planning import plan_from
from reconciler.session.reading import read_manifest
from reconciler.session.sending import send
from reconciler.session.sources import Declared
from reconciler.settings import Flags


@dataclass
class Boundaries:
    """Counts what happens, each kind by itself, and ends the process at the boundary with that name.

    `kill` is such as `before intent 1`, `after patch 2` or `within result 1`; a number means the so-maniest of them all.
    """

    kill: str
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self, kind: str) -> str:
        """The name of the next thing of this kind, such as `intent 2`."""
        with self.lock:
            self.counts[kind] += 1
            return f"{kind} {self.counts[kind]}"

    def at(self, name: str, last_act: Callable[[], object] = lambda: None) -> None:
        """Be at the boundary with this name."""
        with self.lock:
            self.counts["all"] += 1
            if self.kill in (name, str(self.counts["all"])):
                last_act()
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, kind: str) -> Iterator[None]:
        """Be at the boundaries before and after something of this kind."""
        name = self.number(kind)
        self.at(f"before {name}")
        yield
        self.at(f"after {name}")


class CrashingJournal(Journal):
    """A journal that may be left before, within and after a line."""

    boundaries: Boundaries

    def _append(self, rest: bytes) -> None:
        for text in rest.splitlines(keepends=True):  # of several lines any first part may be on the disk
            name = self.boundaries.number(json.loads(text)["event"])
            self.boundaries.at(f"before {name}")
            self.boundaries.at(f"within {name}", partial(os.write, self._descriptor, text[: len(text) // 2]))
            super()._append(text)
            self.boundaries.at(f"after {name}")


@dataclass
class CrashingServer:
    """The real reader and writer, with boundaries around each exchange."""

    boundaries: Boundaries
    reader: Reader
    writer: Writer

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        """Send a PATCH."""
        with self.boundaries.around("patch"):
            return self.writer.patch(token_id, body, ready)

    def get(self, token_id: TokenId) -> Token | Missing:
        """Read one token."""
        with self.boundaries.around("read"):
            return self.reader.get(token_id)

    def list_tokens(self) -> Listing:
        """Read all tokens."""
        with self.boundaries.around("read"):
            return self.reader.list_tokens()


def _moment() -> Moment:
    return Moment(0.0, 0.0)


def _run(wanted: dict[str, Any]) -> None:
    """What `apply` does, with everything that has boundaries in the place of what has none."""
    nowhere = io.StringIO()
    context = Context(
        environment=wanted["environment"], home=Path("/"), streams=Streams(stdin=io.BytesIO(), stdout=nowhere, stderr=nowhere, secrets=Secrets()),
        clock=time.monotonic, moment=_moment, now=lambda: datetime.now(UTC), sleep=time.sleep, chance=lambda: 0.5,
        nonce=lambda: "", who="", interrupt=Interrupt(), shown=threading.Event(), asked={},
    )  # fmt: skip
    boundaries = Boundaries(wanted["kill"])
    manifest, files = read_manifest([wanted["file"]], context)
    with connected(resolve(Flags(), context), context) as connection:
        plan = plan_from(Declared(manifest=manifest, files=files, waivers=tuple(Guard)).source, connection)
        journal = CrashingJournal.create(Path(wanted["journals"]), wanted["run"])
        journal.boundaries = boundaries
        started = "2025-12-31T00:00:00+00:00"
        provenance = Provenance(run=wanted["run"], started=started, tool="0", files=files)
        server = CrashingServer(boundaries, connection.reader, Writer(connection.transport, connection.retries))
        parts = Parts(
            reader=server, writer=server, retries=connection.retries, journal=journal, surroundings=context, read_at=_moment(),
            speed=lambda: connection.reader.speed._replace(reads=0),
        )  # fmt: skip
        send(plan, provenance, parts)


def main() -> None:
    """Do what each line says; the answer is how that process ended."""
    for name in ("encodings.idna", "reconciler.manifest.document"):  # what a run would load, each for itself
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


class Crasher:
    """The process, from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, **wanted: object) -> int:
        """Run `apply` there, and give how it ended: -9 when it was killed, 0 when it never came to the boundary."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def crasher(environment: dict[str, str]) -> Iterator[Crasher]:
    """The process for the time of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crasher"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment, cwd=Path(__file__).parents[1],
    ) as process:  # fmt: skip
        try:
            yield Crasher(process)
        finally:
            process.communicate()


if __name__ == "__main__":
    main()

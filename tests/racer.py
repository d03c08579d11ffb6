"""A process that tries for the lock of an organisation whenever it is told to, and holds it until it is told to let go.

In: the organisation's id on a line; then any line. Out: `won` or `lost`, then `ready`.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.pace import Moment
from reconciler.core.live import OrgId
from reconciler.errors import LockedError
from reconciler.session import locking
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context, Secrets, Streams
from reconciler.settings import Flags


def main() -> None:
    """Race until standard input ends."""
    context = Context(
        environment=os.environ, home=Path("/"), streams=Streams(stdin=io.BytesIO(), stdout=sys.stdout, stderr=sys.stderr, secrets=Secrets()),
        clock=time.monotonic, moment=lambda: Moment(0.0, 0.0), now=lambda: datetime.now(UTC), sleep=time.sleep, chance=lambda: 0.5,
        nonce=lambda: os.urandom(16).hex(), who=f"process {os.getpid()}", interrupt=Interrupt(), shown=threading.Event(), asked={},
    )  # fmt: skip
    with connected(resolve(Flags(), context), context) as connection:
        for line in sys.stdin:
            try:
                with locking.held({OrgId(line.strip()): "acme"}, 0.0, connection, context):
                    _tell("won")
                    sys.stdin.readline()
            except LockedError:
                _tell("lost")
                sys.stdin.readline()
            _tell("ready")


def _tell(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

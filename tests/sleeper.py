"""The program with a file for a clock; with SLEEPS set, it stops itself as a machine does that falls asleep.

That is once, when the first intents are on the disk and nothing was sent: `waitpid` tells, SIGCONT lets it go on.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.apply.pace import Moment
from reconciler.cli import main
from reconciler.cli.process import handle_signals

_TAIL = 4096


def sleepy(sync: Callable[[Any], None]) -> Callable[[Any], None]:
    """A `fsync` that stops the process where the last lines are intents, the first time."""
    slept: list[int] = []

    def synced(descriptor: Any) -> None:
        sync(descriptor)
        found = os.fstat(descriptor)
        if not slept and stat.S_ISREG(found.st_mode):
            tail = os.pread(descriptor, _TAIL, max(0, found.st_size - _TAIL))
            if b'"event": "intent"' in tail:
                slept.append(descriptor)
                os.kill(os.getpid(), signal.SIGSTOP)

    return synced


def run(clock: Path, arguments: list[str]) -> int:
    """Do what the program does, at the time that the file says."""
    context = main._context(handle_signals())
    context = context._replace(moment=lambda: Moment(float(clock.read_text()), 0.0))
    return main.run(arguments, context)


if __name__ == "__main__":
    if os.environ.get("SLEEPS"):
        vars(os)["fsync"] = sleepy(os.fsync)
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))

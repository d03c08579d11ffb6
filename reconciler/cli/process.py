"""This process: what its signals do, whether it looks for garbage, and what it must not leave when it dies."""

from __future__ import annotations

import gc
import signal
from contextlib import suppress

from reconciler.apply.interrupt import Interrupt


def handle_signals() -> Interrupt:
    """Handle SIGINT, SIGTERM, SIGHUP and SIGALRM from now on; returns what tells that one came.

    SIGINT also where it was inherited as ignored, as a shell does for what it puts into the background. A SIGHUP that
    was is left alone: that is what nohup is for.
    """
    interrupt = Interrupt()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, interrupt.receive)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interrupt.receive)
    return interrupt


def collect_garbage(*, wanted: bool) -> None:
    """Look for garbage from now on, or no more.

    A run makes many objects that live until its end; looking through them takes a third of the time of a short one.
    """
    if wanted:
        gc.enable()
    else:
        gc.disable()


def ignore_signals() -> None:
    """Let nothing come of these signals any more: the exit code is settled, and Python would let them kill it yet."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def leave_no_core() -> None:
    """Let a crash of the interpreter leave no file with the memory of this process, which has the secret in it."""
    import resource

    with suppress(OSError, ValueError):  # where limits cannot be set, that is no reason to do nothing
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))

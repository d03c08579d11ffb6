"""This process: its signals, its garbage collector, and no core dumps."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import suppress

from reconciler.apply.interrupt import Interrupt


def handle_signals() -> Interrupt:
    """Handle SIGINT, SIGTERM, SIGHUP and SIGALRM from now on; return the handler, which knows whether one came.

    SIGINT is handled even when it was ignored at the start, as a shell does for jobs in the background. A SIGHUP that
    was ignored at the start stays so: that is what nohup is for.
    """
    sys.unraisablehook = _tell
    interrupt = Interrupt()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, interrupt.receive)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interrupt.receive)
    return interrupt


def _tell(lost: sys.UnraisableHookArgs) -> None:
    # A signal may come in a destructor, which can raise nothing: Interrupt raises it again where it is asked.
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def collect_garbage(*, wanted: bool) -> None:
    """Switch garbage collection on or off.

    A run makes many objects that live until its end; collecting among them takes a third of the time of a short run.
    Those that are there when it is switched on are never looked at.
    """
    if wanted:
        gc.freeze()
        gc.enable()
    else:
        gc.disable()


def ignore_signals() -> None:
    """Ignore all signals from now on: the exit code is settled, and one that came later would replace it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def leave_no_core() -> None:
    """Switch core dumps off: a crash must leave no file with the memory of this process, which holds the secret."""
    import resource

    with suppress(OSError, ValueError):  # where limits cannot be set, that is no reason to do nothing
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))

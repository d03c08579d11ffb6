"""What signals mean for a run: it ends at once while nothing was sent, and in good order from then on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from reconciler.errors import ExitCode

_MEANING = {
    signal.SIGINT: (ExitCode.INTERRUPTED, "interrupted"),
    signal.SIGTERM: (ExitCode.TERMINATED, "told to end"),
    signal.SIGHUP: (ExitCode.TERMINATED, "the terminal is gone"),
    signal.SIGALRM: (ExitCode.UNREACHABLE, "the time of the run is over"),
}


class Interrupt:
    """The first signal raises KeyboardInterrupt or, once `defer` was called, is noted and `wake` is called.

    The second one leaves at once: with PARTIAL from when `sending` says that something may have been changed, as the
    code tells that. SIGALRM stands for the end of the run's time, and is never a second one.

    `came` says that the run has to end, `message` why, and `exit_code` what it exits with if it has changed nothing.
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self._leave = leave
        self._deferred = False
        self.came = False
        self.exit_code, self.message = _MEANING[signal.SIGINT]
        self.sending = False
        self.wake: Callable[[], None] = lambda: None

    def defer(self) -> None:
        """From now on let a signal only be noted; raises KeyboardInterrupt when there was one already."""
        self._deferred = True
        if self.came:  # the exception that it raised was lost, in a destructor for instance
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt when a signal's own was lost, so that no wait outlasts it."""
        if self.came and not self._deferred:
            raise KeyboardInterrupt

    def receive(self, number: int, _: object = None) -> None:
        """Take a signal; a handler for `signal.signal`."""
        meaning = _MEANING[signal.Signals(number)]
        if self.came:
            if number != signal.SIGALRM:
                self._leave(ExitCode.PARTIAL if self.sending else meaning[0])
            return
        self.exit_code, self.message = meaning
        self.came = True
        if not self._deferred:
            raise KeyboardInterrupt
        self.wake()

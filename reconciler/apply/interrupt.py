"""What signals mean for a run: it ends at once while nothing was sent, and in good order from then on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from reconciler.errors import ExitCode, Problem

_MEANING = {
    signal.SIGINT: (ExitCode.INTERRUPTED, "interrupted"),
    signal.SIGTERM: (ExitCode.TERMINATED, "told to end"),
    signal.SIGHUP: (ExitCode.TERMINATED, "the terminal is gone"),
    signal.SIGALRM: (ExitCode.UNREACHABLE, "the time of the run is over"),
}


class Interrupt:
    """The handler of a run's signals.

    The first signal raises KeyboardInterrupt or, once `defer` was called, is only noted and `wake` is called. A second
    one ends the process at once, with PARTIAL when `sending` says that something may have been changed. SIGALRM means
    that the run's time is over, and never counts as a second signal.

    `came` says that the run has to end, `message` why, and `exit_code` what it exits with if it changed nothing.
    `so_far` says what was done by then, where nothing else tells it.
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self._leave = leave
        self._deferred = False
        self.came = False
        self.exit_code, self.message = _MEANING[signal.SIGINT]
        self.sending = False
        self.so_far = "nothing was sent"
        self.wake: Callable[[], None] = lambda: None

    @property
    def problem(self) -> Problem:
        """Why the run ended, what it had done, and how it goes on."""
        more = ", with more time" if self.exit_code is ExitCode.UNREACHABLE else ""
        return Problem(f"{self.message}: {self.so_far}", f"run it again to go on{more}")

    @property
    def told(self) -> str:
        """The same for people."""
        return f"{self.problem.message}\n  hint: {self.problem.hint}"

    def defer(self) -> None:
        """Only note signals from now on; raises KeyboardInterrupt when one came already."""
        self._deferred = True
        if self.came:  # the exception that it raised was lost, in a destructor for instance
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt again when that of a signal was lost: no wait may outlast the signal."""
        if self.came and not self._deferred:
            raise KeyboardInterrupt

    def receive(self, number: int, _: object = None) -> None:
        """Handle a signal, as `signal.signal` calls it."""
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

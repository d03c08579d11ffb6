"""Signals in, what they mean for a run out: end at once while nothing was sent, and in good order from then on."""

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
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self._leave = leave
        self._deferred = False
        self._number: int | None = None
        self.sending = False
        self.wake: Callable[[], None] = lambda: None

    @property
    def came(self) -> bool:
        """Whether the run has to end."""
        return self._number is not None

    @property
    def exit_code(self) -> ExitCode:
        """What a run that has to end, and has changed nothing, exits with."""
        return self._meaning(self._number)[0]

    @property
    def message(self) -> str:
        """Why the run has to end."""
        return self._meaning(self._number)[1]

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
        if self._number is not None:
            if number != signal.SIGALRM:
                self._leave(ExitCode.PARTIAL if self.sending else self._meaning(number)[0])
            return
        self._number = number
        if not self._deferred:
            raise KeyboardInterrupt
        self.wake()

    def _meaning(self, number: int | None) -> tuple[ExitCode, str]:
        return _MEANING[signal.Signals(number or signal.SIGINT)]

"""What signals mean for a run: it ends at once while nothing was sent, and in good order from then on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from reconciler.errors import ExitCode, Problem

_MEANING = {
    signal.SIGINT: (ExitCode.INTERRUPTED, "interrupted"),
    signal.SIGTERM: (ExitCode.TERMINATED, "told to end"),
    signal.SIGHUP: (ExitCode.TERMINATED, "the terminal is gone"),
    signal.SIGALRM: (ExitCode.UNREACHABLE, "the time of the run is over"),
}


_LEFT = b"\nleft at once: what was sent is in the journal, and the next apply tells it\n"


class Interrupt:
    """The handler of a run's signals.

    The first signal raises KeyboardInterrupt or, once `defer` was called, is only noted and `wake` is called. A second
    one ends the process at once, with PARTIAL and a word on stderr when `sending`, its own or a part's, says that
    something may have been changed. SIGALRM means that the run's time is over, and never counts as a second signal.

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
        self._parts: list[Interrupt] = []

    def part(self) -> Interrupt:
        """Return what a part of the run, which goes on beside others in a thread of its own, learns of signals by."""
        made = Interrupt(self._leave)
        self._parts.append(made)
        if self.came:
            made.learn(self)
        return made

    @property
    def is_deferred(self) -> bool:
        """Whether signals are only noted by now."""
        return self._deferred

    @property
    def problem(self) -> Problem:
        """Why the run ended, what it had done, and how it goes on."""
        more = ", with more time" if self.exit_code is ExitCode.UNREACHABLE else ""
        return Problem(f"{self.message}: {self.so_far}", f"run it again to go on{more}")

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
                may_have_sent = self.sending or any(part.sending for part in self._parts)
                if may_have_sent:
                    with suppress(OSError):
                        os.write(2, _LEFT)  # past Python's streams, one of which may be in the middle of something
                self._leave(ExitCode.PARTIAL if may_have_sent else meaning[0])
            return
        self.exit_code, self.message = meaning
        self.came = True
        for part in self._parts:
            part.learn(self)
        if not self._deferred:
            raise KeyboardInterrupt
        self.wake()

    def learn(self, whole: Interrupt) -> None:
        """Note the signal that came to the whole run: whoever asks learns of it, and whoever waits is woken."""
        self.exit_code, self.message, self.came = whole.exit_code, whole.message, True
        self.wake()


def is_struck(error: BaseException | None) -> bool:
    """Return whether the error is that of a signal, or was made of it: in an import, Python 3.11 may do that."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None

"""Lines in, on standard output; a reader who does not read holds the run up only until it has to end."""

from __future__ import annotations

import os
import select
from io import UnsupportedOperation

from reconciler.commands.context import Context, unwritable
from reconciler.errors import LocalError, Problem

_LOOK_S = 0.1  # between two looks at whether the run has to end


class Outlet:
    """Writes lines of ASCII to the standard output of a context, each at once."""

    def __init__(self, context: Context) -> None:
        self._stream = context.stdout
        self._interrupt = context.interrupt
        self._context = context
        self._midway = False

    def write(self, line: str) -> None:
        """Write a line; where a signal broke the one before off, behind a line break.

        Raises LocalError when it cannot be written, or is not taken while the run has to end, and BrokenPipeError when
        nobody reads any more.
        """
        try:
            number = self._stream.fileno()
        except UnsupportedOperation:  # a stream of Python's own
            self._context.show(line)
            return
        with self._context.aside():
            try:
                self._stream.flush()
                self._send(number, self._context.hidden(line).encode("ascii"))
            except BrokenPipeError:
                raise
            except OSError as error:
                raise unwritable(error) from error

    def _send(self, number: int, data: bytes) -> None:
        left = b"\n" * self._midway + data
        while left:
            while not select.select([], [number], [], _LOOK_S)[1]:
                if self._interrupt.came:
                    raise LocalError(Problem("standard output does not take more before the run has to end"))
            self._midway = True
            # A pipe that takes anything takes so much without a wait.
            left = left[os.write(number, left[: select.PIPE_BUF]) :]
        self._midway = False

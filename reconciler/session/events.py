"""A run that sends, as events on standard output: JSON Lines for programs, the last of which says how it ended."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from io import UnsupportedOperation

from reconciler.core.live import TokenId
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Change, Plan
from reconciler.errors import ExitCode, LocalError, TokenctlError
from reconciler.render import json, text
from reconciler.session.context import Context, unwritable

_LOOK_S = 0.1  # between two looks at whether the run has to end


class Outlet:
    """Writes lines of ASCII to the standard output of a context, each at once."""

    def __init__(self, context: Context) -> None:
        self._stream = context.streams.stdout
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
            self._context.streams.show(line)
            return
        with self._context.streams.aside():
            try:
                self._stream.flush()
                self._send(number, self._context.streams.secrets.hidden(line).encode("ascii"))
            except BrokenPipeError:
                raise
            except OSError as error:
                raise unwritable(error) from error

    def _send(self, number: int, data: bytes) -> None:
        left = b"\n" * self._midway + data
        while left:
            while not select.select([], [number], [], _LOOK_S)[1]:
                if self._interrupt.came:
                    raise LocalError("standard output does not take more before the run has to end")
            self._midway = True
            # A pipe that takes anything takes so much without a wait.
            left = left[os.write(number, left[: select.PIPE_BUF]) :]
        self._midway = False


class Events:
    """Tells a plan, and as a watch what becomes of it.

    That standard output takes no more changes nothing once the plan was told; the report then goes to stderr.
    """

    every_s: float | None = None

    def __init__(self, context: Context) -> None:
        self.outcome: Outcome | None = None
        self._context = context
        self._outlet = Outlet(context)
        self._broken = False
        self._plan: Plan | None = None
        self._statuses: dict[TokenId, ResultStatus] = {}

    def plan(self, plan: Plan) -> None:
        """Tell what is to be done; raises LocalError and BrokenPipeError, as what cannot be shown is not sent."""
        self._plan = plan
        self._statuses = dict.fromkeys((change.token.id for change in plan.changes), ResultStatus.NOT_ATTEMPTED)
        try:
            self._outlet.write(json.plan_event(plan))
        except (OSError, LocalError):
            self._broken = True
            raise

    def started(self, change: Change) -> None:
        """Tell it."""
        self._statuses[change.token.id] = ResultStatus.UNVERIFIED
        self._tell(json.op_started(change))

    def finished(self, result: Result) -> None:
        """Tell it."""
        self._statuses[result.change.token.id] = result.status
        self._tell(json.op_finished(result))

    def tick(self) -> None:
        """Programs know the time."""

    def end(self, code: ExitCode) -> None:
        """Tell how it ended."""
        self._tell(json.summary(code, self._statuses.values(), self._plan, self.outcome))
        if self._broken and self.outcome:
            self._context.streams.say(text.outcome(self.outcome))

    def _tell(self, line: str) -> None:
        if self._broken:
            return
        try:
            self._outlet.write(line)
        except (OSError, LocalError):
            self._broken = True


def streamed(wanted: bool, context: Context, run: Callable[[Events | None], ExitCode]) -> ExitCode:
    """Run it, with events to tell where these are wanted; however it ends, they say so."""
    if not wanted:
        return run(None)
    told, code = Events(context), ExitCode.ERROR
    try:
        code = run(told)
    except TokenctlError as error:
        code = error.exit_code
        raise
    except KeyboardInterrupt:
        code = context.interrupt.exit_code
        raise
    finally:
        told.end(code)
    return code

"""The report of a run while it goes on: its plan, the result of each change, progress, and the outcome."""

from __future__ import annotations

import os
import select
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from typing import Protocol

from reconciler.apply.interrupt import is_struck
from reconciler.core.live import TokenId
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Change, Plan
from reconciler.errors import ExitCode, LocalError, Problem, TokenctlError
from reconciler.render import json, text, words
from reconciler.session.context import Context, Display, unwritable
from reconciler.session.places import code_and_problems, named_plan

_LOOK_S = 0.1  # between two looks at whether the run has to end


class Progress:
    """Draws progress on a display at its intervals; work that takes less than the first interval shows none."""

    def __init__(self, display: Display, clock: Callable[[], float]) -> None:
        self.every_s = display.every_s
        self._display = display
        self._clock = clock
        self._thread = threading.get_ident()
        self._began = self._next = 0.0
        self._restart()

    def tokens_read(self, tokens: int) -> None:
        """Draw how many tokens of a list have come, 0 when it begins; does nothing for lists that workers read."""
        if threading.get_ident() != self._thread:
            return
        if tokens:
            self.draw(lambda _: words.reading(tokens), None)
        else:
            self._restart()

    def waiting(self, url: str, waited_s: float) -> float | None:
        """Draw for how long a server is waited for, and say after how long again; None for what workers wait for."""
        if threading.get_ident() != self._thread:
            return None
        if waited_s and waited_s >= self._display.first_s:
            self._display.draw(words.waiting(url, waited_s), None)
        return self.every_s

    def draw(self, told: Callable[[float], str], share: float | None) -> None:
        """Draw the words that `told` returns for the seconds since the beginning, if it is time to."""
        now = self._clock()
        if now >= self._next:
            self._next = now + self._display.every_s
            self._display.draw(told(now - self._began), share)

    def _restart(self) -> None:
        self._began = self._clock()
        self._next = self._began + self._display.first_s


def progress_of(context: Context) -> Progress | None:
    """Return what draws the progress of work that begins now, None where no progress is shown."""
    streams = context.streams
    return None if streams.quiet or not streams.display else Progress(streams.display, context.clock)


class Outlet:
    """Writes lines of ASCII to the standard output of a context, each at once; `broken` once one could not be.

    Several threads may write.
    """

    def __init__(self, context: Context) -> None:
        self.broken = False
        self._stream = context.streams.stdout
        self._context = context
        self._midway = False
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Write a line; where a signal broke the one before off, behind a line break.

        Raises LocalError when it cannot be written, or is not taken while the run has to end, and BrokenPipeError when
        nobody reads any more.
        """
        try:
            with self._lock:
                self._write(line)
        except (OSError, LocalError) as error:
            self.broken = True
            if isinstance(error, LocalError | BrokenPipeError):
                raise
            raise unwritable(error) from error

    def _write(self, line: str) -> None:
        try:
            number = self._stream.fileno()
        except UnsupportedOperation:  # a stream of Python's own
            self._context.streams.show(line, needed=True)
            return
        left = b"\n" * self._midway + self._context.streams.secrets.hidden(line).encode("ascii")
        with self._context.streams.without_progress():
            self._stream.flush()
            while left:
                while not select.select([], [number], [], _LOOK_S)[1]:
                    if self._context.interrupt.came:
                        raise LocalError("standard output does not take more before the run has to end")
                self._midway = True
                # A pipe that takes anything takes so much without a wait.
                left = left[os.write(number, left[: select.PIPE_BUF]) :]
        self._midway = False


class Report:
    """Tells of a run that sends, which it observes: as events where these are wanted, else as text.

    That standard output takes no more changes nothing once the plan was shown; the report then goes to stderr.
    """

    def __init__(self, context: Context, outlet: Outlet | None = None) -> None:
        self._context = context
        self._outlet = outlet
        self._progress: Progress | None = None
        self._plan: Plan | None = None
        self._outcome: Outcome | None = None
        self._again = ""
        self._started: set[TokenId] = set()
        self._finished: dict[TokenId, ResultStatus] = {}

    @property
    def code(self) -> ExitCode:
        """What the run exits with, unless an error ends it."""
        return self._outcome.exit_code if self._outcome else ExitCode.OK

    @property
    def statuses(self) -> Collection[ResultStatus]:
        """What is known of each change of the plan by now."""
        ids = [change.token.id for change in self._plan.changes] if self._plan else []
        unknown = dict.fromkeys(self._started, ResultStatus.UNVERIFIED)
        return {**dict.fromkeys(ids, ResultStatus.NOT_ATTEMPTED), **unknown, **self._finished}.values()

    @property
    def every_s(self) -> float | None:
        return self._progress.every_s if self._progress else None

    def plan(self, plan: Plan, files: Sequence[str]) -> None:
        """Show what is to be done, which was made from these files; with --quiet only if there is anything.

        Raises LocalError and BrokenPipeError, as what cannot be shown is not sent.
        """
        self._plan = plan
        if self._outlet:
            self._outlet.write(json.plan_event(named_plan(plan, files, self._context.environment)))
        elif not (plan.is_settled and self._context.streams.terse):
            streams = self._context.streams
            streams.show(text.plan(plan, colour=streams.colour, columns=streams.columns), needed=True)

    def sending(self) -> None:
        """Show progress from now on: the plan's changes are about to be sent."""
        self._progress = progress_of(self._context)

    def started(self, change: Change) -> None:
        self._started.add(change.token.id)
        self._tell(json.op_started, change)

    def finished(self, result: Result) -> None:
        self._finished[result.change.token.id] = result.status
        self._tell(json.op_finished, result)

    def refresh(self) -> None:
        # Counts and times only, never a name.
        if self._progress and self._plan:
            total, known = len(self._plan.changes), self._finished
            # They are counted only when it is time to draw.
            self._progress.draw(lambda s: words.applying(total, Counter(known.values()), s), len(known) / total)

    def outcome(self, outcome: Outcome, again: str = "") -> None:
        """Show what came of the run, and how it goes on, unless events tell it."""
        self._outcome, self._again = outcome, again
        if not self._outlet:
            try:
                streams = self._context.streams
                streams.show("\n" + self._words(outcome, colour=streams.colour, columns=streams.columns), needed=True)
            except (BrokenPipeError, LocalError):
                self._context.streams.say(self._words(outcome))

    def end(self, code: ExitCode, problems: Sequence[Problem] = ()) -> None:
        """Tell that the run ends with this code, because of these problems."""
        if self._outlet:
            self._tell(json.summary, code, self.statuses, self._plan, self._outcome, problems)
            if self._outlet.broken and self._outcome:
                self._context.streams.say(self._words(self._outcome))

    def _tell(self, event: Callable[..., str], *about: object) -> None:
        if self._outlet and not self._outlet.broken:
            with suppress(OSError, LocalError):
                self._outlet.write(event(*about))

    def _words(self, outcome: Outcome, *, colour: bool = False, columns: int | None = None) -> str:
        across = bool(self._plan and self._plan.across)
        return text.outcome(outcome, self._again, across=across, colour=colour, columns=columns)


class Ending(Protocol):
    """A report that is to tell how its run ends."""

    @property
    def code(self) -> ExitCode:
        """What the run exits with, unless an error ends it."""

    def end(self, code: ExitCode, problems: Sequence[Problem] = ()) -> None:
        """Tell that the run ends with this code, because of these problems."""


@contextmanager
def reported(report: Ending, context: Context) -> Iterator[None]:
    """Let the report tell how the block ends, however that is, with its last event."""
    code, problems = ExitCode.ERROR, tuple[Problem, ...]()
    try:
        yield
        code = report.code
    except (TokenctlError, KeyboardInterrupt) as error:
        code, problems = code_and_problems(error, context)
        raise
    except RuntimeError as error:
        if is_struck(error):
            code, problems = code_and_problems(KeyboardInterrupt(), context)
        raise
    finally:
        report.end(code, problems)

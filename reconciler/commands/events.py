"""A run that sends, as events on standard output: JSON Lines for programs, the last of which says how it ended."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.commands.context import Context
from reconciler.commands.outlet import Outlet
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.core.token import TokenId
from reconciler.errors import ExitCode, LocalError, TokenctlError
from reconciler.render import events, text


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
        self._fates: dict[TokenId, Fate] = {}

    def plan(self, plan: Plan) -> None:
        """Tell what is to be done; raises LocalError and BrokenPipeError, as what cannot be shown is not sent."""
        self._plan = plan
        self._fates = dict.fromkeys((change.token.id for change in plan.changes), Fate.NOT_ATTEMPTED)
        try:
            self._outlet.write(events.plan(plan))
        except (OSError, LocalError):
            self._broken = True
            raise

    def started(self, change: Change) -> None:
        """Tell it."""
        self._fates[change.token.id] = Fate.UNVERIFIED
        self._tell(events.op_started(change))

    def finished(self, result: Result) -> None:
        """Tell it."""
        self._fates[result.change.token.id] = result.fate
        self._tell(events.op_finished(result))

    def tick(self) -> None:
        """Programs know the time."""

    def end(self, code: ExitCode) -> None:
        """Tell how it ended."""
        self._tell(events.summary(code, self._fates.values(), self._plan, self.outcome))
        if self._broken and self.outcome:
            self._context.say(text.outcome(self.outcome))

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

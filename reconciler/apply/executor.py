"""A plan in, its PATCHes sent phase by phase, each verified, and an Outcome out.

Workers exchange HTTP and return values; this thread alone owns the queue, the journal, the phases and the decision to
stop. An operation's life: recheck (if what is known of its token is old), intent, PATCH, result; at the end of the
phase a lost answer is settled by reading; at the end of the run everything is read back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from reconciler.apply.journal import Journal
from reconciler.apply.pool import Pool
from reconciler.apply.verify import Reads, Seen, attempt, prove, read_back, settle
from reconciler.apply.watch import Unwatched, Watch
from reconciler.core.guard import Guard
from reconciler.core.guards import may_be_own
from reconciler.core.live import Missing
from reconciler.core.outcome import Fate, Outcome, Result, deviation
from reconciler.core.plan import Action, Change, Plan
from reconciler.core.planner import differences
from reconciler.core.token import Token, TokenId
from reconciler.errors import AuthError, ExitCode, LocalError, TokenctlError, UnreachableError

_RECHECK = "recheck"
_PATCH = "patch"


class Writes(Protocol):
    """What apply needs of a writer."""

    def patch(self, token_id: TokenId, body: dict[str, str]) -> Token:
        """Send one PATCH and give the token of the answer; raises TokenctlError when none or another came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a run works with; `clock` counts seconds, `read_at` is its time when the plan's tokens were read.

    `before_own` runs after everything was read back and before the caller's own token is switched off, if it is at all:
    the last moment at which the server is sure to do as the caller says.
    """

    reader: Reads
    writer: Writes
    journal: Journal
    clock: Callable[[], float]
    read_at: float
    parallelism: int = 8
    recheck_after_s: float = 5.0
    watch: Watch = field(default_factory=Unwatched)
    before_own: Callable[[], None] = lambda: None


def execute(plan: Plan, means: Means) -> Outcome:
    """Send the plan's changes: activations, then descriptions, then deactivations, the caller's own token last of all.

    A phase in which anything is not done keeps the later ones from starting. Never raises for what the server does.
    """
    run = _Run(plan, means)
    try:
        last = {change.token.id for change in plan.changes if _locks_out(change, plan)}
        first = [change for change in plan.changes if change.token.id not in last]
        for action in Action:
            run.phase([change for change in first if change.action is action])
        run.read_back(first)
        means.before_own()
        for change in plan.changes:
            if change.token.id in last:
                run.phase([change])
                run.prove(change)
        return run.outcome()
    finally:
        run.close()


def _locks_out(change: Change, plan: Plan) -> bool:
    """Whether the caller may be signed in with this token; that it is not is known only of what cannot manage."""
    waived = Guard.SELF in plan.waivers and may_be_own(change)
    return change.action is Action.DEACTIVATE and (change.token.is_own or waived)


@dataclass(frozen=True, slots=True)
class _Step:
    kind: str
    change: Change
    seen: Seen


class _Run:
    """The state of one run; used by one thread."""

    def __init__(self, plan: Plan, means: Means) -> None:
        self._plan = plan
        self._means = means
        self._pool: Pool[_Step] = Pool(min(means.parallelism, len(plan.changes)))
        self._results: dict[TokenId, Result] = {}
        self._stopped = ""

    def close(self) -> None:
        """Let the workers go."""
        self._pool.close()

    def outcome(self) -> Outcome:
        """The results so far, in the plan's order; what has none was not attempted."""
        reason = "" if self._stopped else "what had to come before it did not succeed"
        results = tuple(
            self._results.get(change.token.id)
            or Result(change=change, fate=Fate.NOT_ATTEMPTED, reason=reason, code=self._first_code())
            for change in self._plan.changes
        )
        outcome = Outcome(results=results, stopped=self._stopped, journal=str(self._means.journal.path))
        self._log(lambda: self._means.journal.summary(outcome))
        return replace(outcome, stopped=self._stopped)

    def _first_code(self) -> ExitCode:
        return next((result.code for result in self._results.values()), ExitCode.ERROR)

    def phase(self, changes: Sequence[Change]) -> None:
        """Send these, unless something before them is not done; then settle the answers that were lost."""
        if self._stopped or any(result.fate is not Fate.DONE for result in self._results.values()):
            return
        waiting, flying = deque(changes), 0
        while True:
            while waiting and flying < self._means.parallelism and not self._stopped:
                flying += self._start(waiting.popleft())
            if not flying:
                break
            flying -= self._take(self._pool.take())
        for change in changes:
            result = self._results.get(change.token.id)
            if result and result.fate is Fate.UNVERIFIED:
                self._record(settle(result, self._means.reader))

    def read_back(self, changes: Sequence[Change]) -> None:
        """Read every change that is done once more: somebody may have written at the same time."""
        results = [result for change in changes if (result := self._results.get(change.token.id))]
        done = [result for result in results if result.fate is Fate.DONE]
        for result in read_back(done, self._means.reader, self._plan.live):
            self._record(result)

    def prove(self, change: Change) -> None:
        """Read a token back that may have been the caller's own: then the server's refusal is the proof."""
        result = self._results.get(change.token.id)
        if result and result.fate is Fate.DONE:
            self._record(prove(result, self._means.reader))

    def _start(self, change: Change) -> int:
        """Begin the operation; gives how many steps are now in flight for it."""
        if self._means.clock() - self._means.read_at > self._means.recheck_after_s:
            read = self._means.reader.get
            self._pool.submit(lambda: _Step(_RECHECK, change, attempt(lambda: read(change.token.id))))
            return 1
        return self._patch(change)

    def _patch(self, change: Change) -> int:
        self._log(lambda: self._means.journal.intent(change))
        if self._stopped:
            return 0
        self._means.watch.started(change)
        write = self._means.writer.patch
        self._pool.submit(lambda: _Step(_PATCH, change, attempt(lambda: write(change.token.id, change.body))))
        return 1

    def _take(self, step: _Step) -> int:
        """Use what a worker brought; gives how many steps are now no longer in flight."""
        if step.kind == _PATCH:
            self._record(_answered(step.change, step.seen))
        elif refusal := _refused(step.change, step.seen):
            self._record(refusal)
        elif not self._stopped:
            return 1 - self._patch(step.change)
        if isinstance(step.seen, AuthError | UnreachableError):
            self._stop(step.seen)
        return 1

    def _record(self, result: Result) -> None:
        self._results[result.change.token.id] = result
        self._log(lambda: self._means.journal.result(result))
        self._means.watch.finished(result)

    def _log(self, write: Callable[[], None]) -> None:
        try:
            write()
        except LocalError as error:
            self._stop(error)

    def _stop(self, error: TokenctlError) -> None:
        self._stopped = self._stopped or error.problems[0].message


def _answered(change: Change, seen: Seen) -> Result:
    """The result of a PATCH: done when the answer shows it, unverified whatever else came."""
    if isinstance(seen, Token):
        reason = deviation(change, seen)
        fate = Fate.UNVERIFIED if reason else Fate.DONE
        return Result(change=change, fate=fate, reason=reason, sent=True, updated_at=seen.updated_at)
    return Result(change=change, fate=Fate.UNVERIFIED, reason=_words(seen), sent=True)


def _refused(change: Change, seen: Seen) -> Result | None:
    """Why the operation is not sent after all, judged by what its token is now."""
    if isinstance(seen, TokenctlError):
        return Result(change=change, fate=Fate.FAILED, reason=_words(seen), code=seen.exit_code)
    moved = f"it is {seen.kind} now" if isinstance(seen, Missing) else "; ".join(differences(change.token, seen))
    if not moved:
        return None
    reason = f"not sent, it changed since it was planned: {moved}"
    return Result(change=change, fate=Fate.FAILED, reason=reason, code=ExitCode.STALE)


def _words(seen: TokenctlError | Missing) -> str:
    return f"it is {seen.kind}" if isinstance(seen, Missing) else seen.problems[0].message

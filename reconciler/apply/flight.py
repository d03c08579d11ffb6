"""Changes in, their results out: keeps a few operations under way, each with its intent and its result in the journal.

Workers exchange HTTP and return values. The one thread that uses a Flight alone owns the queue, the journal, the
breaker and the decision to stop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from reconciler.apply.breaker import Breaker
from reconciler.apply.means import Means
from reconciler.apply.operation import Look, Operation, Send, after_answer, after_look
from reconciler.apply.pace import Pace
from reconciler.apply.pool import Pool
from reconciler.apply.verify import Seen, attempt
from reconciler.core.outcome import Fate, Result
from reconciler.core.plan import Change
from reconciler.core.token import Token, TokenId
from reconciler.errors import AuthError, ExitCode, LocalError, Problem, TokenctlError, TransientError, UnreachableError

_TOO_LATE = UnreachableError(Problem("there was no answer before the run had to end"))
_NO_TOKEN = TokenId("")


@dataclass(frozen=True, slots=True)
class _Step:
    """What a worker brings: of one token what it has seen, None if it has only waited; or why a question failed."""

    token_id: TokenId
    seen: Seen | None = None
    failure: TokenctlError | None = None


class Flight:
    """The operations of one run, at most so many at once.

    `results` is what is known of each change that was begun, `stopped` why no more are begun ("" while they are), and
    `code` what the run exits with when it was stopped and had changed nothing.
    """

    def __init__(self, means: Means, size: int) -> None:
        self.results: dict[TokenId, Result] = {}
        self.stopped = ""
        self.code = ExitCode.ERROR
        self._means = means
        self._size = size
        self._pool: Pool[_Step] = Pool(size)
        self._flying: dict[TokenId, Operation] = {}
        self._due: list[tuple[Operation, Result | None]] = []  # to be sent, and what holds of it if it is not
        self._pace = Pace(means.pacing.per_s)
        self._breaker = Breaker(means.pacing.max_failures)
        self._halt = threading.Event()
        self._ends: float | None = None
        means.interrupt.wake = self._pool.wake

    def close(self) -> None:
        """Let the workers go."""
        self._pool.close()

    def stop(self, why: str, code: ExitCode) -> None:
        """Begin no more operations, and wait no longer before another try; the first reason is kept."""
        if not self.stopped:
            self.stopped, self.code = why, code
        self._halt.set()

    def send(self, changes: Iterable[Change]) -> None:
        """Send these and settle what has no plain answer; gives up what is under way when the run has to end."""
        waiting = iter(changes)
        steps: list[_Step] = []
        while True:
            self._notice()
            self._write(partial(self._turn, steps, waiting))
            self._depart()
            if not self._flying:
                return
            steps = self._take_all()
            if not steps:
                self._give_up()
                return

    def look(self, token_ids: Iterable[TokenId]) -> dict[TokenId, Seen]:
        """Read these tokens; an error stands for each that was not read in time."""
        seen: dict[TokenId, Seen] = dict.fromkeys(token_ids, _TOO_LATE)
        for token_id in seen:
            self._pool.submit(partial(self._read, token_id))
        for _ in range(len(seen)):
            step = self._take()
            if not step:
                break
            seen[step.token_id] = step.seen or _TOO_LATE
        return seen

    def look_at_all(self) -> Mapping[TokenId, Token] | TokenctlError:
        """Read every token with one request."""
        listed: dict[TokenId, Token] = {}
        return self.ask(lambda: listed.update(self._means.reader.list_tokens().tokens)) or listed

    def ask(self, question: Callable[[], object]) -> TokenctlError | None:
        """Have a worker ask something else of the server; the error that came of it, or of having no time for it."""
        self._pool.submit(partial(self._ask, question))
        step = self._take()
        return step.failure if step else _TOO_LATE

    def record(self, result: Result) -> None:
        """Keep what is known of a change, write it down and tell it."""
        self.results[result.change.token.id] = result
        self._write(partial(self._means.journal.result, result))
        self._means.watch.finished(result)

    def _turn(self, steps: Iterable[_Step], waiting: Iterator[Change]) -> None:
        """Go on with what workers have brought, and begin more; what all of that writes down is written together."""
        with self._means.journal.together():
            for step in steps:
                self._go_on(self._flying.pop(step.token_id), step)
            while not self.stopped and len(self._flying) + len(self._due) < self._size:
                if not (change := next(waiting, None)):
                    break
                self._begin(Operation(change=change))
            for operation, _ in () if self.stopped else self._due:
                self._means.journal.intent(operation.change, operation.attempt)

    def _depart(self) -> None:
        """Send what is due, now that its intents are on the disk; once the run has stopped nothing is."""
        due, self._due = self._due, []
        for operation, otherwise in due:
            if not self.stopped:
                if operation.attempt == 1:
                    self._means.watch.started(operation.change)
                self._submit(operation, partial(self._send, operation.change))
            elif otherwise:
                self._finish(otherwise)

    def _begin(self, operation: Operation) -> None:
        now, token_id = self._means.clock(), operation.change.token.id
        wait_s = self._pace.wait_s(now)
        if now + wait_s - self._means.read_at > self._means.recheck_after_s:
            self._submit(operation, partial(self._read, token_id, wait_s))
        elif wait_s:
            self._submit(operation, partial(self._wait, token_id, wait_s))
        else:
            self._due.append((operation.sent(), None))

    def _go_on(self, operation: Operation, step: _Step) -> None:
        """Do what comes next for an operation whose token was sent or read, or that has only waited."""
        following: Look | Send | Result = Send()
        if seen := step.seen:
            if isinstance(seen, UnreachableError | AuthError) and not isinstance(seen, TransientError):
                self.stop(seen.problems[0].message, seen.exit_code)
            if operation.in_flight:
                operation, following = after_answer(operation, seen, self._means.retries)
            else:
                following = after_look(operation, seen)
        match following:
            case Look(wait_s):
                if operation.again:
                    wait_s = max(wait_s, self._pace.wait_s(self._means.clock()))
                self._submit(operation, partial(self._read, operation.change.token.id, wait_s))
            case Send(otherwise):
                self._due.append((operation.sent(), otherwise))
            case _:
                self._finish(following)

    def _finish(self, result: Result) -> None:
        self.record(result)
        if why := self._breaker.note(failed=result.fate is not Fate.DONE):
            self.stop(why, result.code)

    def _submit(self, operation: Operation, job: Callable[[], _Step]) -> None:
        self._flying[operation.change.token.id] = operation
        self._pool.submit(job)

    def _write(self, line: Callable[[], None]) -> None:
        try:
            line()
        except LocalError as error:
            self.stop(error.problems[0].message, error.exit_code)

    def _take(self) -> _Step | None:
        """What a worker brings next, None when the time that is left to a run that has to end is over."""
        watch = self._means.watch
        while True:
            left_s = None if self._ends is None else max(0.0, self._ends - self._means.clock())
            step = self._pool.take(min((wait for wait in (left_s, watch.every_s) if wait is not None), default=None))
            self._notice()
            watch.tick()
            if step or left_s == 0.0:
                return step

    def _take_all(self) -> list[_Step]:
        """What the workers bring next, and what they have brought by then; nothing when the time is over."""
        step = self._take()
        steps = []
        while step:
            steps.append(step)
            step = self._pool.take(0.0)
        return steps

    def _notice(self) -> None:
        interrupt = self._means.interrupt
        if interrupt.came and self._ends is None:
            self._ends = self._means.clock() + self._means.grace_s
            self.stop(interrupt.words, interrupt.exit_code)

    def _give_up(self) -> None:
        """Leave what is under way: whether it will be applied, nobody here will see."""
        for operation in self._flying.values():
            if operation.in_flight:
                self.record(
                    Result(
                        change=operation.change, fate=Fate.UNVERIFIED, reason=_TOO_LATE.problems[0].message, sent=True
                    )
                )
            elif operation.doubt:
                self.record(operation.doubt)
        self._flying.clear()

    # What workers do.

    def _send(self, change: Change) -> _Step:
        return _Step(change.token.id, attempt(lambda: self._means.writer.patch(change.token.id, change.body)))

    def _read(self, token_id: TokenId, wait_s: float = 0.0) -> _Step:
        self._wait(token_id, wait_s)
        return _Step(token_id, attempt(lambda: self._means.reader.get(token_id)))

    def _wait(self, token_id: TokenId, wait_s: float) -> _Step:
        if wait_s:
            self._means.pause(self._halt, wait_s)
        return _Step(token_id, None)

    def _ask(self, question: Callable[[], object]) -> _Step:
        try:
            question()
        except TokenctlError as error:
            return _Step(_NO_TOKEN, failure=error)
        return _Step(_NO_TOKEN)

"""Keeps a few operations under way, each with its intent and its result in the journal.

Workers only exchange HTTP and return values. The queue, the journal, the breaker and the decision to stop belong to the
one thread that uses the Scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from reconciler.apply.operation import Operation, Read, Seen, Send, after_answer, after_read, unsent
from reconciler.apply.pace import Breaker, Pace
from reconciler.apply.parts import Parts
from reconciler.apply.work import Pool, Step, Work
from reconciler.core.live import Token, TokenId
from reconciler.core.outcome import Result, ResultStatus
from reconciler.core.plan import Change
from reconciler.documents.journal import intent_line, result_line
from reconciler.errors import AuthError, ExitCode, LocalError, TokenctlError, TransientError, UnreachableError

_AHEAD = 3  # operations for each worker while all goes well: one is sent, and the others need not wait for the disk
_SOON_S = 0.002
_TOO_LATE = UnreachableError("there was no answer before the run had to end")


class Scheduler:
    """The operations of one run, at most `size` at once; of a few more the intents are written ahead.

    `results` has the result of each change that was begun, `stopped` says why no more are begun ("" while they are),
    and `code` what the run exits with when it was stopped and changed nothing.
    """

    def __init__(self, parts: Parts, size: int) -> None:
        self.results: dict[TokenId, Result] = {}
        self.stopped = ""
        self.code = ExitCode.ERROR
        self._parts = parts
        self._pool: Pool[Step] = Pool(size)
        self._is_smooth = parts.pacing.is_free and size > 1
        self._under_way: dict[TokenId, Operation] = {}
        self._due: list[Operation] = []
        self._pace = Pace(parts.pacing.per_s)
        self._breaker = Breaker(parts.pacing.max_failures)
        self._work = Work(parts)
        self._ends: float | None = None
        self._clock = parts.surroundings.clock
        self._interrupt = parts.surroundings.interrupt
        self._interrupt.wake = self._pool.wake

    def close(self) -> None:
        """Let the workers end once they are idle."""
        self._pool.close()

    def stop(self, why: str, code: ExitCode) -> None:
        """Begin no more operations, and end the waits before retries; the first reason is kept."""
        if not self.stopped:
            self.stopped, self.code = why, code
        self._work.stop()

    def send(self, changes: Iterable[Change]) -> None:
        """Send these changes until each has a result; gives up what is still under way when the run has to end."""
        waiting = iter(changes)
        steps: list[Step] = []
        while True:
            self._check_interrupt()
            with self.together():
                self._advance(steps, waiting)
            self._send_due()
            if not self._under_way:
                return
            steps = self._take_all()
            if not steps:
                with self.together():
                    self._give_up()
                return

    def read(self, token_ids: Iterable[TokenId]) -> dict[TokenId, Seen]:
        """Return what a read of each of these tokens brought, an error for those not read in time."""
        seen: dict[TokenId, Seen] = dict.fromkeys(token_ids, _TOO_LATE)
        for token_id in seen:
            self._pool.submit(partial(self._work.read, token_id))
        for _ in range(len(seen)):
            if not (step := self._take()):
                break
            seen[step.token_id] = step.seen or _TOO_LATE
        return seen

    def read_all(self) -> Mapping[TokenId, Token] | TokenctlError:
        """Return all live tokens by id, read with one request, or the error of that request."""
        listed: dict[TokenId, Token] = {}
        return self.ask(lambda: listed.update(self._parts.reader.list_tokens().tokens)) or listed

    def ask(self, question: Callable[[], object]) -> TokenctlError | None:
        """Let a worker ask something else of the server; return the error if that fails or takes too long."""
        self._pool.submit(partial(self._work.ask, question))
        step = self._take()
        return step.failure if step else _TOO_LATE

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the journal lines of the block together at its end; when they cannot be written, the run stops."""
        with self._writing(), self._parts.journal.together():
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Stop the run when the journal cannot be written in the block."""
        try:
            yield
        except LocalError as error:
            self.stop(error.problems[0].message, error.exit_code)

    def record(self, result: Result) -> None:
        """Keep the result of a change, write it to the journal and tell the observers."""
        self.results[result.change.token.id] = result
        with self._writing():
            self._parts.journal.write(result_line(result))
        for observer in self._parts.observers:
            observer.finished(result)

    def _advance(self, steps: Iterable[Step], waiting: Iterator[Change]) -> None:
        """Continue the operations of these steps and begin others."""
        for step in steps:
            self._continue(self._under_way.pop(step.token_id), step)
        while not self.stopped and len(self._under_way) + len(self._due) < self._most:
            if not (change := next(waiting, None)):
                break
            self._begin(Operation(change=change, known_at=self._parts.read_at))
        for operation in () if self.stopped else self._due:
            self._parts.journal.write(intent_line(operation.change, operation.attempt))

    def _send_due(self) -> None:
        """Send the PATCHes that are due, whose intents are on the disk by now; if the run stopped, only record them."""
        due, self._due = self._due, []
        for operation in due:
            if self.stopped:
                self._record_unsent(operation)
                continue
            if operation.attempt == 1:
                for observer in self._parts.observers:
                    observer.started(operation.change)
            self._interrupt.sending = True
            self._submit(operation, partial(self._work.send, operation))

    @property
    def _most(self) -> int:
        """How many operations may be begun: no more than are sent at once, until as many have gone well."""
        is_smooth = self._is_smooth and len(self.results) >= self._pool.size
        return self._pool.size * _AHEAD if is_smooth else self._pool.size

    def _begin(self, operation: Operation) -> None:
        wait_s = self._pace.wait_s(self._clock())
        if wait_s:
            self._submit(operation, partial(self._work.wait, operation.change.token.id, wait_s))
        else:
            self._due.append(operation.due(None))

    def _continue(self, operation: Operation, step: Step) -> None:
        """Take the next step of an operation after a worker sent its PATCH, read its token, or only waited."""
        self._work.note_answered(step.token_id)
        following: Read | Send | Result = Send(operation.otherwise)
        if seen := step.seen:
            if isinstance(seen, UnreachableError | AuthError) and not isinstance(seen, TransientError):
                self.stop(seen.problems[0].message, seen.exit_code)
            if step.known_at:
                operation = operation._replace(known_at=step.known_at)
                following = after_read(operation, seen)
            else:
                operation, following = after_answer(operation, seen, self._parts.retries, sent=step.sent)
        match following:
            case Read(wait_s):
                if operation.again:
                    wait_s = max(wait_s, self._pace.wait_s(self._clock()))
                self._submit(operation, partial(self._work.read, operation.change.token.id, wait_s))
            case Send(otherwise):
                self._due.append(operation.due(otherwise))
            case _:
                self._finish(following)
        self._is_smooth &= isinstance(following, Result) and following.status is ResultStatus.DONE

    def _record_unsent(self, operation: Operation) -> None:
        """Record the result of an operation whose PATCH is not sent, although the journal may have its intent."""
        if operation.otherwise:
            self._finish(operation.otherwise)
        else:
            self.record(unsent(operation.change, self.code))

    def _finish(self, result: Result) -> None:
        self.record(result)
        if why := self._breaker.note(failed=result.status is not ResultStatus.DONE):
            self.stop(why, result.code)

    def _submit(self, operation: Operation, job: Callable[[], Step]) -> None:
        self._under_way[operation.change.token.id] = operation
        self._pool.submit(job)

    def _take(self) -> Step | None:
        """Return the next step that a worker brings, None once the run has to end and its time of grace is over."""
        observers = self._parts.observers
        while True:
            left_s = None if self._ends is None else max(0.0, self._ends - self._clock())
            waits = (left_s, *(each.every_s for each in observers))
            step = self._pool.take(min((wait for wait in waits if wait is not None), default=None))
            self._check_interrupt()
            for observer in observers:
                observer.refresh()
            if step or left_s == 0.0:
                return step

    def _take_all(self) -> list[Step]:
        """Return the next step and all others that are there by then; none once the time of grace is over.

        While workers still find more to do, it waits a little for others: one sync of the journal is for all of them.
        """
        step = self._take()
        steps = []
        while step:
            steps.append(step)
            left = len(self._under_way) - len(steps)
            step = self._pool.take(_SOON_S if left > self._pool.size * (_AHEAD - 1) else 0.0)
        return steps

    def _check_interrupt(self) -> None:
        if self._interrupt.came and self._ends is None:
            self._ends = self._clock() + self._parts.grace_s
            self.stop(self._interrupt.message, self._interrupt.exit_code)

    def _give_up(self) -> None:
        """Record the operations that are under way, without waiting for them: what went out may still be applied."""
        for token_id, operation in self._under_way.items():
            if self._work.is_out(token_id):
                late = _TOO_LATE.problems[0].message
                self.record(Result(change=operation.change, status=ResultStatus.UNVERIFIED, reason=late, sent=True))
            elif operation.doubt:
                self.record(operation.doubt)
            else:
                self._record_unsent(operation)
        self._under_way.clear()

"""What the workers of a run do on their own threads: one exchange about one token.

Whether a read of a token is recent enough for its PATCH is decided here, at the last moment: any earlier, nobody knows
how long the disk, the scheduler or the connection will take.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from reconciler.apply.operation import Operation, Seen, refused
from reconciler.apply.pace import Moment
from reconciler.apply.parts import Parts
from reconciler.core.live import TokenId
from reconciler.errors import FailureKind, LocalError, TokenctlError, TransientError, attempt

T = TypeVar("T")


class Pool(Generic[T]):
    """Worker threads that run jobs and hand back their values: `size` threads, or as many as can be started.

    The threads are daemons: a worker that waits for a silent server keeps no process from ending. Raises LocalError
    when the system lets none be started.
    """

    def __init__(self, size: int) -> None:
        self._jobs: SimpleQueue[Callable[[], T] | None] = SimpleQueue()
        self._ended: SimpleQueue[T | BaseException | None] = SimpleQueue()
        self.size = 0
        for _ in range(size):
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError as error:  # a limit of the user, the container or the memory
                if self.size:
                    break
                hint = "look at the limits on processes and memory: `ulimit -a`, or those of the container"
                raise LocalError("nothing was sent: the system lets no thread be started", hint) from error
            self.size += 1

    def submit(self, job: Callable[[], T]) -> None:
        """Give a job to the next free worker."""
        self._jobs.put(job)

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for a job to end and give its value, or None when the time is up or `wake` was called.

        Raises what the job raised.
        """
        try:
            ended = self._ended.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(ended, BaseException):
            raise ended
        return ended

    def wake(self) -> None:
        """Let `take` return; may be called by a signal handler."""
        self._ended.put(None)

    def close(self) -> None:
        """Let the workers end once they are idle; waits for none."""
        for _ in range(self.size):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._ended.put(job())
            except BaseException as error:  # noqa: BLE001  handed to the owner, who raises it in `take`
                self._ended.put(error)


_TOO_SLOW = TransientError(
    "not sent: reading it takes so long that somebody may change it meanwhile",
    "look at the server's load",
    kind=FailureKind.PASSING,
)
_LOOKS = 3  # at a token for one PATCH: a process that is stopped or asleep that often must not change anything
_NO_TOKEN = TokenId("")


class _NotNowError(Exception):
    """A PATCH must not go out: what is known of its token is too old, or the run has to end."""


class Step(NamedTuple):
    """What a worker brings about one token.

    `seen` is what it has read or been answered, None if it only waited or must not send. `known_at` is the moment
    before a read, None for anything else. `sent` says that a PATCH went out. `failure` is the error of a question that
    was about no single token.
    """

    token_id: TokenId
    seen: Seen | None = None
    known_at: Moment | None = None
    sent: bool = False
    failure: TokenctlError | None = None


class Work:
    """What the workers of one run do; its methods may be called from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._surroundings = parts.surroundings
        self._halt = threading.Event()
        self._gate = threading.Lock()  # guards `_out`, to which nothing is added once the run has stopped
        self._out: set[TokenId] = set()

    def stop(self) -> None:
        """Let no PATCH go out any more, and end all waits."""
        with self._gate:
            self._halt.set()

    def is_out(self, token_id: TokenId) -> bool:
        """Return whether a PATCH of this token went out whose answer the scheduler has not taken yet."""
        return token_id in self._out

    def note_answered(self, token_id: TokenId) -> None:
        """Note that the scheduler has taken the answer to this token's PATCH."""
        self._out.discard(token_id)

    def send(self, operation: Operation) -> Step:
        """Send the PATCH of an operation; where its token was read too long ago, read it again first.

        Returns the answer, or what the token is now when that speaks against the change. Nothing is sent once the run
        has stopped.
        """
        change, known_at = operation.change, operation.known_at
        token_id = change.token.id
        for _ in range(_LOOKS):
            if self._must_end:
                return Step(token_id)
            if not self._is_young(known_at):
                known_at, seen = self._look(token_id)
                if refused(change, seen):
                    return Step(token_id, seen, known_at)
            with suppress(_NotNowError):
                ready = partial(self._mark_out, token_id, known_at)
                answer = attempt(partial(self._parts.writer.patch, token_id, change.body, ready))
                return Step(token_id, answer, sent=self.is_out(token_id))
        return Step(token_id, _TOO_SLOW, known_at)

    def read(self, token_id: TokenId, wait_s: float = 0.0) -> Step:
        """Wait for `wait_s`, less when the run stops, then read the token."""
        self.wait(token_id, wait_s)
        known_at, seen = self._look(token_id)
        return Step(token_id, seen, known_at)

    def wait(self, token_id: TokenId, wait_s: float) -> Step:
        """Wait for `wait_s`, less when the run stops."""
        if wait_s:
            self._surroundings.pause(self._halt, wait_s)
        return Step(token_id)

    def ask(self, question: Callable[[], object]) -> Step:
        """Ask the server the question; the step has its error, if any."""
        answer = attempt(question)
        return Step(_NO_TOKEN, failure=answer if isinstance(answer, TokenctlError) else None)

    def _mark_out(self, token_id: TokenId, known_at: Moment) -> None:
        """Note that a PATCH goes out now; raises _NotNowError when it must not."""
        with self._gate:
            self._out.discard(token_id)
            if self._must_end or not self._is_young(known_at):
                raise _NotNowError
            self._out.add(token_id)

    @property
    def _must_end(self) -> bool:
        return self._halt.is_set() or self._surroundings.interrupt.came

    def _is_young(self, known_at: Moment) -> bool:
        return self._surroundings.moment().is_within(self._parts.recheck_after_s, known_at)

    def _look(self, token_id: TokenId) -> tuple[Moment, Seen]:
        return self._surroundings.moment(), attempt(lambda: self._parts.reader.get(token_id))

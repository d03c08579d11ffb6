"""What the workers of a run do on their own threads: one exchange about one token.

What stands between a look at a token and its PATCH is decided here: whoever decides any earlier does not know how long
the disk, the scheduler or the connection will take.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from reconciler.apply.operation import Operation, Seen, refused
from reconciler.apply.pace import Moment
from reconciler.apply.parts import Parts
from reconciler.core.live import TokenId
from reconciler.errors import FailureKind, LocalError, TokenctlError, TransientError, attempt

T = TypeVar("T")


class Pool(Generic[T]):
    """Worker threads that run jobs and hand back what became of each: `size` of them, or fewer if there can be no more.

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
_LOOKS = 3  # of one attempt, in a row: whoever is stopped, or asleep, that often is not to change anything
_NO_TOKEN = TokenId("")


class _NotNowError(Exception):
    """A PATCH must not go out: what is known of its token is too old, or the run has to end."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a worker brings: of one token what it has seen, None if it has only waited or must not send.

    `known_at` is the moment before it asked, None unless this is a look; `sent` says that this is about a PATCH that
    went out; `failure` is why another question failed.
    """

    token_id: TokenId
    seen: Seen | None = None
    known_at: Moment | None = None
    sent: bool = False
    failure: TokenctlError | None = None


class Work:
    """The work of one run, for all of its threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._surroundings = parts.surroundings
        self._halt = threading.Event()
        self._gate = threading.Lock()  # of what is out: once the run has stopped, nothing comes to it
        self._out: set[TokenId] = set()

    def stop(self) -> None:
        """Let nothing go out any more, and wake who waits."""
        with self._gate:
            self._halt.set()

    def is_out(self, token_id: TokenId) -> bool:
        """Whether a PATCH of this token went out, and what came of it is not known to the owner."""
        return token_id in self._out

    def note_answered(self, token_id: TokenId) -> None:
        """Note that what came of this token's PATCH is known to the owner."""
        self._out.discard(token_id)

    def send(self, operation: Operation) -> Step:
        """Send its PATCH while what is known of its token is young; else look again, and bring what speaks against it.

        Once the run has stopped it is not sent.
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
        """Wait so long, then read the token."""
        self.wait(token_id, wait_s)
        known_at, seen = self._look(token_id)
        return Step(token_id, seen, known_at)

    def wait(self, token_id: TokenId, wait_s: float) -> Step:
        """Let so much time pass, less when the run stops."""
        if wait_s:
            self._surroundings.pause(self._halt, wait_s)
        return Step(token_id)

    def ask(self, question: Callable[[], object]) -> Step:
        """Ask the server the question; the step has the error, if any."""
        answer = attempt(question)
        return Step(_NO_TOKEN, failure=answer if isinstance(answer, TokenctlError) else None)

    def _mark_out(self, token_id: TokenId, known_at: Moment) -> None:
        """Note that something of a PATCH goes out now; raises _NotNowError when it must not."""
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

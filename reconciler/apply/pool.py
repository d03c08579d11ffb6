"""Jobs in, their values or errors out, a few at a time; whoever owns the pool decides everything else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from reconciler.errors import LocalError, Problem

T = TypeVar("T")
Job = Callable[[], T]


class Pool(Generic[T]):
    """Worker threads that run jobs and hand back what became of each: `size` of them, or fewer if there can be no more.

    The threads are daemons: a worker that waits for a silent server keeps no process from ending. Raises LocalError
    when the system lets none be started.
    """

    def __init__(self, size: int) -> None:
        self._jobs: SimpleQueue[Job[T] | None] = SimpleQueue()
        self._ended: SimpleQueue[T | BaseException | None] = SimpleQueue()
        self.size = 0
        for _ in range(size):
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError as error:  # a limit of the user, the container or the memory
                if self.size:
                    break
                hint = "look at the limits on processes and memory: `ulimit -a`, or those of the container"
                raise LocalError(Problem("nothing was sent: the system lets no thread be started", hint)) from error
            self.size += 1

    def submit(self, job: Job[T]) -> None:
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

"""Lines through a real pipe: whole, at once, and without being held up by who does not read when the run has to end."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.errors import ExitCode, LocalError
from reconciler.session.context import Context
from reconciler.session.events import Outlet
from tests.shell import Shell


@contextmanager
def piped(shell: Shell, interrupt: Interrupt) -> Iterator[tuple[Outlet, int]]:
    """An outlet into a pipe, and the end that is read."""
    reader, writer = os.pipe()
    outlets: list[Outlet] = []

    def run(context: Context) -> ExitCode:
        """Make it."""
        outlets.append(Outlet(replace(context, streams=replace(context.streams, stdout=stream), interrupt=interrupt)))
        return ExitCode.OK

    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123
        shell.call(run)
        yield outlets[0], reader
    with suppress(OSError):
        os.close(reader)


def noted() -> Interrupt:
    """What only notes a signal."""
    interrupt = Interrupt(leave=lambda _: None)
    interrupt.defer()
    return interrupt


def drained(reader: int) -> str:
    """What is in the pipe."""
    os.set_blocking(reader, False)
    found = b""
    with suppress(BlockingIOError):
        while more := os.read(reader, 1 << 20):
            found += more
    return found.decode()


LONG = "x" * 300_000 + "\n"


def test_a_line_of_any_length_comes_as_it_is(shell: Shell) -> None:
    with piped(shell, noted()) as (outlet, reader):
        writing = threading.Thread(target=lambda: any(map(outlet.write, (LONG, "short\n"))), daemon=True)
        writing.start()
        found = b""
        while not found.endswith(b"short\n"):
            found += os.read(reader, 1 << 20)
        writing.join(30)
    assert found.decode() == LONG + "short\n"


def test_who_does_not_read_is_waited_for_until_the_run_has_to_end(shell: Shell) -> None:
    interrupt = noted()
    with piped(shell, interrupt) as (outlet, reader):
        failed: list[LocalError] = []

        def write() -> None:
            """Write more than a pipe takes."""
            try:
                outlet.write(LONG)
            except LocalError as error:
                failed.append(error)

        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        writing.join(0.2)
        assert (writing.is_alive(), failed) == (True, [])
        interrupt.receive(signal.SIGTERM)
        writing.join(30)
        assert str(failed[0]) == "standard output does not take more before the run has to end"
        begun = drained(reader)
        assert LONG.startswith(begun)
        # What comes behind half a line stands on one of its own.
        outlet.write("short\n")
        outlet.write("last\n")
        assert drained(reader) == "\nshort\nlast\n"


def test_a_pipe_that_nobody_reads_any_more_is_broken(shell: Shell) -> None:
    with piped(shell, noted()) as (outlet, reader):
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            outlet.write("short\n")


def test_a_stream_of_pythons_own_is_written_to(shell: Shell) -> None:
    kept = io.StringIO()

    def run(context: Context) -> ExitCode:
        """Write to it."""
        Outlet(replace(context, streams=replace(context.streams, stdout=kept))).write("short\n")
        return ExitCode.OK

    shell.call(run)
    assert kept.getvalue() == "short\n"

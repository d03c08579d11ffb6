"""Logs as they lie about: packed, cut, named twice, from a pipe, without an end."""

from __future__ import annotations

import gzip
import io
import os
import threading
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.requestlog import MOST_OF_A_LINE, Tally
from reconciler.errors import ExitCode
from reconciler.session.context import Context
from reconciler.session.requestlogs import lines, read_logs
from tests.requestlog import ONE, said
from tests.shell import Shell

LINE = said().encode()


def read(shell: Shell, *names: str, stdin: bytes | io.BytesIO = b"", **surroundings: object) -> int:
    """How many requests there are in these logs."""
    tally = Tally([ONE])

    def run(context: Context) -> ExitCode:
        read_logs(names, tally, context)
        return ExitCode.OK

    done = shell.call(run, stdin=stdin, **surroundings)
    assert done.code == 0, done.err
    return tally.evidence.requests if tally.evidence else 0


def test_files_are_read_once_each_packed_or_not(shell: Shell) -> None:
    plain, packed, twice, link = (str(shell.folder / each) for each in ("a.log", "a.log.1.gz", "b.gz", "link"))
    Path(plain).write_bytes(LINE)
    Path(packed).write_bytes(gzip.compress(LINE * 2))
    Path(twice).write_bytes(gzip.compress(LINE) + gzip.compress(b"") + gzip.compress(LINE * 20_000) + b"\0\0")
    Path(link).symlink_to(plain)
    assert read(shell, plain, packed, link, plain) == 3
    assert read(shell, "-", "-", packed, stdin=LINE) == 3
    assert read(shell, "-", stdin=gzip.compress(LINE)) == 1
    assert read(shell, "-") == 0
    assert read(shell, twice) == 20_001


def test_a_pipe_is_read(shell: Shell) -> None:
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(LINE))
    writer.start()
    assert read(shell, str(pipe)) == 1
    writer.join()


class Dripping(io.BytesIO):
    """Gives a byte at a time."""

    def read(self, _: int | None = -1) -> bytes:
        """Give the next byte."""
        return super().read(1)


@pytest.mark.parametrize("content", [LINE, gzip.compress(LINE), b"\x1f"], ids=["plain", "packed", "a byte"])
def test_a_stream_may_come_in_pieces(shell: Shell, content: bytes) -> None:
    assert read(shell, "-", stdin=Dripping(content)) == int(len(content) > 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file or directory"),
        (gzip.compress(LINE)[:-9], "it is packed by gzip, and broken or cut"),
        (gzip.compress(LINE)[:20] + b"x" * 99, "it is packed by gzip, and broken or cut"),
    ],
    ids=["nothing", "cut", "broken"],
)
def test_what_cannot_be_read_is_named(shell: Shell, content: bytes | None, why: str) -> None:
    if content is not None:
        (shell.folder / "x.gz").write_bytes(content)

    def run(context: Context) -> ExitCode:
        read_logs([str(shell.folder / "x.gz")], Tally([]), context)
        return ExitCode.OK

    done = shell.call(run)
    assert (done.code, done.err) == (1, f"cannot read the log DIR/x.gz: {why}\n")


@given(st.lists(st.binary(max_size=9) | st.just(b"\n")))
def test_lines_are_those_of_the_whole(chunks: list[bytes]) -> None:
    assert [line for some in lines(chunks) for line in some] == b"".join(chunks).split(b"\n")


def test_of_a_line_without_an_end_no_more_is_kept_than_is_looked_at() -> None:
    endless = (b"x" * 250_000 for _ in range(100))
    (line,) = (line for some in lines(endless) for line in some)
    assert len(line) == MOST_OF_A_LINE
    assert [len(each) for some in lines([b"x" * MOST_OF_A_LINE, b"yy\nz"]) for each in some] == [MOST_OF_A_LINE, 1]


class Drawn:
    """A display that keeps what it shows."""

    first_s, every_s = 1.0, 1.0

    def __init__(self) -> None:
        self.shown: list[tuple[str, float | None]] = []

    def draw(self, words: str, share: float | None) -> None:
        """Keep it."""
        self.shown.append((words, share))

    def cleared(self) -> AbstractContextManager[object]:
        """Nothing is shown."""
        return nullcontext()


def test_progress_is_told_in_bytes_and_time(shell: Shell) -> None:
    file, display, seconds = shell.folder / "log", Drawn(), count()
    file.write_bytes(b"x" * 3 * 1024 * 1024)
    read(shell, str(file), display=display, clock=lambda: float(next(seconds)))
    assert display.shown[3] == ("Reading logs: 1 of 3 MiB, 4 s", 1 / 3)
    read(shell, "-", stdin=b"x", display=display, clock=lambda: float(next(seconds)))
    assert display.shown[-1] == ("Reading logs: 0 MiB, 1 s", None)

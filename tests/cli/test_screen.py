"""The line that shows progress: where there is one, what is sent to a terminal for it, and what is left of it."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from reconciler.cli import screen
from reconciler.cli.screen import Line, Log
from reconciler.sandbox.faults import Fault
from tests.cli.test_main import read, terminal
from tests.scenarios.test_signals import CHANGES, crowded, patches
from tests.screen import BACK, frames, seen
from tests.shell import Shell


@dataclass
class Terminal:
    """A pseudo-terminal: the program's end of it, and ours."""

    theirs: TextIO
    ours: int

    def sent(self) -> str:
        """What was sent to it until now."""
        os.set_blocking(self.ours, False)
        found = b""
        with suppress(BlockingIOError):
            while more := os.read(self.ours, 65536):
                found += more
        return found.decode()


@pytest.fixture
def tty() -> Iterator[Terminal]:
    """A pseudo-terminal of this test."""
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123
        yield Terminal(stream, ours)
    os.close(ours)


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_pipe"),
    [
        ({}, Line, type(None)),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Line, type(None)),
        ({"TERM": "dumb"}, Log, type(None)),
        ({"CI": "true"}, Log, Log),
        ({"CI": "woodpecker"}, Log, Log),
        *(
            ({"CI": no}, Line, type(None))
            for no in ("", " ", "0", "false", "False", "FALSE", "f", "no", "NO", "n", "off")
        ),
        ({"CI": ""}, Line, type(None)),
    ],
)
def test_where_progress_is_shown(tty: Terminal, environment: dict[str, str], on_terminal: type, in_pipe: type) -> None:
    assert type(screen.display(tty.theirs, environment)) is on_terminal
    assert type(screen.display(io.StringIO(), environment)) is in_pipe


def test_a_line_is_drawn_over_itself_and_taken_away(tty: Terminal) -> None:
    line = Line(tty.theirs, {"TERM": "xterm"})
    with line.cleared():
        assert tty.sent() == ""
    line.draw("Reading tokens: 3,000 so far", None)
    line.draw("Applying 1 of 4, 2 s", 0.25)
    with line.cleared():
        sent = tty.sent()
        assert frames(sent) == ["Reading tokens: 3,000 so far", "━━━━━╺━━━━━━━━━━━━━━ Applying 1 of 4, 2 s", ""]
    with line.cleared():
        assert tty.sent() == ""


def test_nothing_but_the_line_is_touched_on_a_terminal(tty: Terminal) -> None:
    # A hidden cursor would stay hidden after `kill -9`.
    line = Line(tty.theirs, {"TERM": "xterm", "NO_COLOR": "1"})
    line.draw("Applying 4 of 4, 2 s", 1.0)
    assert tty.sent().replace(BACK, "") == "━" * 20 + " Applying 4 of 4, 2 s"


def test_a_line_is_cut_to_the_width_and_never_wraps(tty: Terminal) -> None:
    line = Line(tty.theirs, {"TERM": "xterm", "COLUMNS": "30"})
    line.draw("Applying 312 of 1,000, 2 failed, 14 s", 0.312)
    line.draw("Reading tokens: 3,000 so far, and more", None)
    assert frames(tty.sent()) == ["━━━━╺━━━━━━━━━ Applying 312 o…", "Reading tokens: 3,000 so far,…"]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    stream = io.TextIOWrapper(kept := io.BytesIO(), encoding="ascii")
    Line(stream, {"TERM": "xterm"}).draw("Applying 1 of 2, 2 s", 0.5)
    (drawn,) = frames(kept.getvalue().decode("ascii"))
    assert re.fullmatch(r"[- ]{20} Applying 1 of 2, 2 s", drawn)


def test_a_log_gets_whole_lines_and_no_escape_codes() -> None:
    stream = io.StringIO()
    log = Log(stream)
    with log.cleared():
        log.draw("Applying 1 of 2, 12 s", 0.5)
    assert stream.getvalue() == "Applying 1 of 2, 12 s\n"


@pytest.mark.parametrize("shown", [Log, lambda stream: Line(stream, {})])
def test_that_nobody_reads_is_no_failure(shown: type[Log]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    shown(stream).draw("Applying 1 of 2, 12 s", 0.5)
    with suppress(BrokenPipeError):
        stream.close()


def test_while_a_thread_writes_another_one_waits_with_its_line(tty: Terminal) -> None:
    line = Line(tty.theirs, {"TERM": "xterm"})
    other = threading.Thread(target=lambda: line.draw("Applying 1 of 2, 2 s", 0.5), daemon=True)
    with line.cleared():
        other.start()
        other.join(0.05)
        assert (other.is_alive(), tty.sent()) == (True, "")
    other.join(30)
    assert len(frames(tty.sent())) == 1


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Shell]:
    """A server that takes 0.1 s for each of 40 changes."""
    with crowded(tmp_path, Fault("late-after", "PATCH", CHANGES)) as shell:
        yield shell


def test_a_run_on_a_terminal_shows_a_line_and_leaves_none(slow: Shell) -> None:
    slow.measured = True
    with terminal(slow, "apply", "--yes", "--parallelism", "1", TERM="xterm") as (screen, process):
        shown = read(screen)
        assert process.wait(30) == 0
    drawn = [each for each in frames(shown) if "Applying" in each]
    assert len(drawn) > 3
    assert all(f" of {CHANGES}, " in each and "failed" not in each for each in drawn)
    assert "Applying" not in seen(shown)
    assert f"\n\nApply: {CHANGES} done, 0 failed, 0 unverified, 0 not attempted.\n" in seen(shown)


def test_the_line_is_gone_after_a_signal_too(slow: Shell) -> None:
    with terminal(slow, "apply", "--yes", "--parallelism", "1", TERM="xterm") as (screen, process):
        shown = read(screen, "Applying ")
        process.send_signal(signal.SIGTERM)
        shown += read(screen)
        assert process.wait(30) == 3
    assert 0 < len(patches(slow)) < CHANGES
    assert "Applying" not in seen(shown)
    assert "\nStopped early: told to end\n" in seen(shown)


def test_how_wide_a_terminal_is(tty: Terminal) -> None:
    assert screen.columns(tty.theirs, {}) is None  # it does not tell
    termios.tcsetwinsize(tty.theirs, (24, 72))
    assert screen.columns(tty.theirs, {}) == 72
    for given, expected in {"100": 100, "0": 72, "": 72, "wide": 72, "²": 72, "9" * 5: 72}.items():
        assert screen.columns(tty.theirs, {"COLUMNS": given}) == expected
    assert screen.columns(io.StringIO(), {"COLUMNS": "100"}) is None


class Deaf(io.StringIO):
    """A stream that calls itself a terminal, and is none."""

    def isatty(self) -> bool:
        return True


def test_what_is_no_terminal_after_all_has_no_width() -> None:
    assert screen.columns(Deaf(), {}) is None

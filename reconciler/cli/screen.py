"""How progress shows on a stream: as a line of a terminal or as a log. The only module that imports rich."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TextIO

from reconciler.session.context import Display

_BACK = "\r\x1b[2K"  # to the beginning of the line, and nothing on it
_BAR = 20  # columns
_DIGITS = 4  # of a width: more is none
_NO = ("", "0", "false", "f", "no", "n", "off")


def is_set(name: str, environment: Mapping[str, str]) -> bool:
    """Return whether a variable that switches something on is set to something else than a no."""
    return environment.get(name, "").strip().lower() not in _NO


def display(stream: TextIO, environment: Mapping[str, str]) -> Display | None:
    """How progress shows on this stream: as one line on a terminal, as many in CI, and nowhere else."""
    if is_set("CI", environment):
        return Log(stream)
    if stream.isatty():
        return Log(stream) if environment.get("TERM") == "dumb" else Line(stream, environment)
    return None


def columns(stream: TextIO, environment: Mapping[str, str]) -> int | None:
    """How wide the terminal is that this stream is, None where it is none or does not tell; COLUMNS knows better."""
    if not stream.isatty():
        return None
    told = environment.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and 0 < len(told) <= _DIGITS and int(told):
        return int(told)
    with suppress(OSError):
        return os.get_terminal_size(stream.fileno()).columns or None
    return None


class Log:
    """Adds a line every ten seconds, as a log wants it."""

    first_s = every_s = 10.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def draw(self, words: str, share: float | None) -> None:
        """Add the words."""
        del share
        _write(words + "\n", self._stream)

    def cleared(self) -> AbstractContextManager[object]:
        """A log has room for all."""
        return nullcontext()


class Line:
    """Draws over the last line of a terminal. It changes nothing else there, so that whoever is killed leaves no harm.

    rich makes the text and does not write it: where nobody reads any more it would end the program.
    """

    first_s = 1.0
    every_s = 0.1

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._environment = environment
        self._drawn = False
        # Entered again by a thread that a signal threw out of it before it could let go.
        self._lock = threading.RLock()

    def draw(self, words: str, share: float | None) -> None:
        """Draw the words, cut to the width, behind a bar where the share is known."""
        text = self._text(words, share)
        with self._lock:
            self._drawn = True
            _write(_BACK + text, self._stream)

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Take the line away; the next `draw` brings it back."""
        with self._lock:
            if self._drawn:
                _write(_BACK, self._stream)
                self._drawn = False
            yield

    def _text(self, words: str, share: float | None) -> str:
        from rich.console import Console
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self._stream, force_terminal=True, _environ=self._environment)
        row = Table.grid(padding=(0, 1))
        bar = [] if share is None else [ProgressBar(1.0, share, _BAR, complete_style="green", finished_style="green")]
        row.add_row(*bar, Text(words, no_wrap=True, overflow="ellipsis"))
        with console.capture() as captured:
            console.print(row)
        return captured.get().rstrip("\n")


def _write(text: str, stream: TextIO) -> None:
    with suppress(OSError):
        stream.write(text)
        stream.flush()

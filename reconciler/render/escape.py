"""Foreign text in, text that one kind of output shows and nothing more out."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata

from reconciler.core.text import is_plain

# What a CI system reads as a command where it stands in a line of a log: GitHub's old form, Azure's, TeamCity's.
_LOG_COMMAND = re.compile(r"##(?=\[|vso\[|teamcity\[)")

_LINE_COMMAND = re.compile(r"^(\s*)::")


def terminal(text: str) -> str:
    """The text on one line, with everything that would not draw itself as a visible escape such as \\x1b or \\u202e.

    A backslash stays as it is: the result is for people, not for reading back. `##[` is broken as `#\\#[`, as CI
    systems find commands anywhere in a line.
    """
    if not is_plain(text):
        text = "".join(char if is_plain(char) else _escaped(char) for char in text)
    return _LOG_COMMAND.sub(r"#\\#", text)


def quoted(text: str) -> str:
    """The text in double quotes, on one line, so that blanks at its ends show and two texts never look alike."""
    return '"' + terminal(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def line(text: str) -> str:
    """A whole line of output that may start with foreign text: as `terminal`, and `::` at its start is broken.

    GitHub reads a command where a line starts with `::`, after any blanks.
    """
    return _LINE_COMMAND.sub(r"\1:\\:", terminal(text))


def json_text(value: object, indent: int | None = None) -> str:
    """The value as JSON in ASCII: no character of it acts on a terminal, and no text in it is a command in a CI log."""
    return _LOG_COMMAND.sub(r"#\\u0023", json.dumps(value, indent=indent))


def shell(text: str) -> str:
    """The text as one word of a POSIX shell."""
    return shlex.quote(text)


def width(text: str) -> int:
    """How many columns of a terminal an escaped text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _escaped(char: str) -> str:
    short = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(char)
    if short:
        return short
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

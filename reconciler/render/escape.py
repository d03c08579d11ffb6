"""Foreign text as one kind of output shows it, with nothing in it that acts, and lines of a terminal made of it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Sequence

from reconciler.core import contrast
from reconciler.core.text import escaped, is_plain

# What a CI system reads as a command where it stands in a line of a log: GitHub's old form, Azure's, TeamCity's.
_LOG_COMMAND = re.compile(r"##(?=\[|vso\[|teamcity\[)")

_LINE_COMMAND = re.compile(r"^(\s*)::")
_GAP = "  "
_ALIGNED = 40  # columns that a cell may push what is behind it away by, in every line
_LEAST = 8  # columns to which a cell may be cut


def terminal(text: str) -> str:
    """Return the text on one line, with a visible escape such as \\x1b or \\u202e for all that would not draw itself.

    A backslash stays as it is: the result is for people, not for reading back. `##[` is broken as `#\\#[`, as CI
    systems find commands anywhere in a line.
    """
    if not is_plain(text):
        text = "".join(char if is_plain(char) else escaped(char) for char in text)
    return _LOG_COMMAND.sub(r"#\\#", text) if "##" in text else text


def quoted(text: str) -> str:
    """Return the text in double quotes, on one line: blanks at its ends show, and two texts never look alike."""
    return '"' + terminal(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def line(text: str) -> str:
    """Return a whole line of output that may start with foreign text: as `terminal`, with `::` at its start broken.

    GitHub reads a command where a line starts with `::`, after any blanks.
    """
    return _LINE_COMMAND.sub(r"\1:\\:", terminal(text))


def json_text(value: object, indent: int | None = None) -> str:
    """Return the value as JSON in ASCII, in which no character acts on a terminal and no text is a command in a log."""
    return _LOG_COMMAND.sub(r"#\\u0023", json.dumps(value, indent=indent))


def paint(text: str, colour: int, *, enabled: bool) -> str:
    """Return the text in an ANSI colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if enabled else text


def width(text: str) -> int:
    """Return how many columns of a terminal an escaped text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def shortened(text: str, size: int) -> str:
    """Return the text in at most so many columns: cut in the middle, as texts that begin alike often end otherwise."""
    if width(text) <= size:
        return text
    end, start = text[-(size // 3) :], text[: size - 1]
    while width(end) > size // 3:
        end = end[1:]
    while width(start) + 1 + width(end) > size:
        start = start[:-1]
    return f"{start}…{end}"


def continued(start: str, text: str, columns: int | None) -> str:
    """Return a text behind `start`; on a terminal, words that have no room go on below where the text begins.

    Only a word that is too long for a line of its own is cut.
    """
    if columns is None:
        return start + text
    room = max(columns - width(start), _LEAST)
    lines: list[list[str]] = [[]]
    for word in text.split(" "):
        cut = shortened(word, room - (width(line(word)) - width(word)))  # as the first of a line it may get one more
        if lines[-1] and width(line(" ".join([*lines[-1], cut]))) > room:
            lines.append([])
        lines[-1].append(cut)
    first, *others = map(" ".join, lines)
    return "\n".join([start + first, *(line(" " * width(start) + each) for each in others)])


def padded(text: str, size: int) -> str:
    """Return the text in exactly so many columns: filled with blanks, or shortened."""
    cut = shortened(text, size)
    return cut + " " * (size - width(cut))


def rows(cells: Sequence[Sequence[str]], columns: int | None, *, beside: int, whole: Collection[int]) -> list[str]:
    """Return a line for each row of cells, without what is nowhere anything; look-alikes of a column have escapes.

    On a terminal of so many columns, of which `beside` are taken, the widest cells are cut until a line fits, but none
    of those that are `whole`, and none of a column in which two would look alike then. None: nothing is cut.
    """
    listed = [told_apart(column) for column in zip(*cells, strict=True)]
    natural = [max(map(width, column)) for column in listed]
    if columns is None:
        limits = [min(each, _ALIGNED) for each in natural]
    else:
        limits = _limits(listed, natural, columns - beside, whole)
        listed = [[shortened(cell, limit) for cell in column] for column, limit in zip(listed, limits, strict=True)]
    aligned = [
        [padded(cell, limit) if width(cell) <= limit else cell for cell in column]
        for column, limit in zip(listed, limits, strict=True)
        if limit
    ]
    return [_GAP.join(row) for row in zip(*aligned, strict=True)] if aligned else [""] * len(cells)


def told_apart(texts: Sequence[str]) -> list[str]:
    """Return the texts with escapes where one of them looks like another one and is not."""
    return list(texts) if all(map(str.isascii, texts)) else contrast.told_apart(texts)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _limits(listed: Sequence[Sequence[str]], natural: Sequence[int], room: int, whole: Collection[int]) -> list[int]:
    """Return how wide each column may be so that all of them fit into so much room."""
    kept = [each for each in range(len(natural)) if each in whole or not natural[each]]
    room -= sum(natural[each] for each in kept) + len(_GAP) * (sum(map(bool, natural)) - 1)
    most = max(natural, default=0)
    while most > _LEAST and sum(min(each, most) for at, each in enumerate(natural) if at not in kept) > room:
        most -= 1
    return [each if at in kept or _look_alike(listed[at], most) else min(each, most) for at, each in enumerate(natural)]


def _look_alike(cells: Sequence[str], limit: int) -> bool:
    different = set(cells)
    return len({shortened(each, limit) for each in different}) < len(different)

"""Problems, values and cells in, the pieces out that every text for people is made of."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.errors import Problem
from reconciler.render.escape import line, terminal, width
from reconciler.render.words import value

WIDTH = 80
"""How many columns a line has where values allow."""


def paint(text: str, colour: int, *, enabled: bool) -> str:
    """The text in an ANSI colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if enabled else text


def difference(field: str, before: str | None, after: str | None) -> list[str]:
    """A field and its two values, on one line where they fit; None is what the file does not declare."""
    start = f"      {field:<11}  "
    earlier, later = value(field, before), value(field, after)
    if width(start + earlier + later) + 3 <= WIDTH:
        return [f"{start}{earlier} → {later}"]
    indent = " " * len(start)
    return [start + earlier, f"{indent[:-2]}→ {later}"]


def pad(text: str, size: int) -> str:
    """The text in exactly so many columns: filled with blanks, or cut."""
    cut = fit(text, size)
    return cut + " " * (size - width(cut))


def fit(text: str, size: int) -> str:
    """The text in at most so many columns: cut in the middle, as texts that begin alike often end otherwise."""
    if width(text) <= size:
        return text
    end, start = text[-(size // 3) :], text[: size - 1]
    while width(end) > size // 3:
        end = end[1:]
    while width(start) + 1 + width(end) > size:
        start = start[:-1]
    return f"{start}…{end}"


def problem(problem: Problem, title: str = "", *, colour: int = 0) -> str:
    """A problem in the form `title: place: message`, with its hint on a line of its own."""
    heading = paint(f"{title}:", colour, enabled=bool(colour)) + " " if title else ""
    where = f"{problem.place}: " if problem.place else ""
    hint = f"\n  hint: {terminal(problem.hint)}" if problem.hint else ""
    return heading + line(where + problem.message) + hint


def problems(problems: Iterable[Problem]) -> str:
    """Problems, one after the other, each ended by a newline."""
    return "".join(problem(each) + "\n" for each in problems)

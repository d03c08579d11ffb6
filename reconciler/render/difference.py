"""Two texts of a file as a unified difference, its foreign text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from reconciler.render.escape import line

_AROUND = 3  # lines that are shown above and below what differs

_Run = tuple[int, int, int, int]
"""Lines that differ: the first and the one after the last, in the one text and in the other."""


def difference(name: str, what: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Return the unified difference of two texts in parts, of which each is compared with its counterpart alone.

    `what` says how the second text has come about, such as `edited`. The difference is "" where there is none.
    """
    runs: list[_Run] = []
    one, other = 0, 0
    old: list[str] = []
    new: list[str] = []
    for one_text, other_text in zip_longest(before, after, fillvalue=""):
        left = _lines(one_text)
        right = left if one_text == other_text else _lines(other_text)
        if left is not right:
            found = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
            for run in ((one + a, one + b, other + c, other + d) for tag, a, b, c, d in found if tag != "equal"):
                meets = bool(runs) and runs[-1][1] == run[0] and runs[-1][3] == run[2]
                begin, start = (runs.pop() if meets else run)[::2]
                runs.append((begin, run[1], start, run[3]))
        old += left
        new += right
        one, other = len(old), len(new)
    shown = [each for hunk in _hunks(runs) for each in _hunk(hunk, old, new)]
    return "".join(f"{each}\n" for each in ([f"--- {line(name)}", f"+++ {line(name)}, {what}", *shown] if runs else ()))


def _lines(text: str) -> list[str]:
    pieces = text.split("\n")
    return [f"{each}\n" for each in pieces[:-1]] + [each for each in pieces[-1:] if each]


def _hunks(runs: Sequence[_Run]) -> Iterator[list[_Run]]:
    """Yield the runs whose surroundings touch."""
    hunk: list[_Run] = []
    for run in runs:
        if hunk and run[0] - hunk[-1][1] > 2 * _AROUND:
            yield hunk
            hunk = []
        hunk.append(run)
    if hunk:
        yield hunk


def _hunk(runs: Sequence[_Run], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    above = min(_AROUND, runs[0][0])
    below = min(_AROUND, len(old) - runs[-1][1])
    at, stop = runs[0][0] - above, runs[-1][1] + below
    first = runs[0][2] - above
    yield f"@@ -{_range(at, stop)} +{_range(first, runs[-1][3] + below)} @@"
    for begin, end, start, finish in runs:
        yield from _marked(" ", old[at:begin])
        yield from _marked("-", old[begin:end])
        yield from _marked("+", new[start:finish])
        at = end
    yield from _marked(" ", old[at:stop])


def _range(start: int, stop: int) -> str:
    size = stop - start
    return f"{start + 1}" if size == 1 else f"{start + (size > 0)},{size}"


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for each in lines:
        yield line(mark + each.removesuffix("\n"))
        if not each.endswith("\n"):
            yield "\\ No newline at end of file"

"""A terminal as a picture: the coloured text that the program prints, drawn as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

COLUMNS = 110
_COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341"}
_WIDTH, _HEIGHT = 8, 18  # of one character
_PART = re.compile(r"\x1b\[(\d+)m(.*?)\x1b\[0m|([^\x1b]+)")


def svg(text: str) -> str:
    """Draw each line of the text, in the colours of its escape sequences; long lines go on in the next one."""
    lines = [line for each in text.splitlines() for line in _wrapped(list(_cells(each)))]
    width, height = COLUMNS * _WIDTH + 32, len(lines) * _HEIGHT + 28
    drawn = "".join(_line(line, number) for number, line in enumerate(lines, 1) if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n'
        '<g font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="13" fill="#e6edf3">\n'
        f"{drawn}</g>\n</svg>\n"
    )


def _cells(line: str) -> Iterator[tuple[str, str]]:
    """The characters of a line, each with its colour; blanks as such that no reader of SVG joins."""
    for code, coloured, plain in _PART.findall(line):
        yield from ((character.replace(" ", "\xa0"), _COLOURS[code] if code else "") for character in coloured or plain)


def _wrapped(cells: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    while len(cells) > COLUMNS:
        end = max(at for at, (character, _) in enumerate(cells[: COLUMNS + 1]) if character == "\xa0")
        yield cells[:end]
        cells = [("\xa0", "")] * 2 + cells[end:]
    yield cells


def _line(cells: list[tuple[str, str]], number: int) -> str:
    parts: list[tuple[str, str]] = []
    for character, colour in cells:
        text, before = parts.pop() if parts and parts[-1][1] == colour else ("", colour)
        parts.append((text + character, before))
    spans = "".join(
        f'<tspan fill="{colour}">{escape(text)}</tspan>' if colour else escape(text) for text, colour in parts
    )
    return f'<text x="16" y="{number * _HEIGHT + 10}" textLength="{len(cells) * _WIDTH}">{spans}</text>\n'

"""A manifest's text to the same in the one layout: indentation, blanks, blank lines, quotes of what others misread."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from reconciler.manifest.dump import double_quoted
from reconciler.manifest.edit import Leaf, Splice, Text, ended, last, leaf, over, reread
from reconciler.manifest.plain import Entry, Items

_TEXTS = ("description", "name", "user", "org", "until")
# What a reader of YAML 1.1 or 1.2 takes for a boolean, nothing, a number, a time of day, a date or a mark.
_MISREAD = re.compile(
    r"y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|=|<<"
    r"|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?"
    r"|[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]| +)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?: *(?:Z|[-+][0-9:]+))?)?"
).fullmatch

_Chain = tuple[tuple[int, int], ...]
"""The columns of the blocks that are open, from the outermost on: as they are, and as they are to be."""


def formatted(name: str, text: Text, root: Entry) -> tuple[Text, Entry]:
    """Return the text in the one layout and its document, which is equal but for the case of ids.

    Raises LocalError when that cannot be done, InvalidError where a key stands after `?`.
    """
    expected = lowered(root)
    before = Text(text.read)
    splices = [*_requoted(before.read, root), *ended(before.read, last(before.read, root))]
    if splices:
        before = before.spliced(splices)
        root = reread(name, before, expected)
    after = Text("".join(f"{line}\n" for line in _Layout(before.read, root).lines()))
    return after, reread(name, after, expected) if after.raw != text.raw else root


def lowered(node: Any) -> Any:
    """Return the document with its ids in lower case."""
    if isinstance(node, dict) and "tokens" in node:
        return {
            **node,
            "tokens": [{**each, "id": each["id"].lower()} if "id" in each else each for each in node["tokens"]],
        }
    return node


def _requoted(text: str, node: Any, *, are_texts: bool = False) -> Iterator[Splice]:
    """Yield what puts ids, and texts that others misread, into double quotes."""
    if type(node) is Items:
        for each in node:
            yield from _requoted(text, each)
        return
    for key, value in node.items():
        if type(value) is not str:
            yield from _requoted(text, value, are_texts=key == "labels")
        elif key == "id" and not are_texts:
            found = leaf(text, node, key)
            new = f'"{value.lower()}"'
            if text[found.start : found.end] != new:
                yield from over(text, found, new)
        elif (are_texts or key in _TEXTS) and _MISREAD(value) and node.is_plain(key):
            yield from over(text, leaf(text, node, key), double_quoted(value))


class _Layout:
    """Where each line is to begin, and what else of it is to change."""

    def __init__(self, text: str, root: Entry) -> None:
        self._text = text
        self._old = text.split("\n")
        self._begins: dict[int, tuple[int, int]] = {}  # the column of what a line begins with, and the one to be
        self._open: dict[int, _Chain] = {}  # below the line
        self._inside: dict[int, tuple[int, int]] = {}  # how far the line of a value moves, and no further left than
        self._block: dict[int, int] = {}  # the indentation of the block scalar whose line it is
        self._escaping: set[int] = set()  # lines that end within double quotes
        self._blanks: defaultdict[int, list[Splice]] = defaultdict(list)
        if text[root.mark.index] == "{":
            by = 0 if self._old[root.mark.line].startswith("---") else root.mark.column
            self._begins[root.mark.line] = by, 0
            self._along(root, root.mark, root.end, -by, 0)
        else:
            self._mapping(root, 0, ())

    def lines(self) -> Iterator[str]:
        """Yield the lines as they are to be: no two blank ones in a row, and none at the ends."""
        blank, first = False, True
        chain: _Chain = ()
        following = self._following()
        for number, line in enumerate(self._old):
            chain = () if line.startswith("...") and number not in self._inside else self._open.get(number, chain)
            if number in self._inside:
                new = self._moved(number, line)
            elif number in self._begins:
                new = self._begun(number, line)
            elif not (new := line.strip(" ")):
                blank = True
                continue
            elif new.startswith("#"):
                new = " " * _column(len(line) - len(line.lstrip(" ")), chain, following[number]) + new
            else:
                new = line.rstrip(" ")
            if blank and not first:
                yield ""
            yield new
            blank = first = False

    def _following(self) -> list[tuple[int, int] | None]:
        """Return for each line the columns of what begins first on a later one."""
        found: list[tuple[int, int] | None] = [None] * len(self._old)
        later = None
        for number in range(len(self._old) - 1, -1, -1):
            found[number] = later
            later = self._begins.get(number, later)
        return found

    def _begun(self, number: int, line: str) -> str:
        was, column = self._begins[number]
        for start, end, new in sorted(self._blanks.get(number, ()), reverse=True):
            line = line[:start] + new + line[end:]
        return self._stripped(number, " " * column + line[was:])

    def _moved(self, number: int, line: str) -> str:
        by, least = self._inside[number]
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        if number in self._block:
            return " " * (indent + by) + body if body or indent > self._block[number] else ""
        return self._stripped(number, " " * max(indent + by, least) + body) if body else ""

    def _stripped(self, number: int, line: str) -> str:
        short = line.rstrip(" ")
        return short + " " if number in self._escaping and short.endswith("\\") and short != line else short

    def _mapping(self, entry: Entry, column: int, outer: _Chain) -> None:
        chain = (*outer, (entry.mark.column, column))
        for key, (mark, start, end) in entry.marks.items():
            line = self._old[mark.line]
            if not line[: mark.column].strip():
                self._begins[mark.line] = mark.column, column
            self._open[mark.line] = chain
            found = entry.key(key)
            behind = mark.column + found.end() - mark.index
            if found[2]:
                self._blanks[mark.line].append((behind - 1 - len(found[2]), behind - 1, ""))
            by = column - mark.column
            if start.line == mark.line and start.column != behind + 1:
                self._blanks[mark.line].append((behind, start.column, " "))
            value: Any = entry[key]
            if self._is_block(value, start):
                (self._mapping if type(value) is Entry else self._sequence)(value, column + 2, chain)
                continue
            if start.line != mark.line:
                self._begins[start.line] = start.column, column + 2
                self._open[start.line] = chain
                by = by if self._text[start.index] in "|>" else column + 2 - start.column
            self._along(value, start, end, by, column + 1, leaf(self._text, entry, key))

    def _sequence(self, items: Any, column: int, outer: _Chain) -> None:
        chain = (*outer, (items.mark.column, column))
        for item, mark in zip(items, items.marks, strict=True):
            number = mark.line
            dash = len(self._old[number][: mark.column].rstrip(" "))
            beside = dash > 0
            while not beside and not self._old[number].lstrip(" ").startswith("-"):
                number -= 1
            self._begins[number] = items.mark.column, column
            self._open[number] = chain
            if beside:
                self._blanks[number].append((dash, mark.column, " "))
            if self._is_block(item, mark):
                self._mapping(item, column + 2, chain)
                continue
            if not beside:
                self._begins[mark.line] = mark.column, column + 2
            self._along(item, mark, item.end, column + 2 - mark.column, column + 1)

    def _is_block(self, value: Any, start: Any) -> bool:
        return type(value) in (Entry, Items) and self._text[start.index] not in "{["

    def _along(self, value: Any, start: Any, end: Any, by: int, least: int, found: Leaf | None = None) -> None:
        """Note the lines inside a value, which move along with its first."""
        if start.line == end.line:
            return
        sign = self._text[start.index]
        stop = end.line
        if found and found.is_block:
            stop = start.line + self._text.count("\n", start.index, found.end)
            self._block.update(dict.fromkeys(range(start.line + 1, stop + 1), found.indent))
        elif sign == '"':
            self._escaping.update(range(start.line, end.line))
        elif sign in "{[":
            self._note_quoted(value)
        for number in range(start.line + 1, stop + 1):
            indent = len(self._old[number]) - len(self._old[number].lstrip(" "))
            self._inside[number] = by, least if sign not in "{[" else min(indent, 1)

    def _note_quoted(self, value: Any) -> None:
        """Note the lines that end within double quotes in a value in brackets."""
        if type(value) is Entry:
            for key, (_, start, end) in value.marks.items():
                if self._text[start.index] == '"':
                    self._escaping.update(range(start.line, end.line))
                self._note_quoted(value[key])
        elif type(value) is Items:
            for each in value:
                self._note_quoted(each)


def _column(was: int, chain: _Chain, following: tuple[int, int] | None) -> int:
    """Return where a comment goes: along with what follows it, or with the open block in whose column it stands."""
    if following and following[0] == was:
        return following[1]
    return next((column for old, column in chain if old == was), following[1] if following else 0)

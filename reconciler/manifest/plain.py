"""Documents as mappings whose keys and values know their place, and the quick reader for those of the plainest form.

That form has one `key: value` in each line, values without escapes that end in their line, and comments in lines of
their own. A YAML parser takes twice as long for it, and is left to all other files. What is read here is what PyYAML
reads, positions included: a test holds the two side by side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from sys import intern
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.core.text import REFUSED
from reconciler.errors import InvalidError, Place
from reconciler.manifest.syntax import TextFile

# A text without quotes that is that same text for every YAML reader.
_PLAIN = r"[A-Za-z0-9_./(](?:[^:#\n]*[^:#\n ])?"
_VALUE = rf'(?:"([^"\\\n]*+)"|({_PLAIN}))'
_LINE = re.compile(rf"( *+)(- )?([a-z_]{{1,64}}+):(?: {_VALUE})?\n").match
_BESIDE = re.compile(r"( *+)(?:#[^\n]*+)?\n").match  # a blank line or a comment
_DEEPEST = 8
_FEW = 32  # items: for as many, the pattern for all lines of one costs more than it saves
_FORMS, _KEYS = 32, 16  # patterns for items, and keys in one: making it takes as long as reading hundreds of lines
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
"""The texts without quotes that are no value."""
_NOTHING = rf"(?:{'|'.join(sorted(NOTHING))})\n"
_PRINTABLE = b"\n" + bytes(range(0x20, 0x7F))  # of ASCII
_ODD = re.compile("[\u2028\u2029\ufffe\uffff]").search  # what some take for the end of a line, or refuse


NO_KEYS: Mapping[str, str] = MappingProxyType({})
Value: TypeAlias = "str | Entry | Items | None"
Marks: TypeAlias = dict[str, tuple[Any, Any, Any]]
_Match: TypeAlias = Callable[[str, int], "re.Match[str] | None"]


_KEY = r""" *("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:"']+)( *):"""


class Entry(dict[str, Value]):
    """A mapping; knows where it and each of its keys and values stand, and which texts end before a comment.

    `marks` has where each key begins, and where its value begins and ends: one that is a block itself, or a text after
    `|` or `>`, ends for the parser where the next token begins. `end` is where the mapping ends so. `later` makes the
    marks of a mapping that was read without them; most are never asked for.
    """

    __slots__ = ("_marks", "cut", "end", "file", "later", "mark")

    def __init__(self, file: TextFile, mark: Any, later: Callable[[Entry], Marks] | None = None) -> None:
        self.file = file
        self.mark = self.end = mark
        self.cut: Sequence[str] = ()
        self._marks: Marks = {}
        self.later = later

    @property
    def marks(self) -> Marks:
        """Where keys and values stand, by key."""
        if later := self.later:  # another thread may be done first
            self._marks, self.later = later(self), None
        return self._marks

    def place(self, key: str) -> Place:
        """Return the position of the key, or of the mapping for "" and for a key it lacks."""
        if self.later is _marks:  # most are asked for one or two of their keys
            return self.file.place(_spot(self, key) if key in self else self.mark)
        return self.file.place(self.marks[key][0] if key in self.marks else self.mark)

    def value_place(self, key: str) -> Place:
        """Return the position of the key's value; that of the key where there is no value."""
        return self.file.place(self.marks[key][0 if self[key] is None else 1])

    def is_plain(self, key: str) -> bool:
        """Return whether the key's value is a scalar without quotes."""
        return self.file.text[self.marks[key][1].index] not in "\"'|>"

    def is_block(self, key: str) -> bool:
        """Return whether the key's value is a text after `|` or `>`."""
        return self.file.text[self.marks[key][1].index] in "|>"

    def key(self, key: str) -> re.Match[str]:
        """Return the key as it is written, and the blanks before its colon.

        Raises InvalidError where its colon is in another line, as only a `?` before the key allows.
        """
        found = re.compile(_KEY).match(self.file.text, self.marks[key][0].index)
        if found:
            return found
        message = "a key after `?` can be read, but neither formatted nor taken away"
        raise InvalidError(message, f"write `{key}: value`", self.place(key))


class Row:
    """An item with no other than the usual keys, in their order, and with values that are as they should be.

    `values` are those of each usual key, in quotes and without, None where there is none.
    """

    __slots__ = ("_entry", "_file", "_index", "_line", "keys", "values")

    def __init__(
        self, file: TextFile, index: int, line: int, keys: Sequence[str], values: Sequence[str | None]
    ) -> None:
        self._file, self._index, self._line = file, index, line  # of its dash
        self.keys, self.values = keys, values
        self._entry: Entry | None = None

    @property
    def entry(self) -> Entry:
        """The mapping that it is, which is rarely asked for: of all rows that would take as long as all else."""
        if self._entry is None:
            text, end = self._file.text, self._index
            column = end - text.rfind("\n", 0, end) - 1
            entry = Entry(self._file, Spot(end + 2, self._line, column + 2), _marks)
            entry.update(zip(self.keys, [each for each in self.values if each is not None], strict=True))
            for _ in self.keys:
                end = text.index("\n", end) + 1
            entry.end = Spot(end, self._line + len(self.keys), 0)
            self._entry = entry  # once it is whole: another thread may ask for it, too
        return self._entry

    def place(self, key: str) -> Place:
        """Return the position of the key, or of the mapping for "" and for a key it lacks."""
        return self.entry.place(key)


class Items(list[Any]):
    """A sequence of values, or of rows; knows where it and each of its values stand, and as a mapping does, its end."""

    __slots__ = ("end", "file", "mark", "marks")

    def __init__(self, file: TextFile, mark: Any) -> None:
        self.file = file
        self.mark = self.end = mark
        self.marks: list[Any] = []


class Spot:
    """A position in the text, as PyYAML's marks tell it: all three count from 0."""

    __slots__ = ("column", "index", "line")

    def __init__(self, index: int, line: int, column: int) -> None:
        self.index, self.line, self.column = index, line, column


def read(file: TextFile, few: int = _FEW, usual: Mapping[str, str] = NO_KEYS) -> Entry | None:
    """Return the document of the file, None where its form is not the plainest.

    From `few` items on, at least two, those that are written alike are read in one step each. Of these, an item with
    no other keys than the `usual` ones, which begin with the first of them, becomes a Row if its values are as the
    patterns there say.
    """
    root = _Lines(file, few, usual).read() if file.text.endswith("\n") else None
    # What can be printed is neither odd nor refused, and is looked for in a fifth of the time, ASCII in a twentieth.
    if root is None or _is_printable(file.text):
        return root
    return None if _ODD(file.text) or REFUSED.search(file.text) else root


def _is_printable(text: str) -> bool:
    if text.isascii():
        return not text.encode("ascii").translate(None, _PRINTABLE)
    return text.replace("\n", "").isprintable()


class _Lines:
    """The lines of a file, and what is open where they stand: mappings, the deepest last, and the list of tokens."""

    def __init__(self, file: TextFile, few: int, usual: Mapping[str, str]) -> None:
        self._file = file
        self._few = few
        self._usual = usual
        self._open: list[Entry] = []
        self._items: Items | None = None
        self._forms: dict[tuple[tuple[str, ...], int], _Match] = {}
        self._waiting = ""  # a key whose value begins in the next line

    def read(self) -> Entry | None:
        """Return the document; the loop that all of the time is spent in."""
        text, opened, at, number, column = self._file.text, self._open, 0, -1, len(self._file.text)
        entry = Entry(self._file, None)  # replaced by the first line
        while at < len(text):
            number += 1
            found = _LINE(text, at)
            if found is None:
                beside = _BESIDE(text, at)
                # What begins a comment below a value, and deeper than its key, may have been meant as a part of it.
                if beside is None or ("#" in beside[0] and len(beside[1]) > column and not self._waiting):
                    return None
                at = beside.end()
                continue
            indent, dash, key, quoted, plain = found.groups()
            if dash and (alike := self._alike(at, number)):
                at, number, column, entry = *alike, len(indent) + 2, opened[-1]
                continue
            if dash or len(indent) != column or self._waiting:
                start = found.start(3)
                column = start - at
                if not self._enter(Spot(start, number, column), is_item=dash is not None):
                    return None
                entry = opened[-1]
            if key in entry:
                return None
            entry[intern(key)] = quoted if plain is None or plain in NOTHING else plain
            if quoted is None and plain is None:
                self._waiting = key
            at = found.end()
        root, end = opened[0] if opened and not self._waiting else None, Spot(len(text), number + 1, 0)
        self._close(0, end)
        if self._items is not None:
            self._items.end = end
        return root

    def _alike(self, at: int, number: int) -> tuple[int, int] | None:
        """Read the items from here on that are written as the last two, line for line, each in one step.

        Return where the last of them ends, and the number of its last line; None when there is none.
        """
        items, opened, text, begin = self._items, self._open, self._file.text, at
        if items is None or len(items) < self._few or self._waiting or len(opened) > 2:
            return None
        keys, column = _keys(items[-1]), items.mark.column
        if keys != _keys(items[-2]) or len(keys) > _KEYS:
            return None
        usual = self._usual if _are_usual(keys, self._usual) else NO_KEYS
        form = self._forms.get((keys, column))
        if form is None:
            if len(self._forms) == _FORMS:
                return None
            form = self._forms[keys, column] = _form(keys, column, usual)
        dash = Spot(at + column, number, column)
        while found := form(text, at):
            if usual:
                items.append(Row(self._file, at + column, number, keys, found.groups()))
            else:
                opened[-1].end = Spot(at + column, number, column)
                opened[-1] = entry = Entry(self._file, Spot(at + column + 2, number, column + 2), _marks)
                items.marks.append(entry.mark)
                items.append(entry)
                values = iter(found.groups())
                for key, quoted, plain in zip(keys, values, values, strict=True):
                    entry[key] = plain or quoted
            at, number = found.end(), number + len(keys)
        if usual and at > begin:
            self._close(1, dash)
        return (at, number - 1) if at > begin else None

    def _enter(self, key: Spot, *, is_item: bool) -> bool:
        """Go to the mapping that the key is in, or begin one; return False where the form is not the plainest."""
        opened, waiting, self._waiting = self._open, self._waiting, ""
        columns = [each.mark.column for each in opened]
        if is_item:
            dash = Spot(key.index - 2, key.line, key.column - 2)
            if columns == [0] and waiting == "tokens":
                opened[0][waiting] = self._items = Items(self._file, dash)
            elif waiting or self._items is None or self._items.mark.column != dash.column:
                return False
            self._close(1, dash)
            self._begin(key, self._items)
        elif waiting:
            if key.column <= columns[-1] or len(columns) > _DEEPEST or (columns == [0] and waiting == "tokens"):
                return False
            outer = opened[-1]
            outer[waiting] = self._begin(key)
        elif not opened:
            self._begin(key)
        elif key.column in columns:
            self._close(columns.index(key.column) + 1, key)
            if self._items is not None and len(opened) == 1:
                self._items.end, self._items = key, None
        else:
            return False
        return True

    def _begin(self, key: Spot, items: Items | None = None) -> Entry:
        entry = Entry(self._file, key, _marks)
        if items is not None:
            items.marks.append(key)
            items.append(entry)
        self._open.append(entry)
        return entry

    def _close(self, left: int, token: Spot) -> None:
        """End all but so many of the mappings that are open before the next token."""
        for each in self._open[left:]:
            each.end = token
        del self._open[left:]


def _form(keys: Sequence[str], column: int, usual: Mapping[str, str]) -> _Match:
    """Return what matches an item with just these keys, and for each, or each usual one, the groups of _VALUE."""
    lines = []
    for key in usual or keys:
        begin = f"{' ' * column}- " if key == keys[0] else " " * (column + 2)
        value = rf'(?:"({usual[key]})"|(?={_PLAIN}\n)({usual[key]}))' if usual else _VALUE
        lines.append(f"{begin}{key}: (?!{_NOTHING}){value}\n" if key in keys else "(?:(?!)()())?")
    # What follows the last line of a row must be no part of it.
    return re.compile("".join(lines) + (rf"(?={' ' * column}- |\Z)" if usual else "")).match


def _are_usual(keys: tuple[str, ...], usual: Mapping[str, str]) -> bool:
    """Return whether these are some of the usual keys in their order, and the first of them."""
    return keys[:1] == tuple(usual)[:1] and keys == tuple(key for key in usual if key in keys)


def _keys(item: Value | Row) -> tuple[str, ...]:
    """Return the keys of an item, () for none."""
    return tuple(item.keys if isinstance(item, Row) else item or ())


def _spot(entry: Entry, key: str) -> Spot:
    """Return where a key stands; no other line begins so far to the right and with it."""
    text, first = entry.file.text, entry.mark
    if text.startswith(f"{key}:", first.index):
        return Spot(first.index, first.line, first.column)
    at = text.index(f"\n{' ' * first.column}{key}:", first.index) + 1 + first.column
    return Spot(at, first.line + text.count("\n", first.index, at), first.column)


def _marks(entry: Entry) -> Marks:
    """Return where keys and values stand, by reading the lines of the mapping again."""
    text, first, end = entry.file.text, entry.mark, entry.end.index
    marks: Marks = {}
    at, number = first.index - first.column, first.line
    while at < end:
        found = _LINE(text, at)
        ends = Spot(text.index("\n", at) + 1, number + 1, 0)
        if found and found.start(3) == at + first.column and found.start(3) < end:
            value = entry[found[3]]
            if isinstance(value, Entry | Items):
                begins, ends = value.mark, value.end
                marks[found[3]] = Spot(found.start(3), number, first.column), begins, ends
            else:
                quotes = found[4] is not None
                start, stop = found.span(4 if quotes else 5)
                marks[found[3]] = (
                    Spot(found.start(3), number, first.column),
                    Spot(start - quotes, number, start - quotes - at),
                    Spot(stop + quotes, number, stop + quotes - at),
                )
        at, number = ends.index - ends.column, ends.line
    return marks

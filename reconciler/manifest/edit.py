"""A manifest's text, positions and wishes, to its text with only the asked for characters changed.

What is made is read back and compared with what was asked. Positions are those of the parser, in the text that it
reads; `Text` keeps what the file has beside it, a byte-order mark and the carriage returns of Windows.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from reconciler.errors import LocalError
from reconciler.manifest import load
from reconciler.manifest.dump import ORDER, Item, double_quoted, single_quoted, written
from reconciler.manifest.plain import Entry, Items
from reconciler.manifest.syntax import TextFile

_MARK = "\ufeff"
_NOTHING = re.compile(r"(?:[ \n]|#[^\n]*)*")  # between two tokens
_REST = re.compile(r" *(?:#[^\n]*)?(?:\n|\Z)")  # of a line after its last token
_COMMENT = re.compile(r"( *)#")

Splice = tuple[int, int, str]
"""Where characters of the text begin and end, and what is to stand for them."""


class Text:
    """The text of a file: `raw` as it stands there, `read` as the parser has it."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self._mark = raw[:1] if raw.startswith(_MARK) else ""
        self.read = raw.removeprefix(_MARK).replace("\r\n", "\n")
        self._returns = _returns(raw.removeprefix(_MARK)) if "\r" in raw else ()
        self._newline = "\r\n" if raw[: raw.find("\n")].endswith("\r") else "\n"

    def spliced(self, splices: Iterable[Splice]) -> Text:
        """Return the text with these splices, which do not overlap; a new line ends as the first line does."""
        pieces, last = [self._mark], 0
        raw = self.raw.removeprefix(_MARK)
        for start, end, new in sorted(splices):
            pieces += [raw[last : self._index(start)], new.replace("\n", self._newline)]
            last = self._index(end)
        return Text("".join([*pieces, raw[last:]]))

    def _index(self, at: int) -> int:
        return at + bisect_left(self._returns, at)


def _returns(raw: str) -> Sequence[int]:
    """Return where the line ends of Windows are in the text that is read."""
    return [found.start() - number for number, found in enumerate(re.finditer("\r\n", raw))]


def edited(
    name: str, text: Text, root: Entry, numbers: Sequence[int], fields: Mapping[str, str | None]
) -> tuple[Text, Entry]:
    """Return the text in which these declarations of the document have the fields, None for none, and its document.

    Raises LocalError when that cannot be done, and what `Entry.key` does.
    """
    for key in (key for key in ORDER if key in fields):
        value, tokens = fields[key], list[Any](root.get("tokens") or ())
        splices = [each for number in numbers for each in put(text.read, tokens[number], key, value)]
        for number in numbers if splices else ():
            rest = {each: tokens[number][each] for each in tokens[number] if each != key}
            tokens[number] = rest if value is None else {**rest, key: value}
        text = text.spliced(splices)
        root = reread(name, text, {**root, "tokens": tokens}) if splices else root
    return text, root


def reread(name: str, text: Text, expected: object) -> Entry:
    """Return the document of the text that was made; raises LocalError when it is not the one that is expected."""
    root, problems = load.read(TextFile(name, text.read))
    if problems or root != expected or not isinstance(root, Entry):
        hint = "it is a mistake in tokenctl: edit the file by hand, and report it"
        raise LocalError(f"{name} cannot be written so that it reads back as it should, and stays as it is", hint)
    return root


class Leaf(NamedTuple):
    """Where a scalar or a value in brackets begins and ends.

    A text after `|` or `>`, whose lines have this indentation, ends with its last line; one that keeps the blank lines
    below it, with the last of these.
    """

    start: int
    end: int
    is_block: bool = False
    keeps: bool = False
    indent: int = 0


def leaf(text: str, entry: Entry, key: str) -> Leaf:
    """Return the value of the key; of one that is a block itself, what it ends with."""
    key_mark, start, end = entry.marks[key]
    value = entry[key]
    if isinstance(value, Entry | Items) and text[start.index] not in "{[":
        return last(text, value)
    if text[start.index] in "|>":
        return _block_scalar(text, start.index, end.index, key_mark.column)
    return Leaf(start.index, end.index)


def last(text: str, node: Any) -> Leaf:
    """Return what a mapping or a sequence ends with."""
    if text[node.mark.index] in "{[":
        return Leaf(node.mark.index, node.end.index)
    return last(text, node[-1]) if type(node) is Items else leaf(text, node, next(reversed(node)))


def _block_scalar(text: str, start: int, end: int, column: int) -> Leaf:
    signs = _signs(text, start)
    first = _eol(text, start) + 1
    indent = next((column + int(sign) for sign in signs if sign.isdigit()), 0)
    at, stop = first, start + 1 + len(signs)
    while at < end:
        eol = _eol(text, at)
        line = text[at:eol]
        if line.strip(" ") or (indent and len(line) > indent):
            indent = indent or len(line) - len(line.lstrip(" "))
            stop = eol
        at = eol + 1
    if keeps := "+" in signs:
        stop = max(stop, text.rfind("\n", first, end))
    return Leaf(start, stop, is_block=True, keeps=keeps, indent=indent)


def _signs(text: str, start: int) -> str:
    """Return what stands behind the `|` or `>` at this place."""
    return "".join(takewhile("-+123456789".__contains__, text[start + 1 : start + 3]))


def appended(text: str, root: Entry, items: Sequence[Item]) -> list[Splice]:
    """Return what adds the declarations after the last one of this document."""
    tokens: Any = root.get("tokens")
    flow = ", ".join(each.flow() for each in items)
    if tokens is None:
        end = last(text, root)
        if text[root.mark.index] == "{":
            at = leaf(text, root, next(reversed(root))).end
            return [(at, at, f", tokens: [{flow}]")]
        return _below(text, end, [f"{' ' * root.mark.column}tokens:", *_lines(items, root.mark.column + 2)])
    if text[tokens.mark.index] != "[":
        return _after_the_last(text, tokens, items)
    if tokens:
        at = last(text, tokens[-1]).end
        return [(at, at, f", {flow}")]
    at, end = tokens.mark.index, tokens.end.index
    if text[root.mark.index] == "{" or "#" in text[at : end + 1]:
        return [(at + 1, at + 1, flow)]
    before = len(text[:at].rstrip())
    begin = before if text[before - 1] == ":" else at
    eol = _eol(text, end)
    return [(begin, end, ""), _added(text, eol, _lines(items, root.mark.column + 2))]


def _after_the_last(text: str, tokens: Any, items: Sequence[Item]) -> list[Splice]:
    """Return what adds declarations below the last one of a list, and below the comments that belong to it."""
    column = tokens.mark.column
    end = last(text, tokens)
    eol = _with_comments(text, end, column)
    lines = _lines(items, column)
    if len(tokens) > 1 and not (end.keeps and eol == _eol(text, end.end)):
        begin = _with_comments(text, last(text, tokens[-2]), column) + 1
        between = text[begin : tokens.marks[-1].index].split("\n")
        dash = next(number for number, line in enumerate(between) if line.lstrip().startswith("-"))
        lines = ["", *lines] if not all(map(str.strip, between[:dash])) else lines
    return _below(text, end, lines, eol)


def _with_comments(text: str, end: Leaf, column: int) -> int:
    """Return where the last line ends of the comments below that are indented deeper than this column."""
    found = eol = _eol(text, end.end)
    while eol < len(text):
        comment = _COMMENT.match(text, eol + 1)
        start, eol = eol + 1, _eol(text, eol + 1)
        if comment and len(comment[1]) > column:
            found = eol
        elif text[start:eol].strip():
            break
    return found


def _lines(items: Sequence[Item], column: int) -> list[str]:
    """Return the lines of the declarations, with a blank one before each but the first that has a comment above it."""
    lines: list[str] = []
    for number, item in enumerate(items):
        lines += [""] if number and "" in item.comments else []
        lines += [" " * column + line for line in item.lines()]
    return lines


def _below(text: str, end: Leaf, lines: Sequence[str], eol: int | None = None) -> list[Splice]:
    """Return what adds lines below the one that ends with this value, or below the one that ends here."""
    own = _eol(text, end.end)
    return [_added(text, own, lines), *ended(text, end)] if eol in (None, own) else [_added(text, eol, lines)]


def ended(text: str, end: Leaf) -> list[Splice]:
    """Return what lets a line follow the value: a block scalar that ends without a newline is not to get one."""
    signs = _signs(text, end.start) if end.is_block and end.end == len(text) else "-"
    at = end.start + 1 + max(signs.find("+"), 0)
    return [] if "-" in signs else [(at, at + ("+" in signs), "-")]


def _added(text: str, eol: int, lines: Iterable[str]) -> Splice:
    """Return what adds lines below the one that ends here, which keeps the line end that it may have."""
    new = "\n".join(lines)
    return (eol + 1, eol + 1, f"{new}\n") if eol < len(text) else (eol, eol, f"\n{new}")


def _eol(text: str, at: int) -> int:
    """Return where the line ends that has this place."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def put(text: str, entry: Entry, key: str, value: str | None) -> list[Splice]:
    """Return what gives the key of a declaration this value, or takes the key away for None."""
    if entry.get(key) == value:
        return []
    if value is None:
        return _taken_in_braces(text, entry, key) if _is_flow(text, entry) else _taken(text, entry, key)
    if key in entry:
        return _replaced(text, leaf(text, entry, key), key, value)
    rank = ORDER.index
    before = max((each for each in entry if rank(each) < rank(key)), key=rank)
    end = leaf(text, entry, before)
    new = f", {key}: {written(key, value)}" + " " * text.startswith("#", end.end)
    if _is_flow(text, entry):
        return [(end.end, end.end, new)]
    if text.startswith((",", "]"), entry.end.index):  # a single key in brackets, without braces
        return [(entry.mark.index, entry.mark.index, "{"), (end.end, end.end, f"{new}}}")]
    column = entry.mark.column
    eol = _with_comments(text, end, column) if isinstance(entry[before], Entry) else None
    return _below(text, end, [f"{' ' * column}{key}: {written(key, value)}"], eol)


def _is_flow(text: str, entry: Entry) -> bool:
    return text[entry.mark.index] == "{"


def _replaced(text: str, old: Leaf, key: str, value: str) -> list[Splice]:
    """Return what puts a value in the place of another, in the same quotes where they can hold it."""
    quote = text[old.start]
    new = single_quoted(value) if quote == "'" else None
    new = new or (double_quoted(value) if quote in "'\"" else written(key, value))
    return over(text, old, new)


def over(text: str, old: Leaf, new: str) -> list[Splice]:
    """Return what puts a scalar of one line in the place of another; a comment behind `|` stays behind it."""
    if not old.is_block:
        return [(old.start, old.end, new)]
    header = old.start + 1 + len(_signs(text, old.start))
    eol = _eol(text, header)
    return [(old.start, header, new), (eol, max(eol, old.end), "")]


def _taken(text: str, entry: Entry, key: str) -> list[Splice]:
    """Return what takes a key away with its lines and the comment on them, and leaves comments of their own lines."""
    entry.key(key)
    key_mark, start, _ = entry.marks[key]
    at, eol = key_mark.index, _eol(text, leaf(text, entry, key).end)
    line, key_eol = _bol(text, at), _eol(text, at)
    value_line = max(_bol(text, start.index), key_eol + 1)
    spans = [(line, key_eol), (value_line, eol)] if "#" in text[key_eol:value_line] else [(line, eol)]
    dash = text[line:at].rstrip()
    if dash:
        following = list(entry)[list(entry).index(key) + 1]
        upto = entry.marks[following][0].index
        if len(spans) == 1 and "#" not in text[eol:upto]:
            return [(at, upto, "")]
        return [(line + len(dash), spans[0][1], ""), *((begin - 1, end, "") for begin, end in spans[1:])]
    above = _above(text, entry, key)
    if eol == len(text) and not (above.is_block and text[above.end : line] == "\n"):
        spans[-1] = spans[-1][0] - 1, eol - 1  # the line above is the last now, and is to have no newline either
    splices = [(begin, min(end + 1, len(text)), "") for begin, end in spans]
    if above.is_block and "#" not in text[_eol(text, above.end) : line]:
        below = [(spans[0][1] + 1, spans[1][0])] if spans[1:] else []
        splices += _unswallowed(text, above, key_mark.column, [*below, (eol + 1, len(text))])
    return splices


def _unswallowed(text: str, above: Leaf, column: int, spans: Sequence[tuple[int, int]]) -> list[Splice]:
    """Return what keeps the lines of these places out of the block scalar that comes to stand right above them."""
    splices: list[Splice] = []
    for begin, stop in spans:
        at = begin
        while at < stop:
            eol = _eol(text, at)
            comment = _COMMENT.match(text, at)
            if comment and len(comment[1]) > column:
                splices.append((at + column, comment.end() - 1, ""))
                above = above._replace(keeps=False)
            elif text[at:eol].strip():
                return splices
            else:
                splices.append((at, eol + above.keeps, ""))
            at = eol + 1
    return splices


def _above(text: str, entry: Entry, key: str) -> Leaf:
    """Return the value of the key that precedes this one."""
    return leaf(text, entry, list(entry)[list(entry).index(key) - 1])


def _taken_in_braces(text: str, entry: Entry, key: str) -> list[Splice]:
    """Return what takes a key away with the comma after it, and the last one with the comma before it."""
    begin, end = entry.marks[key][0].index, leaf(text, entry, key).end
    comma = _token(text, end)
    has_comma = text[comma] == ","
    keys = list(entry)
    number = keys.index(key)
    line, eol = _bol(text, begin), _eol(text, comma if has_comma else end)
    after = comma + 1 if has_comma else end
    ends_line = _REST.match(text, after) is not None
    alone = ends_line and not text[line:begin].strip() and "#" not in text[end:after]
    if number + 1 < len(keys):
        if alone:
            return [(line, eol + 1, "")]
        if "#" in text[end:after]:
            return [(begin, end, ""), (comma, after, "")]
        if ends_line:
            return [(len(text[:begin].rstrip(" ")), after, "")]
        return [(begin, entry.marks[keys[number + 1]][0].index, "")]
    before = _token(text, _above(text, entry, key).end)
    if alone:
        return [(line, eol + 1, ""), *([] if has_comma else [(before, before + 1, "")])]
    if "\n" in text[before:begin]:
        return [(before, before + 1, ""), (begin, end, "")]
    return [(before, end, "")]


def _token(text: str, at: int) -> int:
    """Return where the next token begins."""
    found = _NOTHING.match(text, at)
    return found.end() if found else at


def _bol(text: str, at: int) -> int:
    """Return where the line begins that has this place."""
    return text.rfind("\n", 0, at) + 1

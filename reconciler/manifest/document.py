"""One YAML file as mappings whose keys and values know their line and column.

PyYAML's event stream is read, not its constructed objects: aliases, tags and duplicate keys can be refused, every
scalar stays text, and it takes a quarter of the time. The C parser and the pure one give the same values and refuse the
same files, in words that are our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import yaml

from reconciler.core.secrets import holds_secret
from reconciler.core.text import REFUSED
from reconciler.errors import Place, Problem
from reconciler.manifest import syntax
from reconciler.manifest.plain import NOTHING, Entry, Items, Value
from reconciler.manifest.syntax import QUOTES, TextFile

_DEPTH = 16
_SHOWN = 20  # problems of one file; whoever has more mends these first
_WRITE_OUT = "write the value out: what is reviewed must stand where it applies"
_DIRECTIVE = ("a directive is not read here", "leave the line out")
_COMMENTED = re.compile(r"[|>][-+1-9]{0,2}#")  # the C parser takes the rest for a comment, the pure one refuses it
_CUT = re.compile(r" *(?:\n( *))?#")  # what ends a text without quotes, in its line or where its next one would begin
_CUT_BLOCK = re.compile(r"(?: *\n)*( *)#")  # and what ends one after `|` or `>`: a comment that is indented less
_INDENT = "close it, or indent the lines that belong to the text more than its key"
_FAST = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read(file: TextFile, loader: Any = None) -> tuple[Value, list[Problem]]:
    """Return the document in the file and its problems, up to the first that nothing can be read after.

    `loader` is PyYAML's C or pure loader, the C one by default if there is one. The document is None where it cannot be
    read to its end. Whether it is a manifest is not looked at.
    """
    loader = loader or _FAST
    directives: Sequence[int] = ()
    if file.text.startswith("%") or "\n%" in file.text or REFUSED.search(file.text):
        from reconciler.manifest.source import clean, without_directives  # good files do without

        text, directives = without_directives(file.text)
        file = clean(file._replace(text=text))
    root, problems, escapes = None, [], []
    if file.text or not file.edits:
        root, reader = _parsed(file, loader)
        problems, escapes, loader = reader.problems[:_SHOWN], reader.escapes[:_SHOWN], reader.loader
    refused = list(islice((edit for edit in file.edits if not edit.is_more), _SHOWN))
    found = [Problem(*_DIRECTIVE, file.place_at(at)) for at in directives[:_SHOWN]] + syntax.secrets(file) + problems
    if refused or escapes:
        from reconciler.manifest.owner import owners  # good files do without

        whose = owners(file.text, [*(edit.at for edit in refused), *(at for at, _ in escapes)], loader)
        for edit in refused:
            words = syntax.character_words(edit.character, whose.get(edit.at), is_indent=edit.is_indent)
            found.append(Problem(*words, place=syntax.place(file.name, file.original, edit.original)))
        for at, character in escapes:
            found.append(Problem(*syntax.character_words(character, whose.get(at)), place=file.place_at(at)))
    return root, found


def _parsed(file: TextFile, loader: Any) -> tuple[Value, _Reader]:
    """Return what the parser makes of the file, None where it stops before the end, and what has read it."""
    parser = loader(file.text)
    reader = _Reader(file, loader, parser.get_event)
    try:
        root = reader.document()
    except _StopError:
        root = None
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark
        if loader is not yaml.SafeLoader and mark.index < syntax.EXPLAINED:
            return _parsed(file, yaml.SafeLoader)  # its errors are the ones that are worded
        root = None
        reader.problems.append(syntax.problem(file, error))
        from reconciler.manifest.source import escapes_below

        reader.escapes += escapes_below(file.text, mark.index)
    finally:
        parser.dispose()
    return root, reader


class _StopError(Exception):
    """What follows cannot be read; the problem is already noted."""


class _Reader:
    """Builds mappings and sequences from the events of a loader."""

    def __init__(self, file: TextFile, loader: Any, next_event: Callable[[], Any]) -> None:
        self.loader = loader
        self.problems: list[Problem] = []
        self.escapes: list[tuple[int, str]] = []  # of characters that may not be there, and where they are
        self._next_event = next_event
        self._file = file
        # Only these make a value other than it looks, or put something before it; most files have none of them.
        self._careful = any(mark in file.text for mark in ("\\", "&", "!", "<<", "?"))
        self._careful |= _COMMENTED.search(file.text) is not None
        self._commented = " #" in file.text  # and not only where no text could go on
        self._flow = 0  # brackets and braces that are open

    def document(self) -> Value:
        """Return the only document of the stream."""
        self._next_event()  # the start of the stream
        event = self._next_event()
        if type(event) is yaml.StreamEndEvent:
            place = Place(self._file.name, 1, 1)
            self.problems.append(Problem("the file is empty", "begin with `version: 1`", place))
            return None
        root = self._node(self._next_event(), 1)
        self._next_event()  # the end of the document
        event = self._next_event()
        if type(event) is not yaml.StreamEndEvent:
            self._note(event, "a second document begins", "use one file for each, and name them all")
        return root

    def _node(self, event: Any, depth: int) -> Value:
        kind = type(event)
        if kind is yaml.AliasEvent:
            self._note(event, "an alias is not read here", _WRITE_OUT)
            return ""  # and what is wrong with that is not told
        if kind is yaml.ScalarEvent:
            return self._scalar(event)
        self._inspect_node(event)
        if depth > _DEPTH:
            self._note(event, f"more than {_DEPTH} levels", "")
            raise _StopError
        self._flow += bool(event.flow_style)
        made = self._mapping(event, depth) if kind is yaml.MappingStartEvent else self._sequence(event, depth)
        self._flow -= bool(event.flow_style)
        return made

    def _mapping(self, start: Any, depth: int) -> Entry:
        """Return the mapping whose start was just read; the loop that most of the time is spent in."""
        entry = Entry(self._file, start.start_mark)
        marks, next_event = entry.marks, self._next_event
        scalar, end, nothing, careful = yaml.ScalarEvent, yaml.MappingEndEvent, NOTHING, self._careful
        commented = self._commented
        cut: list[str] = []
        while True:
            event = next_event()
            if type(event) is not scalar:
                if type(event) is end:
                    entry.cut = cut or ()
                    entry.end = event.end_mark
                    return entry
                self._note(event, "a key that is no text", "write `key: value`")
                self._node(event, depth + 1)
                self._node(next_event(), depth + 1)
                continue
            key, key_mark = event.value, event.start_mark
            if careful:
                self._inspect_key(event)
            if key in entry:
                message = f"the key stands here for the second time, first in line {marks[key][0].line + 1}"
                self._note(event, message, "remove one of them")
            event = next_event()
            if type(event) is scalar:
                if careful:
                    self._inspect(event)
                value = event.value
                entry[key] = None if value in nothing and not event.style else value
                if event.style in QUOTES:
                    self._check_quoted(event, start)
                elif commented and self._is_cut(event, key_mark):
                    cut.append(key)
                marks[key] = key_mark, event.start_mark, event.end_mark
            else:
                entry[key] = node = self._node(event, depth + 1)
                marks[key] = key_mark, event.start_mark, getattr(node, "end", event.end_mark)

    def _is_cut(self, event: Any, key_mark: Any) -> bool:
        """Return whether a comment begins where a text could go on: behind it, or below and deeper than its key."""
        found = (_CUT_BLOCK if event.style else _CUT).match(self._file.text, event.end_mark.index)
        return found is not None and (found[1] is None or len(found[1]) > key_mark.column)

    def _check_quoted(self, event: Any, start: Any) -> None:
        """Refuse what YAML 1.2 does and PyYAML does not: mostly a quote that is not closed, and swallows what follows.

        `start` is that of the mapping or the sequence. Raises _StopError.
        """
        if event.start_mark.line < event.end_mark.line and not self._flow:
            below = self._file.text[event.start_mark.index : event.end_mark.index].splitlines()[1:]
            column = start.start_mark.column
            if any(line.strip() and len(line) - len(line.lstrip(" ")) <= column for line in below):
                self._note(event, "a quote that is not closed above a line that is not indented more", _INDENT)
                raise _StopError

    def _sequence(self, start: Any, depth: int) -> Items:
        items = Items(self._file, start.start_mark)
        while type(event := self._next_event()) is not yaml.SequenceEndEvent:
            items.marks.append(event.start_mark)
            items.append(self._node(event, depth + 1))
            if type(event) is yaml.ScalarEvent and event.style in QUOTES:
                self._check_quoted(event, start)
        items.end = event.end_mark
        return items

    def _scalar(self, event: Any) -> str | None:
        self._inspect(event)
        value: str = event.value
        return None if value in NOTHING and not event.style else value

    def _inspect(self, event: Any) -> None:
        """Look at what an escape may have made of a scalar, and at what stands before it."""
        self._inspect_node(event)
        if self._flow and "?" in event.value and not event.style:
            # The pure parser ends a value between brackets here, the C one does not: let both refuse it.
            raise yaml.MarkedYAMLError(problem="found '?' in a flow", problem_mark=event.start_mark)
        if event.style in ("|", ">") and _COMMENTED.match(self._file.text, event.start_mark.index):
            raise yaml.MarkedYAMLError(problem="found '#'", problem_mark=event.start_mark)
        if REFUSED.search(event.value):
            from reconciler.manifest.source import escapes

            self.escapes += escapes(self._file.text, event.start_mark.index, event.end_mark.index)
            event.value = REFUSED.sub("", event.value)
        if holds_secret(event.value) and not holds_secret(
            self._file.text[event.start_mark.index : event.end_mark.index]
        ):
            self._note(event, *syntax.SECRET_WORDS)

    def _inspect_key(self, event: Any) -> None:
        is_merge = event.value == "<<"  # as it is written
        self._inspect(event)
        if is_merge:
            hint = "write the keys out: what is reviewed must stand where it applies"
            self._note(event, "a merge key is not read here", hint)

    def _inspect_node(self, event: Any) -> None:
        if event.anchor is not None:
            self._note(event, "an anchor is not read here", _WRITE_OUT)
        if event.tag is not None:
            self._note(event, "a tag is not read here", "write the value alone; what it is follows from its key")

    def _note(self, event: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(message, hint, self._file.place(event.start_mark)))
        if len(self.problems) >= _SHOWN:
            raise _StopError

"""The text of one YAML file in, mappings whose keys and values know their line and column out.

PyYAML's event stream is read, not its constructed objects: aliases, tags and duplicate keys can be refused, every
scalar stays text, and it takes a quarter of the time. The C parser and the pure one give the same values and refuse the
same files, in words that are our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import yaml

from reconciler.core.secrets import holds_secret
from reconciler.core.text import REFUSED
from reconciler.errors import InvalidError, Place, Problem
from reconciler.manifest import syntax

_DEPTH = 16
_SHOWN = 20  # problems of one file; whoever has more mends these first
_EXPLAINED = 1024 * 1024  # characters: beyond that an error is not read again by the slow parser for better words
_COMMENTED = re.compile(r"[|>][-+1-9]{0,2}#")  # the C parser takes the rest for a comment, the pure one refuses it
_CUT = re.compile(r" *(?:\n( *))?#")  # what ends a text without quotes, in its line or where its next one would begin
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_FAST = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

Value: TypeAlias = "str | Entry | Items | None"


class Source:
    """A file's name as shown, and its text."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def place(self, mark: Any) -> Place:
        """The position of one of the parser's marks."""
        return Place(self.name, mark.line + 1, mark.column + 1)


class Entry(dict[str, Value]):
    """A mapping; knows where it and each of its keys and values stand, and which texts end before a comment."""

    __slots__ = ("cut", "mark", "marks", "source")

    def __init__(self, source: Source, mark: Any) -> None:
        self.source = source
        self.mark = mark
        self.marks: dict[str, tuple[Any, Any]] = {}
        self.cut: Sequence[str] = ()

    def place(self, key: str) -> Place:
        """The position of the key, or of the mapping for "" and for a key it lacks."""
        return self.source.place(self.marks[key][0] if key in self.marks else self.mark)

    def value_place(self, key: str) -> Place:
        """The position of the key's value; that of the key where there is no value."""
        return self.source.place(self.marks[key][0 if self[key] is None else 1])

    def is_plain(self, key: str) -> bool:
        """Whether the key's value is a scalar without quotes."""
        return self.source.text[self.marks[key][1].index] not in "\"'|>"


class Items(list[Value]):
    """A sequence; knows where it and each of its items stand."""

    __slots__ = ("mark", "marks", "source")

    def __init__(self, source: Source, mark: Any) -> None:
        self.source = source
        self.mark = mark
        self.marks: list[Any] = []


def read(source: Source, loader: Any = None) -> Value:
    """The document in the file; `loader` chooses PyYAML's C or pure loader, by itself the C one where there is one.

    Raises InvalidError with every problem of the file, up to the first that nothing can be read after.
    """
    syntax.check(source.name, source.text)
    reader = _Reader(source)
    loader = loader or _FAST
    parser = loader(source.text)
    reader.next_event = parser.get_event
    try:
        root = reader.document()
    except _StopError:
        root = None
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark
        if loader is not yaml.SafeLoader and mark.index < _EXPLAINED:
            return read(source, yaml.SafeLoader)  # its errors are the ones that are worded
        root = None
        reader.problems.append(syntax.problem(source.name, error))
    finally:
        parser.dispose()
    if reader.problems:
        raise InvalidError(reader.problems[:_SHOWN])
    return root


class _StopError(Exception):
    """What follows cannot be read; the problem is already noted."""


class _Reader:
    """Builds mappings and sequences from events."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self.next_event: Any = None
        self._source = source
        # Only these make a value other than it looks, or put something before it; most files have none of them.
        self._careful = any(mark in source.text for mark in ("\\", "&", "!", "<<", "?"))
        self._careful |= _COMMENTED.search(source.text) is not None
        self._commented = " #" in source.text  # and not only where no text could go on
        self._flow = 0  # brackets and braces that are open

    def document(self) -> Value:
        """The only document of the stream."""
        self.next_event()  # the start of the stream
        event = self.next_event()
        if type(event) is yaml.StreamEndEvent:
            self.problems.append(
                Problem("the file is empty", "begin with `version: 1`", Place(self._source.name, 1, 1))
            )
            return None
        root = self._node(self.next_event(), 1)
        self.next_event()  # the end of the document
        event = self.next_event()
        if type(event) is not yaml.StreamEndEvent:
            self._note(event, "a second document begins", "use one file for each, and name them all")
        return root

    def _node(self, event: Any, depth: int) -> Value:
        kind = type(event)
        if kind is yaml.AliasEvent:
            self._note(
                event, "an alias is not read here", "write the value out: what is reviewed must stand where it applies"
            )
            return None
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
        """The mapping whose start was just read; the loop that most of the time is spent in."""
        entry = Entry(self._source, start.start_mark)
        marks, next_event = entry.marks, self.next_event
        scalar, end, nothing, careful = yaml.ScalarEvent, yaml.MappingEndEvent, _NOTHING, self._careful
        commented = self._commented
        cut: list[str] = []
        while True:
            event = next_event()
            if type(event) is not scalar:
                if type(event) is end:
                    entry.cut = cut or ()
                    return entry
                self._note(event, "a key that is no text", "write `key: value`")
                self._node(event, depth + 1)
                self._node(next_event(), depth + 1)
                continue
            key, key_mark = event.value, event.start_mark
            if careful:
                self._inspect(event)
                self._inspect_key(event)
            if key in entry:
                line = marks[key][0].line + 1
                self._note(
                    event, f"the key stands here for the second time, first in line {line}", "remove one of them"
                )
            event = next_event()
            if type(event) is scalar:
                if careful:
                    self._inspect(event)
                value = event.value
                entry[key] = None if value in nothing and not event.style else value
                if commented and not event.style and self._is_cut(event, key_mark):
                    cut.append(key)
            else:
                entry[key] = self._node(event, depth + 1)
            marks[key] = key_mark, event.start_mark

    def _is_cut(self, event: Any, key_mark: Any) -> bool:
        """Whether a comment begins where a text without quotes could go on: behind it, or deeper than its key below."""
        found = _CUT.match(self._source.text, event.end_mark.index)
        return found is not None and (found[1] is None or len(found[1]) > key_mark.column)

    def _sequence(self, start: Any, depth: int) -> Items:
        items = Items(self._source, start.start_mark)
        while type(event := self.next_event()) is not yaml.SequenceEndEvent:
            items.marks.append(event.start_mark)
            items.append(self._node(event, depth + 1))
        return items

    def _scalar(self, event: Any) -> str | None:
        self._inspect(event)
        value: str = event.value
        return None if value in _NOTHING and not event.style else value

    def _inspect(self, event: Any) -> None:
        """Look at what an escape may have made of a scalar, and at what stands before it."""
        self._inspect_node(event)
        if self._flow and "?" in event.value and not event.style:
            # The pure parser ends a value between brackets here, the C one does not: let both refuse it.
            raise yaml.MarkedYAMLError(problem="found '?' in a flow", problem_mark=event.start_mark)
        if event.style in ("|", ">") and _COMMENTED.match(self._source.text, event.start_mark.index):
            raise yaml.MarkedYAMLError(problem="found '#'", problem_mark=event.start_mark)
        if found := REFUSED.search(event.value):
            self._note(event, *syntax.character_words(found[0]))
        if holds_secret(event.value):
            self._note(event, *syntax.secret_words())

    def _inspect_node(self, event: Any) -> None:
        if event.anchor is not None:
            self._note(
                event, "an anchor is not read here", "write the value out: what is reviewed must stand where it applies"
            )
        if event.tag is not None:
            self._note(event, "a tag is not read here", "write the value alone; what it is follows from its key")

    def _inspect_key(self, event: Any) -> None:
        if event.value == "<<":
            self._note(
                event,
                "a merge key is not read here",
                "write the keys out: what is reviewed must stand where it applies",
            )

    def _note(self, event: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(message, hint, self._source.place(event.start_mark)))
        if len(self.problems) >= _SHOWN:
            raise _StopError

"""What to say of a text that cannot be read as YAML: characters, secrets, and syntax.

Of PyYAML only the pure parser's errors have words that can be told apart.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.core.secrets import holds_secret, masked, secrets_in
from reconciler.errors import InvalidError, Place, Problem

if TYPE_CHECKING:
    from reconciler.manifest.owner import Owner

SECRET_WORDS = (
    "this looks like a token's secret",
    "remove it here and from the history, and replace that token on the server",
)
"""What is said of something that looks like a secret, and what to do; never the thing itself."""
QUOTES = ("'", '"')
"""The styles of texts that something closes."""
EXPLAINED = 1024 * 1024
"""Characters: beyond that, an error is not read again by the slow parser for better words."""
_SHOWN = 20


class Edit(NamedTuple):
    """A refused character and its number in the file; from `at` on, the text that is read has moved by `moved`."""

    character: str
    original: int
    at: int
    moved: int
    is_indent: bool = False
    is_more: bool = False  # one more tab of the same line's indentation


class TextFile(NamedTuple):
    """A file's name as shown, and the text to read; `edits` say how the file's own text, `original`, differs."""

    name: str
    text: str
    original: str = ""
    edits: Sequence[Edit] = ()

    def place(self, mark: Any) -> Place:
        """Return the position of one of the parser's marks."""
        return self.place_at(mark.index) if self.edits else Place(self.name, mark.line + 1, mark.column + 1)

    def place_at(self, index: int) -> Place:
        """Return the position in the file of the character with this number in the text."""
        before = bisect_right(self.edits, index, key=lambda edit: edit.at)
        moved = self.edits[before - 1].moved if before else 0
        return place(self.name, self.original or self.text, index + moved)


def place(name: str, text: str, at: int) -> Place:
    """Return where the character with this number stands."""
    return Place(name, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def secrets(file: TextFile) -> list[Problem]:
    """Return each part of the file that looks like a token's secret, in its own text or in what is read of it."""
    found: set[Place] = set()
    if holds_secret(file.text):
        found.update(map(file.place_at, islice(secrets_in(file.text), _SHOWN)))
    if holds_secret(file.original):
        found.update(place(file.name, file.original, at) for at in islice(secrets_in(file.original), _SHOWN))
    # One that has its padding may be found in both ways.
    return [Problem(*SECRET_WORDS, each) for each in sorted(found, key=lambda each: (each.line, each.column))[:_SHOWN]]


def check_name(name: str, *known: str) -> None:
    """Refuse a path with a secret in it, these known ones too, without repeating it; raises InvalidError."""
    if _is_telling(name, known):
        folder = name.rpartition("/")[0]
        where = f"{folder}: a name in this folder" if folder else "the name of a file"
        where = "the path of a file" if _is_telling(folder, known) else where
        hint = "rename it here and in the history, and replace that token on the server"
        raise InvalidError(f"{where} holds a token's secret", hint)


def _is_telling(path: str, known: tuple[str, ...]) -> bool:
    # A slash may be a part of a secret, and may stand beside one.
    return any(masked(part, *known) != part for part in (path, *path.split("/")))


def character_words(character: str, owner: Owner | None = None, *, is_indent: bool = False) -> tuple[str, str]:
    """Return what is said of a character that may not stand here, and what to do; `owner` is what it is a part of."""
    number = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character" if ord(character) < 0xA0 else "not a character").lower()
    what = f"a character that cannot be seen or that reorders others: {number}, {name}"
    if is_indent:
        return f"a tab ({number})", "indent with spaces"
    if character == "\t":
        what, way = f"a tab ({number})", "write a space in its place"
    elif "\ud800" <= character <= "\udfff":
        way = "write the character itself, in UTF-8,"
    else:
        way = "remove it"
    if not owner:
        return what, way.rstrip(",")
    preposition = "from" if way == "remove it" else "in"
    return what, f"{way} {preposition} {owner}{_OTHER_WAYS.get(owner.path, '')}"


# What else can be done about a character that a live text has.
_OTHER_WAYS = {
    "description": ", or leave the key out: a live text that has it then stays as it is",
    "match.description": "; if the live text has it, name the token by `id`",
    "match.user": "; if the owner is called so, name the token by `id`",
    "match.org": "; if the organisation is called so, write its id",
    "server.org": "; if the organisation is called so, write its id",
}


_QUOTE = "quote the value, if it is meant to be text"
_ESCAPED = "write `\\\"` for a quote between double ones, `''` between single ones"
_UNCLOSED = ("a quote that is not closed", f"close it; {_ESCAPED}")
_AFTER_QUOTE = ("text after the quote that closes", f"begin a new line for another key; {_ESCAPED}")
_MAY_FOLLOW = re.compile(r"[ \t]*(?:[]},:#\r\n\x85\u2028\u2029]|\Z)")  # a text in quotes
_COMMA = "close it, or write the comma"
_INDENT = "put what belongs together into one column, with spaces"

# What the parser says, and what that means; the first that fits is taken. The flag says that the error is where the
# construct begins, rather than where the parser gave up.
_WORDS: tuple[tuple[str, bool, str, str], ...] = (
    ("while scanning a quoted scalar", True, *_UNCLOSED),
    ("while parsing a flow sequence", True, "a `[` that is not closed, or no comma", _COMMA),
    ("while parsing a flow mapping", True, "a `{` that is not closed, or no comma", _COMMA),
    ("unknown escape character", False, "an unknown escape in double quotes", "use single quotes, or `\\\\`"),
    ("expected escape sequence", False, "an escape without its digits", "use single quotes, or `\\\\`"),
    ("mapping values are not allowed", False, "a `: ` where no mapping can begin", f"{_QUOTE}; check the indentation"),
    ("could not find expected ':'", True, "a line without `:`", "write `key: value`"),
    ("block sequence entries are not", False, "a `- ` where no list can begin", "put it into a line of its own"),
    ("sequence entries are not allowed", False, "a `- ` where no list can begin", "put it into a line of its own"),
    ("that cannot start any token", False, "a value cannot begin with this character", _QUOTE),
    ("expected <block end>", False, "the indentation does not fit what is above", _INDENT),
    ("expected the node content", False, "a value is missing here", _QUOTE),
    ("while scanning a block scalar", False, "a `|` or `>` with something after it", "write the text below, indented"),
    ("while scanning an alias", False, "a value cannot begin with `*`", _QUOTE),
    ("while scanning an anchor", False, "a value cannot begin with `&`", _QUOTE),
    ("while scanning a tag", False, "a value cannot begin with `!`", _QUOTE),
    ("found '?' in a flow", False, "a `?` between brackets", _QUOTE),
    ("<document start>", False, "the document has ended above, by `...` or by a line with `%`", "leave that line out"),
    ("directive", False, "a line cannot begin with `%`", _QUOTE),
)  # fmt: skip


def problem(file: TextFile, error: Any) -> Problem:
    """Return what is wrong, where, and what to do; `error` is a yaml.MarkedYAMLError with its marks."""
    at = error.problem_mark.index
    if at < EXPLAINED and (quoted := _followed_by_text(file.text, at)):
        in_flow = "flow" in (error.context or "")
        swallows = quoted.value.rstrip(" ").endswith((":", ",")) and file.text[quoted.end_mark.index] not in " \t"
        if quoted.start_mark.line < quoted.end_mark.line or (in_flow and swallows):
            return Problem(*_UNCLOSED, file.place(quoted.start_mark))
        if not in_flow:  # where a comma may be what is missing
            return Problem(*_AFTER_QUOTE, file.place(quoted.end_mark))
    words = f"{error.context or ''}\n{error.problem or ''}"
    at_start, message, hint = next(
        ((start, message, hint) for text, start, message, hint in _WORDS if text in words),
        (False, "this is not YAML", "check quotes, brackets and indentation"),
    )
    mark, stopped = error.context_mark if at_start else error.problem_mark, file.place(error.problem_mark)
    if mark.line + 1 < stopped.line and at < len(file.text.rstrip()) and hint is _COMMA:
        message += f" up to line {stopped.line}"
    return Problem(message, hint, file.place(mark))


def _followed_by_text(text: str, until: int) -> Any:
    """Return the first text in quotes that more text follows, as a token of PyYAML, None without one so far."""
    import yaml

    with suppress(yaml.YAMLError):
        for each in yaml.scan(text, yaml.SafeLoader):
            if each.start_mark.index > until:
                break
            if getattr(each, "style", "") in QUOTES and not _MAY_FOLLOW.match(text, each.end_mark.index):
                return each
    return None

"""What to say of a text that cannot be read as YAML: characters, secrets, and syntax.

Of PyYAML only the pure parser's errors have words that can be told apart.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from reconciler.core.secrets import holds_secret, masked, secrets_in
from reconciler.core.text import REFUSED
from reconciler.errors import InvalidError, Place, Problem

SECRET_WORDS = (
    "this looks like a token's secret",
    "remove it here and from the history, and replace that token on the server",
)
"""What is said of something that looks like a secret, and what to do; never the thing itself."""
_SHOWN = 20


def check(name: str, text: str) -> None:
    """Refuse control characters, bidirectional characters and token secrets; raises InvalidError with their places."""
    problems = [] if text.isascii() and text.isprintable() else _characters(name, text)
    if holds_secret(text):
        # One that has its padding may be found in both ways.
        starts = sorted(set(secrets_in(text)))[:_SHOWN]
        problems += [Problem(*SECRET_WORDS, place=place(name, text, start)) for start in starts]
    if problems:
        raise InvalidError(problems)


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


def character_words(character: str) -> tuple[str, str]:
    """Return what is said of a character that may not stand here, and what to do."""
    number = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character" if ord(character) < 0xA0 else "not a character").lower()
    if character == "\t":
        return f"a tab ({number})", "indent with spaces"
    return f"a character that cannot be seen or that reorders others: {number}, {name}", "remove it"


def _characters(name: str, text: str) -> list[Problem]:
    found = [match for match, _ in zip(REFUSED.finditer(text), range(_SHOWN), strict=False)]
    return [Problem(*character_words(each[0]), place=place(name, text, each.start())) for each in found]


def place(name: str, text: str, at: int) -> Place:
    """Return where the character with this number stands."""
    return Place(name, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


_QUOTE = "quote the value, if it is meant to be text"
_INDENT = "put what belongs together into one column, with spaces"

# What the parser says, and what that means; the first that fits is taken. The flag says that the error is where the
# construct begins, rather than where the parser gave up.
_WORDS: tuple[tuple[str, bool, str, str], ...] = (
    ("while scanning a quoted scalar", True, "a quote that is not closed", "close it, or write `''` for one in a text"),
    ("while parsing a flow sequence", True, "a `[` that is not closed, or no comma", "close the bracket"),
    ("while parsing a flow mapping", True, "a `{` that is not closed, or no comma", "close the brace"),
    ("unknown escape character", False, "an unknown escape in double quotes", "use single quotes, or `\\\\`"),
    ("expected escape sequence", False, "an escape without its digits", "use single quotes, or `\\\\`"),
    ("mapping values are not allowed", False, "a `: ` where no mapping can begin", f"{_QUOTE}; mind the indentation"),
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
    ("directive", False, "a line cannot begin with `%`", "begin with `version: 1`"),
)  # fmt: skip


def problem(name: str, error: Any) -> Problem:
    """Return what is wrong, where, and what to do; `error` is a yaml.MarkedYAMLError with its marks."""
    words = f"{error.context or ''}\n{error.problem or ''}"
    at_start, message, hint = next(
        ((start, message, hint) for text, start, message, hint in _WORDS if text in words),
        (False, "this is not YAML", "mind quotes, brackets and indentation"),
    )
    mark = error.context_mark if at_start else error.problem_mark
    return Problem(message, hint, Place(name, mark.line + 1, mark.column + 1))

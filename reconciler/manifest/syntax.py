"""An error of PyYAML's pure parser in, what it means in words of our own out.

The parser's own text may quote the file and differs from that of the C parser.
"""

from __future__ import annotations

from typing import Any

from reconciler.errors import Place, Problem

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
    """What is wrong, where, and what to do; `error` is a yaml.MarkedYAMLError with its marks."""
    said = f"{error.context or ''}\n{error.problem or ''}"
    at_start, message, hint = next(
        ((start, message, hint) for text, start, message, hint in _WORDS if text in said),
        (False, "this is not YAML", "mind quotes, brackets and indentation"),
    )
    mark = error.context_mark if at_start else error.problem_mark
    return Problem(message, hint, Place(name, mark.line + 1, mark.column + 1))

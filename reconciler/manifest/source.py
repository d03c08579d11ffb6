"""The text of a file as it is read: without the characters that may not stand there, and with their places.

So what else is wrong is found in the same round, and where it stands is still where it stands in the file. Good files
do without this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import yaml

from reconciler.core.text import REFUSED
from reconciler.manifest.syntax import Edit, TextFile

_MOST = 100_000  # characters that are taken away: a file with more of them is no text
_INDENT = "  "  # what a tab at the beginning of a line is read as
_REFUSED = re.compile(rf"(?P<indent>^[ \t]*\t[ \t]*)|{REFUSED.pattern}", re.MULTILINE)
_ESCAPED = yaml.SafeLoader.ESCAPE_REPLACEMENTS
_TAB = re.compile("\t")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_QUOTED = re.compile(r'(?<=[:,\[{-] )"(?:[^"\\\n]|\\.)*"')  # a value in double quotes, on one line
_DIRECTIVE = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*%")  # with what may stand before it


def clean(file: TextFile) -> TextFile:
    """Return the file with the text to read: without refused characters, as if spaces stood where there are tabs.

    A file that has far too many has only the first of them in its edits, and no text.
    """
    text, edits, pieces, last, length = file.text, [], [], 0, 0
    for at, is_indent, is_more in islice(_refused(text), _MOST + 1):
        stands_for = "" if text[at] != "\t" else _INDENT if is_indent else " "
        pieces += [text[last:at], stands_for]
        length += at - last + len(stands_for)
        last = at + 1
        start = length - (len(stands_for) == len(_INDENT))  # both of its columns are the tab's
        edits.append(Edit(text[at], at, start if stands_for != " " else length - 1, last - length, is_indent, is_more))
    if len(edits) > _MOST:
        return TextFile(file.name, "", text, edits)
    return TextFile(file.name, "".join([*pieces, text[last:]]), text, edits) if edits else file


def _refused(text: str) -> Iterator[tuple[int, bool, bool]]:
    """Yield where each refused character is, whether it is a tab that indents, and one more of the same line."""
    for found in _REFUSED.finditer(text):
        if found["indent"] is None:
            yield found.start(), False, False
        else:
            tabs = enumerate(_TAB.finditer(text, *found.span()))
            yield from ((tab.start(), True, number > 0) for number, tab in tabs)


def without_directives(text: str) -> tuple[str, Sequence[int]]:
    """Return the text with a comment for each `%` directive before the document, and where these stand."""
    found, at = [], 0
    while (directive := _DIRECTIVE.match(text, at)) is not None:
        found.append(directive.end() - 1)
        at = text.find("\n", directive.end()) + 1 or len(text)
    pieces = [text[start + 1 : end] for start, end in zip([-1, *found], [*found, len(text)], strict=True)]
    return "#".join(pieces), found


def escapes(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Yield where the double quoted text between these places has an escape of a refused character, and which."""
    for found in _ESCAPE.finditer(text, start, end):
        code = found[1] or found[2] or found[3]
        character = chr(int(code, 16)) if code else _ESCAPED.get(found[4], "")
        if REFUSED.match(character):
            yield found.start(), character


def escapes_below(text: str, index: int) -> Iterator[tuple[int, str]]:
    """Yield what `escapes` does of each line below this place, which the parser does not come to."""
    below = text.find("\n", index)
    for found in _QUOTED.finditer(text, below) if below >= 0 else ():
        yield from escapes(text, *found.span())

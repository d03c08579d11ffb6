"""The commands that GitHub's runner finds in a log: its own reader, in Python, for tests.

After ActionCommand.cs, ActionCommandManager.cs and the reading of lines by .NET's StreamReader in actions/runner. Where
the runner knows some twenty commands, every name is one here, so that what finds none here finds none there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# What .NET's char.IsWhiteSpace takes for white space, and with it TrimStart and Trim.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

# In the order in which the runner undoes them: `%25` last, so that it makes no other.
_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_OLD = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))


@dataclass(frozen=True)
class Command:
    """A command as the runner carries it out; the names of its properties are in lower case."""

    name: str
    data: str
    properties: Mapping[str, str] = field(default_factory=dict)


def commands(log: str) -> Iterator[Command]:
    """The commands of a step's output, on whichever of its streams they stand."""
    for line in re.split("\r\n|\r|\n", log):  # as ReadLine does; U+0085 and U+2028 do not end a line
        if found := _new_form(line) or _old_form(line):
            yield found


def _new_form(line: str) -> Command | None:
    """`::name a=1,b=2::data`, after any blanks."""
    line = line.lstrip(_BLANKS)
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, listed = line[2:end].partition(" ")
    return Command(name, _plain(line[end + 2 :], _DATA), _properties(listed.strip(_BLANKS), ",", _PROPERTY))


def _old_form(line: str) -> Command | None:
    """`##[name a=1;b=2]data`, anywhere in a line."""
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, listed = line[start + 3 : end].partition(" ")
    return Command(name, _plain(line[end + 1 :], _OLD), _properties(listed, ";", _OLD))


def _properties(listed: str, between: str, escapes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    pairs = (each.partition("=") for each in listed.split(between))
    # Of two parts that are split at `=`, empty ones are dropped, and what has not two parts then is no property.
    return {name.lower(): _plain(value.lstrip("="), escapes) for name, _, value in pairs if name and value.strip("=")}


def _plain(escaped: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escape, character in escapes:
        escaped = escaped.replace(escape, character)
    return escaped

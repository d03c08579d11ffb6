"""Values as the YAML of a manifest: scalars, and whole declarations in block style or in brackets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from reconciler.core.text import code_of, is_plain

ORDER = ("id", "name", "match", "pick", "description", "status", "until", "protected", "labels")
"""The keys of a declaration in the order of the reference."""

# Words that begin with a letter and hold nothing that any reader of YAML, in brackets or not, takes for a mark.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./()@+-]*(?: [A-Za-z0-9_./()@+-]+)*").fullmatch
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})  # that some take for no text
_SHORT = {"\n": r"\n", '"': r"\"", "\\": r"\\"}
_AS_IT_STANDS = ("protected",)  # keys whose value is no text


class Item(NamedTuple):
    """A declaration to write: its keys with their values, in the order of the reference.

    `comments` has the text of a comment above a key, or above the whole for "", as it is to stand there.
    """

    fields: Mapping[str, str]
    comments: Mapping[str, str] = MappingProxyType({})

    def lines(self) -> Sequence[str]:
        """Return its lines in block style, from the column of the dash on."""
        above = [f"# {self.comments['']}"] if "" in self.comments else []
        keys: list[str] = []
        for key, value in self.fields.items():
            keys += [f"# {self.comments[key]}"] if key in self.comments else []
            keys.append(f"{key}: {written(key, value)}")
        first, *rest = keys
        return [*above, f"- {first}", *(f"  {line}" for line in rest)]

    def flow(self) -> str:
        """Return it in braces, without the comments."""
        return "{" + ", ".join(f"{key}: {written(key, value)}" for key, value in self.fields.items()) + "}"


def written(key: str, value: str) -> str:
    """Return the value of this key as it is written: ids always in quotes."""
    if key in _AS_IT_STANDS:
        return value
    return double_quoted(value) if key == "id" else scalar(value)


def scalar(text: str) -> str:
    """Return the text plain where every reader of YAML reads it so, in brackets too, else in double quotes."""
    return text if _PLAIN(text) and text.lower() not in _WORDS else double_quoted(text)


def double_quoted(text: str) -> str:
    """Return the text in double quotes, with escapes for what cannot be seen."""
    if is_plain(text) and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_SHORT.get(char) or (char if is_plain(char) else code_of(char)) for char in text) + '"'


def single_quoted(text: str) -> str | None:
    """Return the text in single quotes, None where they cannot hold it."""
    return "'" + text.replace("'", "''") + "'" if is_plain(text) else None

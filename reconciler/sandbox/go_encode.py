"""A value in, JSON text as Go's encoding/json writes it with tab indentation out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring

# Go escapes these for the sake of HTML and JavaScript.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def indented(value: object, indent: str = "\n") -> str:
    """The text of mappings, sequences, texts and truth values, without a line break at the end."""
    match value:
        case str():
            return encode_basestring(value).translate(_ESCAPES)
        case bool():
            return "true" if value else "false"
        case Mapping():
            inner = indent + "\t"
            members = [f"{indented(key, inner)}: {indented(each, inner)}" for key, each in value.items()]
            return "{" + inner + ("," + inner).join(members) + indent + "}" if members else "{}"
        case Sequence():
            inner = indent + "\t"
            items = [indented(each, inner) for each in value]
            return "[" + inner + ("," + inner).join(items) + indent + "]" if items else "[]"
    raise TypeError(type(value).__name__)


def compact(value: Mapping[str, str]) -> str:
    """The text of a flat mapping on one line without blanks."""
    return "{" + ",".join(f"{indented(key)}:{indented(each)}" for key, each in value.items()) + "}"

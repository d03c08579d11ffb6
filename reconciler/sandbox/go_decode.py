"""A JSON value and the Go type it is meant for in, the fields that it sets out.

Follows json.Unmarshal of Go 1.23: keys are matched whatever their case, the last duplicate wins, null leaves a field
alone, unknown keys are ignored, and the first value of a wrong type is reported after everything else was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox import ids
from reconciler.sandbox.go_parse import GoError, Members, Number, Value, parse

# Go folds these two letters of other alphabets to ASCII as well.
_FOLD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\u017f\u212a", "abcdefghijklmnopqrstuvwxyzsk")
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Text:
    """A Go string; `read` refuses what its own UnmarshalText refuses."""

    type: str = "string"
    read: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Texts:
    """A Go map of strings."""

    type: str = "map[string]string"


@dataclass(frozen=True, slots=True)
class List:
    """A Go slice."""

    type: str
    item: Struct


@dataclass(frozen=True, slots=True)
class Struct:
    """A Go struct; its fields by the names of their JSON keys."""

    type: str
    fields: Mapping[str, Text | Texts | List | Struct]


def _go_id(text: str) -> str:
    try:
        return ids.read(text)
    except ids.IdError as error:
        raise GoError(str(error)) from None


# A field that is a pointer in Go is named as one where a value of another type is refused.
ID, POINTER = Text("platform.ID", _go_id), Text("*platform.ID", _go_id)


def decode(body: bytes, struct: Struct) -> dict[str, Any]:
    """The fields that the first JSON value of the body sets; raises GoError."""
    decoder = _Decoder()
    found = decoder.into(parse(body), struct, "")
    if decoder.wrong:
        raise GoError(decoder.wrong)
    return found if isinstance(found, dict) else {}


class _Decoder:
    """Remembers the first wrong type, as Go does, and reads on."""

    def __init__(self) -> None:
        self.wrong = ""

    def into(self, value: Value, kind: Text | Texts | List | Struct, field: str) -> Any:
        """What the value makes of that type, or a mark that it sets nothing; `field` is how Go names the place."""
        if value is None:
            return _MISSING
        match kind:
            case Text() if isinstance(value, str):
                return kind.read(value)
            case List() if isinstance(value, list) and not isinstance(value, Members):
                items = [self.into(item, kind.item, field) for item in value]
                return [{} if item is _MISSING else item for item in items]
            case Texts() if isinstance(value, Members):
                # What sets nothing still makes an entry.
                items_of = {key: self.into(each, Text(), field) for key, each in value}
                return {key: "" if each is _MISSING else each for key, each in items_of.items()}
            case Struct() if isinstance(value, Members):
                return self._struct(value, kind, field)
        where = f"Go struct field {field}" if field else "Go value"
        self.wrong = self.wrong or f"json: cannot unmarshal {_word(value)} into {where} of type {kind.type}"
        return _MISSING

    def _struct(self, members: Members, struct: Struct, field: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in members:
            name = key if key in struct.fields else _folded(key, struct)
            if name is None:
                continue
            path = ".".join([struct.type.rpartition(".")[2], *field.split(".")[1:], name])
            decoded = self.into(value, struct.fields[name], path)
            if decoded is not _MISSING:
                found[name] = decoded
        return found


def _folded(key: str, struct: Struct) -> str | None:
    folded = key.translate(_FOLD)
    return next((name for name in struct.fields if name.translate(_FOLD) == folded), None)


def _word(value: Value) -> str:
    match value:
        case bool():
            return "bool"
        case Number():
            return "number"
        case str():
            return "string"
        case Members():
            return "object"
    return "array"

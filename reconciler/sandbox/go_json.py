"""Reads a request body as Go does for the type that it is meant for, and gives the fields that it sets.

Follows the scanner and json.Unmarshal of Go 1.23, also in its words: what stands after the first value is not looked
at, keys are matched whatever their case, the last duplicate wins, null leaves a field alone, unknown keys are ignored,
and the first value of a wrong type is reported after everything else was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_BLANKS = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(r"[0-9]*")
_POINT = re.compile(r"\.?")
_EXPONENT = re.compile(r"(?:[eE][+-]?)?")
_DIGIT = "0123456789"
_HEX = "0123456789abcdefABCDEF"
_ESCAPED = dict(zip('bfnrt/\\"', '\b\f\n\r\t/\\"', strict=True))
_LITERALS: dict[str, tuple[str, bool | None]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_QUOTED = {special: f"\\{letter}" for letter, special in zip("abfnrtv\\'", "\a\b\f\n\r\t\v\\'", strict=True)}
_NO_UTF8 = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")  # what Python's `surrogateescape` makes of single bytes
_DEPTH = 10_000
# Go folds these two letters of other alphabets to ASCII as well.
_FOLD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\u017f\u212a", "abcdefghijklmnopqrstuvwxyzsk")
_MISSING = object()
_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")


class GoError(Exception):
    """What Go says of the input."""


class Number:
    """A number; its value plays no part in these requests."""


class Members(list[tuple[str, "Value"]]):
    """The members of an object in their order, duplicates included."""


Value = None | bool | str | Number | Members | list["Value"]


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


def read_id(text: str) -> str:
    """The InfluxDB id in lower case; raises GoError. Follows platform.ID of InfluxDB 2.7 to 2.9."""
    if len(text.encode("utf-8", "surrogateescape")) != 16:
        raise GoError("id must have a length of 16 bytes")
    if not _ID.fullmatch(text.lower()):
        raise GoError("invalid ID")
    return text.lower()


# A field that is a pointer in Go is named as one where a value of another type is refused.
ID, POINTER = Text("platform.ID", read_id), Text("*platform.ID", read_id)


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
    words: dict[type, str] = {bool: "bool", Number: "number", str: "string", Members: "object"}
    return words.get(type(value), "array")


def parse(body: bytes) -> Value:
    """The first JSON value of the body; raises GoError."""
    scanner = _Scanner(body.decode("latin-1"))
    if not scanner.more():
        raise GoError("EOF")
    opened: list[Members | list[Value]] = []
    while True:
        value = scanner.open_or_scalar()
        if isinstance(value, Members | list):
            if len(opened) == _DEPTH:
                raise GoError("exceeded max depth")
            if not scanner.closes(value):
                opened.append(value)
                scanner.key(value)
                continue
        # The value is whole: hand it to what holds it, and close all that ends here.
        while opened and not scanner.goes_on(opened[-1], value):
            value = opened.pop()
        if not opened:
            return value


class _Scanner:
    """Reads from left to right; each character stands for one byte."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._keys: list[str] = []

    def more(self) -> bool:
        """Skip blanks; whether anything follows."""
        self._skip(_BLANKS)
        return self._at < len(self._text)

    def open_or_scalar(self) -> Value:
        """An object or array of which only the bracket was read, or a whole scalar."""
        first = self._take_unblank()
        if first == "{":
            return Members()
        if first == "[":
            return []
        if first == '"':
            return self._string()
        if first in _LITERALS:
            word, value = _LITERALS[first]
            for expected in word[1:]:
                self._expect(self._take(), expected, f"in literal {word} (expecting '{expected}')")
            return value
        self._number(first)
        return Number()

    def closes(self, opened: Members | list[Value]) -> bool:
        """Whether the bracket that was just opened is closed at once."""
        closed = self.more() and self._text[self._at] == ("}" if isinstance(opened, Members) else "]")
        self._at += closed
        return closed

    def key(self, holder: Members | list[Value]) -> None:
        """Read the key of the next member, if the holder is an object."""
        if isinstance(holder, Members):
            self._expect(self._take_unblank(), '"', "looking for beginning of object key string")
            self._keys.append(self._string())
            self._expect(self._take_unblank(), ":", "after object key")

    def goes_on(self, holder: Members | list[Value], value: Value) -> bool:
        """Put the value where it belongs; whether a comma follows, after which the next key is read."""
        if isinstance(holder, Members):
            holder.append((self._keys.pop(), value))
            bracket, where = "}", "object key:value pair"
        else:
            holder.append(value)
            bracket, where = "]", "array element"
        found = self._take_unblank()
        if found == bracket:
            return False
        self._expect(found, ",", f"after {where}")
        self.key(holder)
        return True

    def _skip(self, pattern: re.Pattern[str]) -> str:
        """Pass over what the pattern matches here, and return it."""
        found = pattern.match(self._text, self._at)
        skipped = found[0] if found else ""
        self._at += len(skipped)
        return skipped

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise GoError("unexpected EOF")
        self._at += 1
        return self._text[self._at - 1]

    def _take_unblank(self) -> str:
        self._skip(_BLANKS)
        return self._take()

    def _expect(self, found: str, expected: str, where: str) -> None:
        if found not in expected:
            raise GoError(f"invalid character {_quoted(found)} {where}")

    def _string(self) -> str:
        parts: list[str] = []
        while True:
            # Each byte that is no part of UTF-8 becomes U+FFFD.
            plain = self._skip(_PLAIN).encode("latin-1").decode("utf-8", "surrogateescape")
            parts.append(plain.translate(_NO_UTF8))
            found = self._take()
            if found == '"':
                # Halves of escaped surrogate pairs are joined; a half alone becomes U+FFFD.
                return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            self._expect(found, "\\", "in string literal")
            escape = self._take()
            if escape == "u":
                parts.append(chr(int("".join(self._hex() for _ in range(4)), 16)))
            else:
                self._expect(escape, "".join(_ESCAPED), "in string escape code")
                parts.append(_ESCAPED[escape])

    def _hex(self) -> str:
        found = self._take()
        self._expect(found, _HEX, "in \\u hexadecimal character escape")
        return found

    def _number(self, first: str) -> None:
        if first == "-":
            first = self._take()
            self._expect(first, _DIGIT, "in numeric literal")
        self._expect(first, _DIGIT, "looking for beginning of value")
        if first != "0":
            self._skip(_DIGITS)
        for beginning, where in ((_POINT, "after decimal point in"), (_EXPONENT, "in exponent of")):
            if self._skip(beginning):
                self._expect(self._take(), _DIGIT, f"{where} numeric literal")
                self._skip(_DIGITS)


def _quoted(character: str) -> str:
    """A byte as Go's scanner names it: the character of that number, as strconv.Quote writes it."""
    if character in _QUOTED:
        return f"'{_QUOTED[character]}'"
    if character.isprintable():
        return f"'{character}'"
    return f"'\\x{ord(character):02x}'" if ord(character) < 0x80 else f"'\\u{ord(character):04x}'"

"""The bytes of a request body in, its first JSON value out; wrong input is refused in the words of Go's encoding/json.

Follows the scanner of Go 1.23. What stands after the first value is not looked at.
"""

from __future__ import annotations

import re

_BLANKS = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = "0123456789abcdefABCDEF"
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", '"': '"'}
_LITERALS: dict[str, tuple[str, bool | None]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_QUOTED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    "'": r"\'",
}
_DEPTH = 10_000


class GoError(Exception):
    """What Go says of the input."""


class Number:
    """A number; its value plays no part in these requests."""


class Members(list[tuple[str, "Value"]]):
    """The members of an object in their order, duplicates included."""


Value = None | bool | str | Number | Members | list["Value"]


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
        while opened:
            holder = opened[-1]
            scanner.add(holder, value)
            if scanner.goes_on(holder):
                break
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
        self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches everywhere
        return self._at < len(self._text)

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise GoError("unexpected EOF")
        self._at += 1
        return self._text[self._at - 1]

    def _take_unblank(self) -> str:
        self.more()
        return self._take()

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
        bracket = "}" if isinstance(opened, Members) else "]"
        if self.more() and self._text[self._at] == bracket:
            self._at += 1
            return True
        return False

    def key(self, holder: Members | list[Value]) -> None:
        """Read the key of the next member, if the holder is an object."""
        if isinstance(holder, Members):
            self._expect(self._take_unblank(), '"', "looking for beginning of object key string")
            self._keys.append(self._string())
            self._expect(self._take_unblank(), ":", "after object key")

    def add(self, holder: Members | list[Value], value: Value) -> None:
        """Put the value where it belongs."""
        if isinstance(holder, Members):
            holder.append((self._keys.pop(), value))
        else:
            holder.append(value)

    def goes_on(self, holder: Members | list[Value]) -> bool:
        """Whether a comma follows, rather than the closing bracket; then the next key is read too."""
        bracket, where = ("}", "object key:value pair") if isinstance(holder, Members) else ("]", "array element")
        found = self._take_unblank()
        if found == bracket:
            return False
        self._expect(found, ",", f"after {where}")
        self.key(holder)
        return True

    def _expect(self, found: str, expected: str, where: str) -> None:
        if found not in expected:
            raise GoError(f"invalid character {_quoted(found)} {where}")

    def _string(self) -> str:
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self._text, self._at)[0]  # type: ignore[index]  # it matches everywhere
            self._at += len(plain)
            parts.append(_utf8(plain.encode("latin-1")))
            found = self._take()
            if found == '"':
                return _joined("".join(parts))
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
            self._expect(first, "0123456789", "in numeric literal")
        self._expect(first, "0123456789", "looking for beginning of value")
        if first != "0":
            self._digits()
        if self._next_in("."):
            self._expect(self._take(), "0123456789", "after decimal point in numeric literal")
            self._digits()
        if self._next_in("eE"):
            self._next_in("+-")
            self._expect(self._take(), "0123456789", "in exponent of numeric literal")
            self._digits()

    def _digits(self) -> None:
        while self._next_in("0123456789"):
            pass

    def _next_in(self, characters: str) -> bool:
        if self._at < len(self._text) and self._text[self._at] in characters:
            self._at += 1
            return True
        return False


def _quoted(character: str) -> str:
    """A byte as Go's scanner names it: the character of that number, as strconv.Quote writes it."""
    if character in _QUOTED:
        return f"'{_QUOTED[character]}'"
    if character.isprintable():
        return f"'{character}'"
    return f"'\\x{ord(character):02x}'" if ord(character) < 0x80 else f"'\\u{ord(character):04x}'"


def _utf8(data: bytes) -> str:
    """The text; each byte that is no part of UTF-8 becomes U+FFFD."""
    parts, at = [], 0
    while True:
        try:
            parts.append(data[at:].decode())
            return "".join(parts)
        except UnicodeDecodeError as error:
            parts.append(data[at : at + error.start].decode() + "\ufffd")
            at += error.start + 1


def _joined(text: str) -> str:
    """The text with the halves of escaped surrogate pairs joined; a half alone becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if text else text

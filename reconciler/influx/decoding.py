"""Decodes JSON more strictly than Python does, and of an object that is too large as much as can be kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Generator
from functools import cache
from typing import Any

from reconciler.core.live import LARGEST_TEXT, Elided
from reconciler.documents.decode import strict

LARGEST = 1024 * 1024
"""How many characters one element of a list has that is held whole, and how many bytes the body of an answer."""

PIECE = 64 * 1024
"""Texts are looked at in pieces of this size: a server may send them one by one."""

BLANKS = " \t\n\r"

OMITTED = object()
"""Stands for a list or an object that is too large to be kept."""

# Blanks, a number or word, what needs no look in a text, and what is neither bracket nor the beginning of a text that
# is not all there. Compiled where they are met, as usual answers have nothing so large.
_BLANK = rf"[{BLANKS}]*"
_SCALAR = r"[-+.0-9A-Za-z]*"
_UNITS = r'[^"\\]*+(?:\\(?:u[0-9A-Fa-f]{4}|[^u])[^"\\]*+)*+'
_SHORT = r'"([^"\\\x00-\x1f]*+)"'
_NO_BRACKET = r'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+'
_INNER = rf"{_NO_BRACKET}(?:(?:\{{{_NO_BRACKET}\}}|\[{_NO_BRACKET}\]){_NO_BRACKET})*+"
_FLAT = rf"(?s){_NO_BRACKET}(?:(?:\{{{_INNER}\}}|\[{_INNER}\]){_NO_BRACKET})*+"
_ESCAPE = 6  # characters of the longest escape
_CLOSES = {"[": "]", "{": "}"}
_LONGEST_SCALAR = 5000  # more digits than Python takes for a number
_DEEPEST = 900
_WRONG = "]" * (_DEEPEST + 1)


_compiled = cache(re.compile)


class WireError(Exception):
    """The body is not what it should be; the text says how, and holds nothing of the body but positions and keys."""


def decode(body: bytes | bytearray | str) -> dict[str, Any]:
    """The JSON object that the body is; raises WireError for anything else, and for a key that stands twice."""
    try:
        document = JSON.decode(body if isinstance(body, str) else body.decode())
    except (ValueError, RecursionError):
        # `from None`: the exception holds the document.
        raise WireError("it is not JSON") from None
    if type(document) is not dict:
        raise WireError("it is no JSON object")
    return document


class LargeObject:
    """Reads an object as it comes without ever holding it, and keeps the values of the keys in `wanted`.

    Elided stands for a text, and OMITTED for a list or an object, that is too large to be kept. What is passed over is
    read only for where it ends. `found` is the object, once all of it has come.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self.found: dict[str, Any] | None = None
        self._wanted = wanted
        self._text, self._at = "", 0
        self._run = self._object()
        next(self._run)

    def feed(self, text: str) -> str:
        """Take the next characters and return those behind the object; raises WireError for what is no object."""
        if self.found is not None:
            return text
        try:
            self._run.send(text)
        except StopIteration:
            return self._text[self._at :]
        except (ValueError, RecursionError):
            raise WireError("it is not JSON") from None
        return ""

    def _more(self) -> Generator[None, str, None]:
        """Wait until more has come."""
        self._text, self._at = self._text[self._at :] + (yield), 0

    def _next(self) -> Generator[None, str, str]:
        """The next character that is no blank, which is not taken."""
        while True:
            self._at = _end(_BLANK, self._text, self._at)
            if self._at == len(self._text):
                yield from self._more()
            elif self._text[self._at] not in BLANKS:
                return self._text[self._at]

    def _take(self, allowed: str) -> Generator[None, str, str]:
        """Take the next character that is no blank."""
        character = yield from self._next()
        if character not in allowed:
            raise WireError("it is not JSON")
        self._at += 1
        return character

    def _object(self) -> Generator[None, str, None]:
        if (yield from self._next()) != "{":
            raise too_large()
        self._at += 1
        found: dict[str, Any] = {}
        more = (yield from self._next()) != "}"
        self._at += not more
        while more:
            if (yield from self._next()) != '"':
                raise WireError("it is not JSON")
            key = yield from self._string()
            yield from self._take(":")
            value = yield from self._value(kept=key in self._wanted)
            if key in found:
                raise WireError("it has a key twice")
            if key in self._wanted:
                found[key] = value
            more = (yield from self._take(",}")) == ","
        self.found = found

    def _value(self, *, kept: bool) -> Generator[None, str, Any]:
        character = yield from self._next()
        if character == '"':
            return (yield from self._string())
        if character in "[{":
            raw = yield from self._nested(LARGEST if kept else 0)
            return OMITTED if raw is None else JSON.decode(raw)
        raw = ""
        while len(raw) <= _LONGEST_SCALAR:
            at, self._at = self._at, _end(_SCALAR, self._text, self._at)
            raw += self._text[at : self._at]
            if self._at < len(self._text):
                return JSON.decode(raw[: _LONGEST_SCALAR + 1])
            yield from self._more()
        raise WireError("it is not JSON")

    def _string(self) -> Generator[None, str, str]:
        if found := _compiled(_SHORT).match(self._text, self._at, self._at + PIECE):
            self._at = found.end()
            return found[1]
        self._at += 1
        text = _Text()
        while (raw := (yield from self._units())) is not None:
            text.add(JSON.decode(f'"{raw}"'))
        return text.end()

    def _units(self) -> Generator[None, str, str | None]:
        """The next characters and escapes of a text, None at its end, which is taken."""
        while True:
            at = self._at
            self._at = _end(_UNITS, self._text, at)
            if self._at > at:
                return self._text[at : self._at]
            if self._text.startswith('"', at):
                self._at += 1
                return None
            if len(self._text) - at >= _ESCAPE:
                raise WireError("it is not JSON")
            yield from self._more()

    def _nested(self, most: int) -> Generator[None, str, str | None]:
        """All of the list or object that begins here, None when it has more than so many characters."""
        raw = [self._text[self._at]]
        size, ends, quoted = 1, _CLOSES[raw[0]], False
        self._at += 1
        while ends:
            piece = yield from self._units() if quoted else self._flat()
            if quoted or piece == '"':
                quoted = piece is not None
            elif piece in _CLOSES:
                ends += _CLOSES[piece]
            elif piece in ("]", "}"):
                ends = ends.removesuffix(piece) if ends.endswith(piece) else _WRONG
            if len(ends) > _DEEPEST:
                raise WireError("it is not JSON")
            size += len(piece or '"')
            if size <= most:
                raw.append(piece or '"')
        return "".join(raw) if size <= most else None

    def _flat(self) -> Generator[None, str, str]:
        """The next characters that neither begin nor end anything, or one that does."""
        while self._at == len(self._text):
            yield from self._more()
        at = self._at
        self._at = max(_end(_FLAT, self._text, at), at + 1)
        return self._text[at : self._at]


class _Text:
    """A text that comes in pieces, and is kept while it is not too large."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._hash = hashlib.sha256()
        self._half = ""  # of a surrogate pair, the other half of which may be the next escape

    def add(self, piece: str) -> None:
        """Add the next piece."""
        if self._half:
            piece = (self._half + piece).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        self._half = piece[-1] if "\ud800" <= piece[-1] <= "\udbff" else ""
        self._add(piece[: len(piece) - len(self._half)])

    def end(self) -> str:
        """The text, or what stands for it."""
        self._add(self._half)
        return "".join(self._parts) if self._length <= LARGEST_TEXT else Elided(self._length, self._hash.hexdigest())

    def _add(self, piece: str) -> None:
        self._length += len(piece)
        self._hash.update(piece.encode("utf-8", "surrogatepass"))
        if self._length <= LARGEST_TEXT:
            self._parts.append(piece)
        else:
            self._parts.clear()


def _end(pattern: str, text: str, at: int) -> int:
    """Where what the pattern matches there ends, in a piece of the text."""
    found = _compiled(pattern).match(text, at, at + PIECE)
    return found.end() if found else at


def too_large() -> WireError:
    """The error for what has to be held to be read, and is too large for that."""
    return WireError(f"a part of it has more than {LARGEST:,} characters")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as an object; raises WireError for a key that stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WireError("it has a key twice")
    return found


JSON = strict(unique)

"""Bodies of answers in, JSON out: stricter than Python reads it, and of a long list one element at a time.

A list is never held whole: one of 100,000 tokens has 100 MB, and hostile JSON takes thirty times its size in memory.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

LARGEST = 1024 * 1024
"""How many characters one element of a list may have, and how many bytes the body of any other answer."""

_PIECE = 64 * 1024  # bytes are looked at in pieces of this size at least: a server may send them one by one
_BLANKS = " \t\n\r"
_SEPARATOR = re.compile(rf"[{_BLANKS}]*([,\]])[{_BLANKS}]*")
_CLOSING = re.compile(r"(\])")


class WireError(Exception):
    """The body is not what it should be; the text says how, and holds nothing of the body but positions and keys."""


def decode(body: bytes | str) -> dict[str, Any]:
    """The JSON object that the body is; raises WireError for anything else, and for a key that stands twice."""
    try:
        document = _JSON.decode(body if isinstance(body, str) else body.decode())
    except (ValueError, RecursionError):
        # `from None`: the exception holds the document.
        raise WireError("it is not JSON") from None
    if type(document) is not dict:
        raise WireError("it is no JSON object")
    return document


class Sink(Protocol):
    """What takes a body as it comes."""

    def begin(self) -> None:
        """Forget what came so far: an answer begins."""

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; says whether more are wanted."""


class Whole:
    """A sink that holds the body: in one piece, as a server may send it byte by byte."""

    def __init__(self) -> None:
        self.body = bytearray()

    def begin(self) -> None:
        """Forget what came so far."""
        self.body.clear()

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; more are always wanted."""
        self.body += chunk
        return True


class Elements:
    """Reads `{…, KEY: [ELEMENT, …], …}` as it comes; gives each element to `take`, which may raise WireError."""

    def __init__(self, key: str, take: Callable[[Any], None]) -> None:
        self._key = key
        self._take = take
        self._opening = re.compile(rf'"{key}"[{_BLANKS}]*:[{_BLANKS}]*\[')
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._waiting, self._enough = bytearray(), _PIECE
        self._text = ""  # what was decoded and not read yet
        self._first = True
        self._read = self._head
        self._before: dict[str, Any] = {}
        self._refusal: WireError | None = None

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; says whether more are wanted, which after a refusal they are not."""
        self._waiting += chunk
        if len(self._waiting) >= self._enough:
            self._advance(last=False)
        return self._refusal is None

    def finish(self) -> dict[str, Any]:
        """Say that this was all, and give what stands beside the list.

        Raises the WireError that was met, or one for what is no such object.
        """
        self._advance(last=True)
        if self._refusal:
            raise self._refusal
        if self._read == self._head:
            decode(self._text)
            raise self._missing()
        if self._read == self._elements:
            raise WireError("it is not JSON")
        after = decode(f'{{"{self._key}":0{self._text}')
        return _unique([*self._before.items(), *((key, value) for key, value in after.items() if key != self._key)])

    def _advance(self, *, last: bool) -> None:
        if self._refusal:
            return
        try:
            self._text += self._decode(self._waiting, last)
            self._read()
            if len(self._text) > LARGEST:
                raise _too_large()
        except WireError as error:
            self._refusal = error
        except (UnicodeDecodeError, RecursionError):
            self._refusal = WireError("it is not JSON")
        # What is not whole yet is tried again when it has doubled.
        self._waiting, self._enough = bytearray(), max(_PIECE, len(self._text))

    def _missing(self) -> WireError:
        return WireError(f"it has no list `{self._key}`")

    def _head(self) -> None:
        """Go on to the list, if it has begun."""
        if found := self._opening.search(self._text):
            # Only where the list is the outermost object's own do these two brackets complete it.
            self._before = decode(self._text[: found.end()] + "]}")
            if self._before.pop(self._key, None) is None:
                raise self._missing()
            self._text = self._text[found.end() :]
            self._read = self._elements
            self._read()

    def _elements(self) -> None:
        """Take every element that is there with what follows it."""
        text, at = self._text.lstrip(_BLANKS), 0
        found = (_CLOSING.match(text) if self._first else None) or self._element(text, 0)
        while found:
            self._first, at = False, found.end()
            if found[1] == "]":
                self._read = self._tail
                break
            found = self._element(text, at)
        self._text = text[at:]

    def _element(self, text: str, at: int) -> re.Match[str] | None:
        """Take the element that begins there; gives what follows it, None when that has not come yet."""
        try:
            element, end = _JSON.raw_decode(text, at)
        except ValueError:
            return None
        if end - at > LARGEST:
            raise _too_large()
        found = _SEPARATOR.match(text, end)
        if found:
            self._take(element)
        return found

    def _tail(self) -> None:
        """Wait for the end, where it is judged as a whole."""


def _too_large() -> WireError:
    return WireError(f"a part of it has more than {LARGEST:,} characters")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WireError("it has a key twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError


# NaN and Infinity are words that Python reads and JSON does not have.
_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)

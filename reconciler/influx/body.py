"""Bodies of answers in as they come, JSON out: of a long list one element at a time.

A list is never held whole: one of 100,000 tokens has 100 MB, and hostile JSON takes thirty times its size in memory.
Nor is an object that is too large: of that one, the values of the keys that matter are kept as far as they fit.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import Any, Protocol

from reconciler.influx.decoding import BLANKS, JSON, LARGEST, PIECE, LargeObject, WireError, decode, too_large, unique

_SEPARATOR = re.compile(rf"[{BLANKS}]*([,\]])[{BLANKS}]*")
_CLOSING = re.compile(r"(\])")
_OTHER = re.compile("[^a-z]")
_MORE = re.compile(
    "(?:x|has)?(?:more|next)(?:page|link|url|uri|cursor|token|pagetoken|offset)?|cursor|continuation(?:token)?|(?:is)?truncated"
)
_TOTAL = re.compile("count|total(?:count|items|results|elements)?")
_NEXT = re.compile(r"\brel *= *\"?[^\",;]*\bnext\b", re.IGNORECASE)


class Sink(Protocol):
    """Takes the body of an answer piece by piece."""

    def begin(self) -> None:
        """Forget what came so far: an answer begins."""

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; return whether more are wanted."""


class Elements:
    """Reads `{…, KEY: [ELEMENT, …], …}` as it comes; calls `take` with each element, which may raise WireError.

    `plain` is tried first: it may take the element that begins at a place in a text, and returns the match that has
    what follows it, `,` or `]`, as its last group. Of an element that is too large to be held, only the keys in
    `wanted` are: see LargeObject.
    """

    def __init__(
        self,
        key: str,
        take: Callable[[Any], None],
        wanted: Collection[str] = (),
        plain: Callable[[str, int], re.Match[str] | None] = lambda *_: None,
    ) -> None:
        self._key = key
        self._take = take
        self._plain = plain
        self._wanted = wanted
        self._object = LargeObject(wanted)
        self._opening = re.compile(rf'"{key}"[{BLANKS}]*:[{BLANKS}]*\[')
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._waiting, self._enough = bytearray(), PIECE
        self._text = ""  # what was decoded and not read yet
        self._first = True
        self._read = self._head
        self._before: dict[str, Any] = {}
        self._refusal: WireError | None = None

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; return whether more are wanted, which after a refusal they are not."""
        self._waiting += chunk
        if len(self._waiting) >= self._enough:
            self._advance(last=False)
        return self._refusal is None

    def finish(self) -> dict[str, Any]:
        """What stands beside the list, once all has come.

        Raises the WireError that was met, or one for what is no such object.
        """
        self._advance(last=True)
        if self._refusal:
            raise self._refusal
        if self._read == self._head:
            decode(self._text)
            raise WireError(f"it has no list `{self._key}`")
        if self._read != self._tail:
            raise WireError("it is not JSON")
        after = decode(f'{{"{self._key}":0{self._text}')
        return unique([*self._before.items(), *((key, value) for key, value in after.items() if key != self._key)])

    def _advance(self, *, last: bool) -> None:
        if self._refusal:
            return
        try:
            self._text += self._decode(self._waiting, last)
            self._read()
            if len(self._text) > LARGEST:
                raise too_large()
        except WireError as error:
            self._refusal = error
        except (UnicodeDecodeError, RecursionError):
            self._refusal = WireError("it is not JSON")
        # What is not whole yet is tried again when it has doubled.
        self._waiting, self._enough = bytearray(), max(PIECE, len(self._text))

    def _head(self) -> None:
        """Go on to the list, if it has begun."""
        if found := self._opening.search(self._text):
            # Only where the list is the outermost object's own do these two brackets complete it.
            self._before = decode(self._text[: found.end()] + "]}")
            if self._before.pop(self._key, None) is None:
                raise WireError(f"it has no list `{self._key}`")
            self._text = self._text[found.end() :]
            self._read = self._elements
            self._read()

    def _elements(self) -> None:
        """Take every element that is there with what follows it."""
        text, at = self._text.lstrip(BLANKS), 0
        found = _CLOSING.match(text) if self._first else None
        while found is None or found[found.lastindex or 0] == ",":
            found = self._plain(text, at)
            if not found:
                try:
                    element, end = JSON.raw_decode(text, at)
                except ValueError:
                    break
                found = _SEPARATOR.match(text, end)
                if not found or end - at > LARGEST:
                    break
                self._take(element)
            self._first, at = False, found.end()
        else:
            self._read, at = self._tail, found.end()
        self._text = text[at:]
        if self._read == self._elements and len(self._text) > LARGEST:
            self._object = LargeObject(self._wanted)
            self._read = self._large
            self._read()

    def _large(self) -> None:
        """Go on with an element that is too large to be held, and then with what follows it."""
        self._text = self._object.feed(self._text).lstrip(BLANKS)
        found = _SEPARATOR.match(self._text)
        if found and self._object.found is not None:
            self._take(self._object.found)
            self._first = False
            self._text = self._text[found.end() :]
            self._read = self._tail if found[1] == "]" else self._elements
            self._read()
        elif self._text:
            raise WireError("it is not JSON")

    def _tail(self) -> None:
        """Take nothing more: what follows the list is judged as a whole in the end."""


class Single:
    """A sink for a body that is one JSON object, of which only the keys in `wanted` are held when it is too large.

    One that is larger than a piece is read as the only element of a list.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = wanted
        self.begin()

    def begin(self) -> None:
        """Forget what came so far."""
        self._held = bytearray()
        self._found: list[Any] = []
        self._elements: Elements | None = None

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; return whether more are wanted, which after a refusal they are not."""
        if self._elements:
            return self._elements.feed(chunk)
        self._held += chunk
        if len(self._held) <= PIECE:
            return True
        self._elements = Elements("found", self._found.append, self._wanted)
        return self._elements.feed(b'{"found":[' + self._held)

    @property
    def text(self) -> str:
        """What came, where that is UTF-8 and not larger than a piece, else ""."""
        try:
            return "" if self._elements else self._held.decode()
        except UnicodeDecodeError:
            return ""

    def entry(self) -> dict[str, Any]:
        """The object, once all of it has come; raises WireError for anything else."""
        if not self._elements:
            return decode(self._held)
        self._elements.feed(b"]}")
        beside = self._elements.finish()
        if beside or len(self._found) != 1:
            raise WireError("it is not JSON")
        if type(self._found[0]) is not dict:
            raise WireError("it is no JSON object")
        return self._found[0]


def check_whole(beside: Mapping[str, Any], listed: float = math.inf) -> None:
    """Raise WireError when what stands beside a list of so many, or in an answer's headers, says that there is more.

    InfluxDB v2 lists tokens and labels at once. What a page leaves out would look as if it were not there.
    """
    within = [each.items() for each in beside.values() if isinstance(each, dict)]
    links = [each for some in beside.values() if isinstance(some, list) for each in some if isinstance(each, dict)]
    for name, value in chain(beside.items(), *within, ((str(each.get("rel")), each.get("href")) for each in links)):
        word = _OTHER.sub("", name.lower())
        more = bool(value) if _MORE.fullmatch(word) else word == "link" and _NEXT.search(str(value))
        if more or (_TOTAL.fullmatch(word) and type(value) is int and value > listed):
            raise WireError(f"it is one page of a list (`{word}`): what is on others would look absent")

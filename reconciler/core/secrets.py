"""Which parts of foreign text are secrets, and the text without them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

_PADDED = re.compile(r"[A-Za-z0-9+/_-]{86}(?:==|%3[Dd]%3[Dd])")
"""InfluxDB 2 makes secrets of 64 bytes in base64: 86 characters and `==`."""

_BARE = re.compile(
    # What stands before is no part of it, but it may be the end of an escape, in JSON or in a URL.
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})(?<!%2[BbFf]))"
    # The last of the 86 has two bits that 64 bytes leave over, all others have six.
    r"(?:(?<![+/%])(?:[A-Za-z0-9+/]|%2[BbFf]){85}[AQgw](?![A-Za-z0-9+/]|%2[BbFf])"
    r"|(?<![_-])[A-Za-z0-9_-]{85}[AQgw](?![A-Za-z0-9_-]))(?:=|%3[Dd]){0,2}"
    r"|apiv3_[A-Za-z0-9+/_-]{20,}"
)
"""Such a secret without its padding, as a double click copies it, in either alphabet; and one of InfluxDB 3."""

_LONG = 86  # characters, but for those of InfluxDB 3
_SPECIAL = re.compile(r"[^A-Za-z0-9._~-]")  # what a URL escapes
_PADDING = re.compile("(?:=|%3[Dd]){1,2}")
_QUOTED = re.compile(r"[\\'\"]")  # what a quoted text may escape
HIDDEN = "***"
"""What stands where a secret was."""

_TELLING = 12  # a shorter secret, such as `admin`, is a word that stands anywhere
_CUT = 8  # characters that may be missing at either end of a known secret
_WRAPPED = 40  # characters of a known secret that are too many to be words with blanks between them
_BREAK = r"[\s#]*"  # what may stand between two characters of such a secret, in a comment too: see _unbroken
_BREAKS = b"#" + bytes(code for code in range(128) if chr(code).isspace())  # those of ASCII
_FEW = 8  # secrets whose spellings are looked for one after another
_PART = 4  # characters: what is looked for in a text has twice as many
_SHARE = 10  # but no more than one in so many: what is left of a word may be any word


def secrets_in(text: str) -> Iterator[int]:
    """Yield the offset of each part of the text that looks like a token's secret, with its padding or without."""
    for pattern in _patterns(text):
        yield from (found.start() for found in pattern.finditer(text))


def holds_secret(text: str) -> bool:
    """Return whether a part of the text looks like a token's secret, with its padding or without."""
    least = 0 if "apiv3_" in text else _LONG
    if len(text) < least:
        return False
    if _PADDED.fullmatch(text):  # as a server shows it
        return True
    # Taking a text apart at what no secret has, its lines and then its blanks, costs less than looking everywhere.
    if max(map(len, text.split("\n"))) < least:  # as in most texts
        return False
    words = text.split()
    if max(map(len, words), default=0) < least:
        return False
    return any(_is_in(word) for word in words if len(word) >= _LONG or "apiv3_" in word)


def _is_in(word: str) -> bool:
    if word.isalnum() and word.isascii():  # the usual long word
        return len(word) == _LONG and word[-1] in "AQgw"
    return any(pattern.search(word) for pattern in _patterns(word))


class Known:
    """Secrets that are looked for in texts, in every spelling; looking for many takes little longer than for few."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take them in the order in which they are hidden; one that is too short to be told from words is left out."""
        known = [each for each in secrets if len(each) >= _TELLING]
        self._parts = _by_part((_untouched(each), each) for each in known) if len(known) > _FEW else None
        self._ways = _ways(known) if self._parts is None else {}

    def ways(self, text: str) -> Mapping[str, Sequence[_Way]]:
        """Return the spellings of those that the text may hold, by their middle parts."""
        return self._ways if self._parts is None else _ways(_met(text, self._parts))

    def hidden(self, text: str) -> str:
        """Return the text with `***` for each, even one that lacks its padding or a few end characters."""
        for core, ways in self.ways(text).items():
            if core in text:
                text = _cut_out(text, [span for way in ways for span in _spans(text, way)])
        return text

    def masked(self, text: str) -> str:
        """Return the text with `***` for each, and for everything that looks like a token's secret."""
        text = self.hidden(text)
        for pattern in _patterns(text) if holds_secret(text) else ():
            text = pattern.sub(HIDDEN, text)
        return text


def without(text: str, *known: str) -> str:
    """Return the text with `***` for each known secret, as `Known` does."""
    return _known(known).hidden(text)


def known_in(text: str, secret: str) -> Iterator[int]:
    """Yield the offset of each part of the text that is this secret or nearly so; a long one may span lines."""
    for core, ways in _known((secret,)).ways(text).items():
        if core in text:
            yield from sorted({start for way in ways for start, _ in _spans(text, way)})
        elif len(core) >= _WRAPPED and _unbroken(core) in _unbroken(text):
            yield from (found.start() for found in re.finditer(_BREAK.join(map(re.escape, core)), text))


def held(text: str, secrets: Iterable[str]) -> list[str]:
    """Return which of the secrets the text holds just as they are, in their order; many cost little more than few."""
    return list(_met(text, _by_part((each, each) for each in secrets)))


def _cut_out(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with `***` for each of these parts, and one for those that overlap."""
    kept, at = "", 0
    for start, end in sorted(spans):
        if start >= at:
            kept += text[at:start] + HIDDEN
        at = max(at, end)
    return kept + text[at:]


def _spans(text: str, way: _Way) -> Iterator[tuple[int, int]]:
    """Yield where the secret stands, of which some may be missing at both ends."""
    secret, cut, spelled = way
    end_of_core = len(secret) - cut
    core, before, after = spelled(secret[cut:end_of_core]), secret[:cut], secret[end_of_core:]
    found = text.find(core)
    while found >= 0:
        start, end = found, found + len(core)
        for part in map(spelled, reversed(before)):
            if not text.endswith(part, 0, start):
                break
            start -= len(part)
        for part in map(spelled, after):
            if not text.startswith(part, end):
                break
            end += len(part)
        padding = _PADDING.match(text, end)
        yield start, padding.end() if padding else end
        found = text.find(core, found + 1)  # they may overlap


def _unbroken(text: str) -> str:
    if text.isascii():  # then this takes a seventh of the time
        return text.encode("ascii").translate(None, _BREAKS).decode("ascii")
    return "".join(text.split()).replace("#", "")


def masking(*known: str) -> Callable[[str], str]:
    """Return what gives a text with `***` for each known secret, and for all that looks like a token's secret."""
    return _known(known).masked


def masked(text: str, *known: str) -> str:
    """Return the text with `***` for each known secret, and for everything that looks like a token's secret."""
    return _known(known).masked(text)


def _patterns(text: str) -> Sequence[re.Pattern[str]]:
    # Looking for what ends in padding costs most, and looking for padding nothing.
    return (_PADDED, _BARE) if "==" in text or "%3" in text else (_BARE,)


_known = lru_cache(maxsize=256)(Known)
_Parts = Mapping[str, Sequence[tuple[int, str, str]]]
_Way = tuple[str, int, Callable[[str], str]]  # a secret, how much may be missing at an end, and how it is spelled


def _ways(secrets: Iterable[str]) -> dict[str, list[_Way]]:
    """Return the spellings of the secrets by their middle parts, which those that differ at their ends share."""
    found: dict[str, list[_Way]] = {}
    for core, way in (way for each in secrets for way in _spelled(each)):
        found.setdefault(core, []).append(way)
    return found


def _bare(secret: str) -> tuple[str, int]:
    """Return the secret without its padding, and how many characters may be missing at either end of that."""
    bare = secret[:-6] + re.sub(f"{_PADDING.pattern}$", "", secret[-6:])  # where padding can be: this is for thousands
    return bare, max(0, min(_CUT, len(bare) // _SHARE, (len(bare) - _TELLING) // 2))


def _untouched(secret: str) -> str:
    """Return the longest part that the middle part of every spelling has."""
    bare, cut = _bare(secret)
    return max(_SPECIAL.split(bare[cut : len(bare) - cut]), key=len)


@lru_cache(maxsize=256)
def _spelled(secret: str) -> Sequence[tuple[str, _Way]]:
    """Return the plain spelling of a secret, those in URLs and those between quotes, each with its middle part.

    Whatever holds the secret nearly whole holds that middle part, which is quick to look for.
    """
    bare, cut = _bare(secret)
    spellings: list[Callable[[str], str]] = [str]
    if _SPECIAL.search(bare):
        spellings += _IN_URLS
    if _QUOTED.search(bare):
        spellings += _BETWEEN_QUOTES
    return [(spelled(bare[cut : len(bare) - cut]), (bare, cut, spelled)) for spelled in spellings]


def _by_part(sought: Iterable[tuple[str, str]]) -> _Parts:
    """Return what is sought and the secret that it is of, by each part of it with which a search may begin.

    A text is looked at in steps of that length: whatever it holds is met at one of them. What is too short for that is
    always met, and stands at "".
    """
    found: dict[str, list[tuple[int, str, str]]] = {"": []}
    for at, (text, secret) in enumerate(sought):
        parts = {text[start : start + _PART] for start in range(_PART)} if len(text) >= 2 * _PART - 1 else {""}
        for part in parts:
            found.setdefault(part, []).append((at, text, secret))
    return found


def _met(text: str, parts: _Parts) -> Iterator[str]:
    """Yield each secret of which the text holds what is sought, in their order."""
    met = {each for at in range(0, len(text), _PART) for each in parts.get(text[at : at + _PART], ())}
    yield from (secret for _, sought, secret in sorted(met.union(parts[""])) if sought in text)


@lru_cache(maxsize=256)  # a fleet has thousands of secrets, and they have few characters
def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))


_IN_URLS = (
    partial(_SPECIAL.sub, lambda special: _escaped(special[0])),
    partial(_SPECIAL.sub, lambda special: _escaped(special[0]).lower()),
)
_BETWEEN_QUOTES = [partial(re.sub, quoted, r"\\\g<0>") for quoted in (r'[\\"]', r"[\\']", r"\\")]  # of JSON and Python

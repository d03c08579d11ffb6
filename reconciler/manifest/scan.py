"""Text in, refusals of what must not stand anywhere in a manifest out: comments and keys included."""

from __future__ import annotations

import re
import unicodedata

from reconciler.core.text import REFUSED
from reconciler.errors import InvalidError, Place, Problem

# InfluxDB 2 makes secrets of 64 bytes in base64 (86 characters and `==`), InfluxDB 3 of this prefix.
_SECRET = re.compile(r"[A-Za-z0-9+/_-]{86}==|apiv3_[A-Za-z0-9+/_-]{20}")
_SHOWN = 20


def check(name: str, text: str) -> None:
    """Refuse control characters, bidirectional characters and token secrets; raises InvalidError with their places."""
    problems = [] if text.isascii() and text.isprintable() else _characters(name, text)
    if holds_secret(text):
        problems += [
            Problem(*secret_words(), place=_place(name, text, found.start())) for found in _SECRET.finditer(text)
        ][:_SHOWN]
    if problems:
        raise InvalidError(problems)


def holds_secret(text: str) -> bool:
    """Whether a part of the text looks like a token's secret."""
    # Each of these is in every secret, and looking for them takes no time.
    return ("==" in text or "apiv3_" in text) and _SECRET.search(text) is not None


def secret_words() -> tuple[str, str]:
    """What is said of something that looks like a secret, and what to do; never the thing itself."""
    return (
        "this looks like a token's secret",
        "remove it here and from the history, and replace that token on the server",
    )


def character_words(character: str) -> tuple[str, str]:
    """What is said of a character that may not stand here, and what to do."""
    number = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character" if ord(character) < 0xA0 else "not a character").lower()
    if character == "\t":
        return f"a tab ({number})", "indent with spaces"
    return f"a character that cannot be seen or that reorders others: {number}, {name}", "remove it"


def _characters(name: str, text: str) -> list[Problem]:
    found = [match for match, _ in zip(REFUSED.finditer(text), range(_SHOWN), strict=False)]
    return [Problem(*character_words(each[0]), place=_place(name, text, each.start())) for each in found]


def _place(name: str, text: str, at: int) -> Place:
    return Place(name, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))

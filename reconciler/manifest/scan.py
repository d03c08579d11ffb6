"""Text in, refusals of what must not stand anywhere in a manifest out: comments and keys included."""

from __future__ import annotations

import unicodedata

from reconciler.core.secrets import holds_secret, secrets_in
from reconciler.core.text import REFUSED
from reconciler.errors import InvalidError, Place, Problem

_SHOWN = 20


def check(name: str, text: str) -> None:
    """Refuse control characters, bidirectional characters and token secrets; raises InvalidError with their places."""
    problems = [] if text.isascii() and text.isprintable() else _characters(name, text)
    if holds_secret(text):
        # One that has its padding may be found in both ways.
        starts = sorted(set(secrets_in(text)))[:_SHOWN]
        problems += [Problem(*secret_words(), place=_place(name, text, start)) for start in starts]
    if problems:
        raise InvalidError(problems)


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

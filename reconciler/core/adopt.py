"""Live tokens that no declaration means, as declarations to write: named, in order, with what cannot be declared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar
from unicodedata import combining, normalize

from reconciler.core.live import Elided, Token
from reconciler.core.manifest import LONGEST_DESCRIPTION
from reconciler.core.secrets import HIDDEN
from reconciler.core.text import REFUSED

_Id = TypeVar("_Id", bound=str)
Hides = Callable[[str], bool]
"""Says whether a text holds a secret, or what looks like one."""

_LONGEST_SLUG, _SHORTEST_CUT = 40, 20
_SPELLED = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ı": "i", "œ": "oe"})
_OTHERS = re.compile("[^a-z0-9._/]+")
_SEPARATOR = re.compile("-*([._/]+)-*")
_ENDS = "-._/"
_HEX = re.compile("[0-9a-f]{16}").fullmatch


class Adopted(NamedTuple):
    """A live token and the name of its declaration; `reason` says why its description is left alone, "" where not."""

    token: Token
    name: str
    reason: str = ""


def adopt(tokens: Iterable[Token], taken: Iterable[str], hides: Hides) -> list[Adopted]:
    """Return the tokens by organisation, owner and id, each with a name that differs from all that are `taken`."""
    ordered = sorted(tokens, key=lambda each: (*_by_name(each.org), *_by_name(each.user), each.id))
    secret = _hidden({each.description for each in ordered}, hides)
    slugs = {each.id: _slug_of(each.description, secret) for each in ordered}
    owners = {name: slug(name) for name in {each.user for each in ordered}}
    names = told_apart(slugs, taken, {each.id: owners[each.user] for each in ordered}, "token", hides)
    return [Adopted(each, names[each.id], _why_not(each.description, secret)) for each in ordered]


def _by_name(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _hidden(texts: Iterable[str], hides: Hides) -> set[str]:
    """Return those of the texts that hold a secret; of many texts usually none does, which one look tells."""
    some = list(texts)
    return {each for each in some if hides(each)} if hides("\n".join(some)) else set()


def _slug_of(description: str, secret: Iterable[str]) -> str:
    known = isinstance(description, Elided) or HIDDEN in description or description in secret
    return "" if known else slug(description)


def _why_not(description: str, secret: Iterable[str]) -> str:
    """Return why no manifest can hold the description, "" where one can."""
    if refused := REFUSED.search(description):
        return f"U+{ord(refused[0]):04X} in it may not stand in a file"
    length = description.length if isinstance(description, Elided) else len(description)
    if length > LONGEST_DESCRIPTION:
        return f"it has {length:,} characters, and {LONGEST_DESCRIPTION:,} may be declared"
    return "a part of it is, or may be, a token's secret" if HIDDEN in description or description in secret else ""


def slug(text: str) -> str:
    """Return what a name can have of the text, at most 40 characters; "" where that is nothing."""
    lower = text.lower()
    if not lower.isascii():
        lower = "".join(char for char in normalize("NFKD", lower.translate(_SPELLED)) if not combining(char))
    found = _SEPARATOR.sub(r"\1", _OTHERS.sub("-", lower)).strip(_ENDS)
    if len(found) > _LONGEST_SLUG:
        found = found[:_LONGEST_SLUG]
        end = found.rfind("-")
        found = found[:end] if end >= _SHORTEST_CUT else found
    return found.rstrip(_ENDS)


def told_apart(
    slugs: Mapping[_Id, str], taken: Iterable[str], others: Mapping[_Id, str], otherwise: str, hides: Hides
) -> dict[_Id, str]:
    """Return a name for each id: its slug, with the id behind it where another one or what is taken is the same.

    In the place of no slug, and of one that holds a secret, stands what `others` has for the id, or else `otherwise`.
    """
    used = {name.lower() for name in taken}
    hidden = _hidden({*slugs.values(), *others.values(), *(f"{text}-{each}" for each, text in slugs.items())}, hides)
    known = {each: "" if {text, f"{text}-{each}"} & hidden else text for each, text in slugs.items()}
    with_id = {
        each: f"{text or ('' if others[each] in hidden else others[each]) or otherwise}-{each}"
        for each, text in known.items()
    }
    counted, ids = Counter(known.values()), {*with_id.values()}
    names = {}
    for each, text in known.items():
        name = text
        if not text or counted[text] > 1 or text in used or text in ids or _HEX(text):
            name = with_id[each]
            while name in used:
                name += f"-{each}"
        names[each] = name
    return names

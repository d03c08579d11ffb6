"""Which declarations and which live tokens are asked for, by name, id, label, glob or word, and what may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from reconciler.core.live import Status, Token, TokenId
from reconciler.core.manifest import Declaration, Manifest, Match, Severity
from reconciler.core.text import count, quoted, shortened
from reconciler.errors import UsageError

_HEX = re.compile("[0-9A-Fa-f]{16}").fullmatch
_NEARLY_HEX = re.compile("[0-9A-Fa-f]{15,17}").fullmatch
_ONES = 0x1111_1111_1111_1111  # the lowest bit of each digit of an id
_WRONG = 2  # digits of an id that may be wrong
_FURTHER = _WRONG + 1
_LONGEST = 60  # characters of a description in a question
_AS_WRITTEN = "write a name, an id or LABEL=VALUE as the files have them, or a glob of one"


def is_glob(term: str) -> bool:
    """Return whether the term has `*`, `?` or `[` in it."""
    return not {*"*?["}.isdisjoint(term)


def select(manifest: Manifest, terms: Sequence[str], *, required: bool = True) -> Manifest:
    """Return the manifest with only the declarations that every term selects, as `selected` says.

    A part of a manifest says nothing about the other live tokens, so `unmanaged` is ignored then. Raises UsageError
    when nothing is selected although something is required.
    """
    if not terms:
        return manifest
    tokens = manifest.tokens
    for term in terms:
        tokens = tuple(selected(tokens, term))
    if required and not tokens:
        nothing = next((term for term in terms if not selected(manifest.tokens, term)), None)
        if nothing is not None:
            raise unselected(manifest.tokens, nothing)
        raise UsageError(
            f"--select {' '.join(terms)} selects no declaration",
            "each of these terms selects some, and several narrow further: leave one out",
        )
    return manifest._replace(tokens=tokens, unmanaged=Severity.IGNORE)


def selected(declarations: Iterable[Declaration], term: str) -> list[Declaration]:
    """Return the declarations with this name, with this id in any case, or with this `LABEL=VALUE`.

    A term with `*`, `?` or `[…]` is a glob: of names and ids, or where it has a `=` of both sides of a label.
    """
    label, equals, value = term.partition("=")
    if not is_glob(term):
        token_id = term.lower() if _HEX(term) else None
        return [
            each
            for each in declarations
            if (each.labels.get(label) == value if equals else term == each.name or token_id == each.target)
        ]
    if equals:
        return [
            each for each in declarations if any(_fits(name, text, label, value) for name, text in each.labels.items())
        ]
    return [
        each
        for each in declarations
        if any(fnmatchcase(text, term) for text in (each.name, each.target) if isinstance(text, str))
    ]


def _fits(name: str, text: str, label: str, value: str) -> bool:
    return fnmatchcase(name, label) and (text == value or fnmatchcase(text, value))


def unselected(declarations: Sequence[Declaration], term: str, *, adding: bool = False) -> UsageError:
    """Return the error for a term that selects none of them, with what may have been meant.

    `adding` says that the command can declare a token by its id.
    """
    if "=" in term:
        labels = {f"{name}={text}" for each in declarations for name, text in each.labels.items()}
        what = f"`{term}` selects no declaration" if is_glob(term) else f"no declaration has the label `{term}`"
        return UsageError(what, near(term, labels) or _some("label", sorted(labels)))
    names = [each.name for each in declarations if each.name is not None]
    if is_glob(term):
        nameless = [each for each in declarations if each.name is None and isinstance(each.target, Match)]
        return UsageError(f"`{term}` selects no declaration", "; ".join((_some("name", names), *_nameless(nameless))))
    by_id = {each.target: each for each in declarations if not isinstance(each.target, Match)}
    meant = nearest(term, by_id)
    if meant is None and not _HEX(term):
        return UsageError(f"no declaration is named `{term}`", near(term, names) or _some("name", names))
    hints = [did_you_mean(meant, by_id[meant].name or by_id[meant].description or "")] if meant else []
    if adding and _HEX(term):
        hints.append(f"`--add` declares {'another token' if meant else 'it'}")
    return UsageError(f"no declaration has the id {term.lower()}", " ".join(hints) or _AS_WRITTEN)


def found(
    tokens: Iterable[Token], *, words: Sequence[str] = (), user: str = "", status: Status | None = None
) -> list[Token]:
    """Return the live tokens of a status and of the owners that a glob fits, with every word in one of their texts.

    These are id, organisation, owner and description, compared by compatible characters (NFKC) whatever their case.
    """
    folded = [_folded(word) for word in words]
    return [
        each
        for each in tokens
        if status in (None, each.status)
        and (not user or each.user == user or fnmatchcase(each.user, user))
        and (not folded or _has_all(each, folded))
    ]


def _has_all(token: Token, words: Sequence[str]) -> bool:
    texts = [_folded(text) for text in (token.id, token.org, token.user, token.description)]
    return all(any(word in text for text in texts) for word in words)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    from unicodedata import normalize

    return normalize("NFKC", normalize("NFKC", text).casefold())


def near(text: str, known: Iterable[str]) -> str:
    """Return the question for the known texts that are most like this one, alike and three at most; "" for none."""
    from difflib import SequenceMatcher, get_close_matches  # only for who mistyped

    lower = {each.lower(): each for each in sorted(known, reverse=True)}
    close = get_close_matches(text.lower(), lower, 3, 0.6)
    ratios = [SequenceMatcher(None, each, text.lower()).ratio() for each in close]
    found = [f"`{lower[each]}`" for each, ratio in zip(close, ratios, strict=True) if ratio == ratios[0]]
    return f"did you mean {' or '.join(filter(None, (', '.join(found[:-1]), found[-1])))}?" if found else ""


def nearest(text: str, known: Iterable[TokenId]) -> TokenId | None:
    """Return the known id that one slip of typing makes this text of, where one is nearer than all others.

    A slip is one wrong digit, two neighbours swapped, or a digit too many or too few; two wrong digits are further.
    """
    if not _NEARLY_HEX(text):
        return None
    text = text.lower()
    number = int(text, 16)
    best, found = _FURTHER, None
    for each in known:
        distance = _wrong(number ^ int(each, 16)) if len(text) == len(each) else _missing(text, each)
        if distance == _WRONG and _swapped(text, each):
            distance = 1
        if distance < best:
            best, found = distance, each
        elif distance == best:
            found = None
    return found


def did_you_mean(token_id: TokenId, called: str) -> str:
    """Return the question whether this token was meant, with its name or description, "" for none."""
    return f"did you mean {token_id}{f' ({quoted(shortened(called, _LONGEST))})' if called else ''}?"


def _wrong(difference: int) -> int:
    """Return how many hex digits of the number are not 0."""
    return ((difference | difference >> 1 | difference >> 2 | difference >> 3) & _ONES).bit_count()


def _swapped(one: str, other: str) -> bool:
    """Return whether two texts that differ in two places have two neighbours swapped."""
    first, second = (at for at, (left, right) in enumerate(zip(one, other, strict=True)) if left != right)
    return second == first + 1 and one[first] == other[second] and one[second] == other[first]


def _missing(one: str, other: str) -> int:
    """Return 1 when the shorter text is the longer one without a character, else more than counts."""
    short, long = sorted((one, other), key=len)
    return 1 if any(long[:at] + long[at + 1 :] == short for at in range(len(long))) else _FURTHER


def _some(noun: str, known: Sequence[str]) -> str:
    if not known:
        return f"no declaration has a {noun}"
    if len(known) == 1:
        return f"there is 1 {noun}, `{known[0]}`"
    return f"there are {count(len(known), noun)}, such as `{known[0]}`"


def _nameless(some: Sequence[Declaration]) -> list[str]:
    if not some:
        return []
    place = some[0].origin.place("")
    have, more = ("has", "") if len(some) == 1 else ("have", f" and {len(some) - 1:,} more")
    return [f"{count(len(some), 'declaration')} {have} no name and no id ({place.file}:{place.line}{more})"]

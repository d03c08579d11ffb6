"""Whether a document is a manifest: yes or no, and nothing about why.

It is yes exactly when schemas/tokens.v1.json does; a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeGuard

from reconciler.core.manifest import LONGEST_DESCRIPTION, UNTIL
from reconciler.manifest.plain import Entry, Items, Row, Value

NUMBER = r"0|[1-9][0-9]{0,8}"
LARGEST = 100_000  # tokens in a manifest
_EXCEPTIONS = 1000  # of `unmanaged`

_Check = Callable[[Value], bool]

_HEX = "[0-9A-Fa-f]{16}"
_ANY_ID = f"(?!0{{16}}){_HEX}"
_ANY_NAME = rf"(?!{_HEX}(?![A-Za-z0-9._/@:+-]))[A-Za-z0-9][A-Za-z0-9._/@:+-]{{0,127}}"
_ID, _NAME = re.compile(_ANY_ID).fullmatch, re.compile(_ANY_NAME).fullmatch
# What some YAML reader takes for a number, and cannot give back as it stood: ids made of digits, or like 12e34 or 0b1.
NUMBER_ID = "(?:[0-9]+(?:[eE][0-9]+)?|0b[01]+)"
USUAL = {
    "id": rf"(?!{NUMBER_ID}[\"\n]){_ANY_ID}",
    "name": _ANY_NAME,
    "description": rf'[^"\\\n]{{0,{LONGEST_DESCRIPTION}}}+',
    "status": "active|inactive",
}
"""The keys that most declarations have, in this order, and patterns of values that no check or warning is about."""
# These are rarer, and compiled when they are met: each costs as much as a hundred tokens.
_LABEL = r"[a-z0-9][a-z0-9._/-]{0,62}"
_URL = r"https?://[^\s?#@]+"
_SHARE = r"(100|[1-9]?[0-9])%"


def accepts(root: Value) -> TypeGuard[Entry]:
    """Return whether the document is a manifest."""
    return head(root) and all(map(token, root.get("tokens") or ()))


def head(root: Value) -> TypeGuard[Entry]:
    """Return whether everything but the tokens themselves is as it should be."""
    if type(root) is not Entry or not root.keys() <= {"version", *_HEAD} or "version" not in root:
        return False
    plain = all(root.is_plain(key) for key in ("version", "lock") if key in root)
    return root["version"] == "1" and plain and _all(root, _HEAD)


def token(entry: Value | Row) -> bool:
    """Return whether an entry under `tokens:` is as it should be."""
    if type(entry) is not Entry:
        return type(entry) is Row  # its values are as USUAL says
    for key, value in entry.items():
        check = _TOKEN.get(key)
        if check is None or not check(value):
            return False
    if ("id" in entry) is ("match" in entry) or ("pick" in entry and "match" not in entry):
        return False
    if entry.get("description") == "" and type(match := entry.get("match")) is Entry and match.get("description"):
        return False
    if "protected" not in entry:
        return True
    return entry.is_plain("protected") and (entry["protected"] == "false" or "until" not in entry)


def sound(root: Entry) -> Entry:
    """Return those parts of a document that are as they should be, each for itself."""
    kept = Entry(root.file, root.mark, later=lambda _: root.marks)
    for key, value in root.items():
        if key == "tokens" and type(value) is Items:
            tokens = Items(root.file, value.mark)
            tokens.extend(filter(token, value))
            kept[key] = tokens
        elif key in _HEAD and _HEAD[key](value):
            kept[key] = value
    return kept


def label(key: str) -> bool:
    """Return whether a label may be called so."""
    return re.fullmatch(_LABEL, key) is not None


def _all(entry: Entry, checks: Mapping[str, _Check]) -> bool:
    return all(check(entry[key]) for key, check in checks.items() if key in entry)


def _text(least: int, most: int) -> _Check:
    return lambda value: type(value) is str and least <= len(value) <= most


def _org(value: Value) -> bool:
    # A server trims the name of an organisation before it looks for it.
    return type(value) is str and len(value) <= 1000 and re.search(r"\S", value) is not None


def _is_id(value: Value) -> bool:
    return type(value) is str and _ID(value) is not None


def _name(value: Value) -> bool:
    return type(value) is str and _NAME(value) is not None


def _until(value: Value) -> bool:
    return type(value) is str and re.fullmatch(UNTIL, value) is not None  # that there is such a day is not asked here


def _one_of(*choices: str) -> _Check:
    return lambda value: value in choices


def _some_of(checks: Mapping[str, _Check]) -> _Check:
    return lambda value: (
        type(value) is Entry and len(value) > 0 and value.keys() <= checks.keys() and _all(value, checks)
    )


def _labels(value: Value) -> bool:
    return (
        type(value) is Entry
        and len(value) <= 64
        and all(label(key) and type(each) is str and len(each) <= 200 for key, each in value.items())
    )


def _url(value: Value) -> bool:
    return type(value) is str and len(value) <= 2000 and re.fullmatch(_URL, value) is not None


def _guards(value: Value) -> bool:
    if type(value) is not Entry or not value or not value.keys() <= {"max_deactivations", "min_managers"}:
        return False
    limit = value.get("max_deactivations", "0%")
    share = type(limit) is str and re.fullmatch(_SHARE, limit) is not None
    return (share or _number(value, "max_deactivations")) and (
        "min_managers" not in value or _number(value, "min_managers")
    )


def _number(entry: Entry, key: str) -> bool:
    value = entry[key]
    return (
        type(value) is str and re.fullmatch(NUMBER, value) is not None and int(value) <= LARGEST and entry.is_plain(key)
    )


def _unmanaged(value: Value) -> bool:
    if type(value) is not Entry:
        return _POLICY(value)
    return "policy" in value and _BOTH(value)


def _exceptions(value: Value) -> bool:
    return type(value) is Items and len(value) <= _EXCEPTIONS and all(map(_MATCH, value))


_POLICY = _one_of("ignore", "warn", "fail")
_MATCH = _some_of({"user": _text(1, 1000), "org": _org, "description": _text(0, LONGEST_DESCRIPTION)})
_BOTH = _some_of({"policy": _POLICY, "except": _exceptions})
_TOKEN: dict[str, _Check] = {
    "id": _is_id,
    "name": _name,
    "match": _MATCH,
    "pick": _one_of("only", "first", "all"),
    "description": _text(0, LONGEST_DESCRIPTION),
    "status": _one_of("active", "inactive"),
    "until": _until,
    "protected": _one_of("true", "false"),
    "labels": _labels,
}
_HEAD: dict[str, _Check] = {
    "server": _some_of({"url": _url, "org": _org}),
    "guards": _guards,
    "unmanaged": _unmanaged,
    "absent": _one_of("fail", "warn"),
    "lock": _one_of("true", "false"),
    "tokens": lambda value: type(value) is Items and len(value) <= LARGEST,
}

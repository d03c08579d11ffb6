"""A line of a journal in, whether it is plainly what its schema says out; of any other the schema itself must be asked.

Nearly all lines of a journal are intents and results, and asking the schema takes a hundred times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from reconciler.core.outcome import Fate
from reconciler.core.token import Status

_ID = re.compile(r"[0-9a-f]{16}")
_STATUSES = frozenset(status.value for status in Status)
_FATES = frozenset(fate.value for fate in Fate)
_MANY = 2**53 - 1


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_id(value: object) -> bool:
    return type(value) is str and _ID.fullmatch(value) is not None


def _is_status(value: object) -> bool:
    return type(value) is str and value in _STATUSES


def _is_fate(value: object) -> bool:
    return type(value) is str and value in _FATES


def _is_attempt(value: object) -> bool:
    return type(value) is int and 1 <= value <= _MANY


def _is_before(value: object) -> bool:
    return isinstance(value, dict) and "elided" not in value and _has(value, {**_SENT, "updatedAt": _is_text})


def _is_after(value: object) -> bool:
    return isinstance(value, dict) and 0 < len(value) == sum(
        name in value and rule(value[name]) for name, rule in _SENT.items()
    )


_Rule = Callable[[object], bool]
_SENT: Mapping[str, _Rule] = {"status": _is_status, "description": _is_text}
_RULES: Mapping[str, Mapping[str, _Rule]] = {
    "intent": {
        "id": _is_id,
        "attempt": _is_attempt,
        "name": lambda value: value is None or _is_text(value),
        "protected": lambda value: type(value) is bool,
        "org_id": _is_id,
        "org": _is_text,
        "user_id": _is_id,
        "user": _is_text,
        "before": _is_before,
        "after": _is_after,
    },
    "result": {"id": _is_id, "fate": _is_fate, "reason": _is_text, "updatedAt": _is_text},
}


def is_plain(line: Mapping[str, object]) -> bool:
    """Whether the line is an intent or a result that the schema certainly accepts; `event` is a text."""
    rules = _RULES.get(str(line["event"]))
    return rules is not None and _has(line, rules)


def _has(value: Mapping[str, object], rules: Mapping[str, _Rule]) -> bool:
    return all(name in value and rule(value[name]) for name, rule in rules.items())

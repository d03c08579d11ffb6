"""A document that is no manifest in, every reason with its place out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from reconciler import schema
from reconciler.errors import Place, Problem
from reconciler.manifest import check
from reconciler.manifest.source import Entry, Items, Source, Value
from reconciler.manifest.words import unknown, words
from reconciler.schema import Violation

# What tokenctl writes itself, by a key that no manifest has.
_OTHERS = {
    "format_version": (
        "this is a saved plan and no manifest",
        "`tokenctl apply FILE` sends it, `tokenctl show FILE` draws it",
    ),
}
_SHOWN = 20  # of what is explained: it takes its time, and whoever has more mends these first


def explain(source: Source, root: Value) -> list[Problem]:
    """The problems of a document that `check` does not accept, none of one that it does."""
    if isinstance(root, Entry) and (other := _OTHERS.keys() & root.keys()):
        return [Problem(*_OTHERS[other.pop()], source.place(root.mark))]
    tokens = root.get("tokens") if isinstance(root, Entry) else None
    entries = tokens if isinstance(tokens, Items) else Items(source, None)
    if isinstance(root, Entry) and len(entries) > check.LARGEST:
        return [Problem(*words("maxItems", "tokens", entries, {"maxItems": check.LARGEST}), root.value_place("tokens"))]
    bad = [number for number, entry in enumerate(entries) if not check.token(entry)][:_SHOWN]
    if not bad and check.head(root):
        return []
    document = _head(root)
    if isinstance(tokens, Items):
        document["tokens"] = [_plain(entries[number], booleans=("protected",)) for number in bad]
    violations = schema.explain(document, schema.load_schema("tokens"))
    mistyped = {violation.path for violation in violations if violation.rule == "type"}
    found = [
        problem
        for violation in violations
        if violation.rule == "type" or violation.path not in mistyped
        for problem in _problems(violation, root, source, bad)
    ]
    # One rule for each place is enough to mend it.
    return list({(problem.place, problem.hint): problem for problem in reversed(found)}.values())[::-1]


def _head(root: Value) -> Any:
    if not isinstance(root, Entry):
        return _plain(root)
    document = _plain(root, numbers=("version",), booleans=("lock",))
    if isinstance(root.get("guards"), Entry):
        document["guards"] = _plain(root["guards"], numbers=("max_deactivations", "min_managers"))
    return document


def _plain(value: Value, numbers: tuple[str, ...] = (), booleans: tuple[str, ...] = ()) -> Any:
    """The value as JSON would have it: text becomes a number or a truth value where the schema names one."""
    if isinstance(value, Items):
        return [_plain(each) for each in value]
    if not isinstance(value, Entry):
        return value
    plain: dict[str, Any] = {key: _plain(each) for key, each in value.items()}
    for key in value.keys() & {*numbers, *booleans}:
        text = value[key]
        if isinstance(text, str) and value.is_plain(key):
            if key in numbers and re.fullmatch(check.NUMBER, text):
                plain[key] = int(text)
            if key in booleans and text in ("true", "false"):
                plain[key] = text == "true"
    return plain


def _problems(violation: Violation, root: Value, source: Source, bad: list[int]) -> Iterator[Problem]:
    """What to say about one violation; a number in its path counts only the bad tokens."""
    value, place, path = _locate(violation, root, source, bad)
    if violation.rule == "additionalProperties":
        known = list(violation.within["properties"])
        for key in sorted(value.keys() - set(known))[:_SHOWN]:
            yield Problem(*unknown(key, known), place=value.place(key))
    elif violation.rule == "propertyNames":
        for key in itertools.filterfalse(check.label, value):
            yield Problem(*words(violation.rule, path, key, violation.within), place=value.place(key))
    else:
        yield Problem(*words(violation.rule, path, value, violation.within), place=place)


def _locate(violation: Violation, root: Value, source: Source, bad: list[int]) -> tuple[Any, Place, str]:
    """The value that breaks the rule, where it stands, and its path as `words` has it."""
    value: Any = root
    path, place = "", source.place(root.mark) if isinstance(root, Entry | Items) else Place(source.name, 1, 1)
    for part in violation.path:
        if isinstance(part, int):
            number = bad[part]
            place, value, path = source.place(value.marks[number]), value[number], f"{path}."
        else:
            place, value = value.value_place(part), value[part]
            path = f"{path}." if path.endswith("labels") else f"{path.rstrip('.')}.{part}".removeprefix(".")
    return value, place, path

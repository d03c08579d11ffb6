"""Why a document is no manifest: every reason with its place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler import schema
from reconciler.core.manifest import HOW_UNTIL, end_of
from reconciler.core.secrets import holds_secret
from reconciler.errors import Place, Problem
from reconciler.manifest import check
from reconciler.manifest.plain import Entry, Items, Value
from reconciler.manifest.syntax import TextFile
from reconciler.schema import Violation

_SHOWN = 20  # of what is explained: it takes its time, and whoever has more mends these first


def find_problems(file: TextFile, root: Value) -> list[Problem]:
    """Return the problems of a document that `check` does not accept, none of one that it does."""
    tokens = root.get("tokens") if isinstance(root, Entry) else None
    entries = tokens if isinstance(tokens, Items) else Items(file, None)
    if isinstance(root, Entry) and len(entries) > check.LARGEST:
        words = rule_words("maxItems", "tokens", entries, {"maxItems": check.LARGEST})
        return [Problem(*words, root.value_place("tokens"))]
    bad = [number for number, entry in enumerate(entries) if not check.token(entry)][:_SHOWN]
    if not bad and check.head(root):
        return []
    document = _head(root)
    if isinstance(tokens, Items):
        document["tokens"] = [_plain(entries[number], booleans=("protected",)) for number in bad]
    violations = schema.violations(document, schema.load_schema("tokens"))
    mistyped = {violation.path for violation in violations if violation.rule == "type"}
    found = [
        problem
        for violation in violations
        if violation.rule == "type" or violation.path not in mistyped
        for problem in _problems(violation, root, file, bad)
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
    """Return the value as JSON would have it: text becomes a number or a truth value where the schema names one."""
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


def _problems(violation: Violation, root: Value, file: TextFile, bad: list[int]) -> Iterator[Problem]:
    """Yield what to say about one violation; a number in its path counts only the bad tokens."""
    value, place, path, is_quoted = _locate(violation, root, file, bad)
    if violation.rule == "additionalProperties":
        known = list(violation.within["properties"])
        for key in sorted(value.keys() - set(known))[:_SHOWN]:
            yield Problem(*unknown(key, known), place=value.place(key))
    elif violation.rule == "propertyNames":
        for key in itertools.filterfalse(check.label, value):
            yield Problem(*rule_words(violation.rule, path, key, violation.within), place=value.place(key))
    else:
        yield Problem(*rule_words(violation.rule, path, value, violation.within, is_quoted=is_quoted), place=place)


def _locate(violation: Violation, root: Value, file: TextFile, bad: list[int]) -> tuple[Any, Place, str, bool]:
    """Return the value that breaks the rule, where it stands, its path for `rule_words`, and if it is quoted."""
    value: Any = root
    is_quoted = False
    path, place = "", file.place(root.mark) if isinstance(root, Entry | Items) else Place(file.name, 1, 1)
    for part in violation.path:
        if isinstance(part, int):
            number = bad[part] if path == "tokens" else part
            place, value, path = file.place(value.marks[number]), value[number], f"{path}."
        else:
            is_quoted = isinstance(value[part], str) and not value.is_plain(part)
            place, value = value.value_place(part), value[part]
            path = f"{path}." if path.endswith("labels") else f"{path.rstrip('.')}.{part}".removeprefix(".")
    return value, place, path, is_quoted


# What each key may be; its hint whatever the rule. The entries of `tokens:` and of `labels:` share one path each.
_HINTS = {
    "": "begin with `version: 1`, and list the tokens under `tokens:`",
    "version": "write `version: 1`",
    "server": "write `url:` or `org:` below it, or leave it out",
    "server.url": "write http:// or https://, a host, and no more than a port and a path",
    "server.org": "write the organisation's name, or leave the key out",
    "guards": "write `max_deactivations:` or `min_managers:` below it, or leave it out",
    "guards.max_deactivations": "write a share such as `30%`, or a whole number such as `5`, without quotes",
    "guards.min_managers": "write a whole number such as `1`, without quotes",
    "unmanaged": "write `ignore`, `warn` or `fail`",
    "unmanaged.policy": "write `ignore`, `warn` or `fail`",
    "unmanaged.except": "write a list: `- user: NAME` for each exception",
    "unmanaged.except.": "write `user:`, `org:` or `description:`, as in a `match`",
    "unmanaged.except.user": "write the owner's name, or leave the key out",
    "unmanaged.except.org": "write the organisation's name, or leave the key out",
    "unmanaged.except.description": 'write the description, `""` for an empty one, or leave the key out',
    "absent": "write `fail` or `warn`",
    "lock": "write `true` or `false`, in lower case and without quotes",
    "tokens": 'write a list: `- id: "…"` for each token',
    "tokens.": "each has `id:`, or `match:` to select by user, org or description",
    "tokens.id": "an id has 16 hex digits, not all of them 0, as `tokenctl list` shows",
    "tokens.name": "a name has up to 128 letters, digits and `._/@:+-`, begins with a letter or digit, and is no id",
    "tokens.match": "write `user:`, `org:` or `description:` below it",
    "tokens.match.user": "write the owner's name, or leave the key out",
    "tokens.match.org": "write the organisation's name, or leave the key out",
    "tokens.match.description": 'write the description, `""` for an empty one, or leave the key out',
    "tokens.pick": "write `only`, `first` or `all`",
    "tokens.description": 'write `""` to clear it, or leave the key out to leave it alone',
    "tokens.status": "write `active` or `inactive`, or leave the key out to leave it alone",
    "tokens.until": HOW_UNTIL,
    "tokens.protected": "write `true` or `false`, in lower case and without quotes",
    "tokens.labels": "write up to 64 of `name: text`; a name has up to 63 of a-z, 0-9 and `._/-`",
    "tokens.labels.": 'write a text of up to 200 characters, `""` for an empty one',
}
# What each rule says, by the path where it says more than usual.
_MESSAGES: dict[tuple[str, str], str] = {
    ("type", ""): "this is no mapping",
    ("type", "tokens."): "this is no token",
    ("type", "unmanaged.except."): "this is no exception",
    ("type", "*"): "{key} is not {kind}{told}",
    ("const", "tokens.protected"): "{key} contradicts `until`, which switches the token off",
    ("const", "*"): "unknown {word}{shown}",
    ("enum", "*"): "unknown {word}{shown}",
    ("pattern", "server.org"): "{key} is nothing but white space",
    ("pattern", "tokens.match.org"): "{key} is nothing but white space",
    ("pattern", "unmanaged.except.org"): "{key} is nothing but white space",
    ("pattern", "tokens.id"): "this is no id{shown}",
    ("pattern", "*"): "{key} is not well-formed{shown}",
    ("pattern", "tokens.until"): "{key} names no moment{told}",
    ("not", "*"): "{key} looks like an id{shown}",
    ("minimum", "*"): "{key} is too small",
    ("maximum", "*"): "{key} is too large",
    ("minLength", "tokens.description"): "this clears what `match` looks for: no run would find the token again",
    ("minLength", "*"): "{key} is empty",
    ("maxLength", "tokens.id"): "this is no id{shown}",
    ("maxLength", "*"): "{key} has {length} characters, and may have {limit}",
    ("minProperties", "*"): "{key} says nothing",
    ("maxProperties", "*"): "{key} has {length} entries, and may have {limit}",
    ("maxItems", "*"): "{key} has {length} entries, and may have {limit}",
    ("required", "unmanaged"): "`policy` is missing",
    ("required", "*"): "`version` is missing",
    ("oneOf", "*"): "a token needs `id` or `match`, and has {both}",
    ("dependencies", "*"): "`pick` chooses among the tokens of a `match`",
    ("propertyNames", "*"): "this is no name of a label",
}  # fmt: skip
_KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
}
_NAMELESS = {"tokens.": "this token", "tokens.labels.": "this label", "unmanaged.except.": "this exception"}
_SHORT = ("tokens.id", "tokens.name", "guards.max_deactivations")  # whose hints say more than "shorten it"
_HINTS_OF = {
    ("required", "unmanaged"): "write `policy: ignore`, `warn` or `fail` beside `except:`",
    ("minLength", "tokens.description"): "name the token by `id` to clear its description",
    ("const", "tokens.protected"): "remove one of them",
    ("type", "version"): "write `version: 1`, without quotes and without a point",
}
_HARMLESS = re.compile(r"[A-Za-z0-9.:%+-]{1,20}")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}")


def rule_words(
    rule: str, path: str, value: object, within: Mapping[str, Any], *, is_quoted: bool = False
) -> tuple[str, str]:
    """Return message and hint; `path` has dots between keys and nothing for the number of an entry.

    Repeats the value only where it is short and plain, for it may be a secret in the wrong place.
    """
    key = _NAMELESS.get(path) or f"`{path.rpartition('.')[2]}`"
    hint = _HINTS_OF.get((rule, path), _HINTS[path])
    if rule == "maxLength" and path not in _SHORT:
        hint = "shorten it"
    if path == "tokens.until" and isinstance(value, str):
        hint = str(end_of(value))
    if rule == "type" and value is None and path:
        return f"{key} has no value", hint
    message = _MESSAGES.get((rule, path)) or _MESSAGES[rule, "*"]
    kind = within.get("type", "")
    shown = f" `{value}`" if isinstance(value, str | int) and _HARMLESS.fullmatch(str(value)) else ""
    length = len(value) if isinstance(value, str | Mapping | list) else 0
    return message.format(
        key=key,
        word=key.strip("`"),
        shown=shown,
        told=shown and (f': `"{value}"`' if is_quoted else f":{shown}"),
        kind=" or ".join(_KINDS[each] for each in ([kind] if isinstance(kind, str) else kind) if each),
        length=f"{length:,}",
        limit=f"{within.get(rule, 0):,}" if isinstance(within.get(rule), int) else "",
        both="both" if isinstance(value, Mapping) and "id" in value else "neither",
    ), hint


def unknown(key: str, known: list[str]) -> tuple[str, str]:
    """Return what to say of a key that there is not, and the nearest one that there is."""
    from difflib import get_close_matches

    shown = f" `{key}`" if _KEY.fullmatch(key) and not holds_secret(key) else ""
    near = get_close_matches(key, known, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(f'`{each}`' for each in sorted(known))}"
    return f"unknown key{shown}", hint

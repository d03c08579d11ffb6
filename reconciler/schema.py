"""The JSON Schemas, and where a value breaks which of their rules; jsonschema is imported only to explain that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_FOLDER = Path(__file__).parent / "schemas"


class Violation(NamedTuple):
    """One broken rule: `path` leads to the value, `rule` is the keyword of the schema, `within` the part that has it.

    Holds nothing of the value itself, which might be a secret.
    """

    path: tuple[str | int, ...]
    rule: str
    within: Mapping[str, Any]


def load_schema(name: str) -> dict[str, Any]:
    """The schema of that name, such as `tokens` for manifests or `journal` for a journal's lines, as installed."""
    document: dict[str, Any] = json.loads(schema_text(name))
    return document


def schema_text(name: str) -> str:
    """The text of the schema of that name."""
    return (_FOLDER / f"{name}.v1.json").read_text("utf-8")


def violations(value: object, schema: Mapping[str, Any]) -> tuple[Violation, ...]:
    """Every rule of a draft-07 schema that the value breaks, sorted by place; nothing is ever fetched."""
    import jsonschema
    import referencing

    found = jsonschema.Draft7Validator(schema, registry=referencing.Registry()).iter_errors(value)
    violations = (Violation(tuple(error.absolute_path), _rule(error), error.schema) for error in found)
    return tuple(sorted(violations, key=lambda each: ([str(part).rjust(9) for part in each.path], each.rule)))


def _rule(error: Any) -> str:
    """The keyword that the schema's author would name: a bad key breaks `propertyNames`, whatever is wrong with it."""
    return "propertyNames" if "propertyNames" in error.absolute_schema_path else str(error.validator)

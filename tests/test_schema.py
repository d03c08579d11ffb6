"""What a schema says of a value, and what the shipped schemas promise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from reconciler.schema import load_schema, schema_text, violations

NAMES = ("tokens", "plan", "fleet", "revisions", "journal", "events", "problems")
SCHEMA = {
    "type": "object",
    "required": ["a"],
    "properties": {"a": {"type": "array", "items": {"maxLength": 3}}},
    "propertyNames": {"pattern": "^[a-z]"},
}


def test_every_broken_rule_is_given_with_its_place_and_without_its_value() -> None:
    found = violations({"a": ["good", "bad!", 5], "B": 1}, SCHEMA)
    assert [(each.path, each.rule) for each in found] == [
        ((), "propertyNames"),
        (("a", 0), "maxLength"),
        (("a", 1), "maxLength"),
    ]
    assert "good" not in repr(found)


def test_a_good_value_breaks_nothing() -> None:
    assert violations({"a": ["abc"]}, SCHEMA) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_schema_is_one_of_draft_7_and_is_shipped_as_it_stands(name: str) -> None:
    schema = load_schema(name)
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"].endswith(f"/schemas/{name}.v1.json")
    path = Path(__file__).parents[1] / "schemas" / f"{name}.v1.json"
    assert schema_text(name) == path.read_text("utf-8")


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each)


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_described_and_nothing_is_slow(name: str) -> None:
    for part in parts(load_schema(name)):
        properties = part.get("properties", {})
        for key, each in properties.items():
            if isinstance(each, dict) and "const" not in properties:
                assert "description" in each or "$ref" in each or each.keys() == {"const"}, key
        # Comparing every item with every other takes quadratic time.
        assert "uniqueItems" not in part


def test_a_revision_is_the_same_in_a_plan_and_alone() -> None:
    plan, alone = load_schema("plan")["definitions"], load_schema("revisions")["definitions"]
    assert {name: plan[name] for name in alone} == alone


def test_the_example_is_accepted_by_an_editor() -> None:
    path = Path(__file__).parents[1] / "examples" / "tokens.yaml"
    assert path.read_text().startswith("# yaml-language-server: $schema=../schemas/tokens.v1.json\n")
    assert violations(yaml.safe_load(path.read_text()), load_schema("tokens")) == ()
    assert json.dumps(yaml.safe_load(path.read_text()))

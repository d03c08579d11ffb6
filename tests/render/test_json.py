"""JSON documents are what their schemas describe."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from reconciler.render import json as json_format
from reconciler.schema import load_schema
from tests.render.dataset import PLANS

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", PLANS)
def test_json_is_what_its_schema_describes(name: str) -> None:
    document = json.loads(json_format.plan(PLANS[name]))
    jsonschema.validate(document, load_schema("plan"))
    assert document["digest"] == PLANS[name].digest

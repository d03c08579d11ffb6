"""`schema`: each schema is printed as it is published."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from reconciler.commands import schema
from reconciler.commands.schema import SchemaName
from reconciler.errors import ExitCode
from tests.shell import Done, Shell

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", SchemaName)
def test_a_schema_is_printed_as_the_file_that_is_published(shell: Shell, name: SchemaName) -> None:
    done = shell.call(lambda context: schema.run(name, context))
    assert done == Done(ExitCode.OK, (ROOT / "schemas" / f"{name}.v1.json").read_text(), "")
    jsonschema.Draft7Validator.check_schema(json.loads(done.out))

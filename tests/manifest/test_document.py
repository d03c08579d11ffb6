"""YAML as mappings that know where their keys stand; all scalars are text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reconciler.errors import InvalidError
from reconciler.manifest import document
from reconciler.manifest.syntax import TextFile
from tests.manifest.test_load import EVERYTHING, loaded


def test_all_scalars_are_text_until_the_schema_says_otherwise() -> None:
    values = ["5", "1.0", "2024-01-01", "yes", "0x10", "190:20:30", '"null"', "'~'", "=", "1_000", "+1", ".inf"]
    for value in values:
        text = f"version: 1\ntokens: [{{id: 0d3a5f0c1be4e000, description: {value}}}]\n"
        (token,) = loaded("-", stdin=text.encode()).manifest.tokens
        assert token.description == value.strip("\"'")


def test_an_empty_block_scalar_is_an_empty_text_and_no_null() -> None:
    (token,) = loaded("-", stdin=b"version: 1\ntokens:\n  - id: 0d3a5f0c1be4e000\n    description: |\n").manifest.tokens
    assert token.description == ""


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader], ids=["C", "pure"])
def test_a_question_mark_between_brackets_is_refused_by_either_parser(loader: type) -> None:
    found, problems = document.read(TextFile("tokens.yaml", "version: 1\nserver: {org: a?b}\n"), loader)
    assert found is None
    assert [str(each.place) for each in problems] == ["tokens.yaml:2:9"]


def test_a_declaration_knows_where_its_keys_stand(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(EVERYTHING)
    first, second = loaded(path).manifest.tokens
    assert str(first.origin.place("status")) == f"{path}:16:5"
    assert str(first.origin.place("pick")) == f"{path}:12:5"
    assert str(second.origin.place("")) == f"{path}:19:5"


def test_no_more_of_what_is_wrong_is_told_than_somebody_reads_at_once(tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").write_text("".join(f"&a{number} x{number}: y\n" for number in range(100)))
    with pytest.raises(InvalidError) as caught:
        loaded(tmp_path / "tokens.yaml")
    assert [each.place.line for each in caught.value.problems if each.place] == list(range(1, 21))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ('a: "one\n two"', False), ('a: "one\n\n two"', False), ('a: "one\ntwo"', True), ('a:\n  b: "one\n   two"', False),
        ('a:\n  b: "one\n  two"', True), ("a:\n  b: 'one\n two'", True), ('- "one\n two"', False), ('- "one\ntwo"', True),
        ('- a: "one\n   two"', False), ('- a: "one\n  two"', True), ('? a\n: "one\n two"', False), ('a: ["one\ntwo"]', False),
        ('a:\n    "one\n two"', False), ('"a": "one\n two"', False),
    ],
)  # fmt: skip
def test_a_text_in_quotes_goes_on_in_lines_that_are_indented_more(text: str, refused: bool) -> None:
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        _, problems = document.read(TextFile("a.yaml", text), loader)
        message = "a quote that is not closed above a line that is not indented more"
        assert [each.message for each in problems] == ([message] if refused else [])

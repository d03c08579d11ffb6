"""Evidence comes back as it was saved, and nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError, validate

from reconciler.core.live import Status, TokenId
from reconciler.core.usage import ListedToken
from reconciler.documents import decode
from reconciler.documents.usage import decode_use, load_evidence, load_list, save_evidence, usage_document, use_document
from reconciler.errors import InvalidError, LocalError
from reconciler.schema import load_schema
from tests.requestlog import LEGACY, ONE, OTHER, evidence, said

EVIDENCE = evidence(said(ONE, 0), said(OTHER, 7000, "/query", agent="Grafana", status=403), said("f" * 16, 7001))
TOKENS = {
    TokenId(each): ListedToken(id=TokenId(each), status=Status.ACTIVE, description=f"the {each}")
    for each in (ONE, OTHER, LEGACY)
}


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    save_evidence(EVIDENCE, TOKENS, tmp_path / "usage.json")
    assert load_evidence(tmp_path / "usage.json") == EVIDENCE
    assert (tmp_path / "usage.json").stat().st_mode & 0o777 == 0o600
    validate(json.loads((tmp_path / "usage.json").read_text()), load_schema("usage"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("since", "2026-11-20"), ("requests", 0), ("starts", -1), ("gaps", [{}]), ("others", "1"), ("more", 1),
        ("usage", [{"id": "x"}]), ("format_version", 2), ("until", None),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_is_refused(tmp_path: Path, key: str, value: object) -> None:
    document: dict[str, Any] = {**usage_document(EVIDENCE, TOKENS), key: value}
    (tmp_path / "usage.json").write_text(json.dumps(document))
    with pytest.raises(ValidationError):
        validate(document, load_schema("usage"))
    with pytest.raises(InvalidError, match=r"usage\.json is no evidence: "):
        load_evidence(tmp_path / "usage.json")


def test_a_client_is_one_that_the_tally_could_have_found(tmp_path: Path) -> None:
    text = json.dumps(usage_document(EVIDENCE, TOKENS)).replace("Grafana", "::error::x")
    (tmp_path / "usage.json").write_text(text)
    with pytest.raises(InvalidError, match="must be the name of a client"):
        load_evidence(tmp_path / "usage.json")


def test_a_plan_keeps_of_it_what_it_needs() -> None:
    use = EVIDENCE.use(TokenId(OTHER))
    assert use
    assert decode_use(use_document(use)) == use
    assert use_document(None) is None
    with pytest.raises(decode.DecodeError):
        decode_use({**(use_document(use) or {}), "clients": ["x"]})


def test_a_list_of_tokens_may_say_more_than_is_needed(tmp_path: Path) -> None:
    token = {"id": ONE, "status": "inactive", "description": "x", "more": 1}
    (tmp_path / "tokens.json").write_text(json.dumps({"format_version": 1, "tokens": [token], "server": {}}))
    assert load_list(tmp_path / "tokens.json") == {
        ONE: ListedToken(id=TokenId(ONE), status=Status.INACTIVE, description="x")
    }
    (tmp_path / "tokens.json").write_text(json.dumps({"format_version": 1, "tokens": [{"id": ONE}]}))
    with pytest.raises(InvalidError, match=r"tokens\.json is no list of tokens: `tokens\[0\]` must have `status`"):
        load_list(tmp_path / "tokens.json")


def test_another_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    save_evidence(EVIDENCE, TOKENS, tmp_path / "usage.json")
    with pytest.raises(InvalidError, match="is no list of tokens: it seems to be what `tokenctl usage` saves"):
        load_list(tmp_path / "usage.json")
    with pytest.raises(LocalError, match=r"cannot read the evidence .*: no such file or directory"):
        load_evidence(tmp_path / "absent.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(256 * 1024 * 1024 + 1)
    with pytest.raises(InvalidError, match="is larger than 256 MiB"):
        load_evidence(tmp_path / "large")

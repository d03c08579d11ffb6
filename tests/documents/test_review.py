"""A review beside a plan: written as its schema says, and passed over by whoever reads the plan."""

from __future__ import annotations

import jsonschema
import pytest

from reconciler.core.review import compare
from reconciler.documents.decode import DecodeError
from reconciler.documents.review import REVIEW, review_document
from reconciler.schema import load_schema
from tests.builders import INACTIVE, declared, manager, planned, token


def test_a_review_is_as_its_schema_says_and_can_be_read() -> None:
    tokens = [token(1), token(2), manager(3)]
    review = compare(planned([declared(1, status=INACTIVE)], tokens), planned([declared(2, description="x")], tokens))
    document = review_document(review)
    assert {each.id for each in review.tokens} == {token(1).id, token(2).id}
    jsonschema.validate(
        document, load_schema("plan")["properties"]["review"] | {"definitions": load_schema("plan")["definitions"]}
    )
    REVIEW(document)
    with pytest.raises(DecodeError):
        REVIEW({**document, "verdict": "approved"})

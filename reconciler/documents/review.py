"""A review as it stands beside a plan in a document of schemas/plan.v1.json."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.plan import Difference
from reconciler.core.review import Review, Side, TokenDifference, Verdict
from reconciler.documents import decode
from reconciler.documents.decode import Document, list_of, object_of, one_of, or_null, record, text


def review_document(review: Review) -> Document:
    """The review, as it stands beside a plan."""
    return {
        "verdict": review.verdict,
        "digest": review.digest,
        "reason": review.reason,
        "differences": _differences(review.differences),
        "tokens": [
            {
                "id": each.id,
                "name": each.name,
                "description": each.description,
                "side": each.side,
                "differences": _differences(each.differences),
            }
            for each in review.tokens
        ],
    }


def _differences(differences: Iterable[Difference]) -> decode.Json:
    return [{"what": each.field, "reviewed": each.before, "now": each.after} for each in differences]


_VALUE = or_null(text)
_DIFFERENCES = list_of(
    object_of(lambda field: Difference(field("what", text), field("reviewed", _VALUE), field("now", _VALUE)))
)
_TOKENS = list_of(
    record(TokenDifference, id=decode.ID, name=text, description=text, side=one_of(Side), differences=_DIFFERENCES)
)
REVIEW: decode.Decoder[object] = record(
    dict, verdict=one_of(Verdict), digest=text, reason=text, differences=_DIFFERENCES, tokens=_TOKENS
)
"""Takes a review and makes nothing of it: whoever reads a plan passes it over."""

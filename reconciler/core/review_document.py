"""A review as the property `review` of the JSON document of a plan."""

from __future__ import annotations

from typing import TypedDict

from reconciler.core.review import Moved, Review


class MovedDocument(TypedDict):
    """One value of the two plans."""

    what: str
    reviewed: str | None
    now: str | None


class DepartureDocument(TypedDict):
    """A token that the two plans treat differently."""

    id: str
    name: str
    description: str
    side: str
    moved: list[MovedDocument]


class ReviewDocument(TypedDict):
    """What the plan is, held against a reviewed one."""

    verdict: str
    digest: str
    reason: str
    moved: list[MovedDocument]
    tokens: list[DepartureDocument]


def to_document(review: Review) -> ReviewDocument:
    """The review as schemas/plan.v1.json describes it."""
    return {
        "verdict": review.verdict.value,
        "digest": review.digest,
        "reason": review.reason,
        "moved": [_moved(each) for each in review.moved],
        "tokens": [
            {
                "id": each.id,
                "name": each.name,
                "description": each.description,
                "side": each.side.value,
                "moved": [_moved(moved) for moved in each.moved],
            }
            for each in review.departures
        ],
    }


def _moved(moved: Moved) -> MovedDocument:
    return {"what": moved.what, "reviewed": moved.reviewed, "now": moved.now}

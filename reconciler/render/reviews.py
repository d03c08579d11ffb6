"""A review in, the words of it out: escaped and each on one line, for text and for Markdown alike."""

from __future__ import annotations

from reconciler.core.difference import Difference
from reconciler.core.review import Departure, Review, Side, Verdict
from reconciler.render.escape import quoted, terminal

_SIDES = {
    Side.NOW: "only in this plan",
    Side.REVIEWED: "only in the reviewed plan",
    Side.BOTH: "otherwise than reviewed",
}


def verdict(review: Review) -> str:
    """What the plan is, in words of ours."""
    if review.verdict is Verdict.AS_REVIEWED:
        return "as reviewed"
    if review.verdict is Verdict.DIFFERS:
        return f"differs from what was reviewed, whose digest is {review.digest}"
    return f"unknown: {terminal(review.reason)}"


def differences(review: Review) -> list[str]:
    """A line for each value of the whole plan and for each token that is not as it was reviewed."""
    whole = [f"{each.field}: {_values(each)}" for each in review.moved]
    return whole + [_departure(each) for each in review.departures]


def _departure(departure: Departure) -> str:
    moved = [each for each in departure.moved if departure.side is Side.BOTH or each.field.endswith(" after")]
    values = "; ".join(f"{each.field} {_values(each)}" for each in moved)
    named = quoted(departure.name) + (f" ({quoted(departure.description)})" if departure.description else "")
    return f"{departure.id} {named}, {_SIDES[departure.side]}: {values}"


def _values(moved: Difference) -> str:
    show = quoted if moved.field.startswith("description") else terminal
    known = [None if each is None else show(each) for each in (moved.before, moved.after)]
    if None in known:
        (value,) = filter(None, known)
        return value
    return " → ".join(filter(None, known))

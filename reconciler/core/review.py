"""How a plan differs from the one that was reviewed: that decides words, and nothing else.

A reviewed plan was made by a pull request's job, and a digest was copied from somewhere: both are hostile. A review is
therefore no part of a plan, of its digest or of a saved plan, and nothing is sent or refused because of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from reconciler.core.live import TokenId
from reconciler.core.plan import Change, Difference, Plan, between


class Verdict(StrEnum):
    """Whether this is the plan that was reviewed."""

    AS_REVIEWED = "as-reviewed"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


class Side(StrEnum):
    """Which of the two plans has a token: the one now, the reviewed one, or both with other values."""

    NOW = "only-now"
    REVIEWED = "only-reviewed"
    BOTH = "other-values"


class TokenDifference(NamedTuple):
    """A token that the two plans treat differently; `name` is the declared name, or else the live description.

    `description` is the live one where the name says something else, else "".
    """

    id: TokenId
    name: str
    description: str
    side: Side
    differences: tuple[Difference, ...]


class Review(NamedTuple):
    """What a plan is, held against a reviewed one.

    `digest` is the reviewed one, "" if it is not known; `reason` says why nothing is known, `differences` are those of
    the plans as a whole, and `tokens` has what differs token by token, by id.
    """

    verdict: Verdict
    digest: str = ""
    reason: str = ""
    differences: tuple[Difference, ...] = ()
    tokens: tuple[TokenDifference, ...] = ()

    @property
    def is_as_reviewed(self) -> bool:
        """Whether this is the plan that was reviewed."""
        return self.verdict is Verdict.AS_REVIEWED


def compare(plan: Plan, reviewed: Plan) -> Review:
    """The plan held against the reviewed one: as reviewed when the digests are equal, and else all differences."""
    if plan.digest == reviewed.digest:
        return compare_digest(plan, reviewed.digest)
    return Review(
        verdict=Verdict.DIFFERS,
        digest=reviewed.digest,
        differences=between(_whole(reviewed), _whole(plan)),
        tokens=tuple(_token_differences(reviewed, plan)),
    )


def compare_digest(plan: Plan, digest: str) -> Review:
    """The plan held against a digest alone, which cannot tell how it differs."""
    return Review(verdict=Verdict.AS_REVIEWED if plan.digest == digest else Verdict.DIFFERS, digest=digest)


def _whole(plan: Plan) -> dict[str, str]:
    """The values of a plan as a whole that a digest binds."""
    return {"server": plan.server.url, "waivers": ", ".join(plan.waivers) or "none"}


def _token_differences(reviewed: Plan, plan: Plan) -> Iterator[TokenDifference]:
    earlier = {change.token.id: change for change in reviewed.changes}
    later = {change.token.id: change for change in plan.changes}
    for token_id in sorted(earlier.keys() | later.keys()):
        then, now = earlier.get(token_id), later.get(token_id)
        differences = between(_values(then), _values(now))
        if differences:
            either = now or earlier[token_id]
            name, said = either.name or either.token.description, either.described or ""
            yield TokenDifference(
                id=token_id, name=name, description=said, side=_side(then, now), differences=differences
            )


def _side(then: Change | None, now: Change | None) -> Side:
    if then is None:
        return Side.NOW
    return Side.REVIEWED if now is None else Side.BOTH


def _values(change: Change | None) -> dict[str, str]:
    """The values of a change that a digest binds, by what a reader calls them."""
    if change is None:
        return {}
    return {
        **{f"{field} before": value for field, value in change.token.values.items()},
        **{f"{field} after": value for field, value in change.body.items()},
        "organisation": change.token.org_id,
    }

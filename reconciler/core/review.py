"""The plan now and the plan that was reviewed in, in which words they differ out: it decides nothing but the words.

A reviewed plan was made by a pull request's job, and a digest was copied from somewhere: both are hostile. A review is
therefore no part of a plan, of its digest or of a saved plan, and nothing is sent or refused because of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.plan import Change, Plan, before
from reconciler.core.token import TokenId


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


@dataclass(frozen=True, slots=True)
class Moved:
    """One value of the two plans: what it is, and what it was and is; None where a plan does not have it."""

    what: str
    reviewed: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A token that the two plans treat differently; `name` is the declared name, or else the live description.

    `description` is the live one where the name says something else, else "".
    """

    id: TokenId
    name: str
    description: str
    side: Side
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a plan is, held against a reviewed one.

    `digest` is the reviewed one, "" if it is not known; `reason` says why nothing is known, `moved` what differs of the
    plans as a whole, `departures` what differs token by token, by id.
    """

    verdict: Verdict
    digest: str = ""
    reason: str = ""
    moved: tuple[Moved, ...] = ()
    departures: tuple[Departure, ...] = ()


def compare(plan: Plan, reviewed: Plan) -> Review:
    """The plan held against the reviewed one: as reviewed when the digests are equal, and else all differences."""
    if plan.digest == reviewed.digest:
        return compare_digest(plan, reviewed.digest)
    return Review(
        verdict=Verdict.DIFFERS,
        digest=reviewed.digest,
        moved=tuple(_moved_whole(reviewed, plan)),
        departures=tuple(_departures(reviewed, plan)),
    )


def compare_digest(plan: Plan, digest: str) -> Review:
    """The plan held against a digest alone, which cannot tell how it differs."""
    return Review(verdict=Verdict.AS_REVIEWED if plan.digest == digest else Verdict.DIFFERS, digest=digest)


def unknown(reason: str) -> Review:
    """What is said when there is no reviewed plan that can be read."""
    return Review(verdict=Verdict.UNKNOWN, reason=reason)


def _moved_whole(reviewed: Plan, plan: Plan) -> Iterator[Moved]:
    pairs = {
        "server": (reviewed.server.url, plan.server.url),
        "waivers": (", ".join(reviewed.waivers) or "none", ", ".join(plan.waivers) or "none"),
    }
    yield from (Moved(what, then, now) for what, (then, now) in pairs.items() if then != now)


def _departures(reviewed: Plan, plan: Plan) -> Iterator[Departure]:
    earlier = {change.token.id: change for change in reviewed.changes}
    later = {change.token.id: change for change in plan.changes}
    for token_id in sorted(earlier.keys() | later.keys()):
        then, now = earlier.get(token_id), later.get(token_id)
        moved = tuple(_moved(then, now))
        if moved:
            either = now or earlier[token_id]
            name, said = either.name or either.token.description, either.described
            yield Departure(id=token_id, name=name, description=said, side=_side(then, now), moved=moved)


def _side(then: Change | None, now: Change | None) -> Side:
    if then is None:
        return Side.NOW
    return Side.REVIEWED if now is None else Side.BOTH


def _moved(then: Change | None, now: Change | None) -> Iterator[Moved]:
    """What differs of a token's change, value by value; what one plan does not have at all, with all its values."""
    before_then, before_now = _values(then), _values(now)
    for what in dict.fromkeys([*before_then, *before_now]):
        pair = before_then.get(what), before_now.get(what)
        if pair[0] != pair[1]:
            yield Moved(what, *pair)


def _values(change: Change | None) -> dict[str, str]:
    """The values of a change that a digest binds, by what a reader calls them."""
    if change is None:
        return {}
    names = ("status before", "description before", "updatedAt before")
    return {
        **dict(zip(names, before(change.token), strict=True)),
        **{f"{field} after": value for field, value in change.body.items()},
        "organisation": change.token.org_id,
    }

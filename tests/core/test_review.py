"""What a review says of two plans, and that it says `as reviewed` of equal ones only."""

from __future__ import annotations

from hypothesis import given

from reconciler.core.live import Server
from reconciler.core.plan import Difference, Guard, Plan
from reconciler.core.review import Review, Side, TokenDifference, Verdict, compare, compare_digest
from tests.builders import EDGE, INACTIVE, declared, planned, token, token_id
from tests.strategies import World, draft_of, worlds

REVIEWED = planned(
    [declared(1, description="x"), declared(2, name="backup", status=INACTIVE)], [token(1), token(2), token(3)]
)
LATER = "2026-02-03T00:00:00Z"


def test_equal_plans_are_as_reviewed_whatever_the_digest_does_not_bind() -> None:
    elsewhere = planned(
        [declared(1, description="x", name="moved-and-named"), declared(2, status=INACTIVE, protected=False)],
        [token(2), token(1), token(3), token(4)],
    )
    assert compare(elsewhere, REVIEWED) == Review(verdict=Verdict.AS_REVIEWED, digest=REVIEWED.digest)
    assert compare_digest(elsewhere, REVIEWED.digest).verdict is Verdict.AS_REVIEWED


def test_a_digest_alone_says_that_something_differs_and_not_what() -> None:
    assert compare_digest(REVIEWED, "0" * 64) == Review(verdict=Verdict.DIFFERS, digest="0" * 64)


def test_what_differs_is_said_token_by_token() -> None:
    now = planned(
        [declared(1, description="y"), declared(3, name="extra", status=INACTIVE)],
        [token(1, updated_at=LATER), token(2), token(3)],
    )
    review = compare(now, REVIEWED)
    assert (review.verdict, review.digest, review.differences) == (Verdict.DIFFERS, REVIEWED.digest, ())
    first, second, third = review.tokens
    assert first == TokenDifference(
        id=token_id(1), name="token 1", description="", side=Side.BOTH,
        differences=(Difference("updatedAt before", "2026-01-02T03:04:05Z", LATER), Difference("description after", "x", "y")),
    )  # fmt: skip
    assert (second.id, second.name, second.description) == (token_id(2), "backup", "token 2")
    assert second.side is Side.REVIEWED
    assert Difference("status after", "inactive", None) in second.differences
    assert (third.id, third.name, third.side) == (token_id(3), "extra", Side.NOW)
    assert Difference("status after", None, "inactive") in third.differences


def test_another_server_organisation_and_waiver_are_named() -> None:
    elsewhere = REVIEWED._replace(server=Server(url="https://other.example"), waivers=(Guard.SELF,))
    assert compare(elsewhere, REVIEWED).differences == (
        Difference("server", "https://influx.example", "https://other.example"),
        Difference("waivers", "none", "self"),
    )
    assert compare(elsewhere, REVIEWED).tokens == ()
    changes = tuple(each._replace(token=each.token._replace(org_id=EDGE)) for each in REVIEWED.changes)
    moved = {each.field for token in compare(REVIEWED._replace(changes=changes), REVIEWED).tokens
             for each in token.differences}  # fmt: skip
    assert moved == {"organisation"}


@given(worlds(), worlds())
def test_as_reviewed_is_said_of_equal_digests_only_and_every_other_plan_has_a_difference(
    one: World, other: World
) -> None:
    plan, reviewed = draft_of(one), draft_of(other)
    review = compare(plan, reviewed)
    assert (review.verdict is Verdict.AS_REVIEWED) == (plan.digest == reviewed.digest)
    assert bool(review.tokens or review.differences) == (review.verdict is Verdict.DIFFERS)
    assert {each.id for each in review.tokens} <= _ids(plan) | _ids(reviewed)
    mirrored = {each.id: each.side for each in compare(reviewed, plan).tokens}
    assert all((mirrored[each.id] is Side.BOTH) == (each.side is Side.BOTH) for each in review.tokens)


def _ids(plan: Plan) -> set[str]:
    return {change.token.id for change in plan.changes}

"""A change and a plan, asked for what follows from their values."""

from __future__ import annotations

from cProfile import Profile

import pytest

from reconciler.core.live import Elided
from reconciler.core.manifest import Limits
from reconciler.core.plan import Action, Change, Comparison, Difference, between, explain, explained
from tests.builders import ACTIVE, INACTIVE, declared, manager, planned, token, token_id


@pytest.mark.parametrize(
    ("name", "description", "subject"),
    [
        ("ingest", "ingest", "`ingest` "),
        ("ingest", "written by telegraf", "`ingest` (`written by telegraf`) "),
        (None, "written by telegraf", "`written by telegraf` "),
        ("ingest", "", "`ingest` (no description) "),
        (None, "", ""),
    ],
)
def test_a_token_is_told_by_its_name_and_by_what_that_leaves_out(
    name: str | None, description: str, subject: str
) -> None:
    change = Change(token=token(1, description=description), status=INACTIVE, name=name)
    assert change.subject == f"{subject}{token_id(1)}"


def test_only_a_token_that_is_switched_off_and_may_manage_may_be_the_own_one() -> None:
    assert Change(token=manager(1), status=INACTIVE).may_be_own
    assert not Change(token=manager(1), description="x").may_be_own
    assert not Change(token=token(1), status=INACTIVE).may_be_own
    assert not Change(token=manager(1, proven=False), status=INACTIVE).may_be_own


def test_a_plan_counts_what_its_changes_do_and_holds_the_stricter_limit() -> None:
    plan = planned(
        [declared(1, status=ACTIVE), declared(2, description="x"), declared(3)],
        [token(1, status=INACTIVE), token(2), token(3)],
        limits=Limits(min_managers=2),
    )
    assert [plan.count(action) for action in Action] == [1, 1, 0]
    assert [change.token.id for change in plan.doing(Action.DESCRIBE)] == [token_id(2)]
    assert (plan.unchanged, plan.min_managers) == (1, 2)
    base = Comparison(ref="main", commit="0" * 40, limits=Limits(min_managers=3), managed=1)
    assert plan._replace(base=base).min_managers == 3


def test_changes_are_explained_field_by_field() -> None:
    both = Change(token=token(1), status=INACTIVE, description="__dunder__")
    cleared, same = Change(token=token(2), description=""), Change(token=token(3))
    assert list(explained([both, cleared, same])) == [
        (Difference("status", "active", "inactive"), Difference("description", "token 1", "__dunder__")),
        (Difference("description", "token 2", ""),),
        (),
    ]
    # More than one call of deepdiff takes, the same token among them more than once.
    many = [both, cleared] * 600
    assert list(explained(many)) == list(explained([both, cleared])) * 600
    assert list(explained([])) == []


def test_a_field_that_is_as_it_should_be_is_no_difference() -> None:
    before, after = {"status": "active", "description": "one"}, {"status": "active", "description": "two"}
    assert explain([(before, after), (before, before)]) == [(Difference("description", "one", "two"),), ()]


def test_an_elided_text_and_the_text_that_stands_for_it_differ() -> None:
    elided = Elided(2_000_000, "0" * 64)
    (found,) = explain([({"description": elided}, {"description": str(elided)})])
    assert [type(each) for each in (found[0].before, found[0].after)] == [Elided, str]


def test_texts_of_many_lines_take_no_more_than_others() -> None:
    def calls(filled: str) -> int:
        with Profile() as profile:
            explain([({"description": f"{filled}1"}, {"description": f"{filled}2"})])
        return sum(each.callcount for each in profile.getstats())

    calls("")  # imports deepdiff
    assert calls("a\nb\n" * 100) == calls("ab" * 200)


def test_what_is_missing_is_as_none_and_fields_keep_their_order() -> None:
    earlier = {"a": "1", "b": None, "c": "3", "d": "4"}
    later = {"d": "5", "c": "3", "e": "6"}
    assert between(earlier, later) == (
        Difference("a", "1", None),
        Difference("d", "4", "5"),
        Difference("e", None, "6"),
    )
    assert between({}, {"a": None}) == ()

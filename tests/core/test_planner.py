"""Making plans, and holding saved ones against the server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.live import Absence, Missing, TokenId
from reconciler.core.manifest import Severity
from reconciler.core.plan import Action, Guard
from reconciler.core.planner import differences, make_plan, rebase
from reconciler.documents.plan import decode_plan, plan_document
from reconciler.errors import StaleError
from tests.builders import (
    ACTIVE,
    EDGE,
    INACTIVE,
    declared,
    live,
    manager,
    manifest,
    planned,
    token,
    token_id,
    until,
    watcher,
)
from tests.strategies import World, worlds


def test_a_plan_counts_what_it_is_about() -> None:
    plan = planned(
        [declared(1, description="new"), declared(2), declared(3, status=ACTIVE)],
        [token(1), token(2), token(3, status=INACTIVE, org_id=EDGE), token(4)],
    )
    assert (plan.declared, plan.managed, plan.live, plan.unchanged) == (3, 3, 4, 1)
    assert plan.orgs == ("acme", "edge")
    assert [change.token.id for change in plan.changes] == [token_id(3), token_id(1)]
    assert plan.org_ids == ("a" * 16, "e" * 16)


def test_a_saved_plan_that_still_fits_is_the_same_over_the_live_tokens() -> None:
    plan = planned([declared(1, status=INACTIVE)], [manager(1), manager(2)])
    saved = decode_plan(plan_document(plan))
    again = rebase(saved, live(manager(1), manager(2), token(3)))
    assert again.changes == plan.changes
    assert again.changes[0].token.rights.orgs
    assert (again.digest, again.live, again.refusals) == (plan.digest, 3, ())


def test_a_saved_plan_is_judged_again() -> None:
    saved = planned([declared(1, status=INACTIVE)], [watcher(9), manager(1), manager(2)])
    now = rebase(saved, live(watcher(9), manager(1), manager(2, status=INACTIVE), own_id=token_id(9)))
    assert [each.guard for each in now.refusals] == [Guard.MIN_MANAGERS]


def test_a_saved_refusal_about_unmanaged_tokens_stands() -> None:
    saved = planned([declared(1, description="x")], [token(1), token(2)], unmanaged=Severity.FAIL)
    assert [each.guard for each in rebase(saved, live(token(1))).refusals] == [Guard.UNMANAGED]


def test_a_saved_plan_that_fits_no_more_is_refused_with_the_reason_for_each_token() -> None:
    declarations = [declared(number, description="new") for number in range(1, 6)]
    saved = planned(declarations, [token(number) for number in range(1, 6)])
    now = live(
        token(1, status=INACTIVE, updated_at="later"),
        token(2, description="x\ny"),
        token(3),
        missing={token_id(4): Missing(Absence.ABSENT, ""), token_id(5): Missing(Absence.HIDDEN, "why")},
    )
    with pytest.raises(StaleError) as caught:
        rebase(saved, now)
    assert [problem.message for problem in caught.value.problems] == [
        f"`token 1` {token_id(1)} is not as it was planned: status was `active` and is `inactive`; "
        "updatedAt was `2026-01-02T03:04:05Z` and is `later`",
        f"`token 2` {token_id(2)} is not as it was planned: description was `token 2` and is `x\ny`",
        f"`token 4` {token_id(4)} is not as it was planned: it is absent now",
        f"`token 5` {token_id(5)} is not as it was planned: it is hidden now (why)",
    ]
    assert {problem.hint for problem in caught.value.problems} == {"make a new plan and review it"}


def test_what_nobody_touched_has_no_differences() -> None:
    assert differences(token(1), token(1, user="renamed", org="renamed")) == []


def test_reading_again_does_not_change_what_a_plan_says_of_the_server() -> None:
    world = live(token(1))
    plan = make_plan(manifest(declared(1, description="x")), world)
    other = world._replace(server=world.server._replace(version="v2.9.1"))
    assert rebase(plan, other).digest == plan.digest


@given(worlds(), st.lists(st.integers(-2, 2).map(float), min_size=4, max_size=4))
def test_what_until_makes_inactive_stays_so_and_a_clock_that_is_put_back_deactivates_no_more(
    world: World, shifts: list[float]
) -> None:
    end = until("2026-12-31").end
    early, late, here, there = (end + shift for shift in shifts)
    for each in world.manifest.tokens:
        if each.at(min(early, late)).status is INACTIVE:
            assert each.at(max(early, late)).status is INACTIVE
            assert each.at(max(early, late)).at(early) == each.at(max(early, late))

    def gone(*clocks: float) -> set[TokenId]:
        plan = make_plan(world.manifest, world.live._replace(clocks=clocks))
        return {each.token.id for each in plan.doing(Action.DEACTIVATE)}

    assert gone(here, there) == gone(there, here)
    assert gone(here - 1, there) | gone(here, there - 1) <= gone(here, there) <= gone(here)

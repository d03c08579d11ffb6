"""Where changes come from, and what a base adds to a plan: warnings, refusals and marks, and never another digest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifest import Asserted, Manifest, Match, Pick, Severity
from reconciler.core.marks import moment, moments, since, with_history
from reconciler.core.plan import Change, Mark, Plan
from reconciler.core.planner import make_plan, rebase
from reconciler.core.resolve import declared_tokens
from reconciler.core.revise import Baseline, Revised, revise
from reconciler.documents.plan import decode_plan, plan_document
from reconciler.errors import Problem
from tests.builders import ACTIVE, EDGE, INACTIVE, declared, live, manifest, planned, token, token_id
from tests.strategies import World, shuffled, worlds


def compared(world: World, base: Manifest) -> Plan:
    """The plan of a world, compared with a base."""
    revisions = revise(base, world.manifest, "main")
    return make_plan(
        world.manifest,
        world.live,
        baseline=Baseline(manifest=base, revised=Revised(ref="main", commit="0" * 40, revisions=revisions)),
    )


def based_worlds() -> st.SearchStrategy[tuple[World, Manifest]]:
    """A world, and a base that declares some of the same tokens."""
    others = worlds()
    return st.tuples(worlds(), others.map(lambda world: world.manifest))


@given(based_worlds())
def test_a_base_adds_marks_and_refusals_and_changes_neither_digest_nor_requests(drawn: tuple[World, Manifest]) -> None:
    world, base = drawn
    plain, plan = make_plan(world.manifest, world.live), compared(world, base)
    assert plan.digest == plain.digest
    assert [(each.token, each.body) for each in plan.changes] == [(each.token, each.body) for each in plain.changes]
    assert {each.guard for each in plain.refusals} <= {each.guard for each in plan.refusals}


@given(based_worlds())
def test_a_field_is_marked_when_the_base_says_something_else_and_left_open_when_not(
    drawn: tuple[World, Manifest],
) -> None:
    world, base = drawn
    stood = declared_tokens(base, world.live)
    for change in compared(world, base).changes:
        for field, value in change.body.items():
            declares = change.token.id in stood and getattr(stood[change.token.id], field) == value
            assert change.marks.get(field) == (None if declares else Mark.THIS_CHANGE)


@given(worlds())
def test_compared_with_itself_a_manifest_makes_no_change_of_its_own(world: World) -> None:
    plan = compared(world, world.manifest)
    assert {each.mark for each in plan.changes} <= {None}
    assert plan.base is not None
    assert plan.base.revisions == ()
    assert plan.refusals == make_plan(world.manifest, world.live).refusals


@given(based_worlds(), st.data())
def test_the_order_of_the_base_changes_nothing(drawn: tuple[World, Manifest], data: st.DataObject) -> None:
    world, base = drawn
    mixed = replace(base, tokens=data.draw(shuffled(base.tokens)))
    assert plan_document(compared(world, mixed)) == plan_document(compared(world, base))


@given(based_worlds())
def test_a_compared_plan_is_saved_and_judged_again_as_it_was(drawn: tuple[World, Manifest]) -> None:
    world, base = drawn
    plan = compared(world, base)
    saved = decode_plan(plan_document(plan))
    assert plan_document(saved) == plan_document(plan)
    assert set(rebase(saved, world.live).refusals) == set(plan.refusals)


CHANGE = planned([declared(1, description="x", status=INACTIVE)], [token(1)]).changes[0]
AT = 1_767_323_045.0  # 2026-01-02T03:04:05Z, when the tokens of tests were last changed


def test_the_mark_of_a_change_is_the_one_that_a_reviewer_looks_for_first() -> None:
    for marks, mark in [
        ({}, None),
        ({"status": Mark.PENDING}, Mark.PENDING),
        ({"status": Mark.PENDING, "description": Mark.DRIFT}, Mark.DRIFT),
        ({"status": Mark.DRIFT, "description": Mark.THIS_CHANGE}, Mark.THIS_CHANGE),
    ]:
        assert replace(CHANGE, marks=marks).mark == mark


def settle(change: Change, base: Manifest, then: Manifest | None) -> dict[str, Mark]:
    """The marks of a change after what was declared at the moment is known, or not."""
    world = live(token(1))
    (first,) = since([change], declared_tokens(base, world))
    known = {} if then is None else {AT: declared_tokens(then, world)}
    (last,) = with_history([first], known)
    return dict(last.marks)


def test_what_the_base_declares_already_is_drift_if_it_did_when_the_token_changed_and_else_pending() -> None:
    same, other = (manifest(declared(1, description="x", status=status)) for status in (INACTIVE, ACTIVE))
    assert settle(CHANGE, same, same) == {"status": Mark.DRIFT, "description": Mark.DRIFT}
    assert settle(CHANGE, same, other) == {"status": Mark.PENDING, "description": Mark.DRIFT}
    assert settle(CHANGE, same, manifest()) == {"status": Mark.PENDING, "description": Mark.PENDING}
    assert settle(CHANGE, other, other) == {"status": Mark.THIS_CHANGE, "description": Mark.DRIFT}
    assert settle(CHANGE, manifest(), same) == {"status": Mark.THIS_CHANGE, "description": Mark.THIS_CHANGE}
    assert settle(CHANGE, same, None) == {}


def test_only_what_is_not_told_yet_asks_for_the_history() -> None:
    whole = replace(CHANGE, marks={"status": Mark.THIS_CHANGE, "description": Mark.THIS_CHANGE})
    silent = replace(CHANGE, token=replace(CHANGE.token, updated_at=""))
    assert moments([CHANGE, whole, silent]) == {AT}
    assert with_history([silent], {AT: {}}) == (silent,)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-02T03:04:05Z", AT),
        ("2026-01-02T03:04:05.123456789Z", AT + 0.123456),
        ("2026-01-02T08:34:05.5+05:30", AT + 0.5),
        ("2026-01-01T20:04:05-07:00", AT),
        ("0001-01-01T00:00:00Z", -62_135_596_800.0),
        ("0001-01-01T00:00:00+05:30", -62_135_616_600.0),
        ("2026-01-02T03:04:05", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_moment_is_read_as_influxdb_writes_it(text: str, seconds: float | None) -> None:
    assert moment(replace(CHANGE, token=replace(CHANGE.token, updated_at=text))) == seconds


def test_a_manifest_that_no_longer_fits_says_what_it_can() -> None:
    world = live(token(1), token(2), token(3, user="mira"), token(4, org_id=EDGE), org="acme")
    first, every, missing = (
        declared(Match(user="ci-bot", pick=Pick.FIRST)), declared(Match(user="ci-bot")), declared(9),
    )  # fmt: skip
    assert declared_tokens(manifest(missing, declared(4), first, declared(1)), world) == {token_id(1): first}
    assert declared_tokens(manifest(every), world) == {token_id(1): every, token_id(2): every}
    assert declared_tokens(manifest(declared(Match(user="nobody"))), world) == {}


def test_the_stricter_of_two_policies_counts_and_one_that_both_have_counts_once() -> None:
    world = World(live(token(1), token(2)), manifest(declared(1), unmanaged=Severity.WARN))
    for base, warnings, refusals in [(Severity.IGNORE, 1, 0), (Severity.WARN, 1, 0), (Severity.FAIL, 0, 1)]:
        plan = compared(world, manifest(unmanaged=base))
        assert (len(plan.warnings), len(plan.refusals)) == (warnings, refusals)
    narrow = replace(world.manifest, server=Asserted(org="acme"), unmanaged=Severity.FAIL)
    wide = World(live(token(1), token(2), token(3, org_id=EDGE)), narrow)
    plan = compared(wide, manifest(unmanaged=Severity.FAIL))
    assert [each.problem.message.split(":")[0] for each in plan.refusals] == [
        "no declaration names 1 live token", "no declaration names 2 live tokens",
    ]  # fmt: skip


def test_the_warnings_of_the_base_come_first() -> None:
    world = World(live(token(1), token(2)), manifest(declared(1), unmanaged=Severity.WARN))
    told = Problem("the base is refused")
    baseline = Baseline(
        manifest=Manifest(), revised=Revised(ref="main", commit="0" * 40, revisions=(), warnings=(told,))
    )
    assert make_plan(world.manifest, world.live, baseline=baseline).warnings[0] == told

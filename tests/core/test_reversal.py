"""Plans that undo a run: which fields they restore, whom they refuse, and what they leave alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.live import Absence, Missing, Status, Token
from reconciler.core.outcome import Entry, ResultStatus, Run
from reconciler.core.plan import Guard, Plan
from reconciler.core.planner import make_plan
from reconciler.core.reversal import reverse, still_declared
from reconciler.errors import AuthError, InvalidError
from tests.builders import ACTIVE, EDGE, INACTIVE, SERVER, declared, live, manifest, planned, token, token_id
from tests.strategies import TEXT, World, apply, worlds

ANY = (None, ResultStatus.DONE, ResultStatus.UNVERIFIED)
LATER = "later"  # what `tests.strategies.apply` writes into updatedAt


def _run(plan: Plan, *statuses: ResultStatus | None) -> Run:
    """The run of a plan, whose answers said that it was later; by itself everything is done."""
    entries = [
        Entry(change=change, status=status, left_at="" if status is None else LATER)
        for change, status in zip(plan.changes, statuses or [ResultStatus.DONE] * len(plan.changes), strict=True)
    ]
    return Run(
        name="apply-1", started="then", server=plan.server, undoes="", planned=len(entries), managed=plan.managed,
        limits=plan.limits, entries=tuple(entries), ended=True,
    )  # fmt: skip


def _messages(plan: Plan, guard: Guard = Guard.MOVED) -> list[str]:
    return [each.problem.message for each in plan.refusals if each.guard is guard]


@given(worlds())
def test_an_undo_of_an_undisturbed_run_restores_every_value_and_nothing_else(world: World) -> None:
    plan = make_plan(world.manifest, world.live, tuple(Guard))
    after = apply(plan.changes, dict(world.live.tokens))
    back = reverse(_run(plan), world.live._replace(tokens=after))
    assert _messages(back) == []
    changed, restorable = ({change.token.id for change in each.changes} for each in (plan, back))
    restored = apply(back.changes, after)
    for was in world.live.tokens.values():
        if was.id in changed - restorable:
            assert "\ud800" in was.description
        else:
            assert restored[was.id]._replace(updated_at=was.updated_at) == was
            assert (restored[was.id] is was) == (was.id not in changed)
    assert reverse(_run(plan), world.live._replace(tokens=restored)).changes == ()


@given(worlds(), st.data())
def test_what_anybody_changed_since_is_never_restored_unless_that_is_waived(world: World, data: st.DataObject) -> None:
    plan = make_plan(world.manifest, world.live, tuple(Guard))
    after = apply(plan.changes, dict(world.live.tokens))
    run = _run(plan, *(data.draw(st.sampled_from(ANY)) for _ in plan.changes))
    theirs = data.draw(st.lists(st.sampled_from(sorted(after)), unique=True)) if after else []
    for each in theirs:
        status, text = data.draw(st.sampled_from(Status)), data.draw(TEXT)
        after[each] = after[each]._replace(status=status, description=text, updated_at="theirs")
    plan_back = reverse(run, world.live._replace(tokens=after))
    refused = {each.partition(" was changed")[0][-16:] for each in _messages(plan_back)}
    for change in plan_back.changes:
        entry = next(each for each in run.entries if each.change.token.id == change.token.id)
        left = apply([entry.change], {change.token.id: entry.change.token})[change.token.id]
        same = (change.token.status, change.token.description) == (left.status, left.description)
        disturbed = change.token.id in theirs and (entry.left_at != "" or not same)
        assert (change.token.id in refused) == disturbed
        assert (
            change.body.items()
            <= {"status": entry.change.token.status, "description": entry.change.token.description}.items()
        )
    allowed = reverse(run, world.live._replace(tokens=after), (Guard.MOVED,))
    assert (allowed.changes, _messages(allowed)) == (plan_back.changes, [])


def _both() -> Plan:
    return planned([declared(1, description="new", status=INACTIVE, name="one")], [token(1)])


def _back(run: Run, *tokens: Token, waivers: Sequence[Guard] = ()) -> Plan:
    return reverse(run, live(*tokens), waivers)


def test_only_the_fields_that_the_run_changed_are_restored() -> None:
    plan = planned([declared(1, description="new")], [token(1)])
    now = token(1, description="new", status=INACTIVE, updated_at="theirs")
    back = _back(_run(plan), now, waivers=[Guard.MOVED])
    assert [change.body for change in back.changes] == [{"description": "token 1"}]


def test_a_field_that_has_its_value_again_is_left_alone() -> None:
    now = token(1, description="new", updated_at="theirs")
    back = _back(_run(_both()), now)
    assert [change.body for change in back.changes] == [{"description": "token 1"}]
    assert _messages(back) == [
        f"`one` (`token 1`) {token_id(1)} was changed after the run that is to be undone: status was `inactive` and is `active`; "
        "updatedAt was `later` and is `theirs`"
    ]
    assert _back(_run(_both()), now._replace(description="token 1")).changes == ()


@pytest.mark.parametrize("status", [ResultStatus.FAILED, ResultStatus.NOT_ATTEMPTED])
def test_what_the_run_did_not_do_is_not_undone_but_named_when_it_came_about(status: ResultStatus) -> None:
    run = _run(_both(), status)
    back = _back(run, token(1, description="new", status=INACTIVE))
    assert (back.changes, back.refusals, [each.message for each in back.warnings]) == (
        (), (),
        [
            f"left out: `one` (`token 1`) {token_id(1)} is as that run wanted it, but the run did not see it so: a later run or "
            "somebody else did it, or the request was late"
        ],
    )  # fmt: skip
    for other in ([token(1)], [token(1, description="new")], []):
        assert _back(run, *other).warnings == ()


def test_what_may_have_been_done_is_undone_if_it_was() -> None:
    run = _run(_both(), None)
    assert _back(run, token(1)).changes == ()
    back = _back(run, token(1, description="new", status=INACTIVE, updated_at="whenever"))
    assert ([change.body for change in back.changes], back.refusals) == (
        [{"status": "active", "description": "token 1"}], (),
    )  # fmt: skip


def test_an_undo_knows_the_run_its_limits_and_its_names() -> None:
    plan = planned(
        [declared(1, status=ACTIVE, protected=True, name="one"), declared(2)], [token(1, status=INACTIVE), token(2)]
    )
    back = _back(_run(plan), token(1, updated_at=LATER), token(2), token(3))
    assert (back.undoes, back.server, back.declared, back.managed, back.live, back.limits) == (
        "apply-1", SERVER, 0, 2, 3, plan.limits,
    )  # fmt: skip
    assert _messages(back, Guard.PROTECTED) == [
        f"`one` (`token 1`) {token_id(1)} is protected and may not be deactivated"
    ]


def test_what_is_gone_is_named_and_can_be_left_out() -> None:
    plan = planned([declared(1, description="new"), declared(2, description="new")], [token(1), token(2)])
    missing = {
        token_id(1): Missing(Absence.ABSENT, "authorization not found"),
        token_id(2): Missing(Absence.ORPHANED, "user not found"),
    }
    back = reverse(_run(plan), live(missing=missing))
    assert _messages(back) == [
        f"`token 1` {token_id(1)} cannot be restored: it is absent now (authorization not found)",
        f"`token 2` {token_id(2)} cannot be restored: it is orphaned now (user not found)",
    ]
    allowed = reverse(_run(plan), live(missing=missing), [Guard.MOVED])
    assert (allowed.changes, allowed.refusals, len(allowed.warnings)) == ((), (), 2)


def test_what_is_hidden_is_an_error_by_owner_and_organisation_that_names_each() -> None:
    listed = [token(1), token(2), token(3, org_id=EDGE), token(4, user="mira")]
    plan = planned([declared(number, description="new") for number in range(1, 5)], listed)
    missing = {each.id: Missing(Absence.HIDDEN, f"why {each.description}") for each in listed}
    with pytest.raises(AuthError) as caught:
        reverse(_run(plan), live(missing=missing))
    assert [problem.message for problem in caught.value.problems] == [
        "2 tokens of `ci-bot` in organisation `acme` exist, but these credentials may not read them (why token 1): "
        f"`token 1` {token_id(1)}, `token 2` {token_id(2)}",
        *(f"`token {number}` {token_id(number)} exists, but these credentials may not read it (why token {number})" for number in (3, 4)),
    ]  # fmt: skip


def test_tokens_of_other_organisations_are_left_out() -> None:
    plan = planned([declared(1, description="new"), declared(2, description="new")], [token(1, org_id=EDGE), token(2)])
    edge = token(1, org_id=EDGE, description="new", updated_at=LATER)
    back = reverse(_run(plan), live(edge, token(2, description="new", updated_at=LATER), org="acme "))
    assert ([each.message for each in back.warnings], [each.token.id for each in back.changes]) == (
        [f"left out: `token 1` {token_id(1)} is not a token of organisation `acme `"], [token_id(2)],
    )  # fmt: skip
    alone = planned([declared(1, description="new")], [token(1, org_id=EDGE)])
    with pytest.raises(InvalidError, match="nothing of what that run changed is a token of organisation `acme`"):
        reverse(_run(alone), live(edge, org="acme"))


def test_half_a_character_cannot_be_sent_and_is_left_out() -> None:
    plan = planned([declared(1, description="new")], [token(1, description="half\ud800")])
    back = _back(_run(plan), token(1, description="new", updated_at=LATER))
    assert ([each.message for each in back.warnings], back.changes) == (
        [f"left out: `half\ud800` {token_id(1)} had a description that no server would store again"], (),
    )  # fmt: skip


def test_of_many_tokens_that_are_still_declared_otherwise_some_are_named() -> None:
    wanted = manifest(*(declared(number, status=INACTIVE, description="x") for number in range(1, 23)))
    world = live(*(token(number) for number in range(1, 23)))
    plan = make_plan(wanted, world, tuple(Guard))
    after = world._replace(tokens=apply(plan.changes, dict(world.tokens)))
    back = reverse(_run(plan), after, tuple(Guard))
    told = still_declared(back, wanted, after).warnings[len(back.warnings) :]
    assert told[0].message == f"`x` {token_id(1)} is still declared with `status: inactive` and another description"
    assert (len(told), told[-1].message) == (21, "and so are 2 more tokens of this plan")
    assert [each.hint for each in told if each.hint] == ["the next apply of the file undoes this: change it there too"]

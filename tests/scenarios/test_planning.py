"""The laws of planning, over any world: what may never depend on chance."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from reconciler.core.live import Live, Owner, Status, UserId
from reconciler.core.manifest import Limits, Severity, Share, at
from reconciler.core.plan import Guard
from reconciler.core.planner import deactivates_manager, make_plan, needs_others, rebase, unknown_owners
from reconciler.core.resolve import resolve
from reconciler.documents.plan import decode_plan, plan_document
from reconciler.sandbox.permissions import Permission, covered
from tests.builders import SERVER, declared, live, manifest, token
from tests.strategies import Realm, World, apply, realms, shuffled, tokens, worlds


@given(tokens())
def test_planning_a_world_against_itself_gives_no_changes(listed: tuple[object, ...]) -> None:
    world = live(*listed)  # type: ignore[arg-type]  # they are tokens
    mirror = manifest(
        *(
            declared(0)._replace(target=each.id, description=each.description, status=each.status)
            for each in world.tokens.values()
        )
    )
    plan = make_plan(mirror, world)
    assert (plan.changes, plan.refusals, plan.unchanged) == ((), (), len(world.tokens))


@given(worlds())
def test_after_the_changes_the_managed_fields_are_the_declared_ones_and_nothing_else_moved(world: World) -> None:
    after = apply(make_plan(world.manifest, world.live).changes, dict(world.live.tokens))
    declared_now = at(world.manifest, world.live.now)
    wanted = {each.token.id: each.declaration for each in resolve(declared_now, world.live).wanted}
    for token_id, before in world.live.tokens.items():
        declaration, now = wanted.get(token_id), after[token_id]
        status = declaration.status if declaration and declaration.status else before.status
        described = (
            declaration.description if declaration and declaration.description is not None else before.description
        )
        assert (now.status, now.description) == (status, described)
        assert (
            now._replace(status=before.status, description=before.description, updated_at=before.updated_at) == before
        )
        if (status, described) == (before.status, before.description):
            assert now is before


@given(worlds())
def test_a_second_plan_is_empty(world: World) -> None:
    after = apply(make_plan(world.manifest, world.live).changes, dict(world.live.tokens))
    assert make_plan(world.manifest, world.live._replace(tokens=after)).changes == ()


@given(worlds(), st.data())
def test_the_order_of_the_file_and_of_the_answer_changes_nothing(world: World, data: st.DataObject) -> None:
    plan = make_plan(world.manifest, world.live)
    declarations = data.draw(shuffled(world.manifest.tokens))
    listed = dict(data.draw(st.permutations(list(world.live.tokens.items()))))
    again = make_plan(world.manifest._replace(tokens=declarations), world.live._replace(tokens=listed))
    assert again.changes == plan.changes
    assert again.digest == plan.digest
    assert sorted(map(str, again.refusals)) == sorted(map(str, plan.refusals))


@given(worlds())
def test_activations_come_before_descriptions_and_deactivations_come_last(world: World) -> None:
    order = [change.action.value for change in make_plan(world.manifest, world.live).changes]
    assert order == sorted(order, key=["activate", "describe", "deactivate"].index)


@given(worlds())
def test_only_what_differs_is_sent_and_never_an_empty_status(world: World) -> None:
    for change in make_plan(world.manifest, world.live).changes:
        assert change.body
        assert change.body.get("status", "active") in ("active", "inactive")
        assert change.body.get("status") != change.token.status
        assert change.body.get("description") != change.token.description


@given(worlds())
def test_a_saved_plan_is_the_same_plan_and_holds_on_the_same_world(world: World) -> None:
    plan = make_plan(world.manifest, world.live)
    saved = decode_plan(plan_document(plan))
    assert plan_document(saved) == plan_document(plan)
    assert saved.digest == plan.digest
    again = rebase(saved, world.live)
    assert (again.changes, again.digest) == (plan.changes, plan.digest)
    assert set(again.refusals) == set(plan.refusals)


@given(worlds(), st.sampled_from(Guard))
def test_waiving_a_guard_removes_its_refusals_and_no_others_and_changes_the_digest(world: World, guard: Guard) -> None:
    plan = make_plan(world.manifest, world.live, reviewed=False)
    waived = make_plan(world.manifest, world.live, (guard,), reviewed=False)
    assert waived.refusals == tuple(each for each in plan.refusals if each.guard is not guard)
    assert len(waived.warnings) - len(plan.warnings) == len(plan.refusals) - len(waived.refusals)
    assert waived.changes == plan.changes
    assert waived.digest != plan.digest


@given(worlds())
def test_a_looser_limit_never_refuses_more(world: World) -> None:
    def refusals(limits: Limits) -> set[Guard]:
        return {each.guard for each in make_plan(world.manifest._replace(limits=limits), world.live).refusals}

    strict, loose = Limits(max_deactivations=0, min_managers=9), Limits(max_deactivations=Share(100), min_managers=0)
    assert refusals(loose) <= refusals(world.manifest.limits) <= refusals(strict)
    assert not refusals(loose) & {Guard.MAX_DEACTIVATIONS, Guard.MIN_MANAGERS}


@settings(max_examples=4 * settings().max_examples)
@given(realms(), st.data())
def test_whoever_could_be_changed_before_an_accepted_plan_can_be_afterwards(realm: Realm, data: st.DataObject) -> None:
    caller, everyone = realm.caller, realm.tokens
    seen = {each.id: each for each in everyone.values() if realm.may(caller, "read", each)}
    org = data.draw(st.sampled_from(["", "acme", "edge"]))
    hidden = caller in seen and data.draw(st.booleans())  # else it is known which token the caller has
    world = Live(
        server=SERVER, tokens={each.id: each for each in seen.values() if org in ("", each.org)}, org=org,
        own_id=None if hidden else caller, own_user=everyone[caller].user_id,
    )  # fmt: skip
    wanted = st.sampled_from([Status.INACTIVE, Status.INACTIVE, Status.ACTIVE, None])
    declarations = [declared(1)._replace(target=each, status=data.draw(wanted)) for each in world.tokens]
    limits = Limits(max_deactivations=9, min_managers=data.draw(st.integers(1, 3)))
    asked = manifest(*declarations, limits=limits)
    if needs_others(make_plan(asked, world), world):
        world = world._replace(others={each: seen[each] for each in seen if each not in world.tokens})
    while unknown := unknown_owners(make_plan(asked, world), world):
        answers = {each: _answer(realm, each) for each in unknown}
        world = world._replace(owners={**world.owners, **answers})
    plan = make_plan(asked, world)
    event(
        f"takes a manager away: {deactivates_manager(plan)}, accepted: {Guard.MIN_MANAGERS not in {each.guard for each in plan.refusals}}"
    )
    if Guard.MIN_MANAGERS not in {each.guard for each in plan.refusals}:
        after = replace(realm, tokens=apply(plan.changes, realm.tokens))
        assert realm.changeable() <= after.changeable()


def _answer(realm: Realm, user: UserId) -> Owner:
    """What the server says of that user to the caller."""
    told = covered(Permission("read", "users", user), realm.permissions[realm.caller])
    return Owner.ACTIVE if told and user in realm.active else Owner.INACTIVE


def test_the_digest_binds_what_a_reviewer_agrees_to_and_nothing_else() -> None:
    declarations = (declared(1, description="new"), declared(2, status=Status.INACTIVE))
    listed = (token(1), token(2), token(3))
    plan = make_plan(manifest(*declarations), live(*listed))
    first = plan.changes[0]
    bound = [
        plan._replace(server=plan.server._replace(url="https://other.example")),
        plan._replace(waivers=(Guard.SELF,)),
        plan._replace(changes=plan.changes[:1]),
        plan._replace(changes=(first._replace(description="newer"), *plan.changes[1:])),
        plan._replace(changes=(first._replace(status=Status.INACTIVE), *plan.changes[1:])),
        *(
            plan._replace(changes=(first._replace(token=first.token._replace(**moved)), *plan.changes[1:]))
            for moved in (
                {"id": token(9).id}, {"status": Status.INACTIVE}, {"description": "x"}, {"updated_at": "x"},
                {"org_id": "f" * 16},
            )
        ),
    ]  # fmt: skip
    free = [
        plan._replace(server=plan.server._replace(version="v9", build="x")),
        plan._replace(changes=plan.changes[::-1]),
        plan._replace(changes=(first._replace(name="x", protected=True, places={}), *plan.changes[1:])),
        plan._replace(changes=(first._replace(token=first.token._replace(user="x", org="y")), *plan.changes[1:])),
        plan._replace(declared=9, managed=9, live=9, orgs=("x",), limits=Limits(min_managers=9)),
    ]
    assert plan.digest not in [each.digest for each in bound]
    assert len({each.digest for each in bound}) == len(bound)
    assert {each.digest for each in free} == {plan.digest}


def test_unmanaged_tokens_are_never_touched_whatever_the_policy() -> None:
    for policy in Severity:
        plan = make_plan(manifest(declared(1, description="new"), unmanaged=policy), live(token(1), token(2)))
        assert [change.token.id for change in plan.changes] == [token(1).id]

"""Who counts as a manager of whose tokens, what has to be asked for that, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from reconciler.core.live import EVERY_ORG, EVERY_USER, Live, OrgId, Owner, Reach, Rights, Token, TokenId, UserId
from reconciler.core.manifest import Limits
from reconciler.core.plan import Guard, Plan
from reconciler.core.planner import make_plan, needs_others, unknown_owners, withheld
from tests.builders import (
    ACME,
    ACTIVE,
    EDGE,
    INACTIVE,
    declared,
    live,
    manager,
    manifest,
    token,
    token_id,
    watcher,
)

BOT, MIRA, ADA = UserId("c" * 16), UserId("d" * 16), UserId("1" * 16)
USERS = {BOT: "ci-bot", MIRA: "mira", ADA: "ada"}


def of(user: UserId, made: Token) -> Token:
    return made._replace(user_id=user, user=USERS[user])


def holder(number: int, read: Reach, write: Reach | None = None, **others: Any) -> Token:
    """A token that may read that, and write the same by default."""
    return token(number, rights=Rights(read=read, write=write or read), **others)


def reach(*orgs: OrgId, users: Iterable[UserId] = (EVERY_USER,), tokens: Iterable[TokenId] = ()) -> Reach:
    return Reach(orgs=frozenset(orgs), users=frozenset(users), tokens=frozenset(tokens))


def off(world: Live | Iterable[Token], *numbers: int, least: int = 1) -> Plan:
    """The plan that switches these off."""
    declarations = [declared(number, status=INACTIVE) for number in numbers or (1,)]
    listed = world if isinstance(world, Live) else live(*world)
    return make_plan(manifest(*declarations, limits=Limits(min_managers=least)), listed)


def messages(plan: Plan) -> list[str]:
    return [each.problem.message for each in plan.refusals if each.guard is Guard.MIN_MANAGERS]


EVERYTHING = reach(EVERY_ORG)
NO_MANAGERS = {
    "an all-access token of its own owner": holder(2, reach(ACME, users=[BOT])),
    "read on one user, write on another": holder(2, reach(ACME, users=[MIRA]), reach(ACME, users=[BOT])),
    "read of the organisation, write of another": holder(2, reach(ACME), reach(EDGE)),
    "another organisation": holder(2, reach(EDGE)),
    "only to read": holder(2, EVERYTHING, reach(users=())),
    "only to write": holder(2, reach(users=()), EVERYTHING),
    "single tokens": holder(2, reach(tokens=[token_id(1), token_id(2)])),
    "no users": holder(2, reach(EVERY_ORG, users=())),
    "inactive": manager(2, status=INACTIVE),
    "rights that are not known": token(2, rights=Rights(unknown=True)),
}  # fmt: skip
MANAGERS = {
    "everything": manager(2),
    "the organisation": manager(2, ACME),
    "that user": holder(2, reach(ACME, users=[MIRA])),
    "that user and others": holder(2, reach(EVERY_ORG, users=[BOT, MIRA])),
    "one more to read": holder(2, reach(ACME, EDGE, users=[BOT, MIRA]), reach(ACME, users=[MIRA])),
    "all to read and the organisation to write": holder(2, EVERYTHING, reach(ACME, users=[MIRA])),
    "of an owner of its own": of(ADA, manager(2, ACME)),
    "of another organisation": manager(2, org_id=EDGE),
}  # fmt: skip
LOST = holder(1, reach(ACME, users=[MIRA]), org_id=EDGE)
MIRAS = of(MIRA, token(3, status=INACTIVE))


@pytest.mark.parametrize("other", NO_MANAGERS.values(), ids=NO_MANAGERS)
def test_who_may_not_change_an_owners_tokens_does_not_manage_them(other: Token) -> None:
    assert messages(off([watcher(9), LOST, MIRAS, other])) == [
        "organisation `acme` would be left with 0 active tokens that can manage the tokens of `mira`: at least 1 must stay"
    ]


@pytest.mark.parametrize("other", MANAGERS.values(), ids=MANAGERS)
def test_who_may_read_and_change_an_owners_tokens_manages_them(other: Token) -> None:
    assert messages(off([watcher(9), LOST, MIRAS, other])) == []
    assert messages(off([watcher(9), LOST, MIRAS, other], 1, 2)) != []


def test_nothing_is_lost_with_a_token_that_manages_nobody() -> None:
    for name in ("another organisation", "only to read", "only to write", "no users"):
        one = NO_MANAGERS[name]._replace(id=token_id(1))
        assert messages(off([watcher(9), one, MIRAS])) == []


MONSTER = token(1, rights=Rights(unknown=True))
TOO_LARGE = f"as the rights of `token 1` {token_id(1)} are too large to be known"


def test_a_token_whose_rights_are_not_known_may_have_managed_everything_when_it_goes() -> None:
    far = of(ADA, token(4, org_id=EDGE))
    assert messages(off([watcher(9), MONSTER, MIRAS])) == [
        f"organisation `acme` would be left with 0 active tokens that can manage the tokens of `ci-bot`, `mira`: at least 1 "
        f"must stay, {TOO_LARGE}"
    ]
    full, limited = manager(2), manager(2, ACME)
    assert messages(off([watcher(9), MONSTER, MIRAS, far, full])) == []
    assert [each.split("`")[1] for each in messages(off([watcher(9), MONSTER, MIRAS, far, limited]))] == ["edge"]
    assert messages(off([watcher(9), MONSTER, MIRAS, far, full], 1, 2)) != []
    assert messages(off([watcher(9), MONSTER, MIRAS, full, manager(4)], least=2)) == []
    # Nobody knows how many there were.
    (message,) = messages(off([watcher(9), MONSTER, MIRAS, full], least=2))
    assert message.endswith(
        f" left with 1 active tokens that can manage the tokens of `ci-bot`, `mira`: at least 2 must stay, {TOO_LARGE}"
    )
    assert messages(off([watcher(9), MONSTER, MIRAS], least=0)) == []
    assert messages(off([watcher(9), MONSTER._replace(status=INACTIVE), MIRAS])) == []


def test_what_cannot_be_seen_must_be_reached_when_one_goes_whose_rights_are_not_known() -> None:
    unseen = UNSEEN.replace("manages", "may manage")
    own = caller(reach(ACME, users=[BOT]))
    for others, enough in (([manager(2)], True), ([manager(2, ACME)], False), ([manager(2, ACME), manager(4)], True)):
        assert messages(off([own, MONSTER, *others])) == ([] if enough else [unseen])


def test_one_whose_rights_are_not_known_managed_nothing_for_an_owner_who_is_inactive() -> None:
    ghost = of(ADA, MONSTER)
    world = [watcher(9), ghost, MIRAS]
    assert messages(off(live(*world, owners={ADA: Owner.INACTIVE}))) == []
    assert messages(off(live(*world, owners={ADA: Owner.ACTIVE}))) != []
    known, no = live(*world), dict[UserId, Owner]()
    assert asked(off(known), known, no) == [ADA]
    known = live(*world, manager(2))
    assert asked(off(known), known, no) == [BOT]
    assert asked(off(known, least=2), known, no) == [ADA, BOT]
    known = live(*world, of(MIRA, manager(2)))
    assert asked(off(known, 1, 2), known, {ADA: Owner.INACTIVE}) == [ADA, MIRA]
    assert asked(off(known, 1, 2), known, no) == [ADA]


def test_before_deactivations_one_whose_rights_are_not_known_counts_in_the_same_way() -> None:
    planned = off([watcher(9), MONSTER, MIRAS, manager(2)])
    assert withheld(planned, live(watcher(9), MONSTER, MIRAS, manager(2))) == {}
    ((_, why),) = withheld(planned, live(watcher(9), MONSTER, MIRAS)).items()
    assert why.endswith(TOO_LARGE)
    assert "no longer listed" in withheld(planned, live(watcher(9), MIRAS, manager(2)))[MONSTER.id]


def test_as_many_must_stay_as_there_were_if_those_were_fewer() -> None:
    two, three = manager(2, ACME), manager(3, ACME)
    assert messages(off([watcher(9), LOST, MIRAS], least=3))[0].endswith("of `mira`: at least 1 must stay")
    assert messages(off([watcher(9), LOST, MIRAS, two], least=3))[0].endswith("of `mira`: at least 2 must stay")
    assert messages(off([watcher(9), LOST, MIRAS, two, three], least=2)) == []
    assert messages(off([watcher(9), LOST, MIRAS, two, three], 1, 2, least=2)) != []
    assert messages(off([watcher(9), LOST, MIRAS], least=0)) == []


def test_owners_who_are_short_of_the_same_are_named_together() -> None:
    world = [watcher(9), manager(1), of(MIRA, token(2)), of(ADA, token(3)), token(4, org_id=EDGE)]
    assert messages(off(world)) == [
        "organisation `acme` would be left with 0 active tokens that can manage the tokens of `ada`, `ci-bot`, `mira`: "
        "at least 1 must stay",
        "organisation `edge` would be left with 0 active tokens that can manage the tokens of `ci-bot`: at least 1 must stay",
    ]
    bare = [each._replace(user="", org="") for each in world]
    assert messages(off(bare))[1].startswith(
        f"organisation `{EDGE}` would be left with 0 active tokens that can manage the tokens of `{BOT}`"
    )


def test_long_names_are_told_whole() -> None:
    world = [watcher(9), LOST._replace(description="x" * 999), MIRAS._replace(user="m" * 999, org="o" * 999)]
    (message,) = messages(off(world))
    assert all(name in message for name in ("`" + "m" * 999 + "`", "`" + "o" * 999 + "`"))


def test_a_token_that_only_a_right_on_its_id_reached_must_still_be_reached() -> None:
    target = of(MIRA, token(3))
    named = holder(1, reach(users=[MIRA], tokens=[target.id, token_id(77)]))
    assert messages(off([watcher(9), named, target], least=2)) == [
        f"no active token would be left that can change `token 3` {target.id}"
    ]
    mixed = holder(4, reach(ACME, users=[MIRA]), reach(users=[MIRA], tokens=[target.id]))
    for other in (manager(4, ACME), mixed, holder(4, reach(tokens=[target.id]))):
        assert messages(off([watcher(9), named, target, other], least=2)) == []
    both = holder(1, reach(ACME, users=[MIRA], tokens=[target.id]))
    assert messages(off([watcher(9), both, target, manager(4, ACME)])) == []
    for other in (manager(4, EDGE), holder(4, reach(users=[BOT], tokens=[target.id])), mixed._replace(status=INACTIVE)):
        assert messages(off([watcher(9), named, target, other])) != []


def test_the_tokens_of_inactive_owners_do_not_count() -> None:
    world = [watcher(9), LOST, MIRAS, of(ADA, manager(2))]
    owners = {BOT: Owner.ACTIVE, MIRA: Owner.ACTIVE, ADA: Owner.INACTIVE}
    assert messages(off(live(*world, owners=owners))) != []
    # ... neither before: what they managed was managed by nobody.
    assert messages(off(live(*world, owners={**owners, BOT: Owner.INACTIVE}))) == []


def asked(plan: Plan, known: Live, answers: Mapping[UserId, Owner]) -> list[UserId]:
    """The owners who are asked for, one after the other."""
    found: list[UserId] = []
    known = known._replace(owners={})
    while unknown := unknown_owners(plan, known):
        found += unknown
        known = known._replace(owners={**known.owners, **{each: answers.get(each, Owner.ACTIVE) for each in unknown}})
    return found


def test_owners_are_asked_for_only_as_far_as_it_matters() -> None:
    bare = [watcher(9), LOST, MIRAS]
    ada, mira = of(ADA, manager(2, ACME)), of(MIRA, manager(4, ACME))
    no: Mapping[UserId, Owner] = {}
    for world, answers, expected in (
        ([*bare, ada, mira], no, [ADA]),
        ([*bare, ada, mira], {ADA: Owner.INACTIVE}, [ADA, MIRA]),
        ([*bare, ada, mira], {ADA: Owner.UNTOLD}, [ADA, MIRA]),
        ([*bare, ada, mira], {ADA: Owner.INACTIVE, MIRA: Owner.INACTIVE}, [ADA, MIRA, BOT]),
        (bare, no, [BOT]),
    ):
        known = live(*world)
        assert asked(off(known), known, answers) == expected
    known = live(*bare, ada, mira)
    assert asked(off(known, least=2), known, no) == [ADA, MIRA]
    assert asked(off(known, least=0), known, no) == []
    assert asked(make_plan(manifest(declared(1, description="x")), known), known, no) == []
    assert asked(off(known, 3), known, no) == []


def test_a_server_that_tells_of_nobody_whether_he_is_active_is_not_judged_by_it() -> None:
    world = [watcher(9), LOST, MIRAS, of(ADA, manager(2))]
    plan = off(live(*world, owners={ADA: Owner.UNTOLD, BOT: Owner.UNTOLD}))
    assert messages(plan) == []
    assert [str(each) for each in plan.warnings] == [
        "this server does not tell whether users are active: for the guard `min_managers` the tokens of all of them count"
    ]
    assert messages(off(live(*world, owners={ADA: Owner.UNTOLD, BOT: Owner.ACTIVE}))) != []
    silent = {ADA: Owner.UNTOLD, BOT: Owner.UNTOLD}
    assert messages(off(live(*world, owners=silent)._replace(tells_owners=True))) != []
    assert messages(off(live(*world, owners={ADA: Owner.ACTIVE, BOT: Owner.UNTOLD}))) == []


UNSEEN = (
    f"`token 1` {token_id(1)} manages tokens that cannot be seen with these credentials: whether enough others manage them is "
    "not known"
)
OWN = TokenId("f" * 16)
ROOT = of(ADA, manager(1))


def caller(read: Reach) -> Token:
    return holder(9, read, is_own=True)


@pytest.mark.parametrize(
    ("lost", "own", "seen"),
    [
        (manager(1), caller(EVERYTHING), True),
        (manager(1), caller(reach(ACME)), False),
        (manager(1), caller(reach(EVERY_ORG, users=[BOT, ADA])), False),
        (manager(1, ACME), caller(reach(ACME)), True),
        (manager(1, ACME, EDGE), caller(reach(ACME)), False),
        (manager(1, ACME), caller(reach(EVERY_ORG, users=[BOT])), False),
        (holder(1, reach(ACME, users=[BOT])), caller(reach(ACME, users=[BOT])), True),
        (holder(1, reach(tokens=[token_id(3)])), caller(reach(ACME)), True),
        (holder(1, reach(tokens=[token_id(3), token_id(77)])), caller(reach(ACME)), False),
        (holder(1, reach(tokens=[token_id(3), token_id(77)])), caller(EVERYTHING), True),
        (manager(1), token(9, rights=Rights(unknown=True), is_own=True), False),
    ],
)  # fmt: skip
def test_what_a_lost_manager_reaches_must_be_seen(lost: Token, own: Token, seen: bool) -> None:
    assert (UNSEEN not in messages(off([own, lost, token(3)]))) is seen


def test_what_is_not_seen_passes_when_one_stays_who_reaches_as_far() -> None:
    own = caller(reach(ACME))
    for other, enough in (
        (manager(2), True), (manager(2, ACME), False), (holder(2, reach(EVERY_ORG, users=[BOT])), False),
        (manager(2)._replace(status=INACTIVE), False), (of(ADA, manager(2)), False),
    ):  # fmt: skip
        known = live(own, ROOT, other, token(3))._replace(owners={BOT: Owner.ACTIVE, ADA: Owner.INACTIVE})
        lost = of(BOT, ROOT)
        plan = off(known._replace(tokens={**known.tokens, lost.id: lost}))
        assert (UNSEEN not in messages(plan)) is enough
    ids = [token_id(3), token_id(77)]
    named = holder(1, reach(tokens=ids))
    assert UNSEEN not in messages(off([own, named, token(3), holder(2, reach(tokens=ids))]))
    assert UNSEEN in messages(off([own, named, token(3), holder(2, EVERYTHING, reach(tokens=ids[:1]))]))


def test_the_way_out_is_named() -> None:
    (refusal,) = off([caller(reach(ACME)), of(ADA, manager(1)), manager(2, ACME), token(3)]).refusals
    assert refusal.problem.message == UNSEEN
    assert refusal.problem.hint == (
        "use credentials that may read every organisation and every user, lower `guards.min_managers`, or use "
        "`--allow min_managers`"
    )
    hidden = live(of(ADA, manager(1)), manager(2, ACME), token(3), own_user=BOT)
    assert (
        off(hidden).refusals[0].problem.hint.startswith("say which token is yours with `--self-id ID`, use credentials")
    )


@pytest.mark.parametrize(
    ("others", "seen"),
    [
        ([manager(2)], True),
        ([manager(2), holder(4, reach(ACME, users=[BOT]))], True),  # it could not have read this list
        ([manager(2), manager(4, ACME)], False),
        ([manager(2), manager(4, ACME)._replace(status=INACTIVE)], True),
        ([manager(2), of(MIRA, manager(4, ACME))], True),
        ([manager(2), token(4, rights=Rights(unknown=True))], False),
        ([token(2)], False),
        ([of(MIRA, manager(2))], False),
    ],
)
def test_a_caller_who_is_not_known_sees_what_any_token_sees_that_may_be_his(others: list[Token], seen: bool) -> None:
    """Two must stay, so that those that stay do not make up for what is not seen."""
    world = live(of(ADA, holder(1, EVERYTHING)), of(ADA, token(3)), *others, own_user=BOT)
    plan = off(world, least=9)
    assert (UNSEEN not in messages(plan)) is seen
    assert UNSEEN in messages(off(world._replace(own_user=None), least=9))
    assert UNSEEN in messages(off(world._replace(own_id=OWN), least=9))
    shown = {each.id: each._replace(proven=False) for each in world.tokens.values()}
    assert UNSEEN in messages(off(world._replace(tokens=shown), least=9))  # his own would be known


def test_a_run_for_one_organisation_needs_those_of_the_others_once_it_takes_a_manager_away() -> None:
    own, lost = watcher(9), manager(1)
    shown = live(own, lost, org="acme")
    assert needs_others(off(shown), shown)
    assert UNSEEN in messages(off(shown))
    for plan in (off(shown, least=0), make_plan(manifest(declared(1, description="x")), shown)):
        assert not needs_others(plan, shown)
    edge = {token_id(5): token(5, org_id=EDGE)}
    whole = shown._replace(others=edge)
    assert not needs_others(off(whole), whole)
    assert [each.split("`")[1] for each in messages(off(whole))] == ["acme", "edge"]
    stays = shown._replace(others={**edge, token_id(6): manager(6, org_id=EDGE)})
    assert messages(off(stays)) == []
    assert len(off(stays).changes) == 1
    assert off(stays).live == 2


def test_before_deactivations_what_is_lost_is_judged_over_the_tokens_as_they_are_then() -> None:
    planned = off([watcher(9), LOST, MIRAS, manager(2), token(4)], 1, 4)
    assert planned.refusals == ()
    assert withheld(planned, live(watcher(9), LOST, MIRAS, manager(2), token(4))) == {}
    now = live(watcher(9), LOST, MIRAS, manager(2, status=INACTIVE), token(4))
    assert withheld(planned, now) == {
        LOST.id: "organisation `acme` would be left with 0 active tokens that can manage the tokens of `mira`: at least 1 must stay"
    }
    gone = live(watcher(9), MIRAS, manager(2), token(4))
    assert withheld(planned, gone) == {
        LOST.id: "it is no longer listed: whether enough others manage what it does is not known"
    }
    assert withheld(planned, live(watcher(9), LOST._replace(status=INACTIVE), MIRAS, manager(2))) == {}


def test_an_activation_that_did_not_happen_does_not_count_before_deactivations() -> None:
    declarations = [declared(1, status=INACTIVE), declared(2, status=ACTIVE)]
    asleep = manager(2, status=INACTIVE)
    plan = make_plan(manifest(*declarations), live(watcher(9), LOST, MIRAS, asleep))
    assert plan.refusals == ()
    assert withheld(plan, live(watcher(9), LOST, MIRAS, manager(2))) == {}
    assert withheld(plan, live(watcher(9), LOST, MIRAS, asleep)).keys() == {LOST.id}

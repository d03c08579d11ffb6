"""Each guard at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from reconciler.core.live import Live, Token, UserId
from reconciler.core.manifest import Declaration, Limits, Match, Severity, Share
from reconciler.core.plan import Guard, Plan
from reconciler.core.planner import make_plan, needs_own_user
from reconciler.errors import Place, ProblemToken
from tests.builders import ACME, ACTIVE, EDGE, INACTIVE, declared, live, manager, manifest, token, token_id, watcher


def off(*numbers: int, **others: Any) -> list[Declaration]:
    return [declared(number, status=INACTIVE, **others) for number in numbers]


def judged(declarations: Sequence[Declaration], world: Live | Sequence[Token], **others: Any) -> Plan:
    waivers, reviewed = others.pop("waivers", ()), others.pop("reviewed", True)
    listed = world if isinstance(world, Live) else live(*world)
    return make_plan(manifest(*declarations, **others), listed, waivers, reviewed=reviewed)


def said(plan: Plan) -> list[str]:
    return [f"{each.guard}: {each.problem}" for each in plan.refusals]


def names(plan: Plan) -> list[str]:
    return [each.guard.value for each in plan.refusals]


PLENTY = [manager(90), manager(91)]


def test_the_own_token_is_not_deactivated() -> None:
    world = [*PLENTY, token(1, is_own=True)]
    assert said(judged(off(1, name="me"), world)) == [
        f"self: tokens.yaml:10:11: `me` (`token 1`) {token_id(1)} is the token that this run signs in with: deactivating it locks you out\n"
        "  hint: use another token for the run, or allow it with `--allow self`: it is then sent last"
    ]
    assert names(judged([declared(1, description="mine")], world)) == []
    assert names(judged(off(1), world, waivers=(Guard.SELF,))) == []
    assert said(judged(off(1), [*PLENTY, token(1, is_own=True, proven=False)])) == [
        f"self: tokens.yaml:10:11: `token 1` {token_id(1)} is the token that --self-id or TOKENCTL_SELF_ID names, although this "
        "run signs in with another one\n"
        "  hint: correct that, or allow it with `--allow self`"
    ]


def test_a_token_that_may_be_the_own_one_is_not_deactivated_until_that_is_told() -> None:
    world = [*PLENTY, manager(1), token(2)]
    mine, other = UserId("c" * 16), UserId("d" * 16)
    plan = judged(off(1), live(*world, own_user=mine))
    assert said(plan) == [
        f"self: tokens.yaml:10:11: `token 1` {token_id(1)} may be the token that this run signs in with: it has the same owner "
        "and may manage authorizations, and this server does not show which token is yours\n"
        "  hint: say which one is yours with `--self-id ID` or TOKENCTL_SELF_ID"
    ]
    assert names(judged(off(1), live(*world, own_user=other))) == []
    assert names(judged(off(1), live(*world, own_user=mine, own_id=token_id(2)))) == []
    assert names(judged(off(2), live(*world, own_user=mine))) == []
    # A server that shows another secret has told it apart.
    assert names(judged(off(1), live(*PLENTY, manager(1, proven=False), own_user=mine))) == []


def test_whose_credentials_these_are_is_asked_only_when_it_matters() -> None:
    world = [*PLENTY, manager(1), token(2)]
    assert needs_own_user(judged(off(1), world), live(*world))
    assert not needs_own_user(judged(off(1), world), live(*world, own_id=token_id(90)))
    assert not needs_own_user(judged(off(1), world), live(*world, own_user=UserId("d" * 16)))
    assert not needs_own_user(judged(off(2), world), live(*world))
    assert not needs_own_user(judged([declared(1, description="x")], world), live(*world))


def test_nobody_is_switched_on_again_without_review() -> None:
    world = [token(1, status=INACTIVE), token(2, status=INACTIVE), token(3)]
    wanted = [declared(number, status=ACTIVE) for number in (1, 2, 3)]
    assert said(judged(wanted, world, reviewed=False)) == [
        f"reactivation: tokens.yaml:10:11: nobody reviewed this run, and it would activate `token 1` {token_id(1)}, "
        f"`token 2` {token_id(2)}: somebody may have switched that off on purpose\n"
        "  hint: review the plan and apply it with `--expect DIGEST` or from `plan -o FILE`, or use `--allow reactivation`"
    ]
    assert names(judged(wanted, world)) == []
    assert names(judged(wanted, world, reviewed=False, waivers=(Guard.REACTIVATION,))) == []
    assert (
        names(judged([declared(1, description="x"), declared(3, status=INACTIVE)], [*world, *PLENTY], reviewed=False))
        == []
    )


@pytest.mark.parametrize(
    ("limit", "managed", "deactivated", "refused"),
    [
        (Share(30), 10, 3, False),
        (Share(30), 10, 4, True),
        (Share(30), 9, 9, False),
        (Share(0), 10, 1, True),
        (Share(0), 10, 0, False),
        (Share(100), 10, 10, False),
        (2, 9, 2, False),
        (2, 9, 3, True),
        (0, 1, 1, True),
    ],
)
def test_no_more_are_deactivated_than_the_limit(
    limit: int | Share, managed: int, deactivated: int, refused: bool
) -> None:
    world = [token(number) for number in range(managed)]
    wanted = [declared(number, status=INACTIVE if number < deactivated else ACTIVE) for number in range(managed)]
    plan = judged(wanted, world, limits=Limits(max_deactivations=limit))
    assert (
        said(plan)
        == [
            f"max_deactivations: {deactivated} of {managed} managed tokens would be deactivated: the limit is {limit}\n"
            "  hint: apply in smaller steps with `--select`, raise `guards.max_deactivations`, or use `--allow max_deactivations`"
        ]
        * refused
    )


def test_somebody_is_left_who_can_manage_authorizations() -> None:
    plan = judged(off(1), [watcher(99), manager(1, ACME), token(2), manager(3, EDGE, org_id=EDGE)])
    assert said(plan) == [
        "min_managers: tokens.yaml:10:11: organisation `acme` would be left with 0 active tokens that can manage the tokens of "
        "`ci-bot`: at least 1 must stay\n"
        "  hint: keep or activate another manager whose owner is active, lower `guards.min_managers`, or use `--allow min_managers`"
    ]


@pytest.mark.parametrize(
    ("world", "minimum", "refused"),
    [
        ([manager(1), manager(2)], 1, []),
        ([manager(1), manager(2)], 2, ["acme"]),
        ([manager(1), manager(2, status=INACTIVE)], 1, ["acme"]),
        ([manager(1), manager(2, ACME), token(3, org_id=EDGE)], 1, ["edge"]),
        ([manager(1), token(3, org_id=EDGE)], 1, ["acme", "edge"]),
        ([manager(1, ACME), manager(2)], 1, []),
        ([manager(1, ACME, EDGE), manager(2, ACME), token(3, org_id=EDGE)], 1, ["edge"]),
        ([manager(1)], 0, []),
        ([token(1)], 5, []),
    ],
)
def test_each_organisation_that_loses_a_manager_is_counted(
    world: list[Token], minimum: int, refused: list[str]
) -> None:
    plan = judged(off(1), [watcher(99), *world], limits=Limits(min_managers=minimum))
    assert [each.problem.message.split("`")[1] for each in plan.refusals] == refused


def test_a_manager_that_the_same_plan_activates_counts() -> None:
    world = [watcher(99), manager(1), manager(2, status=INACTIVE)]
    assert names(judged([*off(1), declared(2, status=ACTIVE)], world)) == []
    assert names(judged([*off(1), declared(2, description="x")], world)) == ["min_managers"]


def test_a_protected_token_is_not_deactivated() -> None:
    plan = judged(off(1, protected=True), [token(1)])
    assert said(plan) == [
        f"protected: tokens.yaml:10:11: `token 1` {token_id(1)} is protected and may not be deactivated\n"
        "  hint: remove `protected: true` in a change of its own, or use `--allow protected`"
    ]
    assert names(judged([declared(1, protected=True, description="x")], [token(1)])) == []
    assert names(judged(off(1, protected=True), [token(1, status=INACTIVE)])) == []


@pytest.mark.parametrize(
    ("policy", "refused", "warned"),
    [(Severity.IGNORE, 0, 0), (Severity.WARN, 0, 1), (Severity.FAIL, 1, 0)],
)
def test_unmanaged_tokens_are_treated_as_the_manifest_says(policy: Severity, refused: int, warned: int) -> None:
    plan = judged([declared(1)], [token(3, user="mira"), token(1), token(2)], unmanaged=policy)
    words = (
        f"no declaration names 2 live tokens: {token_id(2)} (ci-bot), {token_id(3)} (mira)\n"
        "  hint: declare them, name them in `except` of `unmanaged`, or write `unmanaged: ignore`"
    )
    assert said(plan) == [f"unmanaged: {words}"] * refused
    assert [str(each) for each in plan.warnings] == [words] * warned
    assert names(judged([declared(1)], [token(1)], unmanaged=policy)) == []


def test_a_message_names_a_few_tokens_and_the_problem_knows_all() -> None:
    world = [token(number, description=f"d{number}", user="mira") for number in range(9, 0, -1)]
    plan = judged([], world, unmanaged=Severity.FAIL)
    (problem,) = (each.problem for each in plan.refusals)
    assert problem.message.endswith(f"{token_id(5)} (mira) and 4 more")
    assert problem.tokens == tuple(
        ProblemToken(id=token_id(number), status="active", description=f"d{number}", org="acme", user="mira")
        for number in range(1, 10)
    )
    (waived,) = judged([], world, waivers=[Guard.UNMANAGED], unmanaged=Severity.FAIL).warnings
    assert (waived.tokens, waived.hint) == (problem.tokens, "")


def test_only_the_organisation_of_the_run_has_unmanaged_tokens() -> None:
    world = live(token(1), token(2, org_id=EDGE), org="acme")
    assert names(judged([declared(1)], world, unmanaged=Severity.FAIL)) == []


def test_a_waived_guard_stays_in_sight_as_a_warning() -> None:
    plan = judged(off(1, protected=True), [token(1)], waivers=(Guard.PROTECTED, Guard.PROTECTED))
    assert plan.waivers == (Guard.PROTECTED,)
    assert [str(each) for each in plan.warnings] == [
        f"tokens.yaml:10:11: guard `protected` is waived: `token 1` {token_id(1)} is protected and may not be deactivated"
    ]
    assert names(judged(off(1, protected=True), [token(1, is_own=True)], waivers=(Guard.PROTECTED,))) == ["self"]


ALICE, NAMED = Match(user="alice"), Match(description="alice's Token")


@pytest.mark.parametrize(
    ("excepted", "left"),
    [
        ((), [1, 2, 3]),
        ((ALICE,), [2, 3]),
        ((NAMED,), [1, 3]),
        ((ALICE, NAMED), [3]),
        ((Match(user="alice", description="alice's Token"),), [1, 2, 3]),
        ((Match(org=" acme "),), []),
        ((Match(org=ACME),), []),
    ],
)
def test_an_exception_finds_tokens_as_a_match_does(excepted: tuple[Match, ...], left: list[int]) -> None:
    world = [token(1, user="alice"), token(2, description="alice's Token"), token(3), token(9)]
    plan = judged([declared(9)], world, unmanaged=Severity.FAIL, excepted=excepted)
    told = [each.id for refusal in plan.refusals for each in refusal.problem.tokens]
    assert told == [token_id(number) for number in left]


def test_exceptions_that_find_nothing_are_warned_about_where_the_first_stands() -> None:
    places = {"unmanaged.except.1": Place("tokens.yaml", 5, 7)}
    rules: dict[str, Any] = {
        "unmanaged": Severity.WARN,
        "excepted": (ALICE, NAMED, Match(user="bob")),
        "places": places,
    }
    (warned,) = judged([], [token(1, user="alice")], **rules).warnings
    assert str(warned) == (
        "tokens.yaml:5:7: 2 exceptions of `unmanaged` find no live token: description `alice's Token`, user `bob`\n"
        "  hint: correct it, or remove it: a token that fits it one day would go unreported"
    )
    assert judged([], [token(1, user="alice")], **{**rules, "unmanaged": Severity.IGNORE}).warnings == ()
    limited = make_plan(manifest(**rules), live(token(1, user="alice"), org="acme"))
    assert limited.warnings == ()
    (one,) = judged([], [token(1, user="alice")], **{**rules, "excepted": (Match(user="bob"), ALICE)}).warnings
    assert one.message == "1 exception of `unmanaged` finds no live token: user `bob`"

"""What is to be seen beside the lines: everything, at its field, the worst first, and known again later."""

from __future__ import annotations

from hypothesis import given

from reconciler.core.plan import Guard, Plan, Refusal
from reconciler.errors import Place, Problem
from reconciler.render.findings import Level, default_place, findings
from tests.builders import ACTIVE, INACTIVE, Line, declared, planned, token
from tests.render.dataset import PLANS, hostile_plans

NOWHERE = Problem("a warning")


def moved(plan: Plan, lines: int) -> Plan:
    """The plan of the same file with so many lines inserted above everything."""

    def down(place: Place | None) -> Place | None:
        return place and place._replace(line=place.line + lines)

    def problem(each: Problem) -> Problem:
        return each._replace(place=down(each.place))

    return plan._replace(changes=tuple(
            change._replace(places={key: place._replace(line=place.line + lines) for key, place in change.places.items()})
            for change in plan.changes
        ),
        warnings=tuple(map(problem, plan.warnings)),
        refusals=tuple(each._replace(problem=problem(each.problem)) for each in plan.refusals),
    )  # fmt: skip


def test_a_change_stands_at_the_field_that_changes_and_status_comes_first() -> None:
    plan = planned(
        [declared(1, description="x", status=INACTIVE), declared(2, description="y"), declared(3, status=ACTIVE)],
        [token(1), token(2), token(3, status=INACTIVE)],
    )
    assert [(each.title, each.place) for each in findings(plan)] == [
        ('deactivate "token 1"', Place("tokens.yaml", 10, 5 + len("status"))),
        ('activate "token 3"', Place("tokens.yaml", 30, 5 + len("status"))),
        ('describe "token 2"', Place("tokens.yaml", 20, 5 + len("description"))),
    ]
    assert findings(plan)[0].message == (
        f'{plan.changes[-1].token.id} of ci-bot: status active → inactive, description "token 1" → "x"'
    )


def test_a_saved_plan_may_know_only_the_declaration_or_nothing() -> None:
    (change,) = PLANS["one-token"].changes
    for places, place in [({"": Place("a", 1, 2)}, Place("a", 1, 2)), ({}, None)]:
        plan = PLANS["one-token"]._replace(changes=(change._replace(places=places),))
        assert [each.place for each in findings(plan)] == [place]


def test_refusals_come_before_warnings_and_warnings_before_changes() -> None:
    assert [each.level for each in findings(PLANS["refused"])] == [
        *[Level.ERROR] * 3, Level.WARNING, *[Level.NOTICE] * 4
    ]  # fmt: skip


def test_a_file_is_named_as_a_repository_knows_it() -> None:
    plan = planned([declared(1, description="x", origin=Line(1, "./a.yaml"))], [token(1)])
    assert [each.place.file for each in findings(plan) if each.place] == ["a.yaml"]
    assert default_place(plan) == Place("a.yaml", 1, 1)


def test_what_has_no_place_is_put_at_the_top_of_a_file_of_the_plan() -> None:
    empty = PLANS["empty"]
    assert default_place(empty) == Place("tokens.yaml", 1, 1)
    problem = Problem("x", place=Place("b.yaml", 7, 7))
    assert default_place(empty._replace(warnings=(NOWHERE, problem))) == Place("b.yaml", 1, 1)
    assert default_place(empty._replace(refusals=(Refusal(Guard.SELF, problem),))) == Place("b.yaml", 1, 1)


@given(hostile_plans())
def test_a_fingerprint_belongs_to_one_finding_and_stays_when_lines_move(plan: Plan) -> None:
    prints = [each.fingerprint for each in findings(plan)]
    assert len(prints) == len(set(prints))
    assert prints == [each.fingerprint for each in findings(moved(plan, 100))]


def test_findings_that_say_the_same_are_told_apart() -> None:
    plan = PLANS["empty"]._replace(warnings=(NOWHERE, NOWHERE, Problem("a warning again"), NOWHERE))
    assert len({each.fingerprint for each in findings(plan)}) == 4

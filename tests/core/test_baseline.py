"""What a base changes: the revisions, told apart from either side, and the marks, warnings and refusals of a plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.baseline import Baseline, about, changed_at, moments, revise, with_base, with_history
from reconciler.core.manifest import Asserted, Declaration, Limits, Manifest, Match, Pick, Severity, Share, at
from reconciler.core.plan import Change, Difference, Kind, Mark, Plan, Revision
from reconciler.core.planner import make_plan, rebase
from reconciler.core.resolve import declared_tokens
from reconciler.documents.plan import decode_plan, plan_document
from reconciler.errors import Place, Problem
from tests.builders import ACTIVE, EDGE, INACTIVE, Line, declared, live, manifest, planned, token, token_id
from tests.strategies import World, manifests, shuffled, worlds

OWN = declared(1, name="own", description="x", status=ACTIVE, protected=True, labels={"team": "a", "app": "b"})


def revised(before: Declaration | None, after: Declaration | None) -> Revision:
    """The only revision between two declarations."""
    (found,) = revise(manifest(*[before] if before else []), manifest(*[after] if after else []), "main")
    return found


def at_base(declaration: Declaration, file: str = "tokens.yaml") -> Declaration:
    """The declaration as it is called at the base."""
    return declaration._replace(origin=Line(7, f"main:{file}"))


def test_an_added_declaration_has_all_that_it_says_of_the_token() -> None:
    assert revised(None, OWN) == Revision(
        kind=Kind.ADDED,
        target=token_id(1),
        name="own",
        edits=(
            Difference("status", None, "active"),
            Difference("description", None, "x"),
            Difference("protected", None, "true"),
            Difference("labels", None, "app=b, team=a"),
        ),
        place=Place("tokens.yaml", 10, 5),
    )
    assert revised(None, declared(2)) == Revision(
        kind=Kind.ADDED, target=token_id(2), place=Place("tokens.yaml", 20, 5)
    )


def test_a_removed_declaration_has_what_it_said_and_where_it_stood() -> None:
    found = revised(at_base(OWN), None)
    assert (found.kind, found.target, found.name, found.place) == (Kind.REMOVED, token_id(1), "own", None)
    assert found.base_place == Place("main:tokens.yaml", 7, 5)
    assert [each.after for each in found.edits] == [None] * 4
    assert found.loosens
    assert not revised(at_base(OWN._replace(protected=False)), None).loosens


@pytest.mark.parametrize(
    ("changes", "kind", "edits", "column"),
    [
        ({"status": INACTIVE}, Kind.CHANGED, [Difference("status", "active", "inactive")], 11),
        ({"description": None}, Kind.CHANGED, [Difference("description", "x", None)], 16),
        ({"description": ""}, Kind.CHANGED, [Difference("description", "x", "")], 16),
        ({"labels": {}}, Kind.CHANGED, [Difference("labels", "app=b, team=a", None)], 11),
        ({"name": "mine"}, Kind.RENAMED, [Difference("name", "own", "mine")], 9),
        ({"name": None}, Kind.RENAMED, [Difference("name", "own", None)], 9),
        ({"origin": Line(3, "other.yaml")}, Kind.MOVED, [Difference("file", "tokens.yaml", "other.yaml")], 5),
        ({"target": token_id(2)}, Kind.RETARGETED, [Difference("target", token_id(1), token_id(2))], 7),
        (
            {"target": Match(user="u", org="o", description="", pick=Pick.ALL)}, Kind.RETARGETED,
            [Difference("target", token_id(1), "match user `u`, org `o`, description ``, pick all")], 10,
        ),
        (
            {"name": "mine", "status": None, "origin": Line(3, "other.yaml")}, Kind.CHANGED,
            [Difference("status", "active", None), Difference("name", "own", "mine"), Difference("file", "tokens.yaml", "other.yaml")], 11,
        ),
    ],
)  # fmt: skip
def test_what_became_of_a_declaration_is_told_by_the_gravest_of_all(
    changes: dict[str, Any], kind: Kind, edits: list[Difference], column: int
) -> None:
    found = revised(at_base(OWN), OWN._replace(**changes))
    assert (found.kind, list(found.edits)) == (kind, edits)
    assert found.place is not None
    assert (found.place.column, found.base_place is None) == (column, False)
    assert found.loosens == ("target" in changes)


def test_a_place_within_a_file_a_line_or_a_layout_is_no_revision() -> None:
    assert revise(manifest(at_base(OWN), at_base(declared(2))), manifest(declared(2), OWN), "main") == ()


def test_protection_that_is_taken_away_loosens_and_one_that_is_given_does_not() -> None:
    bare = OWN._replace(protected=False)
    assert revised(OWN, bare).loosens
    assert revised(OWN, bare).edits == (Difference("protected", "true", None),)
    assert not revised(bare, OWN).loosens
    assert not revised(bare, bare._replace(target=token_id(2))).loosens


def test_a_selection_is_known_again_when_it_only_picks_others() -> None:
    first = declared(Match(user="u", pick=Pick.FIRST))
    found = revised(declared(Match(user="u")), first)
    assert (found.kind, found.edits) == (
        Kind.RETARGETED,
        (Difference("target", "match user `u`", "match user `u`, pick first"),),
    )
    kinds = [each.kind for each in revise(manifest(first), manifest(declared(Match(user="v"))), "main")]
    assert kinds == [Kind.REMOVED, Kind.ADDED]


def test_two_tokens_that_swap_their_names_are_both_renamed() -> None:
    before = manifest(declared(1, name="a"), declared(2, name="b"))
    after = manifest(declared(1, name="b"), declared(2, name="a"))
    assert [(each.kind, each.target) for each in revise(before, after, "main")] == [
        (Kind.RENAMED, token_id(2)), (Kind.RENAMED, token_id(1)),
    ]  # fmt: skip


U, D = Match(user="u"), Match(description="d")
SETTINGS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("guards.max_deactivations", {"limits": Limits()}, {"limits": Limits(max_deactivations=Share(31))}, True),
    ("guards.max_deactivations", {"limits": Limits()}, {"limits": Limits(max_deactivations=Share(29))}, False),
    ("guards.max_deactivations", {"limits": Limits()}, {"limits": Limits(max_deactivations=1)}, True),
    ("guards.max_deactivations", {"limits": Limits()}, {"limits": Limits(max_deactivations=0)}, False),
    ("guards.max_deactivations", {"limits": Limits(max_deactivations=5)}, {"limits": Limits()}, True),
    (
        "guards.max_deactivations",
        {"limits": Limits(max_deactivations=9)},
        {"limits": Limits(max_deactivations=10)},
        True,
    ),
    ("guards.min_managers", {"limits": Limits()}, {"limits": Limits(min_managers=0)}, True),
    ("guards.min_managers", {"limits": Limits()}, {"limits": Limits(min_managers=2)}, False),
    ("unmanaged", {"unmanaged": Severity.FAIL}, {"unmanaged": Severity.WARN}, True),
    ("unmanaged", {"unmanaged": Severity.IGNORE}, {"unmanaged": Severity.FAIL}, False),
    *(
        (
            "unmanaged.except",
            {"unmanaged": Severity.WARN, "excepted": before},
            {"unmanaged": Severity.WARN, "excepted": after},
            more,
        )
        for before, after, more in [
            ((), (U,), True),
            ((U,), (), False),
            ((U,), (U, D), True),
            ((U, D), (U,), False),
            ((U,), (D,), True),
            ((U,), (Match(user="u", org="o"),), False),
            ((Match(user="u", org="o"),), (U,), True),
            (
                (Match(org="o"), D),
                (
                    D,
                    Match(user="u", org=" o "),
                ),
                False,
            ),
            ((D,), (Match(description=""),), True),
        ]
    ),
    ("unmanaged.except", {}, {"excepted": (U,)}, False),
    ("lock", {"lock": True}, {}, True),
    ("lock", {}, {"lock": True}, False),
    ("absent", {"absent": Severity.FAIL}, {"absent": Severity.WARN}, True),
    ("absent", {"absent": Severity.WARN}, {"absent": Severity.FAIL}, False),
    ("server.url", {"server": Asserted(url="http://a")}, {"server": Asserted(url="http://b")}, True),
    ("server.url", {"server": Asserted(url="http://a")}, {}, True),
    ("server.org", {}, {"server": Asserted(org="acme")}, False),
]


@pytest.mark.parametrize(("key", "before", "after", "loosens"), SETTINGS)
def test_a_setting_that_lets_more_pass_is_told_apart(
    key: str, before: dict[str, Any], after: dict[str, Any], loosens: bool
) -> None:
    place = Place("tokens.yaml", 2, 3)
    (found,) = revise(manifest(**before), manifest(**after, places={key: place}), "main")
    assert (found.kind, found.target, found.loosens) == (Kind.SETTING, key, loosens)
    assert (found.place, found.base_place) == (place, None)
    assert [each.field for each in found.edits] == [key.rpartition(".")[2]]


def test_revisions_of_a_selection_are_those_about_it_and_all_settings() -> None:
    before = manifest(declared(1, name="a"), declared(2), declared(3), declared(4), unmanaged=Severity.WARN)
    after = manifest(declared(9, name="a"), declared(2, status=ACTIVE), declared(4, status=ACTIVE), declared(5))
    revisions = revise(before, after, "main")
    assert len(revisions) == 6
    found = about(revisions, [declared(1), declared(3), declared(4)])
    assert [(each.kind, each.target) for each in found] == [
        (Kind.SETTING, "unmanaged"),
        (Kind.REMOVED, token_id(3)),
        (Kind.RETARGETED, token_id(9)),
        (Kind.CHANGED, token_id(4)),
    ]


@given(manifests())
def test_a_manifest_has_nothing_otherwise_than_itself(one: Manifest) -> None:
    assert revise(one, one, "main") == ()


@given(manifests(), manifests(), st.data())
def test_the_order_of_declarations_changes_nothing(one: Manifest, other: Manifest, data: st.DataObject) -> None:
    first, second = (each._replace(tokens=data.draw(shuffled(each.tokens))) for each in (one, other))
    assert revise(first, second, "main") == revise(one, other, "main")


def mirrored(revision: Revision) -> tuple[object, ...]:
    """The revision as it looks from the other side."""
    kind = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}.get(revision.kind, revision.kind)
    edits = tuple(Difference(each.field, each.after, each.before) for each in revision.edits)
    return kind, edits, revision.base_place, revision.place


@given(manifests(), manifests())
def test_two_manifests_differ_in_the_same_from_either_side(one: Manifest, other: Manifest) -> None:
    there, back = revise(one, other, "main"), revise(other, one, "main")
    assert sorted(map(repr, map(mirrored, there))) == sorted(
        repr((each.kind, each.edits, each.place, each.base_place)) for each in back
    )


@given(manifests(), manifests())
def test_what_is_declared_alike_is_in_no_revision_and_all_else_is(one: Manifest, other: Manifest) -> None:
    found = {each.target for each in revise(one, other, "main")}
    before, after = ({each.target: each for each in side.tokens} for side in (one, other))
    for target, declaration in after.items():
        if isinstance(target, str):
            assert (target in found) == (before.get(target) != declaration), declaration


def compared(world: World, base: Manifest) -> Plan:
    """The plan of a world, compared with a base."""
    revisions = revise(base, world.manifest, "main")
    return make_plan(
        world.manifest,
        world.live,
        baseline=Baseline(ref="main", commit="0" * 40, revisions=revisions, manifest=base),
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
    stood = declared_tokens(at(base, world.live.now), world.live)
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
    mixed = base._replace(tokens=data.draw(shuffled(base.tokens)))
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
        assert CHANGE._replace(marks=marks).mark == mark


def settle(change: Change, base: Manifest, then: Manifest | None) -> dict[str, Mark]:
    """The marks of a change after what was declared at the moment is known, or not."""
    world = live(token(1))
    (first,) = with_base([change], declared_tokens(base, world))
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
    whole = CHANGE._replace(marks={"status": Mark.THIS_CHANGE, "description": Mark.THIS_CHANGE})
    silent = CHANGE._replace(token=CHANGE.token._replace(updated_at=""))
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
    assert changed_at(CHANGE._replace(token=CHANGE.token._replace(updated_at=text))) == seconds


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
    narrow = world.manifest._replace(server=Asserted(org="acme"), unmanaged=Severity.FAIL)
    wide = World(live(token(1), token(2), token(3, org_id=EDGE)), narrow)
    plan = compared(wide, manifest(unmanaged=Severity.FAIL))
    assert [each.problem.message.split(":")[0] for each in plan.refusals] == [
        "no declaration names 1 live token", "no declaration names 2 live tokens",
    ]  # fmt: skip


def test_an_exception_that_the_base_lacks_excepts_nothing_yet() -> None:
    world = World(
        live(token(1), token(2, user="u"), token(3)), manifest(declared(1), unmanaged=Severity.FAIL, excepted=(U, D))
    )
    plan = compared(world, manifest(unmanaged=Severity.FAIL, excepted=(D,)))
    (refusal,) = plan.refusals
    assert [each.id for each in refusal.problem.tokens] == [token_id(2), token_id(3)]
    assert refusal.problem.hint == "declare them, or change `unmanaged` of `main` in a change of its own"
    for base in (manifest(unmanaged=Severity.FAIL, excepted=(U, D)), manifest(unmanaged=Severity.IGNORE)):
        (refusal,) = compared(world, base).refusals
        assert [each.id for each in refusal.problem.tokens] == [token_id(3)]
        assert (
            refusal.problem.hint == "declare them, name them in `except` of `unmanaged`, or write `unmanaged: ignore`"
        )
    crossed = compared(world, manifest(unmanaged=Severity.WARN, excepted=(D, Match(user="ci-bot"))))
    assert [each.id for each in crossed.refusals[0].problem.tokens] == [token_id(3)]
    assert [each.id for each in crossed.warnings[0].tokens] == [token_id(2)]


def test_the_warnings_of_the_base_come_first() -> None:
    world = World(live(token(1), token(2)), manifest(declared(1), unmanaged=Severity.WARN))
    told = Problem("the base is refused")
    baseline = Baseline(ref="main", commit="0" * 40, revisions=(), warnings=(told,))
    assert make_plan(world.manifest, world.live, baseline=baseline).warnings[0] == told

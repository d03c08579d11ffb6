"""Which live token each declaration means, and what is said when it means none or too many."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.core.live import Absence, Live, Missing, TokenId
from reconciler.core.manifest import Asserted, Declaration, Manifest, Match, Pick, Severity
from reconciler.core.planner import make_plan
from reconciler.core.resolve import resolve
from reconciler.core.text import name_some
from reconciler.errors import AuthError, InvalidError, RefusedError, TokenctlError
from tests.builders import EDGE, INACTIVE, declared, live, manifest, token, token_id
from tests.strategies import apply

WORLD = (
    token(1, user="mira", description="a"),
    token(2, user="mira", description="b"),
    token(3, user="otto", description="a"),
    token(4, user="otto", description="a", org_id=EDGE),
)


def found(declaration: Declaration, world: Live | None = None) -> list[TokenId]:
    return [each.token.id for each in resolve(manifest(declaration), world or live(*WORLD)).wanted]


def refused(kind: type[TokenctlError], wanted: Manifest, world: Live) -> str:
    with pytest.raises(TokenctlError) as caught:
        resolve(wanted, world)
    assert type(caught.value) is kind
    return str(caught.value)


def ids(*numbers: int) -> list[TokenId]:
    return [token_id(number) for number in numbers]


def missing(kinds: Mapping[int, Absence]) -> dict[TokenId, Missing]:
    return {token_id(number): Missing(kind, f"detail {number}") for number, kind in kinds.items()}


def test_an_id_means_that_token() -> None:
    assert found(declared(3)) == ids(3)


@pytest.mark.parametrize(
    ("match", "numbers"),
    [
        (Match(user="mira", pick=Pick.ALL), [1, 2]),
        (Match(user="mira", pick=Pick.FIRST), [1]),
        (Match(description="b"), [2]),
        (Match(description="a", pick=Pick.ALL), [1, 3, 4]),
        (Match(user="otto", org="edge"), [4]),
        (Match(user="otto", description="a", pick=Pick.ALL), [3, 4]),
        (Match(user="otto", description="a", org="acme"), [3]),
        (Match(org="acme", pick=Pick.FIRST), [1]),
    ],
)
def test_a_match_means_the_tokens_that_have_all_its_values(match: Match, numbers: list[int]) -> None:
    assert found(declared(match)) == ids(*numbers)


def test_a_match_by_description_finds_the_declared_one_too() -> None:
    renamed = live(token(1, description="old"), token(2, description="new"), token(3, description=""))
    assert found(declared(Match(description="old"), description="new-er"), renamed) == ids(1)
    assert found(declared(Match(description="gone"), description="new"), renamed) == ids(2)
    assert found(declared(Match(description="old", pick=Pick.ALL), description="new"), renamed) == ids(1, 2)
    # An empty description is too common to be what a renamed token is found by.
    assert found(declared(Match(description="old"), description=""), renamed) == ids(1)


@pytest.mark.parametrize("match", [Match(user="nobody"), Match(user="mira", org="edge"), Match(description="A")])
def test_a_match_that_finds_nothing_is_absent(match: Match) -> None:
    assert refused(InvalidError, manifest(declared(match)), live(*WORLD)) == (
        "tokens.yaml:1:10: `match` finds no live token\n"
        "  hint: compare it with `tokenctl list`; a list shows only what these credentials may read"
    )
    lenient = manifest(declared(match), absent=Severity.WARN)
    resolution = resolve(lenient, live(*WORLD))
    assert (resolution.wanted, len(resolution.warnings)) == ((), 1)


def test_a_match_that_finds_several_is_ambiguous_unless_it_says_which() -> None:
    assert refused(InvalidError, manifest(declared(Match(user="mira"))), live(*WORLD)) == (
        f"tokens.yaml:1:10: `match` finds 2 tokens: `a` {token_id(1)}, `b` {token_id(2)}\n"
        "  hint: name one by `id`, or write `pick: first` or `pick: all`"
    )


def test_long_lists_of_names_are_cut() -> None:
    assert name_some(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"
    assert name_some(["a", "b", "c", "d", "e", "f", "g"]) == "a, b, c, d, e and 2 more"


def test_a_manifest_that_is_about_more_than_its_ids_needs_a_list() -> None:
    named = manifest(declared(9), declared(1))
    selecting = manifest(declared(9), declared(1), declared(Match(user="x")))
    assert [sorted(each.ids) for each in (named, selecting)] == [ids(1, 9)] * 2
    assert [(each.is_about_others, each.selects) for each in (named, selecting)] == [(False, False), (True, True)]
    assert [manifest(server=Asserted(org=each)).is_about_others for each in ("acme", EDGE.upper())] == [False, True]
    for policy in (Severity.WARN, Severity.FAIL):
        assert manifest(declared(9), unmanaged=policy).is_about_others


def test_every_absence_is_explained_at_once() -> None:
    world = live(*WORLD, missing=missing({7: Absence.ABSENT, 8: Absence.ORPHANED}))
    wanted = manifest(declared(8), declared(7))
    assert refused(InvalidError, wanted, world) == (
        f"tokens.yaml:70:7: the server has no token {token_id(7)}\n"
        "  hint: remove the declaration, or write `absent: warn` at the top of the file\n"
        f"tokens.yaml:80:7: token {token_id(8)} is orphaned: its owner or its organisation was deleted (detail 8)\n"
        "  hint: remove the declaration; the server lists such a token no more and accepts no changes worth reading back"
    )
    lenient = resolve(manifest(declared(8), declared(7), declared(1), absent=Severity.WARN), world)
    assert [each.token.id for each in lenient.wanted] == ids(1)
    assert [str(each).split(": ")[1].split("\n")[0][:20] for each in lenient.warnings] == [
        "the server has no to", f"token {token_id(8)}"[:20],
    ]  # fmt: skip


def test_a_hidden_token_is_a_matter_of_credentials_whatever_the_policy() -> None:
    world = live(*WORLD, missing=missing({7: Absence.HIDDEN, 8: Absence.ABSENT}))
    wanted = manifest(declared(7), declared(8), absent=Severity.WARN)
    assert refused(AuthError, wanted, world) == (
        f"tokens.yaml:70:7: token {token_id(7)} exists, but these credentials may not read it (detail 7)\n"
        "  hint: use a token that may read and write authorizations and users"
    )


def test_two_declarations_of_one_token_are_refused_with_both_places() -> None:
    wanted = manifest(declared(2), declared(Match(description="b")))
    assert refused(InvalidError, wanted, live(*WORLD)) == (
        f"tokens.yaml:1:5: token {token_id(2)} is declared twice: first at tokens.yaml:20:5\n"
        "  hint: keep one of the two declarations"
    )


def test_a_file_that_asserts_an_organisation_is_held_to_it() -> None:
    wanted = manifest(declared(1), declared(4), server=Asserted(org="acme"))
    assert refused(RefusedError, wanted, live(*WORLD)) == (
        f"tokens.yaml:40:5: token {token_id(4)} belongs to organisation `edge`, not to `acme`\n"
        "  hint: the file's `server.org` says that every declared token belongs to it"
    )
    assert len(resolve(manifest(declared(1), server=Asserted(org="acme")), live(*WORLD)).wanted) == 1


def test_a_run_of_one_organisation_leaves_the_others_tokens_out_and_says_so() -> None:
    resolution = resolve(manifest(declared(1), declared(4)), live(*WORLD, org="acme"))
    assert [each.token.id for each in resolution.wanted] == ids(1)
    assert [str(each) for each in resolution.warnings] == [
        "tokens.yaml:40:5: left out: not a token of organisation `acme`"
    ]


A, B = "ingest", "Ingest EU"
SETTLING: dict[str, tuple[list[Declaration], str]] = {
    # What each does to the tokens 1 (A), 2 (A of edge), 3 (B), 4 (another), and what a `match` would mean then.
    "renamed": ([declared(Match(description=A, org="edge"), description="x")], ""),
    "renamed, all": ([declared(Match(description=A, pick=Pick.ALL), description=B)], ""),
    "renamed, first": ([declared(Match(user="ci-bot", description=A, pick=Pick.FIRST), description="x")], ""),
    "cleared by its owner": ([declared(Match(org="edge"), description="")], ""),
    "as it is": ([declared(Match(description=""), description="")], ""),
    "another becomes alike": (
        [declared(Match(description=A, org="edge"), status=INACTIVE), declared(5, description=A)],
        f"`ingest` {token_id(2)} now and would find `ingest` {token_id(2)}, `y` {token_id(5)} after this plan",
    ),
    "another becomes alike, all": (
        [declared(Match(description=A, org="acme", pick=Pick.ALL), description="x"), declared(4, description="x")],
        f"`ingest` {token_id(1)} now and would find `ingest` {token_id(1)}, `else` {token_id(4)} after this plan",
    ),
    "another is what was missing": (
        [declared(Match(description="new"), status=INACTIVE), declared(1, description="new")],
        f"nothing now and would find `ingest` {token_id(1)} after this plan",
    ),
    "another comes first": (
        [declared(Match(description=B, pick=Pick.FIRST), status=INACTIVE), declared(1, description=B)],
        f"`Ingest EU` {token_id(3)} now and would find `ingest` {token_id(1)} after this plan",
    ),
    "a cycle": (
        [declared(Match(description=B), description="z"), declared(Match(user="mira", description="else"), description=B)],
        f"`Ingest EU` {token_id(3)} now and would find `Ingest EU` {token_id(3)}, `else` {token_id(4)} after this plan",
    ),
    "renamed by its owner": (
        [declared(Match(description=A, org="edge"), status=INACTIVE), declared(Match(user="mira"), description="x")], "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("declarations", "said"), SETTLING.values(), ids=SETTLING)
def test_a_match_means_the_same_tokens_after_the_plan_or_there_is_none(
    declarations: list[Declaration], said: str
) -> None:
    listed = (
        token(1, description=A), token(2, description=A, org_id=EDGE), token(3, description=B),
        token(4, description="else", user="mira"), token(6, description=""),
    )  # fmt: skip
    other = token(5, org_id=EDGE, description="y")
    world = live(*listed, *([other] if len(declarations) > 1 else []))
    wanted = manifest(*declarations, absent=Severity.WARN)
    if not said:
        after = apply(make_plan(wanted, world).changes, dict(world.tokens))
        assert make_plan(wanted, world._replace(tokens=after)).changes == ()
    else:
        with pytest.raises(InvalidError) as caught:
            make_plan(wanted, world)
        assert str(caught.value) == (
            f"tokens.yaml:1:10: `match` finds {said}\n"
            "  hint: name tokens by `id`, or give no token a description that this `match` looks for"
        )


def test_a_declared_id_with_a_slip_in_it_is_held_against_the_live_tokens_that_no_declaration_names() -> None:
    world = live(token(1), token(0x23, description="x" * 100), token(0x112), missing=missing({0x32: Absence.ABSENT}))
    said = refused(InvalidError, manifest(declared(0x32), declared(1), declared(Match(user="nobody"))), world)
    assert said.splitlines()[3:] == [
        f"  hint: did you mean {token_id(0x23)} (`{'x' * 39}…{'x' * 20}`)? "
        "Else remove the declaration, or write `absent: warn` at the top of the file"
    ]
    slips = [*range(0x100, 0x115)]  # more than are compared
    world = live(token(1), *map(token, range(0x900, 0x920)), missing=absent(*slips))
    crowd = manifest(*map(declared, (*slips, *range(0x900, 0x920))), absent=Severity.WARN)
    assert "did you mean" not in "".join(map(str, resolve(crowd, world).warnings))


URL = "https://influx.example"
RIGHT_SERVER = (
    "is that the right server? If not, correct --url, INFLUX_HOST or --profile; if so, remove those that are absent"
)


def absent(*numbers: int) -> dict[TokenId, Missing]:
    return missing(dict.fromkeys(numbers, Absence.ABSENT))


def test_a_file_for_another_server_is_one_problem_that_names_the_server() -> None:
    numbers = range(1, 813)
    wanted = manifest(*map(declared, numbers))
    said = refused(InvalidError, wanted, live(token(900), missing=absent(*numbers)))
    shown = ", ".join(ids(1, 2, 3, 4, 5))
    assert said == (
        f"tokens.yaml:10:5: 812 of 812 declarations find no token on {URL} (812 absent): {shown} and 807 more\n"
        f"  hint: {RIGHT_SERVER}, or write `absent: warn` at the top of the file"
    )
    warnings = resolve(wanted._replace(absent=Severity.WARN), live(missing=absent(*numbers))).warnings
    assert [str(each) for each in warnings] == [said.partition("\n")[0] + f"\n  hint: {RIGHT_SERVER}"]


@pytest.mark.parametrize(
    ("gone", "there", "together"),
    [(3, 0, True), (3, 2, True), (3, 3, False), (2, 0, False), (1, 0, False), (40, 41, False)],
)
def test_what_is_absent_is_told_together_only_when_it_is_most_of_what_is_declared(
    gone: int, there: int, together: bool
) -> None:
    numbers = range(1, gone + there + 1)
    world = live(*map(token, range(gone + 1, gone + there + 1)), missing=absent(*range(1, gone + 1)))
    said = refused(InvalidError, manifest(*map(declared, numbers)), world)
    assert said.count("the server has no token") == (0 if together else gone)
    assert said.count(f"{gone} of {gone + there} declarations find no token on {URL} (") == together


def test_matches_that_find_nothing_count_as_well_and_orphans_do_not() -> None:
    targets: list[Match | int] = [Match(user="x"), Match(user="y"), 1, 2]
    world = live(missing=missing({1: Absence.ABSENT, 2: Absence.ORPHANED}), org="acme")
    said = refused(InvalidError, manifest(*(declared(each) for each in targets)), world).splitlines()
    assert said[0] == (
        f"tokens.yaml:1:5: 3 of 4 declarations find no token on {URL}, organisation `acme`, (3 absent): "
        f"`match` of tokens.yaml:1:5, `match` of tokens.yaml:1:5, {token_id(1)}"
    )
    assert said[2].startswith(f"tokens.yaml:20:7: token {token_id(2)} is orphaned: ")


def hidden(rights: Mapping[int, str]) -> dict[TokenId, Missing]:
    return {
        token_id(number): Missing(Absence.HIDDEN, f"read:{right} is unauthorized") for number, right in rights.items()
    }


def test_rights_that_are_lacking_are_told_by_organisation_and_owner() -> None:
    orgs = {number: f"orgs/{EDGE}/authorizations/{token_id(number)}" for number in range(1, 8)}
    users = dict.fromkeys(range(8, 11), f"users/{'d' * 16}")
    wanted = manifest(*map(declared, range(1, 31)))
    world = live(*map(token, range(12, 31)), token(31, org_id=EDGE), missing=hidden(orgs | users | {11: "users"}))
    said = refused(AuthError, wanted, world)
    may_not = "exist, but these credentials may not read them"
    assert said.splitlines()[::2] == [
        f"tokens.yaml:10:7: 7 tokens of organisation `edge` {EDGE} {may_not}: {', '.join(ids(1, 2, 3, 4, 5))} and 2 more "
        f"(read:{orgs[1]} is unauthorized)",
        f"tokens.yaml:80:7: 3 tokens of owner {'d' * 16} {may_not}: {', '.join(ids(8, 9, 10))} (read:{users[8]} is unauthorized)",
        f"tokens.yaml:110:7: token {token_id(11)} exists, but these credentials may not read it (read:users is unauthorized)",
    ]


def test_a_server_that_hides_most_is_asked_about_too_and_its_many_owners_are_told_in_short() -> None:
    rights = {number: f"users/{number:016x}" for number in range(1, 41)}
    said = refused(
        AuthError, manifest(*map(declared, range(1, 42))), live(missing=hidden(rights) | absent(41))
    ).splitlines()
    assert said[0].startswith(
        f"tokens.yaml:10:5: 41 of 41 declarations find no token on {URL} (1 absent, 40 hidden from these credentials): "
    )
    assert [line for line in said if " 35 tokens of others exist, but " in line]
    assert len(said) == 2 * 7

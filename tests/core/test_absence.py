"""What is said of declarations that mean no live token: one by one, or together when they are most of what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.core.live import Absence, Missing
from reconciler.core.manifest import Match, Severity
from reconciler.core.resolve import resolve
from reconciler.core.token import TokenId
from reconciler.errors import AuthError, InvalidError
from tests.builders import EDGE, declared, live, manifest, token, token_id
from tests.core.test_resolve import ids, missing, refused

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
    warnings = resolve(replace(wanted, absent=Severity.WARN), live(missing=absent(*numbers))).warnings
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

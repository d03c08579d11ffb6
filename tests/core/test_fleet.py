"""Names, globs, shards, digests and exit codes of a fleet."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core import fleet
from reconciler.core.fleet import Fleet, Planned, Skipped
from reconciler.core.live import OrgId, Server, Status, Token, TokenId, UserId
from reconciler.core.manifest import Limits
from reconciler.core.plan import Action, Change, Guard, Plan, Refusal
from reconciler.errors import ExitCode, InvalidError, Problem, UsageError

NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9.-]{0,9}", fullmatch=True), unique=True, min_size=1)


def change(which: str = "0d234e88da406000", user: str = "ci", **values: object) -> Change:
    token = Token(
        id=TokenId(which), status=Status.ACTIVE, description="before", org_id=OrgId("5f2c9e1a77b0d3c4"), org="acme",
        user_id=UserId("0d3a5e9c41e4e000"), user=user, updated_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    return Change(token=token, **{"status": Status.INACTIVE, **values})  # type: ignore[arg-type]


def plan(*changes: Change, refused: bool = False, url: str = "http://localhost:8086") -> Plan:
    refusals = (Refusal(Guard.PROTECTED, Problem("it is protected")),) if refused else ()
    return Plan(
        server=Server(url=url, build="OSS", version="v2.7.12"), orgs=("acme",), changes=changes, declared=1, managed=1, live=2,
        limits=Limits(), refusals=refusals,
    )  # fmt: skip


def planned(name: str, *changes: Change, refused: bool = False) -> Planned:
    return Planned(name=name, plan=plan(*changes, refused=refused))


def skipped(name: str, code: ExitCode) -> Skipped:
    return Skipped(name=name, url="", code=code, problems=(Problem("why"),))


def refused(entries: dict[str, bool]) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        fleet.servers(entries, "DIR")
    return [each.message for each in caught.value.problems]


def test_files_and_folders_are_servers_and_what_is_hidden_or_no_yaml_is_passed_over() -> None:
    entries = {
        "lyon.yml": False,
        "us-cloud": True,
        "b.c.yaml": False,
        "..data": True,
        ".x.yaml": False,
        "README": False,
    }
    assert fleet.servers(entries, "DIR") == {"b.c": "b.c.yaml", "lyon": "lyon.yml", "us-cloud": "us-cloud"}


def test_what_is_wrong_with_names_is_told_at_once() -> None:
    assert refused({"a.yaml": False, "a": True, "B.yml": False, "b.yml": False, "-x.yaml": False}) == [
        "DIR/-x.yaml: this is no name of a server",
        "DIR/a.yaml: the server a has DIR/a already",
        "DIR: the servers B and b differ in upper and lower case only",
    ]
    assert refused({}) == ["DIR: there is no server"]
    many = {f"edge-{number}.yaml": False for number in range(fleet.MOST + 1)}
    assert refused(many) == ["DIR: a fleet has at most 10,000 servers, and these are 10,001"]


@pytest.mark.parametrize("text", ["", "/3", "4/3", "1/0", "-1/3", "a/b", "1/3 ", "1/100000"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        fleet.shard(text)


@settings(max_examples=20)
@given(NAMES, st.integers(1, 7), st.booleans())
def test_shards_are_the_fleet_and_share_no_server(names: list[str], parts: int, from_zero: bool) -> None:
    found: list[str] = []
    for number in range(parts):
        part = fleet.shard(f"{number if from_zero else number + 1}/{parts}")
        found += fleet.selected(names, (), part)
    assert sorted(found) == sorted(names)


def test_servers_are_in_the_order_of_the_globs_and_then_by_name() -> None:
    names = ["us-2", "eu-2", "eu-1", "eu-7", "us-1"]
    assert fleet.selected(names, ["us-*", "eu-?", "!eu-7"]) == ("us-1", "us-2", "eu-1", "eu-2")
    assert fleet.selected(names, ["!us-[12]"]) == ("eu-1", "eu-2", "eu-7")
    for globs, message in (
        (["asia-*"], "--server asia-*: there is no such server"),
        (["!asia-*"], "--server !asia-*: there is no such server"),
        (["!*"], "--server leaves out every server"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
            fleet.selected(names, globs)


def test_the_digest_moves_with_each_change_of_a_planned_server_and_with_nothing_else() -> None:
    one, two = planned("a", change()), planned("b", change(), change("0d234e88da406001"))
    first = Fleet(members=(one, two)).digest
    others = (skipped("c", ExitCode.UNREACHABLE), planned("d"), planned("e", change(), refused=True))
    assert Fleet(members=(two, *others, one), left_out=3).digest == first
    shards = [Fleet(members=(one, others[0])), Fleet(members=(two, *others[1:]))]
    assert fleet.merged(shards).digest == first
    moved = [
        (replace(one, name="z"), two),
        (planned("a", change(description="x")), two),
        (one,),
        (one, two, planned("f", change())),
    ]
    assert len({first, *(Fleet(members=each).digest for each in moved)}) == 5


def test_a_server_in_two_fleets_is_refused_and_one_fleet_stays_as_it_is() -> None:
    one = Fleet(members=(planned("b"), planned("a")), left_out=1)
    assert fleet.merged([one]) == one
    with pytest.raises(InvalidError, match="the server a is in several of these"):
        fleet.merged([one, Fleet(members=(planned("a"),))])
    assert fleet.limited(one, ["a"]) == Fleet(members=(planned("a"),), left_out=2)


def test_a_fleet_says_what_is_planned_and_what_keeps_it_from_being_sent() -> None:
    members = (
        planned("a", change()), planned("b"), planned("c", change(), refused=True), skipped("d", ExitCode.UNREACHABLE),
        skipped("e", ExitCode.USAGE),
    )  # fmt: skip
    found = Fleet(members=members)
    assert [each.name for each in found.changing] == ["a"]
    assert [each.name for each in found.blocking] == ["c", "e"]
    assert found.skipped_by == {ExitCode.UNREACHABLE: 1, ExitCode.USAGE: 1}
    assert (found.count(Action.DEACTIVATE), found.is_settled) == (2, False)
    assert Fleet(members=(planned("b"),)).is_settled


# By the gravest of two servers' codes, written by hand: 1, 5, 4, 6, 7, 9, 65, 64, else 0.
GRAVITY = (1, 5, 4, 6, 7, 9, 65, 64, 0)


@pytest.mark.parametrize("one", GRAVITY)
@pytest.mark.parametrize("other", GRAVITY)
def test_the_exit_code_is_that_of_the_gravest_server(one: int, other: int) -> None:
    wanted = GRAVITY[min(GRAVITY.index(one), GRAVITY.index(other))]
    codes = (ExitCode(one), ExitCode(other), ExitCode.OK)
    assert Fleet(members=tuple(skipped(str(at), code) for at, code in enumerate(codes))).code == wanted
    assert fleet.ended(codes, sent=False) == wanted
    assert fleet.ended(codes, sent=True) == (3 if wanted else 0)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(GRAVITY)))
def test_the_exit_code_of_any_servers_is_that_of_the_gravest(codes: list[int]) -> None:
    wanted = next((each for each in GRAVITY if each in codes), 0)
    members = tuple(skipped(str(at), ExitCode(code)) for at, code in enumerate(codes))
    assert Fleet(members=members).code == wanted
    assert fleet.ended(map(ExitCode, codes), sent=True) == (3 if wanted else 0)


@settings(max_examples=20)
@given(NAMES, st.integers(1, 7), st.randoms())
def test_merged_shards_are_the_whole_fleet(names: list[str], parts: int, random: Random) -> None:
    kinds = (lambda name: planned(name, change()), planned, lambda name: skipped(name, ExitCode.UNREACHABLE))
    whole = {name: random.choice(kinds)(name) for name in sorted(names)}
    shards = [
        Fleet(members=tuple(whole[name] for name in fleet.selected(names, (), (part, parts)))) for part in range(parts)
    ]
    assert fleet.merged(shards).members == tuple(whole.values())
    assert fleet.merged(shards).digest == Fleet(members=tuple(reversed(whole.values()))).digest


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from(["", "ci", "else"]), max_size=3), max_size=6))
def test_grouping_loses_and_invents_no_change_of_any_servers(owners: list[list[str]]) -> None:
    members = [
        planned(f"edge-{at}", *(change(f"0d234e88da40600{number}", user) for number, user in enumerate(each)))
        for at, each in enumerate(owners)
    ]
    groups = fleet.grouped(members)
    told = [(name, one.token.id) for group in groups for name, one in zip(group.servers, group.changes, strict=True)]
    assert sorted(told) == sorted((each.name, one.token.id) for each in members for one in each.plan.changes)


# How servers ended, one after another, how many are under way, and how many may begin then: written by hand.
WAVES = [
    ([], 0, 1),
    ([], 1, 0),
    ([0], 0, 8),
    ([0], 3, 5),
    ([0], 8, 0),
    ([3], 0, 0),
    ([7], 0, 0),
    ([0, 7, 7, 7, 7], 4, 4),
    ([0, 7, 5, 3, 7, 7], 4, 0),
    ([0, 7, 7, 7, 7, 0, 7], 0, 8),
    ([0, 0, 1], 7, 0),
]


@pytest.mark.parametrize(("codes", "under_way", "more"), WAVES)
def test_the_first_server_goes_alone_and_failures_end_the_run(codes: list[int], under_way: int, more: int) -> None:
    assert fleet.room([ExitCode(each) for each in codes], under_way) == more


@pytest.mark.parametrize(
    ("codes", "why"),
    [
        ([], ""),
        ([0, 7, 7, 7, 7], ""),
        ([5], "the first server did not end well"),
        ([0, 1], "tokenctl could not go on with a server"),
        ([0, 3, 3, 3, 3, 3], "5 servers in a row did not end well"),
    ],
)
def test_a_run_says_why_no_server_begins_any_more(codes: list[int], why: str) -> None:
    assert fleet.halted([ExitCode(each) for each in codes]) == why


# What the servers ended with, whether anything was sent, and what `apply` exits with: written by hand.
ENDS = [
    ([], False, 0),
    ([0, 0], True, 0),
    ([0, 7], True, 3),
    ([0, 7], False, 7),
    ([3, 0], True, 3),
    ([5, 4], False, 5),
    ([6, 7, 0], False, 6),
    ([64, 65, 9], False, 9),
    ([0, 130], True, 3),
    ([0, 143], False, 143),
]


@pytest.mark.parametrize(("codes", "sent", "code"), ENDS)
def test_an_apply_is_partial_once_it_sent_and_not_all_is_well(codes: list[int], sent: bool, code: int) -> None:
    assert fleet.ended([ExitCode(each) for each in codes], sent=sent) == code


def test_grouping_loses_and_invents_no_change_and_has_the_gravest_first() -> None:
    alike = change(name="g")
    other = change("0d234e88da406009", name="g")
    members = [
        planned("a", alike), planned("b", other), planned("c", change(user="else")),
        planned("d", change(status=None, description="x")),
    ]  # fmt: skip
    groups = fleet.grouped(members)
    assert [(group.servers, group.changes[0].action) for group in groups] == [
        (("a", "b"), Action.DEACTIVATE),
        (("c",), Action.DEACTIVATE),
        (("d",), Action.DESCRIBE),
    ]
    told = [(name, one) for group in groups for name, one in zip(group.servers, group.changes, strict=True)]
    assert told == [(each.name, one) for each in members for one in each.plan.changes]


def test_problems_that_differ_in_the_address_of_the_server_alone_are_told_once_without_it() -> None:
    def skipped(name: str, code: ExitCode, *said: str) -> Skipped:
        url = f"https://{name}.example:8086" if name != "unknown" else ""
        return Skipped(name=name, url=url, code=code, problems=tuple(Problem(each) for each in said))

    gone = [
        skipped("a", ExitCode.UNREACHABLE, "no connection to https://a.example:8086: refused", "and a.example:8086-x"),
        skipped("b", ExitCode.UNREACHABLE, "no connection to https://b.example:8086: refused"),
        skipped("c", ExitCode.AUTH, "https://c.example:8086/api says no", "no answer from c.example:8086"),
        skipped("unknown", ExitCode.USAGE, "it has no profile"),
    ]
    assert [(code, problem.message, names) for code, problem, names in fleet.by_reason(gone)] == [
        (ExitCode.AUTH, "https://c.example:8086/api says no", ["c"]),
        (ExitCode.AUTH, "no answer from c.example:8086", ["c"]),
        (ExitCode.UNREACHABLE, "no connection to its URL: refused", ["a", "b"]),
        (ExitCode.UNREACHABLE, "and a.example:8086-x", ["a"]),
        (ExitCode.USAGE, "it has no profile", ["unknown"]),
    ]

"""A fleet's comment: whole texts for three servers, and for more what has to be there and what it may take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.fleet import Fleet, Group, Planned, Skipped, grouped
from reconciler.core.live import OrgId, Server, Status, Token, TokenId, UserId
from reconciler.core.manifest import Limits
from reconciler.core.plan import Change, Comparison, Difference, Guard, Kind, Mark, Plan, Refusal, Revision, Site
from reconciler.errors import ExitCode, Place, Problem
from reconciler.render import fleet_markdown, reports
from reconciler.render.markdown import LONGEST

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "`x` | </td> @everyone ![x](https://evil.example) \x1b[31m" + "long " * 100
SITE = Site(environment="production", source="https://git.example/blob/1a2b3c4/", base="main")


def change(number: int, line: int, description: str = "collector", **values: object) -> Change:
    token = Token(
        id=TokenId(f"{0x0D3A5F0C1BE4E000 + number:016x}"), status=Status.ACTIVE, description=description, org_id=OrgId("5f2c9e1a77b0d3c4"),
        org="acme", user_id=UserId("0d3a5e9c41e4e000"), user="ci-bot", updated_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    values = {
        "status": Status.INACTIVE,
        "name": f"collector-{line}",
        "places": {"": Place("shared.yaml", line, 5)},
        **values,
    }
    return Change(token=token, **values)  # type: ignore[arg-type]


def planned(name: str, *changes: Change, **others: object) -> Planned:
    plan = Plan(
        server=Server(url=f"https://{name}.example", build="OSS", version="v2.7.12"), orgs=("acme",), changes=changes, declared=9, managed=9,
        live=12, limits=Limits(),
    )  # fmt: skip
    return Planned(name=name, plan=plan._replace(**others))  # type: ignore[arg-type]


def unreachable(name: str) -> Skipped:
    problem = Problem(f"no connection to https://{name}.example", "check the URL")
    return Skipped(name=name, url=f"https://{name}.example", code=ExitCode.UNREACHABLE, problems=(problem,))


def test_three_servers_are_drawn_as_their_golden_file(golden: Callable[[Path, str], None]) -> None:
    loosened = Revision(
        kind=Kind.CHANGED, target="guards.min_managers", edits=(Difference("min_managers", "2", "1"),), loosens=True,
        place=Place("shared.yaml", 2, 3),
    )  # fmt: skip
    base = Comparison(ref="HEAD^1", commit="1a2b3c4" * 5 + "1a2b3", limits=Limits(), managed=9, revisions=(loosened,))
    alone = change(7, 12)._replace(status=None, description="renamed", marks={"description": Mark.DRIFT})
    warning = Problem("the owner of a token is inactive", "look at it", Place("shared.yaml", 4, 5))
    fleet = Fleet(
        members=(
            planned("hamburg", change(1, 4), alone, base=base, warnings=(warning,)),
            planned("lyon", change(2, 4), base=base, warnings=(warning,)),
            planned("us-cloud", base=base),
        )
    )
    golden(GOLDEN / "fleet-3.md", fleet_markdown.plan(fleet, site=SITE))


def test_what_is_not_fine_comes_first_and_the_refused_before_all(golden: Callable[[Path, str], None]) -> None:
    refusal = Refusal(Guard.MIN_MANAGERS, Problem("organisation `acme` would keep 0 active managers, and needs 1"))
    invalid = Problem("the server has no token", place=Place("servers/kiel.yaml", 3, 9))
    fleet = Fleet(
        members=(
            unreachable("lyon"),
            Skipped(name="kiel", url="", code=ExitCode.INVALID, problems=(invalid,)),
            planned("hamburg", change(1, 4), refusals=(refusal,)),
            *(planned(f"edge-{number:04}", change(number, 4)) for number in range(30)),
        ),
        left_out=2,
    )
    golden(GOLDEN / "fleet-30.md", fleet_markdown.plan(fleet))


def test_nothing_to_do_is_said_in_two_lines() -> None:
    text = fleet_markdown.plan(Fleet(members=(planned("lyon"), planned("hamburg"))))
    assert text.splitlines()[:3] == ["### tokenctl plan: no changes on 2 servers", "", "2 planned · 2 as declared"]


@pytest.mark.parametrize("size", [300, 2_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_any_number_of_servers_with_hostile_texts_fits_and_loses_no_count(size: int) -> None:
    third = size // 3
    members = [
        planned(f"a-{number:05}", change(number, 4), change(number + size, number, HOSTILE)) for number in range(third)
    ]
    members += [planned(f"b-{number:05}") for number in range(third)]
    fleet = Fleet(members=(*members, *(unreachable(f"c-{number:05}") for number in range(size - 2 * third))))
    text = fleet_markdown.plan(fleet)
    assert len(text.encode()) < LONGEST
    assert text.splitlines()[0] == (
        f"### tokenctl plan: {2 * third:,} to deactivate on {third:,} of {size:,} servers · {size - 2 * third:,} not planned (unreachable)"
    )
    assert f"{third:,}: `a-00000`, `a-00001`, `a-00002` and {third - 3:,} more" in text
    assert text.endswith(f"<sub>Digest `{fleet.digest}`</sub>\n")
    assert "\x1b" not in text
    rows = sum(line.startswith("| ") for line in text.splitlines()) - 2
    left = sum(int(line.split()[1].replace(",", "")) for line in text.splitlines() if line.startswith("**And "))
    assert rows + left == 1 + third + size - 2 * third


def test_only_servers_that_were_planned_are_said_to_have_no_changes() -> None:
    for members, said in [
        ((planned("lyon"), unreachable("kiel")), "no changes on 1 of 2 servers · 1 not planned (unreachable)"),
        ((unreachable("lyon"),), "no server was planned · 1 not planned (unreachable)"),
    ]:
        assert fleet_markdown.plan(Fleet(members=members)).splitlines()[0] == f"### tokenctl plan: {said}"


def test_groups_lose_and_invent_no_change() -> None:
    fleet = Fleet(members=tuple(planned(f"s{number}", change(number, 4), change(number, 5)) for number in range(4)))
    groups: tuple[Group, ...] = grouped(fleet.planned)
    assert [(each.servers, len(each.changes)) for each in groups] == [(("s0", "s1", "s2", "s3"), 4)] * 2


def test_findings_name_their_server_and_are_told_apart_by_it() -> None:
    revision = Revision(Kind.REMOVED, "old")
    base = Comparison(ref="main", commit="1a2b3c4" * 5 + "1a2b3", limits=Limits(), managed=9, revisions=(revision,))
    members = planned("lyon", change(1, 4), base=base), planned("hamburg", change(1, 4)), unreachable("kiel")
    shown = Fleet(members=members)
    deactivated = (
        "::notice title=deactivate collector-4,file=shared.yaml,line=4,col=5::{}: "
        '0d3a5f0c1be4e001 "collector" of ci-bot: status active → inactive'
    )
    assert reports.github(shown).splitlines() == [
        "::error title=plan%3A unreachable::kiel: no connection to https://kiel.example%0Ahint: check the URL",
        deactivated.format("lyon"),
        deactivated.format("hamburg"),
        "::notice title=removed old::lyon: it will no longer be managed; the token stays as it is",
    ]
    entries = json.loads(reports.codequality(shown))
    assert len({each["fingerprint"] for each in entries}) == len(entries) == 4
    assert [each["location"]["path"] for each in entries] == ["shared.yaml"] * 4
    (run,) = json.loads(reports.sarif(shown))["runs"]
    assert {each["ruleId"] for each in run["results"]} <= {each["id"] for each in run["tool"]["driver"]["rules"]}
    assert json.loads(reports.terraform(shown)) == {"create": 0, "update": 0, "delete": 2}
    alone = json.loads(reports.codequality(Fleet(members=(unreachable("kiel"),), removed=("lyon",))))
    assert [each["location"]["path"] for each in alone] == ["tokens.yaml"]


def test_a_server_that_is_removed_is_grave() -> None:
    text = fleet_markdown.plan(Fleet(members=(planned("lyon"),), removed=("a", "b", "c", "d")))
    assert text.splitlines()[2:4] == [
        "> [!CAUTION]",
        "> **4 servers removed** (4: `a`, `b`, `c` and 1 more), of which no guard holds any more",
    ]


def test_a_deactivation_on_any_server_comes_before_the_rest_of_all() -> None:
    renamed = [change(number, number)._replace(status=None, description="renamed") for number in range(15)]
    shown = reports.github(Fleet(members=(planned("a", *renamed), planned("b", change(99, 4)))))
    assert shown.startswith("::notice title=deactivate collector-4,file=shared.yaml,line=4,col=5::b: ")


def test_a_server_with_a_thousand_problems_keeps_its_row() -> None:
    problems = tuple(Problem(f"the server has no token {number:016x}, and {'x' * 150}") for number in range(1000))
    gone = Skipped(name="kiel", url="", code=ExitCode.INVALID, problems=problems)
    text = fleet_markdown.plan(Fleet(members=(unreachable("lyon"), gone)))
    assert "| `kiel` | **invalid** | `the server has no token 0000000000000000" in text
    assert "<br>and 997 more |" in text


def test_junit_has_a_suite_for_each_server() -> None:
    refusal = Refusal(Guard.SELF, Problem("the token is your own"))
    warning = Problem("the owner of a token is inactive")
    shown = Fleet(
        members=(planned("lyon", change(1, 4), refusals=(refusal,), warnings=(warning,)), unreachable("kiel"))
    )
    lines = reports.junit(shown).splitlines()
    count = len(Guard) + 1
    assert lines[1:3] == [
        f'<testsuites name="tokenctl" tests="{count + 1}" failures="2" errors="0">',
        f'<testsuite name="tokenctl plan lyon" tests="{count}" failures="1" errors="0" skipped="0">',
    ]
    assert (
        lines[-8:]
        == [
            '  <testcase classname="tokenctl.change" name="deactivate collector-4: 0d3a5f0c1be4e001 &quot;collector&quot; '
            'of ci-bot: status active → inactive"/>',
            "<system-out>warning: the owner of a token is inactive",
            "</system-out>",
            "</testsuite>",
            '<testsuite name="tokenctl plan kiel" tests="1" failures="1" errors="0" skipped="0">',
            '  <testcase classname="tokenctl.command" name="plan"><failure type="unreachable" message="no connection to '
            'https://kiel.example">no connection to https://kiel.example',
            "  hint: check the URL</failure></testcase>",
            "</testsuite>",
            "</testsuites>",
        ][-8:]
    )

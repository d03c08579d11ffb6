"""A fleet's page: what has to be there for any number of servers, and that foreign text stays text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.fleet import Fleet, Skipped
from reconciler.core.live import Status
from reconciler.core.manifest import Limits
from reconciler.core.plan import Change, Comparison, Difference, Guard, Kind, Refusal, Revision
from reconciler.core.rights import Some
from reconciler.errors import ExitCode, Place, Problem
from reconciler.render import fleet_html
from tests.render.test_fleet_markdown import HOSTILE, change, planned, unreachable
from tests.render.test_html import Page, within

GOLDEN = Path(__file__).parent / "golden"
REFUSAL = Refusal(Guard.MIN_MANAGERS, Problem("organisation `acme` would keep 0 active managers, and needs 1"))
LOOSENED = Revision(
    kind=Kind.CHANGED, target="guards.min_managers", edits=(Difference("min_managers", "2", "1"),), loosens=True,
    place=Place("shared.yaml", 2, 3),
)  # fmt: skip
BASE = Comparison(
    ref="HEAD^1", commit="1a2b3c4" * 5 + "1a2b3", limits=Limits(), managed=9, revisions=(LOOSENED, Revision(Kind.REMOVED, "old"))
)  # fmt: skip


def parsed(fleet: Fleet) -> Page:
    """The page, whole and balanced."""
    page = Page()
    page.feed(fleet_html.plan(fleet))
    page.close()
    assert page.opened == []
    assert len(page.ids) == len(set(page.ids))
    return page


def text_of(fleet: Fleet) -> str:
    """All that a reader sees, and what is folded."""
    return "\n".join(text for tag, text in parsed(fleet).texts if tag not in ("style", "script"))


def switched_on(number: int) -> Change:
    found = change(number, 30)
    return found._replace(status=Status.ACTIVE, token=found.token._replace(status=Status.INACTIVE))


def test_what_is_not_fine_and_equal_changes_are_drawn_as_their_golden_file(golden: Callable[[Path, str], None]) -> None:
    invalid = Problem("the server has no token", place=Place("servers/kiel.yaml", 3, 9))
    warning = Problem("the owner of a token is inactive", "look at it", Place("shared.yaml", 4, 5))
    fleet = Fleet(
        members=(
            unreachable("lyon"),
            unreachable("bern"),
            Skipped(name="kiel", url="", code=ExitCode.INVALID, problems=(invalid,)),
            planned("hamburg", change(1, 4), refusals=(REFUSAL,)),
            *(planned(f"edge-{number:04}", change(number, 4), base=BASE) for number in range(4)),
            planned("paris", switched_on(9), change(8, 12, "renamed"), warnings=(warning,)),
        ),
        left_out=2,
        removed=("old-1",),
    )
    golden(GOLDEN / "fleet-9.html", fleet_html.plan(fleet))


def test_a_fleet_with_nothing_to_do_has_no_table_and_no_second_digest() -> None:
    fleet = Fleet(members=(planned("lyon"), planned("hamburg")))
    assert "table" not in fleet_html.plan(fleet).partition("<main>")[2].partition("<script>")[0]
    assert within(parsed(fleet), "h1") == ["No changes on 2 servers"]
    assert within(parsed(fleet), "code") == [fleet.digest]


def test_servers_that_are_not_reached_keep_nothing_from_being_applied() -> None:
    fleet = Fleet(members=(planned("lyon", change(1, 4)), unreachable("bern")))
    page = fleet_html.plan(fleet)
    assert ("1 server not fine" in page, 'class="problems warning"' in page, 'class="refused"' in page) == (
        True, True, False,
    )  # fmt: skip
    assert within(parsed(fleet), "footer") == ["Digest ", "Given to ", ", it lets exactly this be applied"]


@pytest.mark.parametrize("size", [300, 2_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_any_number_of_servers_with_hostile_texts_is_there_by_name(size: int) -> None:
    third = size // 3
    members = [
        planned(f"a-{number:05}", change(number, 4), change(number + size, 5, HOSTILE), base=BASE)
        for number in range(third)
    ]
    members += [planned(f"b-{number:05}") for number in range(third)]
    fleet = Fleet(members=(*members, *(unreachable(f"c-{number:05}") for number in range(size - 2 * third))))
    page = fleet_html.plan(fleet)
    assert len(page) < 20_000 + 150 * size
    text = text_of(fleet)
    assert f"on {size - 2 * third:,} servers: c-00000, c-00001, c-00002 and {size - 2 * third - 3:,} more" in text
    assert text.count(f"{third:,} servers: a-00000, a-00001, a-00002 and {third - 3:,} more") == 4  # and two revisions
    assert all(text.count(f"{each.name} {each.plan.changes[0].token.id}") == 1 for each in members[:third])
    assert ("\x1b" in page, "https://evil.example" in text) == (False, True)


def test_what_has_no_room_is_counted() -> None:
    warnings = tuple(Problem(f"warning {number}") for number in range(1_002))
    refusals = (REFUSAL,) * 12
    problems = tuple(Problem(f"the server has no token {number:016x}") for number in range(1_000))
    gone = Skipped(name="kiel", url="", code=ExitCode.INVALID, problems=problems)
    changes = [change(number, number) for number in range(10_003)]
    fleet = Fleet(members=(planned("a", *changes, warnings=warnings, refusals=refusals), gone))
    page = fleet_html.plan(fleet)
    assert page.count('<tr role="row" data-action') == 10_000
    assert "<strong>and 3 changes more in 3 rows</strong>: see them in JSON" in page
    assert "<li>and 2 more</li>" in page
    assert '<li>and 2 more<p class="on">on a</p></li>' in page
    assert '<li>and 990 problems more<p class="on">on kiel</p></li>' in page


def test_a_row_of_many_servers_says_only_what_is_so_on_all_of_them() -> None:
    one, other = change(1, 4), change(2, 4)
    other = other._replace(token=other.token._replace(org="edge-lab"))
    alike = text_of(Fleet(members=(planned("a", one), planned("b", change(2, 4)))))
    assert ("\nacme\n" in alike, "differs by server" in alike) == (True, False)
    known = one._replace(rights=Some())
    text = text_of(Fleet(members=(planned("a", known), planned("b", other))))
    assert ("\nacme\n" in text, "differs by server" in text) == (False, True)


def test_a_server_that_only_the_base_has_may_be_called_anything() -> None:
    page = fleet_html.plan(Fleet(members=(planned("a"),), removed=("<b>", "b", "c", "<i>\x1b")))
    assert ("<b>" in page.partition("<main>")[2], "<i>" in page, "\x1b" in page) == (False, False, False)
    assert page.count("&lt;b&gt;") == 2

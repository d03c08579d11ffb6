"""The page in a real browser, where one is installed: nothing to complain about, and it does what a reviewer wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.fleet import Fleet
from reconciler.core.plan import Plan, explained
from reconciler.errors import Place
from reconciler.render import fleet_html, html
from reconciler.render.escape import terminal
from reconciler.render.words import gravest_first, name_of, values
from tests.builders import Line, declared, planned, token
from tests.render.dataset import PLANS
from tests.render.test_fleet_markdown import change as change_on
from tests.render.test_fleet_markdown import planned as planned_on
from tests.scenarios.browser import Browser, browser, installed

VISIBLE = "[...document.querySelectorAll('tbody tr')].filter(row => row.offsetParent).map(row => row.querySelector('.name').textContent)"
ENTER, SPACE = ("Enter", 13), (" ", 32)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, with which this module's tests look at one page after the other."""
    program = installed()
    if program is None:
        pytest.skip("no Chromium is installed: the page is looked at by nobody here")
    with browser(program) as started:
        yield started


def opened(chromium: Browser, folder: Path, plan: str | Plan, **options: bool | int) -> None:
    """Show the page of a plan, or of one of the dataset by its name."""
    path = folder / "plan.html"
    path.write_text(html.plan(PLANS[plan] if isinstance(plan, str) else plan), "utf-8")
    chromium.open(path, **options)  # type: ignore[arg-type]
    assert chromium.requested() == [path.as_uri()]


@pytest.mark.parametrize("name", PLANS)
def test_a_page_loads_without_a_complaint_or_a_request(name: str, chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, name)
    assert chromium.complaints() == []
    assert chromium.run("document.title").startswith(f"tokenctl {'undo' if PLANS[name].undoes else 'plan'}: ")


def test_what_the_policy_forbids_is_refused_and_would_be_seen_as_a_complaint(chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "every-action")
    assert chromium.run("fetch('data:,x').then(() => 'done', () => 'refused')") == "refused"
    assert (
        chromium.run("try { document.body.innerHTML = '<i>x</i>'; 'done' } catch (error) { error.name }") == "TypeError"
    )
    chromium.run(
        "document.body.append(Object.assign(document.createElement('style'), {textContent: 'body {color: red}'}))"
    )
    chromium.run("console.warn('x')")
    seen = {event["method"] for event in chromium.complaints()}
    assert seen >= {"Runtime.consoleAPICalled", "Log.entryAdded", "Audits.issueAdded"}


def test_hostile_text_is_shown_as_text(chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "hostile")
    changes = gravest_first(PLANS["hostile"].changes)
    assert chromium.run(VISIBLE) == [name_of(change) for change in changes]
    for column, expected in [
        (3, [f"{terminal(change.token.user)} {change.token.org}" for change in changes]),
        (4, ["description" + "".join(f"{word} {value}" for word, value in zip(("before", "after"), values(differences[0]), strict=True)) for differences in explained(changes)]),
        (6, [f"{terminal(change.places[''].file)}:{change.places[''].line}" for change in changes]),
    ]:  # fmt: skip
        cells = f"[...document.querySelectorAll('tbody tr > :nth-child({column})')].map(cell => cell.textContent)"
        assert chromium.run(cells) == expected
    assert (
        chromium.run("document.querySelectorAll('a, img, iframe, object, embed, link, form, base, [onerror]').length")
        == 0
    )


def test_a_click_hides_the_rows_of_an_action_and_says_how_many_are_left(chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "every-action")
    status = "document.getElementById('status').textContent"
    everyone = ["backup-2023", "backup-2024", "ingest"]
    assert (chromium.run(VISIBLE), chromium.run(status)) == (everyone, "3 of 3 shown")
    chromium.click("input[value=deactivate]")
    assert (chromium.run(VISIBLE), chromium.run(status)) == (everyone[1:], "2 of 3 shown")
    chromium.click(".chip.describe")
    assert (chromium.run(VISIBLE), chromium.run(status)) == (["backup-2024"], "1 of 3 shown")
    chromium.click("input[value=deactivate]")
    chromium.click(".chip.describe")
    assert chromium.run(VISIBLE) == everyone
    chromium.click("#search")
    chromium.call("Input.insertText", text="BACKUP mira")
    assert (chromium.run(VISIBLE), chromium.run(status)) == (["backup-2024"], "1 of 3 shown")
    assert chromium.complaints() == []


def test_the_keyboard_sorts(chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "every-action")
    for _ in range(6):  # three actions, the search field, and the headings of the first two columns
        chromium.press("Tab", 9)
    assert chromium.run("document.activeElement.textContent") == "Token"
    assert chromium.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    order = "[...document.querySelectorAll('thead th')].map(heading => heading.ariaSort)"
    chromium.press(*ENTER)
    assert chromium.run(VISIBLE) == ["backup-2023", "backup-2024", "ingest"]
    assert chromium.run(order) == [None, "ascending", None, None, None, None]
    chromium.press(*SPACE)
    assert chromium.run(VISIBLE) == ["ingest", "backup-2024", "backup-2023"]
    assert chromium.run(order) == [None, "descending", None, None, None, None]
    chromium.press("Tab", 9)
    chromium.press("Tab", 9)
    chromium.press(*ENTER)
    assert chromium.run(VISIBLE) == ["ingest", "backup-2024", "backup-2023"]  # by line 10, 20, 30
    assert chromium.run(order) == [None, None, None, None, None, "ascending"]
    assert chromium.complaints() == []


def test_a_line_is_sorted_as_a_number_and_not_as_text(chromium: Browser, tmp_path: Path) -> None:
    numbers = range(1, 13)
    plan = planned(
        [declared(each, name=f"t{each}", description="x", origin=Line(13 - each)) for each in numbers],
        [token(each) for each in numbers],
    )
    opened(chromium, tmp_path, plan)
    chromium.click("thead th:last-child button")
    assert chromium.run(VISIBLE) == [f"t{each}" for each in numbers[::-1]]
    chromium.click("thead th:nth-child(2) button")
    assert chromium.run(VISIBLE) == [f"t{each}" for each in numbers]


@pytest.mark.parametrize("width", [1280, 390])
def test_without_javascript_everything_is_there(width: int, chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "every-action", scripts=False, width=width)
    assert chromium.run(VISIBLE) == ["backup-2023", "backup-2024", "ingest"]
    assert (
        chromium.run("[...document.querySelectorAll('input, button:enabled')].filter(tool => tool.offsetParent).length")
        == 0
    )


@pytest.mark.parametrize("name", ["every-action", "hostile", "long", "refused"])
def test_nothing_is_wider_than_a_phone(name: str, chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, name, width=390)
    assert chromium.run("document.documentElement.scrollWidth") == 390
    small = "[...document.querySelectorAll('.chip, #search, thead button')].filter(tool => tool.offsetParent && tool.offsetHeight < 36).length"
    assert chromium.run(small) == 0


def test_dark_and_light_are_the_readers_choice(chromium: Browser, tmp_path: Path) -> None:
    colours = []
    for dark in (False, True):
        opened(chromium, tmp_path, "every-action", dark=dark)
        colours.append(chromium.run("['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name])"))
    assert colours == [["rgb(245, 246, 248)", "rgb(29, 35, 43)"], ["rgb(15, 19, 24)", "rgb(227, 232, 238)"]]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_screen_reader_is_told_what_everything_is(width: int, chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "refused", width=width)
    nodes = chromium.call("Accessibility.getFullAXTree")["nodes"]
    told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    for expected in [
        ("heading", "Refused (4 to deactivate)"),
        ("heading", "Refused: nothing of this can be applied"),
        ("heading", "1 warning"),
        ("heading", "4 changes"),
        ("group", "Show changes that"),
        ("checkbox", "deactivate 4"),
        ("searchbox", "Search"),
        ("table", "Each token with what it has before and after, deactivations first unless sorted otherwise"),
        ("columnheader", "Change"),
        ("rowheader", 't1 "token 1" 0d3a5f0c1be4e001 protected this run’s own token'),
    ]:
        assert expected in told, told
    assert [role for role, _ in told].count("status") == 1
    assert [role for role, _ in told].count("row") == 5
    assert ("button", "Token") in told


@pytest.mark.parametrize("name", ["rights", "compared"])
def test_no_id_and_no_place_breaks(name: str, chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, name, width=390)
    for width in (390, 700, 850, 1000, 1184, 1190, 1280, 1600):
        chromium.resize(width)
        broken = "[...document.querySelectorAll('th > code, td[data-label] code, .badge')].filter(each => each.getClientRects().length > 1)"
        assert chromium.run(f"{broken}.map(each => each.textContent)") == []
        assert chromium.run("document.documentElement.scrollWidth") == width


def test_what_stands_between_backticks_is_code(chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, tmp_path, "refused")
    assert not chromium.run("document.querySelector('.problems').textContent.includes('`')")
    assert chromium.run("document.querySelector('.problems p:last-of-type code').textContent")


def test_a_long_path_breaks_only_after_its_signs(chromium: Browser, tmp_path: Path) -> None:
    path = "environments/production/tokens_of_the_hamburg_plant.and_of_every_other_plant.yaml"
    change = PLANS["one-token"].changes[0]
    plan = PLANS["one-token"]._replace(changes=(change._replace(places={"": Place(path, 123, 3)}),))
    opened(chromium, tmp_path, plan, width=390)
    parts = "[...document.querySelector('td[data-label=\"declared at\"] code').childNodes].filter(each => each.data)"
    lines = f"""{parts}.map(each => {{
        const range = document.createRange()
        range.selectNode(each)
        return range.getClientRects().length
    }})"""
    assert set(chromium.run(lines)) == {1}
    assert chromium.run("document.querySelector('td[data-label=\"declared at\"] code').textContent") == f"{path}:123"


def test_a_server_is_filtered_beside_what_else_is(chromium: Browser, tmp_path: Path) -> None:
    members = [planned_on("hamburg", change_on(1, 4), change_on(2, 5)), planned_on("lyon", change_on(3, 4))]
    path = tmp_path / "fleet.html"
    path.write_text(fleet_html.plan(Fleet(members=(*members, planned_on("kiel", change_on(4, 6))))), "utf-8")
    chromium.open(path, width=1400)
    status = "document.getElementById('status').textContent"
    assert (chromium.run(VISIBLE), chromium.run(status)) == (
        ["collector-4", "collector-5", "collector-6"],
        "3 of 3 shown",
    )
    chromium.click("#server")
    chromium.call("Input.insertText", text="Lyon")
    assert (chromium.run(VISIBLE), chromium.run(status)) == (["collector-4"], "1 of 3 shown")
    chromium.click("#search")
    chromium.call("Input.insertText", text="collector-5")
    assert (chromium.run(VISIBLE), chromium.run(status)) == ([], "0 of 3 shown")
    assert chromium.run("document.documentElement.scrollWidth") == 1400
    assert (chromium.complaints(), chromium.requested()) == ([], [path.as_uri()])
    chromium.open(path, width=390, scripts=False)
    assert chromium.run("document.documentElement.scrollWidth") == 390

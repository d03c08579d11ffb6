"""Markdown as an independent parser reads it: foreign text is text inside code, at every size, and all of it is valid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token as Part

from reconciler.core.plan import Guard, Plan, Refusal
from reconciler.errors import Problem
from reconciler.render import markdown
from reconciler.render.escape import terminal
from tests.builders import INACTIVE, Line, declared, planned, token
from tests.render.dataset import PLANS, hostile_plans
from tests.strategies import HOSTILE, TEXT

# GitHub's flavour: tables, and bare URLs that become links.
PARSER = MarkdownIt("gfm-like")

# Every word outside of code is ours: numbers, actions, guards' titles, headings.
OURS = re.compile(r"[\w ,.:·→()*&;-]*|\[!(CAUTION|WARNING)\]")
DETAILS = re.compile(r"<details><summary>[0-9,]+ changes</summary>")
MARKUP = {
    "heading_open", "heading_close", "paragraph_open", "paragraph_close", "bullet_list_open", "bullet_list_close",
    "list_item_open", "list_item_close", "table_open", "table_close", "thead_open", "thead_close", "tbody_open",
    "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close", "strong_open", "strong_close", "blockquote_open", "blockquote_close", "softbreak",
}  # fmt: skip


def parts(text: str) -> Iterator[Part]:
    """Everything that the parser finds, blocks and what is in them."""
    for block in PARSER.parse(text):
        if block.type != "inline":
            yield block
        yield from block.children or ()


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables below their heads, as text."""
    found: list[list[str]] = []
    for block, inner in pairwise(PARSER.parse(text)):
        if block.type == "tr_open":
            found.append([])
        elif block.type == "thead_close":
            found.clear() if len(found) == 1 else found.pop()
        elif block.type == "td_open":
            found[-1].append("".join(each.content for each in inner.children or ()))
    return found


def check(text: str, columns: int = 5) -> None:
    """Only our own words and tags stand outside of code, what is opened is closed, and rows have that many cells."""
    opened: list[str] = []
    for part in parts(text):
        if part.type == "text":
            assert OURS.fullmatch(part.content), part.content
        elif part.type in ("html_inline", "html_block"):
            for tag in part.content.split("\n"):
                assert tag in ("", "<br>", "</details>", "<sub>", "</sub>") or DETAILS.fullmatch(tag), tag
                opened += ["details"] if tag.startswith("<details>") else []
                assert tag != "</details>" or opened.pop() == "details"
        else:
            assert part.type in {*MARKUP, "code_inline"}, part.type
    assert opened == []
    assert {len(row) for row in rows(text)} <= {columns}


@pytest.mark.parametrize("name", PLANS)
def test_only_our_own_words_stand_outside_of_code(name: str) -> None:
    check(markdown.plan(PLANS[name]))


@given(hostile_plans())
def test_no_foreign_text_is_anything_but_code(plan: Plan) -> None:
    check(markdown.plan(plan))


@given(st.text(st.sampled_from("`|\\ ab\n<*_")) | TEXT)
def test_a_code_span_shows_exactly_the_text(text: str) -> None:
    shown = terminal(text) or "  "
    (block,) = [each for each in PARSER.parse(f"a {markdown.code(text)} b") if each.children]
    assert [(each.type, each.content) for each in block.children or ()][1:-1] == [
        ("code_inline", shown if shown.strip() else f" {terminal(text)} ")
    ]
    table = f"|x|y|\n|-|-|\n|{markdown.cell(text)}|{markdown.cell(text)}|"
    assert rows(table)[0] == [shown if shown.strip() else f" {terminal(text)} "] * 2


def test_the_verdict_comes_first_and_the_digest_last_and_once() -> None:
    for plan in PLANS.values():
        lines = markdown.plan(plan).splitlines()
        assert lines[0].startswith(f"### tokenctl {'undo' if plan.undoes else 'plan'}: ")
        assert lines[-1] == f"<sub>Digest `{plan.digest}`</sub>"
        assert "\n".join(lines).count(plan.digest) == 1


def many(number: int, size: int, text: str) -> Plan:
    """A plan with so many changes, the last of them a deactivation, and with warnings and refusals, of that size."""
    filled = (text or "x") * size
    plan = planned(
        [
            declared(each, description=f"{filled}{each}", status=INACTIVE if each == number else None, name=filled, origin=Line(each, f"{filled}.yaml"))
            for each in range(1, number + 1)
        ],
        [token(each, description=filled, user=filled) for each in range(1, number + 1)],
    )  # fmt: skip
    problem = Problem(filled, filled)
    return plan._replace(orgs=(filled,), warnings=(problem,) * min(number, 50), refusals=(Refusal(Guard.SELF, problem),) * min(number, 50)
    )  # fmt: skip


@given(
    number=st.sampled_from([0, 1, 10, 11, 60, 200]), size=st.integers(0, 400), text=TEXT | st.sampled_from("`|é🚰"),
    longest=st.integers(6_000, markdown.LONGEST),
)  # fmt: skip
def test_it_is_short_and_valid_at_every_size(number: int, size: int, text: str, longest: int) -> None:
    plan = many(number, size, text)
    drawn = markdown.plan(plan, longest)
    assert len(drawn) <= len(drawn.encode("utf-16-le")) // 2 <= len(drawn.encode()) < longest
    check(drawn)
    assert drawn.endswith(f"\n\n<sub>Digest `{plan.digest}`</sub>\n")
    shown = len(rows(drawn))
    left = re.findall(r"\*\*And ([0-9,]+) more changes?\*\*", drawn)
    assert shown + sum(int(each.replace(",", "")) for each in left) == number
    folded = sum("describe" in row[2][:8] for row in rows(drawn))
    assert ("<details>" in drawn) == (folded > 10)


def test_rows_without_room_for_one_are_counted() -> None:
    left = markdown.table_of(("| a |", "|---|"), 2, lambda _: iter(["| x |" * 100] * 2), 300)
    assert left == ["**And 2 more changes** without room here: other formats have them all."]


def test_deactivations_come_first_and_are_cut_last() -> None:
    drawn = markdown.plan(many(300, 200, "x"))
    done = [row[2].partition("<br>")[0] for row in rows(drawn)]
    assert (done[0], set(done[1:])) == ("deactivate", {"describe"})
    assert len(drawn) > markdown.LONGEST * 0.9


def test_values_are_whole_where_all_of_them_fit() -> None:
    filled = "long " * 200
    for row in rows(markdown.plan(many(3, 200, "long "))):
        assert "…" not in "".join(row[:3])
    assert f'{filled}2"' in rows(markdown.plan(many(3, 200, "long ")))[2][2]


@pytest.mark.parametrize("start", [0, 10, 50, 115, 119, 120, 121, 500])
def test_where_values_are_cut_what_differs_still_shows(start: int) -> None:
    before, after = f"{'a' * start}OLD{'b' * 400}", f"{'a' * start}NEW{'b' * 400}"
    plan = planned(
        [declared(each, description=after) for each in range(1, 151)],
        [token(each, description=before) for each in range(1, 151)],
    )
    drawn = rows(markdown.plan(plan))
    assert len(drawn) > 100
    for row in drawn:
        old, _, new = row[2].partition(" → ")
        assert "OLD" in old
        assert "NEW" in new


def test_a_list_of_problems_is_cut_by_whole_items() -> None:
    plan = PLANS["nothing"]._replace(warnings=tuple(Problem(f"{'x' * 300}{number}") for number in range(500)))
    items = [line for line in markdown.plan(plan).splitlines() if line.startswith("- ")]
    assert items[-1] == f"- and {500 - len(items) + 1} more like these"
    assert items[0] == f"- **Warning**: `{'x' * 300}0`"


@pytest.mark.parametrize("texts", [HOSTILE[each : each + 3] for each in range(0, len(HOSTILE) - 2, 3)])
def test_no_hostile_text_becomes_a_link_an_image_a_tag_or_a_mention(texts: Iterable[str]) -> None:
    for text in texts:
        for drawn in (markdown.code(text), f"|x|\n|-|\n|{markdown.cell(text)}|"):
            assert {each.type for each in parts(drawn)} <= {*MARKUP, "code_inline", "text"}

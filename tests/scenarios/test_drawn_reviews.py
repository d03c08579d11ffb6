"""How a review is told: whole texts against golden files, its schema, and hostile plans on both sides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.plan import Plan
from reconciler.core.review import Review, Verdict, compare, compare_digest
from reconciler.render import json as json_format
from reconciler.render import markdown, text
from reconciler.schema import load_schema
from tests.builders import ACTIVE, INACTIVE, Line, declared, planned, token
from tests.render.dataset import PLANS, hostile_plans
from tests.render.test_markdown import check
from tests.strategies import HOSTILE, TEXT

pytestmark = pytest.mark.no_cover

GOLDEN = Path(__file__).parents[1] / "render" / "golden"
PLAN = planned(
    [
        declared(1, name="ingest", description="Ingest EU"),
        declared(2, status=ACTIVE, description=""),
        declared(4, name="backup", status=INACTIVE),
    ],
    [token(1), token(2, status=INACTIVE), token(3), token(4)],
)
OTHER = planned(
    [declared(1, name="ingest", description="Ingest"), declared(2, status=ACTIVE, description=""), declared(3, status=INACTIVE)],
    [token(1, updated_at="2026-01-01T00:00:00Z"), token(2, status=INACTIVE), token(3), token(4)],
)  # fmt: skip
REVIEWS = {
    "as-reviewed": compare(PLAN, PLAN),
    "differs": compare(PLAN, OTHER),
    "elsewhere": compare(PLAN, PLAN._replace(server=PLAN.server._replace(url="https://other.example"))),
    "digest": compare_digest(PLAN, "0" * 64),
    "unknown": Review(verdict=Verdict.UNKNOWN, reason="cannot read the plan ::error::\x1b[31m`x`: no such file or directory"),
    "hostile": compare(
        PLAN,
        planned(
            [declared(number, name=each, description=each + "!", origin=Line(number)) for number, each in enumerate(HOSTILE, 1)],
            [token(number, description=each) for number, each in enumerate(HOSTILE, 1)],
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REVIEWS)
def test_a_review_is_told_as_its_golden_files(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"review-{name}.txt", text.plan(PLAN, REVIEWS[name]))
    golden(GOLDEN / f"review-{name}.md", markdown.plan(PLAN, review=REVIEWS[name]))


@pytest.mark.parametrize("name", REVIEWS)
def test_a_plan_without_a_review_is_what_is_left_without_its_lines(name: str) -> None:
    lines = text.plan(PLAN, REVIEWS[name]).splitlines()
    assert lines[-1].startswith("Review: ")
    kept = "\n".join(lines[:-1]) + "\n"
    assert re.sub(r"Not as it was reviewed:\n(  .*\n)+\n", "", kept) == text.plan(PLAN)


@pytest.mark.parametrize("name", REVIEWS)
def test_the_json_of_a_review_is_what_its_schema_describes_and_the_rest_of_it_is_the_plan(name: str) -> None:
    document = json.loads(json_format.plan(PLAN, REVIEWS[name]))
    jsonschema.validate(document, load_schema("plan"))
    review = document.pop("review")
    assert review["verdict"] == REVIEWS[name].verdict
    assert [each["id"] for each in review["tokens"]] == [each.id for each in REVIEWS[name].tokens]
    assert document == json.loads(json_format.plan(PLAN))


@given(hostile_plans(), hostile_plans())
def test_no_foreign_text_of_either_plan_is_anything_but_text(plan: Plan, reviewed: Plan) -> None:
    review = compare(plan, reviewed)
    check(markdown.plan(plan, review=review))
    shown = text.plan(plan, review)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert not re.search(r"^\s*::|##\[", shown, re.MULTILINE)


@given(st.sampled_from([1, 30, 150]), st.integers(0, 2000), TEXT, st.integers(8_000, markdown.LONGEST))
def test_it_is_short_at_every_size(number: int, size: int, filled: str, longest: int) -> None:
    filled = (filled or "x") * (size // 10)
    reviewed = planned(
        [declared(each, description=f"{filled}{each}", origin=Line(each)) for each in range(1, number + 1)],
        [token(each, description=filled) for each in range(1, number + 1)],
    )
    for review in (compare(PLANS["refused"], reviewed), Review(verdict=Verdict.UNKNOWN, reason=filled)):
        drawn = markdown.plan(PLANS["refused"], longest, review)
        assert len(drawn.encode()) < longest
        check(drawn)


def test_the_verdict_stands_beside_the_digest_and_nothing_after_it_is_foreign() -> None:
    for review in REVIEWS.values():
        lines = markdown.plan(PLAN, review=review).splitlines()
        assert lines[-1] == f"<sub>Digest `{PLAN.digest}`</sub>"
        assert sum(each.startswith("Review: `") for each in lines[:12]) == 1
    assert text.plan(PLAN, Review(verdict=REVIEWS["as-reviewed"].verdict)).endswith("\nReview: as reviewed\n")

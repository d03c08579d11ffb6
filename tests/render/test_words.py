"""The words of which outputs are made: problems, names, and how far a run is."""

from __future__ import annotations

import re

import pytest

from reconciler.core.outcome import ResultStatus
from reconciler.core.plan import Change, Difference
from reconciler.core.rights import Right, Some
from reconciler.errors import Place, Problem
from reconciler.render import words
from tests.builders import token


def test_problems_are_drawn_one_after_the_other() -> None:
    place = Place("a\x1b.yaml", 3, 5)
    problems = [Problem("::error::bad\nthing", "mend \x07it", place), Problem("::warning::x")]
    assert words.problems(problems) == ("a\\x1b.yaml:3:5: ::error::bad\\nthing\n  hint: mend \\x07it\n:\\:warning::x\n")
    assert words.problem(problems[1], "Note", colour=31) == "\x1b[31mNote:\x1b[0m :\\:warning::x"


def change_named(name: str | None, description: str) -> str:
    return words.name_of(Change(token=token(1, description=description), description="x", name=name))


def test_a_token_is_known_by_its_name_or_else_by_its_description() -> None:
    assert change_named("ingest", "x") == "ingest"
    assert change_named(None, "lab bench") == '"lab bench"'


def test_waiting_says_for_whom_and_for_how_long() -> None:
    assert words.waiting("http://influx.example:8086", 3.9) == "Waiting for http://influx.example:8086, 3 s"


def test_reading_counts_what_has_come() -> None:
    assert words.reading(3000) == "Reading tokens: 3,000 so far"


@pytest.mark.parametrize(
    ("statuses", "elapsed_s", "told"),
    [
        ({}, 1.04, "Applying 0 of 1,000, 1 s"),
        ({ResultStatus.DONE: 312}, 14.9, "Applying 312 of 1,000, 14 s"),
        ({ResultStatus.DONE: 310, ResultStatus.FAILED: 2}, 59.9, "Applying 312 of 1,000, 2 failed, 59 s"),
        ({ResultStatus.DONE: 9, ResultStatus.UNVERIFIED: 3, ResultStatus.FAILED: 1}, 60.0, "Applying 13 of 1,000, 1 failed, 3 unverified, 1 min 0 s"),
        ({ResultStatus.DONE: 1000}, 3725.0, "Reading back 1,000 changes, 62 min 5 s"),
    ],
)  # fmt: skip
def test_applying_counts_what_is_known_and_what_went_wrong(
    statuses: dict[ResultStatus, int], elapsed_s: float, told: str
) -> None:
    assert words.applying(1000, statuses, elapsed_s) == told
    assert told.isascii()


def test_a_long_text_that_the_other_side_does_not_declare_is_narrowed_alone() -> None:
    before, after, lengths = words.narrowed_values(Difference("description", None, "x" * 300), 40)
    assert (before, lengths) == ("not declared", "0 → 300 characters")
    assert re.fullmatch('"x+" … "x+"', after)
    assert len(after) <= 40


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (Right("write", "buckets", "acme", Some(("metrics",))), "writes bucket metrics"),
        (Right("read", "tasks", "edge-lab", Some(("a b", "c"), 1)), 'reads tasks "a b", c and 1 more of edge-lab'),
        (Right("read", "buckets"), "reads all buckets of every organisation"),
        (Right("write", "", "acme"), "writes everything in acme"),
        (Right("all", "", "acme"), "all access to acme"),
        (Right("all"), "operator"),
        (Right("drop\x07", "tables\x07", "acme"), 'may "drop\\x07" all "tables\\x07" of acme'),
    ],
)
def test_a_right_is_told_in_a_few_words(right: Right, told: str) -> None:
    assert words.rights_of(Some((right,)), "acme") == told


def test_rights_are_told_one_after_the_other() -> None:
    rights = Some((Right("read", "tasks", "acme"), Right("write", "tasks", "acme")), 3)
    assert words.rights_of(rights, "acme") == "reads all tasks of acme; writes all tasks of acme; and 3 more"
    assert words.rights_of(Some(), "acme") == "no rights"
    assert words.rights_of(None, "acme") == "rights not known"

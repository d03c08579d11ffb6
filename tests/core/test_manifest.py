"""A manifest: its settings in order, what its texts are, and which files are a part of it."""

from __future__ import annotations

from datetime import datetime

import pytest

from reconciler.core.manifest import HOW_UNTIL, Asserted, Match, Severity, end_of, is_manifest
from tests.builders import declared


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-12-31", "2027-01-01T00:00:00Z"),
        ("2028-02-29", "2028-03-01T00:00:00Z"),
        ("2026-12-31T18:00Z", "2026-12-31T18:00:00Z"),
        ("2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"),
        ("2026-12-31T18:00:00+01:00", "2026-12-31T17:00:00Z"),
        ("2026-12-31T00:00:00+14:00", "2026-12-30T10:00:00Z"),
        ("2026-12-31T18:00-00:00", "2026-12-31T18:00:00Z"),
        ("2026-12-31T23:59:59-12:00", "2027-01-01T11:59:59Z"),
        ("9998-12-31", "9999-01-01T00:00:00Z"),
        ("2000-01-01T00:00+01:00", "1999-12-31T23:00:00Z"),
    ],
)
def test_until_is_the_end_of_a_day_in_utc_or_a_moment(text: str, end: str) -> None:
    assert end_of(text) == datetime.fromisoformat(end).timestamp()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        *(
            (text, HOW_UNTIL)
            for text in (
                "", "tomorrow", "+30d", "2026-12-31T", "2026-13-01", "2026-12-31T24:00Z", "2026-12-31T23:59:60Z", "2026-12-31T18:00+24:00",
                "1999-12-31", "0001-01-01T00:00+23:59", "9999-12-31T18:00", "2026-W53-4", "2026-366", "31.12.2026", "２０２６-12-31", "2026-12-31Z",
            )
        ),
        *((text, f"there is no such day: {HOW_UNTIL}") for text in ("2026-02-29", "2026-04-31", "2100-02-29T12:00Z")),
        *((text, f"that is too late: {HOW_UNTIL}") for text in ("9999-12-31", "9999-12-31T23:59-23:59")),
        *(
            (text, "write 2026-12-31 for the end of that day in UTC, or add an offset: 2026-12-31T18:00Z")
            for text in ("2026-12-31T18:00", "2026-12-31 18:00", "2026-12-31 1800", "2026-12-31T18")
        ),
        *(
            (text, "write 2026-12-31T18:00Z")
            for text in ("2026-12-31 18:00Z", "2026-12-31t18:00z", "2026-12-31T18Z", "2026-12-31T1800 Z")
        ),
        *(
            (text, "write 2026-12-31T18:00:05+01:00")
            for text in ("2026-12-31T18:00:05.5+01:00", "2026-12-31T18:00:05+0100", "2026-12-31 180005 +01")
        ),
        *((text, "write 2026-12-31") for text in ("20261231", "2026-12-31\n", " 2026-12-31", "2026/12/31")),
        ("2026-1-1", "write 2026-01-01"),
    ],
)  # fmt: skip
def test_what_is_no_until_is_refused_with_the_form_to_write(text: str, hint: str) -> None:
    assert end_of(text) == hint


def test_severities_are_ordered_by_gravity() -> None:
    assert sorted(Severity, key=lambda each: each.rank) == [Severity.IGNORE, Severity.WARN, Severity.FAIL]


def test_the_text_of_a_declaration_is_all_that_its_author_chose() -> None:
    declaration = declared(Match(user="otto", org="acme"), name="x", description="y", labels={"team": "a"})
    assert declaration.text.split("\n") == ["x", "y", "otto", "acme", "team", "a"]


def test_servers_are_compared_in_one_spelling() -> None:
    assert Asserted(url="HTTP://Host:80/", org=" acme ").meant == ("http://host", "acme")
    assert Asserted().meant == ("", "")


@pytest.mark.parametrize(("name", "is_one"), [("a.yaml", True), ("A.YML", True), (".a.yaml", False), ("a.json", False)])
def test_a_part_of_a_folder_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert is_manifest(name) is is_one

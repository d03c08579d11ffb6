"""A manifest: its settings in order, and the parts of it that `--select` leaves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest

from reconciler.core.manifest import HOW_UNTIL, Match, Severity, end_of, select
from reconciler.errors import UsageError
from tests.builders import declared, manifest, token_id


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


LABELLED = (
    declared(1, name="ingest", labels={"team": "a", "tier": "1"}),
    declared(2, name="team", labels={"team": "a"}),
    declared(Match(user="otto"), name="x=y"),
)


@pytest.mark.parametrize(
    ("terms", "positions"),
    [
        ([], [0, 1, 2]),
        (["ingest"], [0]),
        ([token_id(2)], [1]),
        (["team=a"], [0, 1]),
        (["team=a", "tier=1"], [0]),
        (["team"], [1]),
    ],
)
def test_a_selection_narrows_with_every_term(terms: list[str], positions: list[int]) -> None:
    assert select(manifest(*LABELLED), terms).tokens == tuple(LABELLED[position] for position in positions)


def test_a_part_of_a_manifest_says_nothing_of_unmanaged_tokens() -> None:
    whole = manifest(*LABELLED, unmanaged=Severity.FAIL)
    assert select(whole, ["ingest"]).unmanaged is Severity.IGNORE
    assert select(whole, []).unmanaged is Severity.FAIL


@pytest.mark.parametrize("terms", [["other"], ["team=b"], ["x=y"], ["ingest", "tier=2"]])
def test_a_selection_of_nothing_is_refused(terms: Iterable[str]) -> None:
    with pytest.raises(UsageError) as caught:
        select(manifest(*LABELLED), list(terms))
    assert str(caught.value) == (
        f"--select {' '.join(terms)} selects no declaration\n"
        "  hint: write --select NAME, --select ID or --select LABEL=VALUE as the file has them"
    )

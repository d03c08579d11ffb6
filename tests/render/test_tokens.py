"""Lists of tokens, as a table and for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from reconciler.render import json as json_format
from reconciler.render import tokens
from tests.builders import EDGE, INACTIVE, live, manager, token
from tests.render.dataset import LONG
from tests.requestlog import evidence, said

GOLDEN = Path(__file__).parent / "golden"

TOKENS = [
    token(2, description=LONG, user="日本語"), token(1, is_own=True, description='say "hi"\n'), manager(3, status=INACTIVE, org_id=EDGE),
]  # fmt: skip


def test_an_inventory_lists_tokens_by_id(golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / "tokens.txt", tokens.table(TOKENS))
    golden(GOLDEN / "tokens.json", json_format.tokens(live().server, TOKENS))
    assert tokens.table([]) == "  STATUS  ID  ORG  USER  UPDATED  DESCRIPTION\n"


def test_a_time_is_shown_as_its_date_in_utc() -> None:
    times = ("2026-01-01T01:30:00+02:00", "2026-01-01T01:30:00.123456789Z", "0001-01-01T00:00:00+01:00", "\tago", "")
    drawn = tokens.table([token(number, updated_at=time) for number, time in enumerate(times)])
    dates = ["2025-12-31", "2026-01-01", "0001-01-01T00:00:00+01:00", "\\tago", '"token']
    assert [line.split()[4] for line in drawn.splitlines()[1:]] == dates


def test_csv_has_a_line_for_each_token_and_no_formula(golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / "tokens.csv", tokens.csv(TOKENS))
    formulas = ["=1+1", "+1", "-1", "@x", "\t=1", '=",', "a=1", "'=", "##[x]"]
    drawn = tokens.csv([token(number, description=each, user=each) for number, each in enumerate(formulas)])
    assert [row["description"] for row in csv.DictReader(drawn.splitlines())] == [
        "'=1+1", "'+1", "'-1", "'@x", "\\t=1", "'=\",", "a=1", "'=", r"#\#[x]",
    ]  # fmt: skip
    assert drawn.count("'") == 2 * 6


def test_evidence_says_when_each_was_last_used() -> None:
    three = [token(1), token(2), token(3)]
    found = evidence(said(three[0].id), ids=[each.id for each in three[:2]])
    rows = list(csv.DictReader(tokens.csv(three, found).splitlines()))
    assert [row["last_used"] for row in rows] == ["2026-11-20T12:00:00.000000Z", "not seen", "not known"]
    drawn = tokens.table(three, evidence=found).splitlines()
    assert [("not seen" in line, "not known" in line) for line in drawn[1:]] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_dates_make_room_where_a_terminal_would_cut_a_heading() -> None:
    three = [token(each, description=LONG, user="backup-of-hall-2") for each in range(3)]
    assert tokens.table(three, columns=70).splitlines()[0].split() == [
        "STATUS",
        "ID",
        "ORG",
        "USER",
        "UPDATED",
        "DESCRIPTION",
    ]
    drawn = tokens.table(three, columns=70, evidence=evidence(said(three[0].id))).splitlines()
    assert drawn[0].split() == ["STATUS", "ID", "LAST", "USED", "ORG", "USER", "DESCRIPTION"]
    assert max(map(len, drawn)) <= 70

"""What people read, on lines of eighty columns, with and without colour."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.render import escape, text
from reconciler.render import json as json_format
from tests.builders import EDGE, INACTIVE, declared, live, manager, planned, token
from tests.render.dataset import LONG, PLANS

GOLDEN = Path(__file__).parent / "golden"


def test_colour_only_adds_escapes(golden: Callable[[Path, str], None]) -> None:
    coloured = text.plan(PLANS["refused"], colour=True)
    golden(GOLDEN / "refused.ansi.txt", coloured)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == text.plan(PLANS["refused"])


@pytest.mark.parametrize("name", ["nothing", "empty", "every-action", "one-token", "warned"])
def test_text_fits_eighty_columns_where_values_allow(name: str) -> None:
    for line in text.plan(PLANS[name]).splitlines():
        # The schema of a hint is a sentence, and a problem names files: these may be longer.
        assert escape.width(line) <= 80 or line.startswith(("Warning", "  hint"))


OUTCOME = Outcome(
    results=(
        Result(change=PLANS["every-action"].changes[0], status=ResultStatus.DONE, sent=True),
        Result(
            change=PLANS["every-action"].changes[1],
            status=ResultStatus.UNVERIFIED,
            reason="the answer\x1b[2J was lost",
            sent=True,
        ),
        Result(change=PLANS["every-action"].changes[2], status=ResultStatus.FAILED, reason="it moved"),
        Result(change=PLANS["one-token"].changes[0], status=ResultStatus.NOT_ATTEMPTED),
    ),
    stopped="the server refuses::error::x",
    journal="/home/a\nb/journal.ndjson",
)


@pytest.mark.parametrize("colour", [False, True])
def test_an_outcome_tells_what_became_of_each_change(colour: bool, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"outcome{'.ansi' if colour else ''}.txt", text.outcome(OUTCOME, colour=colour))
    assert text.outcome(Outcome(results=())) == "Apply: 0 done, 0 failed, 0 unverified, 0 not attempted.\n"


TOKENS = [
    token(2, description=LONG, user="日本語"), token(1, is_own=True, description='say "hi"\n'), manager(3, status=INACTIVE, org_id=EDGE),
]  # fmt: skip


def test_an_inventory_lists_tokens_by_id(golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / "tokens.txt", text.tokens(TOKENS))
    golden(GOLDEN / "tokens.json", json_format.tokens(live().server, TOKENS))
    assert text.tokens([]) == "  STATUS  ID  ORG  USER  DESCRIPTION\n"


LIVE = "backup hamburg prod 130"


def test_texts_that_are_cut_do_not_look_alike() -> None:
    users = ("service-account-of-plant-1-in-hamburg", "service-account-of-plant-2-in-hamburg")
    names = ("ingest-hamburg-a-prod-eu", "ingest-hamburg-b-prod-eu")
    plan = planned(
        [declared(number, name=name, status=INACTIVE) for number, name in enumerate(names, 1)],
        [token(number, user=user, description="d" * 200 + str(number)) for number, user in enumerate(users, 1)],
    )
    drawn = text.plan(plan)
    assert all(each in drawn for each in (*users, *names))
    assert [line for line in drawn.splitlines() if "described" in line] == [
        f'      described    "{"d" * 33}…{"d" * 24}{number}"' for number in (1, 2)
    ]
    unnamed = planned([declared(1, status=INACTIVE)], [token(1, description=LIVE)])
    assert f'described    "{LIVE}"' in text.plan(unnamed)
    assert f'"{LIVE}"' in text.outcome(Outcome(results=(Result(change=unnamed.changes[0], status=ResultStatus.DONE),)))

"""What people read, on lines of eighty columns, with and without colour."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.baseline import Baseline
from reconciler.core.live import Elided
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Difference, Kind, Revision
from reconciler.render import escape, html, markdown, reports, text, tokens
from tests.builders import INACTIVE, declared, manifest, planned, token
from tests.render.dataset import PLANS
from tests.render.test_tokens import TOKENS

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
    assert (
        text.outcome(OUTCOME, "Run it again.", colour=colour)
        == f"{text.outcome(OUTCOME, colour=colour)}Run it again.\n"
    )
    assert (
        text.outcome(Outcome(results=()), "Run it again.")
        == "Apply: 0 done, 0 failed, 0 unverified, 0 not attempted.\n"
    )


LIVE = "backup hamburg prod 130"


def test_nothing_is_cut_in_a_pipe_or_a_file() -> None:
    users = ("service-account-of-plant-1-in-hamburg", "service-account-of-plant-2-in-hamburg")
    names = ("ingest-hamburg-a-prod-eu", "ingest-hamburg-b-prod-eu")
    plan = planned(
        [declared(number, name=name, status=INACTIVE) for number, name in enumerate(names, 1)],
        [token(number, user=user, description="d" * 200 + str(number)) for number, user in enumerate(users, 1)],
    )
    drawn = text.plan(plan)
    assert all(each in drawn for each in (*users, *names))
    assert [line for line in drawn.splitlines() if "described" in line] == [
        f'      described    "{"d" * 200}{number}"' for number in (1, 2)
    ]
    unnamed = planned([declared(1, status=INACTIVE)], [token(1, description=LIVE)])
    assert f'  - deactivate  "{LIVE}"  0d' in text.plan(unnamed)
    assert f'"{LIVE}"' in text.outcome(Outcome(results=(Result(change=unnamed.changes[0], status=ResultStatus.DONE),)))
    long = planned([declared(1, status=INACTIVE)], [token(1, description="d" * 200)])
    assert f'described    "{"d" * 200}"' in text.plan(long)


@pytest.mark.parametrize("columns", [72, 80, 100])
def test_on_a_terminal_lines_end_where_it_does(columns: int) -> None:
    every = PLANS["every-action"]
    wide = planned(
        [declared(1, name="ingest-" + "n" * 60, description="x" * 300), declared(2, status=INACTIVE)],
        [token(1, user="service-account-" + "u" * 30, description="y" * 200), token(2, description="z" * 200)],
    )
    outcome = Outcome(results=tuple(Result(change=each, status=ResultStatus.DONE) for each in wide.changes))
    changed = Difference("description", "a" * 300, "b" * 300)
    revisions = (
        Revision(kind=Kind.SETTING, target="guards.min_managers", edits=(Difference("guards", "1", "2"),)),
        Revision(kind=Kind.CHANGED, target="match description " + "m" * 200, name="n" * 90, edits=(changed,)),
        Revision(kind=Kind.ADDED, target="0d3a5f0c1be4e001", edits=(Difference("description", None, "c" * 200),)),
    )
    compared = Baseline(ref="main", commit="1a2b3c4d" * 5, manifest=manifest(), revisions=revisions)
    drawn = (
        text.plan(wide, columns=columns), text.outcome(outcome, columns=columns),
        tokens.table(TOKENS, columns=columns), text.revised(compared, columns=columns),
    )  # fmt: skip
    lines = [line for each in drawn for line in each.splitlines() if not line.startswith("Digest")]
    assert max(map(escape.width, lines)) == columns
    assert text.plan(every, columns=200) == text.plan(every)


def test_who_would_lose_data_is_told_whole_on_any_terminal() -> None:
    writer = token(2, description="the ingest of the second hall in Hamburg")
    plan = planned([declared(1, status=INACTIVE)], [token(1), writer])
    (whole,) = (line for line in text.plan(plan).splitlines() if "afterwards" in line)
    assert whole == f'      afterwards   telemetry is still written by "{writer.description}"'
    assert text.plan(plan, columns=60).splitlines()[6:9] == [
        '      afterwards   telemetry is still written by "the ingest',
        '                   of the second hall in Hamburg"',
        "",
    ]


def test_a_long_change_shows_what_differs_in_it() -> None:
    before = f"{'a' * 2400}Hamburg{'b' * 2600}"
    after = f"{'a' * 2400}Hamburg 2{'b' * 2600}"
    plan = planned([declared(1, name="n", description=after)], [token(1, description=before)])
    assert text.plan(plan).splitlines()[3:6] == [
        f'      description  … "{"a" * 62}Hamburg{"b" * 69}" …',
        f'                 → … "{"a" * 62}Hamburg 2{"b" * 69}" …',
        "                   (5,007 → 5,009 characters, alike: first 2,407, last 2,600)",
    ]
    plan = planned([declared(1, description="y" * 4000)], [token(1, description="x" * 3000)])
    assert text.plan(plan, columns=80).splitlines()[2:6] == [
        f'  ~ describe    "{"x" * 13}…{"x" * 6}"  0d3a5f0c1be4e001  ci-bot  tokens.yaml:10',
        f'      description  "{"x" * 26}" … "{"x" * 26}"',
        f'                 → "{"y" * 26}" … "{"y" * 26}"',
        "                   (3,000 → 4,000 characters)",
    ]
    assert text.plan(plan, columns=40).splitlines()[5] == "                   (3,000 → 4,000 characters)"
    large = planned([declared(1, name="n", description="now")], [token(1, description=Elided(2**20, "a" * 64))])
    assert text.plan(large, columns=80).splitlines()[3:6] == [
        '      description  "(1,048,576 characters, too" … "aaaaaaaaaaaaaaaaaaaaaaaaa)"',
        '                 → "now"',
        "                   (1,048,576 → 3 characters)",
    ]
    edits = (Difference("description", None, "x" * 200),)
    revisions = (Revision(kind=Kind.CHANGED, target="0d3a5f0c1be4e001", edits=edits),)
    compared = Baseline(ref="main", commit="1a2b3c4d" * 5, manifest=manifest(), revisions=revisions)
    assert text.revised(compared).splitlines()[3:6] == [
        "      description  not declared",
        f'                 → "{"x" * 200}"',
        "",
    ]


def test_a_long_value_that_is_added_or_removed_is_cut_on_a_terminal_only() -> None:
    long = "x" * 200
    for before, after, shown in (
        ("", long, ('""', f'"{long}"')),
        (long, "", (f'"{long}"', '""')),
    ):
        plan = planned([declared(1, name="n", description=after)], [token(1, description=before)])
        assert text.plan(plan).splitlines()[3:6] == [
            f"      description  {shown[0]}",
            f"                 → {shown[1]}",
            "      rights       writes bucket telemetry",
        ]
        assert text.plan(plan, columns=80).splitlines()[5] == (
            f"                   ({len(before)} → {len(after)} characters)"
        )


def test_values_that_look_the_same_are_told_apart_wherever_they_stand() -> None:
    plan = planned(
        [declared(1, description="pr\u043ed"), declared(2, name="ingest", status=INACTIVE)],
        [token(1, description="prod"), token(2, description="inge\u0455t")],
    )
    shown = text.plan(plan)
    assert 'description  "prod" → "pr\\u043ed"' in shown
    assert 'described    "inge\\u0455t"' in shown
    assert '`"prod"` → `"pr\\u043ed"`' in markdown.plan(plan)
    assert "pr\\u043e" in reports.github(plan)
    assert "pr<mark>\\u043e</mark>d" in html.plan(plan)


def test_a_name_beside_an_empty_description_says_so() -> None:
    plan = planned([declared(1, name="ingest", status=INACTIVE)], [token(1, description="")])
    assert text.plan(plan).splitlines()[3] == '      described    ""'
    assert '`""`' in markdown.plan(plan)

"""Every format over one dataset: whole texts against golden files, and what no output may hold."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from reconciler import __version__
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Change, Plan
from reconciler.errors import Place, Problem
from reconciler.render import escape, text, words
from reconciler.render import json as json_format
from reconciler.schema import load_schema
from tests.builders import EDGE, INACTIVE, declared, live, manager, planned, token
from tests.render.dataset import FORMATS, LONG, PLANS, hostile_plans
from tests.render.runner import commands

GOLDEN = Path(__file__).parent / "golden"
# The page's style and script are files of their own, and the version is no news.
_KNOWN = re.compile(
    rf"(?<=<style>).*?(?=</style>)|(?<=<script>).*?(?=</script>)|sha256-[^']+|(?<=\"semanticVersion\": \"){__version__}",
    re.DOTALL,
)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_drawn_as_its_golden_file(name: str, suffix: str, golden: Callable[[Path, str], None]) -> None:
    drawn = FORMATS[suffix](PLANS[name])
    golden(GOLDEN / f"{name}.{suffix}", _KNOWN.sub("…", drawn))


def test_colour_only_adds_escapes(golden: Callable[[Path, str], None]) -> None:
    coloured = text.plan(PLANS["refused"], colour=True)
    golden(GOLDEN / "refused.ansi.txt", coloured)
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == text.plan(PLANS["refused"])


@pytest.mark.parametrize("name", ["nothing", "empty", "every-action", "one-token", "warned"])
def test_text_fits_eighty_columns_where_values_allow(name: str) -> None:
    for line in text.plan(PLANS[name]).splitlines():
        # The schema of a hint is a sentence, and a problem names files: these may be longer.
        assert escape.width(line) <= 80 or line.startswith(("Warning", "  hint"))


@pytest.mark.parametrize("name", PLANS)
def test_json_is_what_its_schema_describes(name: str) -> None:
    document = json.loads(json_format.plan(PLANS[name]))
    jsonschema.validate(document, load_schema("plan"))
    assert document["digest"] == PLANS[name].digest


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


def test_problems_are_drawn_one_after_the_other() -> None:
    place = Place("a\x1b.yaml", 3, 5)
    problems = [Problem("::error::bad\nthing", "mend \x07it", place), Problem("::warning::x")]
    assert words.problems(problems) == ("a\\x1b.yaml:3:5: ::error::bad\\nthing\n  hint: mend \\x07it\n:\\:warning::x\n")
    assert words.problem(problems[1], "Note", colour=31) == "\x1b[31mNote:\x1b[0m :\\:warning::x"


def outputs(plan: Plan) -> list[str]:
    """Everything that is ever written about a plan, its tokens and its status, and is to hold no command."""
    results = tuple(
        Result(change=each, status=ResultStatus.FAILED, reason=each.token.description) for each in plan.changes
    )
    tokens = [change.token for change in plan.changes]
    return [
        *(draw(plan) for suffix, draw in FORMATS.items() if suffix != "github"),
        *(
            text.outcome(Outcome(results=results, stopped=plan.orgs[0] if plan.orgs else ""), across=across)
            for across in (False, True)
        ),
        text.tokens(tokens),
        json_format.tokens(plan.server, tokens),
        words.problems([*plan.warnings, *(each.problem for each in plan.refusals)]),
    ]


def forged(log: str) -> list[object]:
    """What a CI system would take for a command: GitHub's, and Azure's and TeamCity's, anywhere in a line."""
    return [*commands(log), *re.findall(r"##\[|##vso\[|##teamcity\[", log)]


def acts(character: str) -> bool:
    """Whether a terminal or an editor does anything but draw the character."""
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@given(hostile_plans())
def test_no_output_holds_a_control_character_or_a_command(plan: Plan) -> None:
    for output in outputs(plan):
        assert not [character for character in output if acts(character)]
        assert not forged(output)


def test_the_hostile_plan_shows_everything_and_does_nothing() -> None:
    for output in outputs(PLANS["hostile"]):
        assert not [character for character in output if acts(character)]
        assert not forged(output)


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if "json" in suffix or suffix == "sarif"])
def test_json_is_ascii(suffix: str) -> None:
    assert FORMATS[suffix](PLANS["hostile"]).isascii()


@pytest.mark.parametrize(
    ("given_text", "terminal", "quoted"),
    [
        ("plain", "plain", '"plain"'),
        ('a"b\\c', 'a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb\tc\r", "a\\nb\\tc\\r", '"a\\nb\\tc\\r"'),
        (
            "\x1b\x9b\u202e\U000e0041\u3164",
            "\\x1b\\x9b\\u202e\\U000e0041\\u3164",
            '"\\x1b\\x9b\\u202e\\U000e0041\\u3164"',
        ),
        ("##[x] ##vso[y] ##ok", "#\\#[x] #\\#vso[y] ##ok", '"#\\\\#[x]'),
    ],
)
def test_foreign_text_is_escaped_once_and_visibly(given_text: str, terminal: str, quoted: str) -> None:
    assert escape.terminal(given_text) == terminal
    assert escape.quoted(given_text).replace("\\\\#", "\\#").startswith(quoted.replace("\\\\#", "\\#"))


def test_text_is_cut_and_filled_by_columns() -> None:
    assert escape.padded("abc", 5) == "abc  "
    assert escape.padded("abcdef", 5) == "abc…f"
    assert escape.padded("日本語", 6) == "日本語"
    assert escape.padded("日本語", 5) == "日本…"
    assert escape.shortened("ingest hamburg production", 12) == "ingest …tion"
    assert escape.padded("日本語", 4) == "日… "
    assert escape.width("e\u0301") == 1


def change_named(name: str | None, description: str) -> str:
    return words.name_of(Change(token=token(1, description=description), description="x", name=name))


def test_a_token_is_known_by_its_name_or_else_by_its_description() -> None:
    assert change_named("ingest", "x") == "ingest"
    assert change_named(None, "lab bench") == '"lab bench"'


LIVE = "backup hamburg prod 130"
MISNAMED = planned(
    [declared(1, name="ingest-hamburg", status=INACTIVE), declared(2, name="ingest-hamburg-2", status=INACTIVE)],
    [token(1, description=LIVE), token(2, description="x", org_id=EDGE), manager(3)],
)
DRAWN = {suffix: draw for suffix, draw in FORMATS.items() if suffix not in ("terraform.json", "json", "jsonl")}


@pytest.mark.parametrize("suffix", [*DRAWN, "outcome"])
def test_no_name_hides_which_token_it_is_and_whose(suffix: str) -> None:
    results = tuple(Result(change=each, status=ResultStatus.DONE) for each in MISNAMED.changes)

    def draw(plan: Plan) -> str:
        return DRAWN[suffix](plan) if suffix in DRAWN else text.outcome(Outcome(results=results), across=plan.across)

    drawn = draw(MISNAMED)
    (named,) = (at.start() for at in re.finditer("ingest-hamburg(?!-2)", drawn))
    row = drawn[named:]
    row = row[: row.index("</tr>" if suffix == "html" else "ingest-hamburg-2")] if "-2" in row else row
    assert LIVE in row
    one = replace(MISNAMED, orgs=("acme",), changes=MISNAMED.changes[:1])
    if suffix != "html":  # which always has a place for it
        assert len(re.findall(r"\bacme\b", draw(one))) == len(re.findall(r"\bacme\b", drawn)) - 1


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


def test_a_name_that_says_what_the_description_says_stands_alone() -> None:
    plan = planned([declared(1, name="ingest", status=INACTIVE)], [token(1, description="ingest"), manager(2)])
    assert "described" not in text.plan(plan)
    for draw in DRAWN.values():
        assert '"ingest"' not in draw(plan).replace("&quot;", '"').replace('\\"', '"')

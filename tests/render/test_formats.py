"""Every format over one dataset: whole texts against golden files, and what no output may hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given

from reconciler import __version__
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Plan
from reconciler.render import json as json_format
from reconciler.render import text, words
from reconciler.render.tokens import table
from tests.builders import EDGE, INACTIVE, declared, manager, planned, token
from tests.log_commands import commands
from tests.render.dataset import FORMATS, PLANS, hostile_plans

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
        table(tokens),
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
    one = MISNAMED._replace(orgs=("acme",), changes=MISNAMED.changes[:1])
    if suffix != "html":  # which always has a place for it
        assert len(re.findall(r"\bacme\b", draw(one))) == len(re.findall(r"\bacme\b", drawn)) - 1


def test_a_name_that_says_what_the_description_says_stands_alone() -> None:
    plan = planned([declared(1, name="ingest", status=INACTIVE)], [token(1, description="ingest"), manager(2)])
    assert "described" not in text.plan(plan)
    for draw in DRAWN.values():
        assert '"ingest"' not in draw(plan).replace("&quot;", '"').replace('\\"', '"')

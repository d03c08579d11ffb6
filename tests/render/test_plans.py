"""One dataset of plans for every formatter: whole texts against golden files, and what no output may hold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from reconciler.core.guard import Guard
from reconciler.core.live import Server
from reconciler.core.manifest import Severity
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.errors import Place, Problem
from reconciler.render import curl, escape, ops, table, text
from reconciler.render import json as json_format
from reconciler.schema import load_schema
from tests.builders import ACTIVE, EDGE, INACTIVE, Line, declared, live, manager, planned, token
from tests.strategies import HOSTILE, World, draft_of, worlds

GOLDEN = Path(__file__).parent / "golden"
FORMATS: dict[str, Callable[[Plan], str]] = {
    "txt": text.plan,
    "json": json_format.plan,
    "jsonl": ops.plan,
    "sh": curl.plan,
}
LONG = "a description that is much longer than what fits into a line of eighty columns"


def plans() -> dict[str, Plan]:
    """The dataset, by name."""
    every = planned(
        [
            declared(1, name="ingest", description="Ingest EU"),
            declared(2, name="backup-2024", status=ACTIVE),
            declared(3, name="backup-2023", status=INACTIVE, description=""),
            declared(4),
        ],
        [token(1), token(2, status=INACTIVE, user="mira"), token(3, org_id=EDGE), token(4), token(5)],
    )
    refused = planned(
        [declared(number, status=INACTIVE, protected=number == 1, name=f"t{number}") for number in range(1, 5)],
        [manager(1, is_own=True), token(2), token(3), token(4), token(9)],
        Guard.PROTECTED,
        unmanaged=Severity.FAIL,
    )
    return {
        "nothing": planned([declared(1)], [token(1)]),
        "empty": replace(planned([], []), server=Server(url="http://localhost:8086")),
        "every-action": every,
        "one-token": planned([declared(1, description="x")], [token(1)]),
        "refused": refused,
        "warned": planned([declared(1, description="x")], [token(1), token(2)], unmanaged=Severity.WARN),
        "cloud": replace(every, server=Server(url="https://cloud.example", build="Cloud", version="")),
        "long": planned(
            [declared(1, name="n" * 60, description=LONG), declared(2, description="short"), declared(3, description="")],
            [token(1, user="u" * 40), token(2, description=LONG), token(3, description="日本語の長い説明" * 3, user="日本語" * 5)],
        ),
        "hostile": planned(
            [declared(number, description=each, origin=Line(number, f"{each}.yaml")) for number, each in enumerate(HOSTILE, 1)],
            [token(number, description=f"{each}!", user=each, org_id=EDGE) for number, each in enumerate(HOSTILE, 1)],
        ),
    }  # fmt: skip


PLANS = plans()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_drawn_as_its_golden_file(name: str, suffix: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"{name}.{suffix}", FORMATS[suffix](PLANS[name]))


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
        Result(change=PLANS["every-action"].changes[0], fate=Fate.DONE, sent=True),
        Result(
            change=PLANS["every-action"].changes[1],
            fate=Fate.UNVERIFIED,
            reason="the answer\x1b[2J was lost",
            sent=True,
        ),
        Result(change=PLANS["every-action"].changes[2], fate=Fate.FAILED, reason="it moved"),
        Result(change=PLANS["one-token"].changes[0], fate=Fate.NOT_ATTEMPTED),
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
    golden(GOLDEN / "tokens.txt", table.tokens(TOKENS))
    golden(GOLDEN / "tokens.json", json_format.tokens(live().server, TOKENS))
    assert table.tokens([]) == "  STATUS  ID  ORG  USER  DESCRIPTION\n"


def test_problems_are_drawn_one_after_the_other() -> None:
    place = Place("a\x1b.yaml", 3, 5)
    problems = [Problem("::error::bad\nthing", "mend \x07it", place), Problem("::warning::x")]
    assert text.problems(problems) == ("a\\x1b.yaml:3:5: ::error::bad\\nthing\n  hint: mend \\x07it\n:\\:warning::x\n")
    assert text.problem(problems[1], "Note", colour=31) == "\x1b[31mNote:\x1b[0m :\\:warning::x"


def outputs(plan: Plan) -> list[str]:
    """Everything that is ever written about a plan, its tokens and its fate."""
    results = tuple(Result(change=each, fate=Fate.FAILED, reason=each.token.description) for each in plan.changes)
    tokens = [change.token for change in plan.changes]
    return [
        *(draw(plan) for draw in FORMATS.values()),
        text.outcome(Outcome(results=results, stopped=plan.orgs[0] if plan.orgs else "")),
        table.tokens(tokens),
        json_format.tokens(plan.server, tokens),
        text.problems([*plan.warnings, *(each.problem for each in plan.refusals)]),
    ]


def commands(log: str) -> list[str]:
    """The commands that a CI system would find in a log: GitHub's old and new form, Azure's and TeamCity's."""
    found = re.findall(r"##\[|##vso\[|##teamcity\[", log)
    for line in re.split("\r\n|\r|\n", log):
        # .NET's TrimStart drops every white space of Unicode, as Python's lstrip does.
        if line.lstrip().startswith("::"):
            found.append(line)
    return found


def acts(character: str) -> bool:
    """Whether a terminal or an editor does anything but draw the character."""
    return character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@given(worlds())
def test_no_output_holds_a_control_character_or_a_command(world: World) -> None:
    for output in outputs(draft_of(world)):
        assert not [character for character in output if acts(character)]
        assert commands(output) == []


def test_the_hostile_plan_shows_everything_and_does_nothing() -> None:
    for output in outputs(PLANS["hostile"]):
        assert not [character for character in output if acts(character)]
        assert commands(output) == []
    assert [len(commands(log)) for log in ("##[error]x", " \u2003::error::x", "a\r::x", "a ::x")] == [1, 1, 1, 0]


def test_the_script_sends_exactly_the_requests_and_shows_the_secret_to_nobody(tmp_path: Path) -> None:
    plan = PLANS["hostile"]
    plan = replace(plan, changes=tuple(change for change in plan.changes if "\ud800" not in repr(change)))
    script = curl.plan(plan)
    assert subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=True).returncode == 0
    stub = tmp_path / "curl"
    stub.write_text(f"#!/bin/sh\nexec >> '{tmp_path}/seen'\nprintf '%s\\0' \"$@\"\nprintf '\\1'\ncat\nprintf '\\2'\n")
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "INFLUX_TOKEN": "FAKE-secret"}
    done = subprocess.run(
        ["/bin/sh"], input=script, text=True, env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    seen = [call.split("\0\1") for call in (tmp_path / "seen").read_text().split("\2")[:-1]]
    operations = [json.loads(line) for line in ops.plan(plan).splitlines()]
    assert [request(arguments.split("\0")) for arguments, _ in seen] == [
        ("PATCH", plan.server.url + each["path"], each["body"]) for each in operations
    ]
    assert {(given, "FAKE-secret" in arguments) for arguments, given in seen} == {
        ("Authorization: Token FAKE-secret\n", False)
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curl", "seen"]
    without = subprocess.run(
        ["/bin/sh"], input=script, text=True, env={"PATH": environment["PATH"]}, capture_output=True, check=False
    )
    assert without.returncode != 0


def request(arguments: list[str]) -> tuple[str, str, Any]:
    """Method, URL and body of a call of curl."""
    assert "Content-type: application/json" in arguments
    body = json.loads(arguments[arguments.index("--data-raw") + 1])
    return arguments[arguments.index("--request") + 1], arguments[-1], body


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
    assert text.pad("abc", 5) == "abc  "
    assert text.pad("abcdef", 5) == "abcd…"
    assert text.pad("日本語", 6) == "日本語"
    assert text.pad("日本語", 5) == "日本…"
    assert text.pad("日本語", 4) == "日… "
    assert escape.width("e\u0301") == 1


def change_named(name: str | None, description: str) -> str:
    return text.name_of(Change(token=token(1, description=description), description="x", name=name))


def test_a_token_is_known_by_its_name_or_else_by_its_description() -> None:
    assert change_named("ingest", "x") == "ingest"
    assert change_named(None, "lab bench") == '"lab bench"'

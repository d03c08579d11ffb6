"""Workflow commands: read back by the runner's own rules they are exactly the findings, and nothing can forge one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core.plan import Plan
from reconciler.errors import Problem
from reconciler.render import reports, text
from reconciler.render.escape import terminal
from reconciler.render.findings import Finding, Level, findings
from tests.builders import INACTIVE, declared, planned, token
from tests.render.dataset import PLANS, hostile_plans
from tests.render.runner import Command, commands
from tests.strategies import HOSTILE

MOST, LONGEST, LONGEST_TITLE = 10, 4096, 255


def expected(finding: Finding) -> Command:
    """What the runner is to understand of a finding that is not cut."""
    properties = {"title": terminal(finding.title)}
    if place := finding.place:
        # The runner drops each `=` that a value begins with.
        properties |= {"file": terminal(place.file).lstrip("="), "line": str(place.line), "col": str(place.column)}
    hint = f"\nhint: {terminal(finding.hint)}" if finding.hint else ""
    return Command(finding.level, terminal(finding.message) + hint, properties)


def units(text: str) -> int:
    """The length of a text as the runner counts it."""
    return len(text.encode("utf-16-le")) // 2


@given(hostile_plans())
def test_the_runner_reads_the_findings_and_nothing_else(plan: Plan) -> None:
    log, found = reports.github(plan), findings(plan)
    assert len(log.splitlines()) == log.count("\n") == len(list(commands(log)))
    assume(max(Counter(each.level for each in found).values(), default=0) <= MOST)  # more are counted
    assert list(commands(log)) == [expected(each) for each in found]


def test_text_and_commands_share_a_log() -> None:
    plan = PLANS["refused"]
    assert list(commands(text.plan(plan) + reports.github(plan))) == [expected(each) for each in findings(plan)]


@pytest.mark.parametrize("number", [0, 9, 10, 11, 2_000])
def test_ten_of_a_kind_are_shown_the_gravest_first_and_the_rest_counted(number: int) -> None:
    plan = planned(
        [declared(each, description="x", status=INACTIVE if each == number else None) for each in range(1, number + 1)],
        [token(each) for each in range(1, number + 1)],
    )
    plan = replace(plan, warnings=tuple(Problem(f"warning {each}") for each in range(number)))
    read = [each for each in commands(reports.github(plan)) if each.name == Level.NOTICE]
    assert len(read) == min(number, MOST)
    assert [each.properties["title"] for each in read[:1]] == [f'deactivate "token {number}"'] * min(number, 1)
    if number > MOST:
        assert read[-1] == Command("notice", f"and {number - 9:,} more like these", {"title": "tokenctl"})
    assert len([each for each in commands(reports.github(plan)) if each.name == Level.WARNING]) == min(number, MOST)


@given(part=st.sampled_from(HOSTILE), many=st.integers(1, 5000), hint=st.booleans())
def test_a_message_and_a_title_are_cut_where_the_runner_would_cut_them(part: str, many: int, hint: bool) -> None:
    problem = Problem(part * many, "the way out" if hint else "")
    plan = replace(PLANS["one-token"], warnings=(problem,))
    plan = replace(plan, changes=(replace(plan.changes[0], name=part * many or None),))
    warned, changed = commands(reports.github(plan))
    whole = expected(findings(plan)[0]).data
    assert units(warned.data) <= LONGEST
    assert units(changed.properties["title"]) <= LONGEST_TITLE
    if units(whole) <= LONGEST:
        assert warned.data == whole
    else:
        start, _, rest = warned.data.rpartition("…")
        assert whole.startswith(start)
        assert rest == ("\nhint: the way out" if hint else "")
        assert units(warned.data) >= LONGEST - 1  # half of a pair may have had no room

"""Reports for other programs: valid by their own rules, and saying what the findings say."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler import __version__
from reconciler.core.plan import Action, Guard, Plan
from reconciler.errors import ExitCode, Problem
from reconciler.render import reports, text
from reconciler.render.escape import terminal
from reconciler.render.findings import Finding, Level, ProblemReport, default_place, findings
from tests.builders import INACTIVE, declared, planned, token
from tests.log_commands import Command, commands
from tests.render.dataset import PLANS, hostile_plans
from tests.strategies import HOSTILE

SCHEMAS = Path(__file__).parent / "schemas"
REPORTS: Mapping[str, Callable[[Plan], str]] = {
    "sarif-2.1.0": reports.sarif,
    "gitlab-codequality": reports.codequality,
    "gitlab-terraform": reports.terraform,
}


def valid(name: str, plan: Plan) -> Any:
    """The report's document, once its consumer's rules hold."""
    document = json.loads(REPORTS[name](plan))
    jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text()))
    return document


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("name", PLANS)
def test_a_report_is_what_its_consumer_takes(name: str, report: str) -> None:
    valid(report, PLANS[name])


def test_each_rule_of_sarif_links_to_a_place_in_the_documentation() -> None:
    written = (Path(__file__).parent.parent.parent / "docs" / "commands.md").read_text()
    titles = re.findall(r"^#+ (.*)", written, re.MULTILINE)
    anchors = {title.lower().replace(" ", "-") for title in titles} | set(re.findall(r'<a id="([^"]+)"', written))
    ids: set[str] = set()
    drawn = [reports.sarif(ProblemReport(command="plan", code=ExitCode.INVALID)), *map(reports.sarif, PLANS.values())]
    for shown in drawn:
        for rule in json.loads(shown)["runs"][0]["tool"]["driver"]["rules"]:
            address, _, anchor = rule["helpUri"].partition("#")
            assert address == f"https://github.com/tokenctl/tokenctl/blob/v{__version__}/docs/commands.md"
            assert anchor in anchors
            ids.add(rule["id"])
    assert ids >= {*Guard, *Action, "invalid", "files-changed"}
    for guard in Guard:
        assert re.search(rf'^\| `{guard}` \| <a id="guard-{guard}"></a>', written, re.MULTILINE)


@given(hostile_plans())
def test_sarif_has_each_finding_at_its_line_and_no_link(plan: Plan) -> None:
    (run,) = valid("sarif-2.1.0", plan)["runs"]
    assert len(run["results"]) == len(findings(plan))
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for result, finding in zip(run["results"], findings(plan), strict=True):
        assert result["ruleId"] in rules
        text = result["message"]["text"]
        # Section 3.11.6: no embedded link; 3.11.5: each brace stands for itself.
        assert not re.search(r"\]\(", text)
        assert not re.sub(r"\{\{|\}\}", "", text).count("{") + re.sub(r"\{\{|\}\}", "", text).count("}")
        plain = text.replace("{{", "{").replace("}}", "}").replace(r"]\(", "](")
        assert plain.startswith(f"{terminal(finding.title)}: {terminal(finding.message)}".replace(r"]\(", "]("))
        place = finding.place or default_place(plan)
        where = result["locations"][0]["physicalLocation"]
        assert where["region"] == {"startLine": place.line, "startColumn": place.column}
        uri = where["artifactLocation"]["uri"]
        assert uri.startswith("file:///") == place.file.startswith("/")
        assert unquote(uri.removeprefix("file://")) == place.file.encode("utf-8", "backslashreplace").decode()


@given(hostile_plans())
def test_code_quality_has_each_finding_once_at_its_line(plan: Plan) -> None:
    report = valid("gitlab-codequality", plan)
    assert len({entry["fingerprint"] for entry in report}) == len(report) == len(findings(plan))
    for entry, finding in zip(report, findings(plan), strict=True):
        place = finding.place or default_place(plan)
        assert entry["location"] == {"path": place.file, "lines": {"begin": place.line}}
        hint = f" (hint: {finding.hint})" if finding.hint else ""
        assert entry["description"] == terminal(f"{finding.title}: {finding.message}{hint}")


@given(hostile_plans())
def test_the_widget_counts_every_change_once(plan: Plan) -> None:
    counts = valid("gitlab-terraform", plan)
    assert counts["delete"] == plan.count(Action.DEACTIVATE)
    assert counts["create"] + counts["update"] + counts["delete"] == len(plan.changes)


# Jenkins' junit-10.xsd: the attributes of each element, those that it must have first, and what may stand within.
JUNIT = {
    "testsuites": ((), ("name", "tests", "failures", "errors"), {"testsuite"}),
    "testsuite": (("name", "tests", "failures", "errors"), ("skipped",), {"testcase", "system-out"}),
    "testcase": (("name",), ("classname",), {"failure"}),
    "failure": ((), ("type", "message"), set()),
    "system-out": ((), (), set()),
}


def check(element: ET.Element) -> None:
    """Hold an element and all below it against the rules of junit-10.xsd."""
    needed, allowed, children = JUNIT[element.tag]
    assert set(needed) <= set(element.keys()) <= {*needed, *allowed}
    assert {child.tag for child in element} <= children
    for child in element:
        check(child)


@given(hostile_plans())
def test_junit_has_a_case_for_each_guard_and_each_change(plan: Plan) -> None:
    root = ET.fromstring(reports.junit(plan).encode())  # noqa: S314  # our own text
    assert root.tag == "testsuites"
    check(root)
    (suite,) = root
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases[: len(Guard)]] == list(Guard)
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    assert failed == {each.guard for each in plan.refusals}
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), str(len(failed)))
    changes = [each for each in findings(plan) if each.level is Level.NOTICE]
    assert [case.get("name") for case in cases[len(Guard) :]] == [
        terminal(f"{each.title}: {each.message}") for each in changes
    ]
    said = "".join(suite.itertext())
    for each in findings(plan):
        assert each.level is Level.NOTICE or terminal(each.message) in said


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


@pytest.mark.parametrize("number", [0, 9, 10, 11, 1_100])
def test_ten_of_a_kind_are_shown_the_gravest_first_and_the_rest_counted(number: int) -> None:
    plan = planned(
        [declared(each, description="x", status=INACTIVE if each == number else None) for each in range(1, number + 1)],
        [token(each) for each in range(1, number + 1)],
    )
    plan = plan._replace(warnings=tuple(Problem(f"warning {each}") for each in range(number)))
    said = [*commands(reports.github(plan))]
    read = [each for each in said if each.name == Level.NOTICE]
    assert len(read) == min(number, MOST)
    assert [each.properties["title"] for each in read[:1]] == [f'deactivate "token {number}"'] * min(number, 1)
    if number > MOST:
        assert read[-1] == Command("notice", f"and {number - 9:,} more like these", {"title": "tokenctl"})
    assert len([each for each in said if each.name == Level.WARNING]) == min(number, MOST)


@given(part=st.sampled_from(HOSTILE), many=st.integers(1, 5000), hint=st.booleans())
def test_a_message_and_a_title_are_cut_where_the_runner_would_cut_them(part: str, many: int, hint: bool) -> None:
    problem = Problem(part * many, "the way out" if hint else "")
    plan = PLANS["one-token"]._replace(warnings=(problem,))
    plan = plan._replace(changes=(plan.changes[0]._replace(name=part * many or None),))
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


def test_the_script_sends_exactly_the_requests_and_shows_the_secret_to_nobody(tmp_path: Path) -> None:
    plan = PLANS["hostile"]
    plan = plan._replace(changes=tuple(change for change in plan.changes if "\ud800" not in repr(change)))
    script = reports.curl(plan)
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
    operations = [json.loads(line) for line in reports.ops(plan).splitlines()]
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

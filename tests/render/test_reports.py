"""Reports for other programs: valid by their own rules, and saying what the findings say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given

from reconciler.core.plan import Action, Guard, Plan
from reconciler.render import reports
from reconciler.render.escape import terminal
from reconciler.render.findings import Level, findings, stand_in
from tests.render.dataset import PLANS, hostile_plans

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
        place = finding.place or stand_in(plan)
        where = result["locations"][0]["physicalLocation"]
        assert where["region"] == {"startLine": place.line, "startColumn": place.column}
        assert unquote(where["artifactLocation"]["uri"]) == place.file.encode("utf-8", "backslashreplace").decode()


@given(hostile_plans())
def test_code_quality_has_each_finding_once_at_its_line(plan: Plan) -> None:
    report = valid("gitlab-codequality", plan)
    assert len({entry["fingerprint"] for entry in report}) == len(report) == len(findings(plan))
    for entry, finding in zip(report, findings(plan), strict=True):
        place = finding.place or stand_in(plan)
        assert entry["location"] == {"path": place.file, "lines": {"begin": place.line}}
        assert entry["description"] == terminal(f"{finding.title}: {finding.message}")


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

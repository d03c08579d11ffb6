"""Why there is no plan, in every format that tells it: whole texts, what consumers take, and hostile words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ExitCode, Place, Problem, ProblemToken
from reconciler.render.escape import terminal
from reconciler.render.findings import ProblemReport, findings
from reconciler.render.formats import PROBLEM_FORMATS, PlanFormat, render_problems
from reconciler.schema import load_schema
from tests.log_commands import commands
from tests.render import test_html, test_reports
from tests.render.test_formats import _KNOWN
from tests.render.test_reports import expected
from tests.strategies import HOSTILE, TEXT

GOLDEN = Path(__file__).parent / "golden"
SUFFIXES = {
    PlanFormat.JSON: "json", PlanFormat.MARKDOWN: "md", PlanFormat.HTML: "html", PlanFormat.GITHUB: "github",
    PlanFormat.GITLAB_CODEQUALITY: "codequality.json", PlanFormat.SARIF: "sarif", PlanFormat.JUNIT: "junit.xml",
}  # fmt: skip
INVALID = ProblemReport(
    command="plan",
    code=ExitCode.INVALID,
    problems=(
        Problem("`statsu` is no key of a token", "did you mean `status`?", Place("infra/tokens.yaml", 3, 5)),
        Problem("this token is declared twice", place=Place("infra/more.yaml", 7, 9)),
    ),
    warnings=(Problem("infra: subfolders are not read", "name each that is meant"),),
    files=("infra/tokens.yaml", "infra/more.yaml"),
)
REPORTS = {
    "problems-invalid": INVALID,
    "problems-unreachable": ProblemReport(
        command="plan", code=ExitCode.UNREACHABLE, files=("infra/tokens.yaml",),
        problems=(Problem("https://influx.example: nothing listens there", "is the server up?"),),
    ),
    "problems-none": ProblemReport(command="validate", code=ExitCode.OK, files=("tokens.yaml",)),
    "problems-hostile": ProblemReport(
        command="show", code=ExitCode.STALE, files=(f"{HOSTILE[0]}.json",),
        problems=tuple(
            Problem(each, each, Place(f"{each}.yaml", 1, 1), tokens=(ProblemToken(each, each, each, each, each),))
            for each in HOSTILE
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", PROBLEM_FORMATS)
@pytest.mark.parametrize("name", REPORTS)
def test_problems_are_drawn_as_their_golden_file(
    name: str, form: PlanFormat, golden: Callable[[Path, str], None]
) -> None:
    golden(GOLDEN / f"{name}.{SUFFIXES[form]}", _KNOWN.sub("…", render_problems(REPORTS[name], form)))


def reports() -> st.SearchStrategy[ProblemReport]:
    """Reports in which whatever comes from outside is hostile."""
    named = TEXT.map("{}.yaml".format)
    places = st.none() | st.builds(Place, named, st.just(3), st.just(5))
    problems = st.lists(st.builds(Problem, TEXT, TEXT, places), max_size=10).map(tuple)
    return st.builds(
        ProblemReport,
        command=st.just("plan"),
        code=st.sampled_from(sorted({*ExitCode} - {ExitCode.OK})),
        problems=problems,
        warnings=problems,
        files=st.lists(named, max_size=1).map(tuple),
    )


@given(reports())
def test_whoever_reads_them_finds_each_problem_once_and_nothing_else(report: ProblemReport) -> None:
    drawn = {form: render_problems(report, form) for form in PROBLEM_FORMATS}
    said = [terminal(each.message) for each in findings(report)]
    document = json.loads(drawn[PlanFormat.JSON])
    jsonschema.validate(document, load_schema("problems"))
    assert [terminal(each["message"]) for each in (*document["problems"], *document["warnings"])] == said
    sarif, quality = (json.loads(drawn[form]) for form in (PlanFormat.SARIF, PlanFormat.GITLAB_CODEQUALITY))
    jsonschema.validate(sarif, json.loads((test_reports.SCHEMAS / "sarif-2.1.0.json").read_text()))
    jsonschema.validate(quality, json.loads((test_reports.SCHEMAS / "gitlab-codequality.json").read_text()))
    assert len(sarif["runs"][0]["results"]) == len(quality) == len(said)
    page = test_html.Page()
    page.feed(drawn[PlanFormat.HTML])
    page.close()
    assert page.opened == []
    shown = "".join(text for _, text in page.texts).replace("`", "")  # what stands between backticks is code there
    assert [each for each in said if each.replace("`", "") not in shown] == []
    suite = ET.fromstring(drawn[PlanFormat.JUNIT].encode())  # noqa: S314  # our own text
    test_reports.check(suite)
    (case,) = suite.iter("testcase")
    assert (case.find("failure") is not None) == bool(report.problems)
    assert list(commands(drawn[PlanFormat.GITHUB])) == [expected(each) for each in findings(report)]


def test_markdown_is_never_too_long_and_counts_what_it_leaves_out() -> None:
    long = INVALID._replace(problems=tuple(Problem("x" * 600, "y" * 600) for _ in range(100)))
    drawn = render_problems(long, PlanFormat.MARKDOWN)
    assert len(drawn.encode()) < 64_000
    assert "100 problems" in drawn
    shown = drawn.count("- **Problem**")
    assert f"\n- and {100 - shown} more like these\n" in drawn


def test_code_scanning_gets_what_it_shows_the_gravest_first_and_the_rest_counted() -> None:
    for number in (5_000, 5_001, 7_000):
        grave = Problem("grave")
        many = INVALID._replace(problems=(grave,), warnings=tuple(Problem(f"{each}") for each in range(number - 1)))
        (run,) = json.loads(render_problems(many, PlanFormat.SARIF))["runs"]
        results = run["results"]
        assert len(results) == 5_000
        assert results[0]["level"] == "error"
        rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
        if number > 5_000:
            assert (results[-1]["ruleId"], results[-1]["level"]) == ("more", "warning")
            assert results[-1]["message"]["text"] == f"not all is shown: there are {number - 4_999:,} more like these"
        assert ("more" in rules) == (number > 5_000)


def test_the_page_asks_for_nothing_and_runs_no_script() -> None:
    drawn = render_problems(INVALID, PlanFormat.HTML)
    assert "<script" not in drawn
    assert re.findall(r"script-src[^;]*", drawn) == []

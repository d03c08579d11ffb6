"""The formats of a plan and of lists, and a plan drawn in one of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `--help` needs only the words
    from reconciler.core.baseline import Baseline
    from reconciler.core.plan import Plan, Site
    from reconciler.core.review import Review
    from reconciler.render.findings import ProblemReport


class PlanFormat(StrEnum):
    """What `--format` takes for a plan."""

    TEXT = "text"
    JSON = "json"
    OPS = "ops"
    CURL = "curl"
    MARKDOWN = "markdown"
    HTML = "html"
    GITHUB = "github"
    GITLAB_TERRAFORM = "gitlab-terraform"
    GITLAB_CODEQUALITY = "gitlab-codequality"
    SARIF = "sarif"
    JUNIT = "junit"
    OPENMETRICS = "openmetrics"


class ListFormat(StrEnum):
    """What `--format` takes for checks and for a run."""

    TEXT = "text"
    JSON = "json"


class TokensFormat(StrEnum):
    """What `--format` takes for the live tokens."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


OFFLINE = (PlanFormat.TEXT, PlanFormat.JSON, PlanFormat.MARKDOWN, PlanFormat.GITHUB)
"""The formats that what differs from a commit can be shown in, without a server."""


PROBLEM_FORMATS = (
    PlanFormat.JSON,
    PlanFormat.MARKDOWN,
    PlanFormat.HTML,
    PlanFormat.GITHUB,
    PlanFormat.GITLAB_CODEQUALITY,
    PlanFormat.SARIF,
    PlanFormat.JUNIT,
)
"""The formats that show why there is no plan; all others are of plans alone."""

REPORTS = (PlanFormat.TEXT, *PROBLEM_FORMATS)
"""The formats of a command that makes no plan."""

DRAWN: tuple[PlanFormat, ...] = tuple(form for form in PlanFormat if form is not PlanFormat.OPENMETRICS)
"""The formats that any plan can be drawn in: metrics are of a run that asked a server what is declared."""


def render(
    plan: Plan,
    form: PlanFormat,
    review: Review | None = None,
    *,
    colour: bool,
    columns: int | None = None,
    site: Site | None = None,
) -> str:
    """Return the plan in a format of DRAWN; only text has colours, and only text, Markdown and JSON have the review.

    Only text is cut to the columns of a terminal, None for no terminal; only Markdown is made for a site.
    """
    if form is PlanFormat.TEXT:
        from reconciler.render import text

        return text.plan(plan, review, colour=colour, columns=columns)
    from reconciler.render import html, json, markdown, reports  # 20 ms

    drawn_by: dict[PlanFormat, Callable[[Plan], str]] = {
        PlanFormat.JSON: partial(json.plan, review=review),
        PlanFormat.OPS: reports.ops,
        PlanFormat.CURL: reports.curl,
        PlanFormat.MARKDOWN: partial(markdown.plan, review=review, site=site or markdown.NOWHERE),
        PlanFormat.HTML: html.plan,
        PlanFormat.GITHUB: reports.github,
        PlanFormat.GITLAB_TERRAFORM: reports.terraform,
        PlanFormat.GITLAB_CODEQUALITY: reports.codequality,
        PlanFormat.SARIF: reports.sarif,
        PlanFormat.JUNIT: reports.junit,
    }
    return drawn_by[form](plan)


def render_revised(
    revised: Baseline, form: PlanFormat, *, colour: bool, columns: int | None = None, site: Site | None = None
) -> str:
    """Return what differs from a commit, in one of the formats of OFFLINE; only text has colours and is cut."""
    if form is PlanFormat.TEXT:
        from reconciler.render import text

        return text.revised(revised, colour=colour, columns=columns)
    from reconciler.render import json, markdown, reports

    drawn_by: dict[PlanFormat, Callable[[Baseline], str]] = {
        PlanFormat.JSON: json.revised,
        PlanFormat.MARKDOWN: partial(markdown.revised, site=site or markdown.NOWHERE),
        PlanFormat.GITHUB: reports.revised,
    }
    return drawn_by[form](revised)


def render_problems(report: ProblemReport, form: PlanFormat, site: Site | None = None) -> str:
    """Return why there is no plan, in one of the formats of PROBLEM_FORMATS."""
    from reconciler.render import html, json, markdown, reports

    drawn_by: dict[PlanFormat, Callable[[ProblemReport], str]] = {
        PlanFormat.JSON: json.problems,
        PlanFormat.MARKDOWN: partial(markdown.problems, site=site or markdown.NOWHERE),
        PlanFormat.HTML: html.problems,
        PlanFormat.GITHUB: reports.github,
        PlanFormat.GITLAB_CODEQUALITY: reports.codequality,
        PlanFormat.SARIF: reports.sarif,
        PlanFormat.JUNIT: reports.junit,
    }
    return drawn_by[form](report)

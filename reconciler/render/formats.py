"""A plan and the name of a format in, the text out."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `--help` needs only the words
    from reconciler.core.baseline import Baseline
    from reconciler.core.plan import Plan
    from reconciler.core.review import Review


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


class ListFormat(StrEnum):
    """What `--format` takes for an inventory."""

    TEXT = "text"
    JSON = "json"


# The module of reconciler.render and its function; each is imported when it is asked for, to start fast.
_DRAWN_BY: dict[PlanFormat, tuple[str, str]] = {
    PlanFormat.JSON: ("json", "plan"),
    PlanFormat.OPS: ("requests", "ops"),
    PlanFormat.CURL: ("requests", "curl"),
    PlanFormat.MARKDOWN: ("markdown", "plan"),
    PlanFormat.HTML: ("html", "plan"),
    PlanFormat.GITHUB: ("reports", "github"),
    PlanFormat.GITLAB_TERRAFORM: ("reports", "terraform"),
    PlanFormat.GITLAB_CODEQUALITY: ("reports", "codequality"),
    PlanFormat.SARIF: ("reports", "sarif"),
    PlanFormat.JUNIT: ("reports", "junit"),
}

OFFLINE = (PlanFormat.TEXT, PlanFormat.JSON, PlanFormat.MARKDOWN, PlanFormat.GITHUB)
"""The formats that what differs from a commit can be shown in, without a server."""

_REVIEWED = frozenset({PlanFormat.JSON, PlanFormat.MARKDOWN})


def render(plan: Plan, form: PlanFormat, review: Review | None = None, *, colour: bool) -> str:
    """The plan in a format; only text has colours, and only text, Markdown and JSON have the review."""
    if form is PlanFormat.TEXT:
        from reconciler.render import text

        return text.plan(plan, review, colour=colour)
    module, function = _DRAWN_BY[form]
    draw: Callable[..., str] = getattr(import_module(f"reconciler.render.{module}"), function)
    return draw(plan, review=review) if form in _REVIEWED else draw(plan)


def render_revised(revised: Baseline, form: PlanFormat, *, colour: bool) -> str:
    """What differs from a commit, in one of the formats of OFFLINE; only text has colours."""
    if form is PlanFormat.TEXT:
        from reconciler.render import text

        return text.revised(revised, colour=colour)
    module, _ = _DRAWN_BY[form]
    draw: Callable[[Baseline], str] = import_module(f"reconciler.render.{module}").revised
    return draw(revised)

"""A plan and the name of a format in, the text out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from reconciler.commands.names import PlanFormat
from reconciler.core.plan import Plan
from reconciler.render import text

# The module of reconciler.render and its function; each is imported when it is asked for, to start fast.
_DRAWN_BY: dict[PlanFormat, tuple[str, str]] = {
    PlanFormat.JSON: ("json", "plan"),
    PlanFormat.OPS: ("ops", "plan"),
    PlanFormat.CURL: ("curl", "plan"),
    PlanFormat.MARKDOWN: ("markdown", "plan"),
    PlanFormat.HTML: ("html", "plan"),
    PlanFormat.GITHUB: ("github", "plan"),
    PlanFormat.GITLAB_TERRAFORM: ("gitlab", "terraform"),
    PlanFormat.GITLAB_CODEQUALITY: ("gitlab", "codequality"),
    PlanFormat.SARIF: ("sarif", "plan"),
    PlanFormat.JUNIT: ("junit", "plan"),
}


def render(plan: Plan, form: PlanFormat, *, colour: bool) -> str:
    """The plan in a format; only text has colours."""
    if form is PlanFormat.TEXT:
        return text.plan(plan, colour=colour)
    module, function = _DRAWN_BY[form]
    draw: Callable[[Plan], str] = getattr(import_module(f"reconciler.render.{module}"), function)
    return draw(plan)

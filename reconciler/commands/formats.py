"""A plan and the name of a format in, the text out."""

from __future__ import annotations

from reconciler.commands.names import PlanFormat
from reconciler.core.plan import Plan
from reconciler.render import curl, json, ops, text


def render(plan: Plan, form: PlanFormat, *, colour: bool) -> str:
    """The plan in a format; only text has colours."""
    if form is PlanFormat.TEXT:
        return text.plan(plan, colour=colour)
    return {PlanFormat.JSON: json.plan, PlanFormat.OPS: ops.plan, PlanFormat.CURL: curl.plan}[form](plan)

"""A plan and the name of a format in, the text out."""

from __future__ import annotations

from reconciler.commands.names import PlanFormat
from reconciler.core.plan import Plan
from reconciler.render import curl, json, ops, text


def render(plan: Plan, form: PlanFormat, *, colour: bool) -> str:
    """The plan in a format; only text has colours."""
    match form:
        case PlanFormat.TEXT:
            return text.plan(plan, colour=colour)
        case PlanFormat.JSON:
            return json.plan(plan)
        case PlanFormat.OPS:
            return ops.plan(plan)
        case PlanFormat.CURL:
            return curl.plan(plan)

"""A plan in, its requests out as JSON Lines: {method, path, body, if}, in the order in which apply sends them."""

from __future__ import annotations

from reconciler.core.plan import Plan
from reconciler.documents.plan import before_document, operation_document
from reconciler.render.escape import json_text


def plan(plan: Plan) -> str:
    """A line for each request; `if` has the values that must still hold when it is sent."""
    lines = [json_text({**operation_document(change), "if": before_document(change.token)}) for change in plan.changes]
    return "".join(line + "\n" for line in lines)

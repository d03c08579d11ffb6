"""What `--reviewed` names and the plan now in, a review out: it never fails, and nothing but words depends on it."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.commands.context import Context
from reconciler.core import review
from reconciler.core.plan import Plan
from reconciler.documents.plan import load_plan
from reconciler.errors import Problem, TokenctlError
from reconciler.render import pieces

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


def reviewed(name: str, plan: Plan, context: Context) -> review.Review | None:
    """The plan held against a saved one, or against a digest; None when none is named.

    One that cannot be read, or that is not as it was written, is a warning: whoever made it could otherwise keep
    others from applying.
    """
    if not name:
        return None
    if _DIGEST.fullmatch(name):
        return review.compare_digest(plan, name.lower())
    try:
        return review.compare(plan, load_plan(Path(name)))
    except TokenctlError as error:
        first = error.problems[0]
        context.say(pieces.problem(Problem(f"what was reviewed is not known: {first.message}"), "Warning"))
        return review.unknown(first.message)

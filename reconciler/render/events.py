"""What happens in a run in, a line of JSON out: in ASCII, as schemas/events.v1.json describes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.documents.plan import plan_document
from reconciler.errors import ExitCode
from reconciler.render.escape import json_text

_FORMAT_VERSION = 1


def plan(plan: Plan) -> str:
    """What the run is about, as a saved plan holds it."""
    return _line("plan", plan=plan_document(plan))


def op_started(change: Change) -> str:
    """A change is about to be sent."""
    return _line(
        "op_started",
        id=change.token.id,
        action=change.action.value,
        name=change.name,
        description=change.token.description,
        org=change.token.org,
        fields=list(change.body),
    )


def op_finished(result: Result) -> str:
    """What is known of a change."""
    return _line("op_finished", id=result.change.token.id, fate=result.fate.value, detail=result.reason)


def summary(code: ExitCode, fates: Iterable[Fate], plan: Plan | None, outcome: Outcome | None) -> str:
    """How the run ended, with the fates of its changes; without a plan, or an outcome, it did not come that far."""
    found = Counter(fates)
    return _line(
        "summary",
        reason=code.reason,
        exit_code=int(code),
        counts={fate.replace(" ", "_"): found[fate] for fate in Fate},
        stopped=outcome.stopped if outcome else "",
        digest=plan.digest if plan else "",
        journal=outcome.journal if outcome else "",
    )


def _line(event: str, **said: object) -> str:
    return json_text({"format_version": _FORMAT_VERSION, "event": event, **said}) + "\n"

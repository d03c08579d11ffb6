"""A plan in, the reports that GitLab shows in a merge request out: counts, and what to look at beside the lines.

https://docs.gitlab.com/user/infrastructure/iac/mr_integration/ and
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from reconciler.core.plan import Action, Plan
from reconciler.errors import Place
from reconciler.render.escape import json_text, terminal
from reconciler.render.findings import Finding, Level, findings, stand_in

_SEVERITY = {Level.ERROR: "blocker", Level.WARNING: "major", Level.NOTICE: "info"}


def terraform(plan: Plan) -> str:
    """The counts of the widget: a deactivation takes something away, all else changes it; nothing is ever created."""
    gone = plan.count(Action.DEACTIVATE)
    return json_text({"create": 0, "update": len(plan.changes) - gone, "delete": gone}) + "\n"


def codequality(plan: Plan) -> str:
    """A list of the findings; GitLab knows one again by its fingerprint, which stays the same when lines move."""
    start = stand_in(plan)
    return json_text([_entry(each, each.place or start) for each in findings(plan)], indent=2) + "\n"


def _entry(finding: Finding, place: Place) -> dict[str, object]:
    return {
        "description": terminal(f"{finding.title}: {finding.message}"),
        "check_name": f"tokenctl/{finding.rule}",
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITY[finding.level],
        "location": {"path": place.file, "lines": {"begin": place.line}},
    }

"""A plan in, SARIF 2.1.0 out: the code scanning of GitHub and Azure DevOps, and most editors, read it."""

from __future__ import annotations

import re
from urllib.parse import quote

from reconciler import __version__
from reconciler.core.guard import Guard
from reconciler.core.plan import Action, Plan
from reconciler.core.revise import Kind
from reconciler.errors import Place
from reconciler.render.escape import json_text, terminal
from reconciler.render.findings import WARNING, Finding, Level, findings, revised_rule, stand_in

_LEVEL = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTICE: "note"}
_RULES = {  # what each says, what to do about it, and how grave it is
    **{
        guard.value: (f"The guard {guard} refuses the plan", f"Waive it by its name: --allow {guard}", Level.ERROR)
        for guard in Guard
    },
    WARNING: ("The plan may not be what was meant", "Read the message", Level.WARNING),
    **{
        action.value: (f"The plan would {action} a token", "Review it before it is applied", Level.NOTICE)
        for action in Action
    },
}
_REVISED = {  # the same of what no change shows, where files were compared with a base
    revised_rule(kind): (f"The files have a {kind} entry", "Review what that means", Level.NOTICE) for kind in Kind
}
_LINK = re.compile(r"\](?=\()")


def plan(plan: Plan) -> str:
    """One run, with a result for each finding and every rule that there can be for such a plan."""
    start = stand_in(plan)
    rules = [
        {
            "id": rule,
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": todo},
            "defaultConfiguration": {"level": _LEVEL[level]},
        }
        for rule, (text, todo, level) in (_RULES | (_REVISED if plan.base else {})).items()
    ]
    driver = {"name": "tokenctl", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, each.place or start) for each in findings(plan)],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json_text(document, indent=2) + "\n"


def _result(finding: Finding, place: Place) -> dict[str, object]:
    hint = f"\nhint: {_message(finding.hint)}" if finding.hint else ""
    return {
        "ruleId": finding.rule,
        "level": _LEVEL[finding.level],
        "message": {"text": _message(f"{finding.title}: {finding.message}") + hint},
        "partialFingerprints": {"tokenctl/v1": finding.fingerprint},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.file, errors="backslashreplace")},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ],
    }


def _message(text: str) -> str:
    """The text as a plain text message (sections 3.11.5 and 3.11.6): no link, and braces that stand for themselves."""
    return _LINK.sub(r"]\\", terminal(text)).replace("{", "{{").replace("}", "}}")

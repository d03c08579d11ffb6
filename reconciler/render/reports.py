"""A plan in, what other programs show of it out: GitHub's commands, GitLab's reports, JUnit XML and SARIF.

GitHub: its runner's own reader (ActionCommand.cs in actions/runner) is followed: in a message `%` and line breaks are
escaped, in a property `:` and `,` as well. GitLab: https://docs.gitlab.com/user/infrastructure/iac/mr_integration/ and
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from reconciler import __version__
from reconciler.core.baseline import Baseline
from reconciler.core.plan import Action, Guard, Kind, Plan
from reconciler.errors import Place
from reconciler.render.escape import json_text, terminal
from reconciler.render.findings import WARNING, Finding, Level, findings, of_revisions, revised_rule, stand_in

_GITHUB_MOST = 10  # the runner keeps no more of a kind for each step
_GITHUB_LONGEST = 4096  # the runner cuts a message there, in the units of UTF-16
_GITHUB_LONGEST_TITLE = 255  # the Checks API takes no more
_GITHUB_DATA = {"%": "%25", "\n": "%0A"}  # `terminal` leaves no carriage return; the line break before the hint is ours
_GITHUB_PROPERTY = _GITHUB_DATA | {":": "%3A", ",": "%2C"}


def github(plan: Plan) -> str:
    """A command for each finding, the gravest first; of more than ten of a kind the tenth counts the rest."""
    return _github_commands(findings(plan))


def revised(revised: Baseline) -> str:
    """The same for what a change of the files means; what was removed has no line any more, and is shown without."""
    return _github_commands(of_revisions(revised))


def _github_commands(found: Sequence[Finding]) -> str:
    lines = [line for level in Level for line in _github_kind(level, [each for each in found if each.level is level])]
    return "".join(f"{line}\n" for line in lines)


def _github_kind(level: Level, found: Sequence[Finding]) -> list[str]:
    if len(found) <= _GITHUB_MOST:
        return [_github_command(each) for each in found]
    shown = _GITHUB_MOST - 1
    return [
        *map(_github_command, found[:shown]),
        f"::{level} title=tokenctl::and {len(found) - shown:,} more like these",
    ]


def _github_command(finding: Finding) -> str:
    properties = {"title": _cut(terminal(finding.title), _GITHUB_LONGEST_TITLE)}
    if place := finding.place:
        properties |= {"file": terminal(place.file), "line": str(place.line), "col": str(place.column)}
    listed = ",".join(f"{name}={_github_escaped(value, _GITHUB_PROPERTY)}" for name, value in properties.items())
    hint = f"\nhint: {terminal(finding.hint)}" if finding.hint else ""
    message = _cut(terminal(finding.message), _GITHUB_LONGEST - _units(hint)) + hint
    return f"::{finding.level} {listed}::{_github_escaped(message, _GITHUB_DATA)}"


def _github_escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> str:
    """The text in at most so many units of UTF-16."""
    if _units(text) <= most:
        return text
    return text.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


_GITLAB_SEVERITY = {Level.ERROR: "blocker", Level.WARNING: "major", Level.NOTICE: "info"}


def terraform(plan: Plan) -> str:
    """The counts of the widget: a deactivation takes something away, all else changes it; nothing is ever created."""
    gone = plan.count(Action.DEACTIVATE)
    return json_text({"create": 0, "update": len(plan.changes) - gone, "delete": gone}) + "\n"


def codequality(plan: Plan) -> str:
    """A list of the findings; GitLab knows one again by its fingerprint, which stays the same when lines move."""
    start = stand_in(plan)
    return json_text([_gitlab_entry(each, each.place or start) for each in findings(plan)], indent=2) + "\n"


def _gitlab_entry(finding: Finding, place: Place) -> dict[str, object]:
    return {
        "description": terminal(f"{finding.title}: {finding.message}"),
        "check_name": f"tokenctl/{finding.rule}",
        "fingerprint": finding.fingerprint,
        "severity": _GITLAB_SEVERITY[finding.level],
        "location": {"path": place.file, "lines": {"begin": place.line}},
    }


def junit(plan: Plan) -> str:
    """One suite, as Jenkins' junit-10.xsd and GitLab read it; warnings stand in its output."""
    found = findings(plan)
    cases = [_junit_guard(guard, [each for each in found if each.rule == guard]) for guard in Guard]
    cases += [_junit_change(each) for each in found if each.level is Level.NOTICE]
    warned = [f"warning: {_junit_said(each)}\n" for each in found if each.level is Level.WARNING]
    failures = len({each.rule for each in found if each.level is Level.ERROR})
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0"'
    return "\n".join(
        (
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<testsuites name="tokenctl" {counts}>',
            f'<testsuite name="tokenctl plan" {counts} skipped="0">',
            *cases,
            *([f"<system-out>{''.join(warned)}</system-out>"] if warned else []),
            "</testsuite>",
            "</testsuites>\n",
        )
    )


def _junit_guard(guard: Guard, refused: Sequence[Finding]) -> str:
    head = f'  <testcase classname="tokenctl.guard" name="{guard}"'
    if not refused:
        return f"{head}/>"
    said = "\n".join(f"refused: {_junit_said(each)}" for each in refused)
    return f'{head}><failure type="{guard}" message="{_xml(refused[0].message)}">{said}</failure></testcase>'


def _junit_change(finding: Finding) -> str:
    name = _xml(f"{finding.title}: {finding.message}")
    return f'  <testcase classname="tokenctl.change" name="{name}"/>'


def _junit_said(finding: Finding) -> str:
    where = f"{_xml(str(finding.place))}: " if finding.place else ""
    hint = f"\n  hint: {_xml(finding.hint)}" if finding.hint else ""
    return f"{where}{_xml(finding.message)}{hint}"


def _xml(text: str) -> str:
    return escape(terminal(text))


_SARIF_LEVEL = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTICE: "note"}
_SARIF_RULES = {  # what each says, what to do about it, and how grave it is
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
_SARIF_REVISED = {  # the same of what no change shows, where files were compared with a base
    revised_rule(kind): (f"The files have a {kind} entry", "Review what that means", Level.NOTICE) for kind in Kind
}
_LINK = re.compile(r"\](?=\()")


def sarif(plan: Plan) -> str:
    """One run, with a result for each finding and every rule that there can be for such a plan."""
    start = stand_in(plan)
    rules = [
        {
            "id": rule,
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": todo},
            "defaultConfiguration": {"level": _SARIF_LEVEL[level]},
        }
        for rule, (text, todo, level) in (_SARIF_RULES | (_SARIF_REVISED if plan.base else {})).items()
    ]
    driver = {"name": "tokenctl", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(each, each.place or start) for each in findings(plan)],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json_text(document, indent=2) + "\n"


def _sarif_result(finding: Finding, place: Place) -> dict[str, object]:
    hint = f"\nhint: {_sarif_message(finding.hint)}" if finding.hint else ""
    return {
        "ruleId": finding.rule,
        "level": _SARIF_LEVEL[finding.level],
        "message": {"text": _sarif_message(f"{finding.title}: {finding.message}") + hint},
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


def _sarif_message(text: str) -> str:
    """The text as a plain text message (sections 3.11.5 and 3.11.6): no link, and braces that stand for themselves."""
    return _LINK.sub(r"]\\", terminal(text)).replace("{", "{{").replace("}", "}}")

"""A plan in, JUnit XML out: a test case for each guard, which fails when it refuses, and one for each change."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reconciler.core.guard import Guard
from reconciler.core.plan import Plan
from reconciler.render.escape import terminal
from reconciler.render.findings import Finding, Level, findings


def plan(plan: Plan) -> str:
    """One suite, as Jenkins' junit-10.xsd and GitLab read it; warnings stand in its output."""
    found = findings(plan)
    cases = [_guard(guard, [each for each in found if each.rule == guard]) for guard in Guard]
    cases += [_change(each) for each in found if each.level is Level.NOTICE]
    warned = [f"warning: {_said(each)}\n" for each in found if each.level is Level.WARNING]
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


def _guard(guard: Guard, refused: Sequence[Finding]) -> str:
    head = f'  <testcase classname="tokenctl.guard" name="{guard}"'
    if not refused:
        return f"{head}/>"
    said = "\n".join(f"refused: {_said(each)}" for each in refused)
    return f'{head}><failure type="{guard}" message="{_shown(refused[0].message)}">{said}</failure></testcase>'


def _change(finding: Finding) -> str:
    name = _shown(f"{finding.title}: {finding.message}")
    return f'  <testcase classname="tokenctl.change" name="{name}"/>'


def _said(finding: Finding) -> str:
    where = f"{_shown(str(finding.place))}: " if finding.place else ""
    hint = f"\n  hint: {_shown(finding.hint)}" if finding.hint else ""
    return f"{where}{_shown(finding.message)}{hint}"


def _shown(text: str) -> str:
    return escape(terminal(text))

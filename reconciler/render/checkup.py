"""The checks of a doctor in, text for people or JSON out."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.checkup import Check, State, exit_code
from reconciler.core.text import count
from reconciler.render.escape import json_text, terminal
from reconciler.render.pieces import paint

_COLOURS = {State.OK: 32, State.NOTE: 33, State.FAIL: 31}


def text(checks: Sequence[Check], *, colour: bool) -> str:
    """A line for each check, with the way out below it, and the number of failures at the end."""
    lines = []
    for check in checks:
        state = paint(f"{check.state:<4}", _COLOURS[check.state], enabled=colour)
        lines.append(f"{state}  {check.name:<9}  {terminal(check.message)}")
        lines += [f"{'':17}hint: {terminal(check.hint)}"] if check.hint else []
    failures = sum(check.state is State.FAIL for check in checks)
    return "\n".join([*lines, "", f"{count(failures, 'problem') if failures else 'No problems'}."]) + "\n"


def json(checks: Sequence[Check]) -> str:
    """The same as one JSON document."""
    shown = [
        {"name": each.name, "state": each.state.value, "message": each.message, "hint": each.hint} for each in checks
    ]
    return json_text({"format_version": 1, "reason": exit_code(checks).reason, "checks": shown}, indent=2) + "\n"

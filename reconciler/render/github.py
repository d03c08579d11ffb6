"""A plan in, workflow commands out: GitHub shows each beside the line of the file that it is about.

Follows the runner's own reader (ActionCommand.cs in actions/runner): in a message `%` and line breaks are escaped, in
a property `:` and `,` as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Plan
from reconciler.core.revise import Revised
from reconciler.render.escape import terminal
from reconciler.render.findings import Finding, Level, findings, of_revisions

_MOST = 10  # the runner keeps no more of a kind for each step
_LONGEST = 4096  # the runner cuts a message there, in the units of UTF-16
_LONGEST_TITLE = 255  # the Checks API takes no more
_DATA = {"%": "%25", "\n": "%0A"}  # `terminal` leaves no carriage return; the line break before the hint is ours
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def plan(plan: Plan) -> str:
    """A command for each finding, the gravest first; of more than ten of a kind the tenth counts the rest."""
    return _commands(findings(plan))


def revised(revised: Revised) -> str:
    """The same for what a change of the files means; what was removed has no line any more, and is shown without."""
    return _commands(of_revisions(revised))


def _commands(found: Sequence[Finding]) -> str:
    lines = [line for level in Level for line in _kind(level, [each for each in found if each.level is level])]
    return "".join(f"{line}\n" for line in lines)


def _kind(level: Level, found: Sequence[Finding]) -> list[str]:
    if len(found) <= _MOST:
        return [_command(each) for each in found]
    shown = _MOST - 1
    return [*map(_command, found[:shown]), f"::{level} title=tokenctl::and {len(found) - shown:,} more like these"]


def _command(finding: Finding) -> str:
    properties = {"title": _cut(terminal(finding.title), _LONGEST_TITLE)}
    if place := finding.place:
        properties |= {"file": terminal(place.file), "line": str(place.line), "col": str(place.column)}
    listed = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    hint = f"\nhint: {terminal(finding.hint)}" if finding.hint else ""
    message = _cut(terminal(finding.message), _LONGEST - _units(hint)) + hint
    return f"::{finding.level} {listed}::{_escaped(message, _DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> str:
    """The text in at most so many units of UTF-16."""
    if _units(text) <= most:
        return text
    return text.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"

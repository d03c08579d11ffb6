"""How many changes are pending in, at most one open issue that says so out: opened, updated, closed."""

from __future__ import annotations

from dataclasses import dataclass

from action.github import Api
from action.markers import is_ours, marker

LONGEST = 65_536
"""Characters that the text of an issue may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What was found: `name` is the environment's, `instead` the text for where `markdown` is too long."""

    name: str
    changes: int
    markdown: str
    instead: str


def keep_one(api: Api, drift: Drift, author: str) -> str:
    """Leave one open issue when there are changes, and none when there are not; say what was done.

    The oldest open one stays; others, of runs that overlapped, are closed. Raises ActionError when GitHub does not
    allow it.
    """
    line = marker("drift", drift.name)
    found = [each["number"] for each in api.every("/issues", state="open") if is_ours(each, line, author)]
    numbers = sorted(found)
    surplus = numbers[1:] if drift.changes else numbers
    for number in surplus:
        api.send("PATCH", f"/issues/{number}", {"state": "closed", "state_reason": "completed"})
    closed = f"closed {', '.join(f'#{number}' for number in surplus)}" if surplus else ""
    if not drift.changes:
        return closed or "no issue is open, and none is needed"
    return "; ".join(filter(None, [_write(api, drift, line, numbers), closed]))


def _write(api: Api, drift: Drift, line: str, numbers: list[int]) -> str:
    text = f"{line}\n{drift.markdown}"
    body = {
        "title": f"Tokens of {drift.name} are not as declared",
        "body": text if len(text) < LONGEST else f"{line}\n{drift.instead}",
    }
    if numbers:
        return f"updated {api.send('PATCH', f'/issues/{numbers[0]}', body)['html_url']}"
    return f"opened {api.send('POST', '/issues', body)['html_url']}"

"""What is kept once on GitHub, found again by a hidden line: the comment of a pull request, the issue about drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from action.github import Api, NotFoundError

BOT = "github-actions[bot]"
"""Who a job's own token writes as."""

LONGEST = 65_536
"""Characters that a comment or the text of an issue may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What was found: `name` is the environment's, `instead` the text for where `markdown` is too long."""

    name: str
    changes: int
    markdown: str
    instead: str


def marker(purpose: str, name: str) -> str:
    """Return the hidden line for a purpose and a name; it is a comment of HTML, which no name can end."""
    return f"<!-- tokenctl {purpose} {quote(name, safe='').replace('--', '-%2D')} -->"


def upsert(api: Api, number: int, name: str, markdown: str, *, author: str, instead: str) -> str:
    """Put the Markdown into the newest comment with this name and author, or a new one, and return its address.

    `instead` is taken where the Markdown is too long. Raises ActionError when GitHub does not allow it.
    """
    line = marker("plan", name)
    text = f"{line}\n{markdown}"
    body = {"body": text if len(text) < LONGEST else f"{line}\n{instead}"}
    ours = [each for each in api.every(f"/issues/{number}/comments") if _is_ours(each, line, author)]
    if ours:
        newest = max(ours, key=lambda each: each["id"])
        try:
            return str(api.send("PATCH", f"/issues/comments/{newest['id']}", body)["html_url"])
        except NotFoundError:
            pass  # somebody deleted it since it was listed
    return str(api.send("POST", f"/issues/{number}/comments", body)["html_url"])


def keep_one(api: Api, drift: Drift, author: str) -> str:
    """Leave one open issue when there are changes, and none when there are not; say what was done.

    The oldest open one stays; others, of runs that overlapped, are closed. Raises ActionError when GitHub does not
    allow it.
    """
    line = marker("drift", drift.name)
    found = [each["number"] for each in api.every("/issues", state="open") if _is_ours(each, line, author)]
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


def _is_ours(item: Mapping[str, Any], line: str, author: str) -> bool:
    """Whether a comment or an issue begins with the line and is the author's: anybody may copy a hidden line."""
    user = item.get("user") or {}  # null for an account that is gone
    return user.get("login") == author and (item.get("body") or "").startswith(line)

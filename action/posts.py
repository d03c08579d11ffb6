"""What is kept once on GitHub, found again by a hidden line: the comments of a pull request, the issue about drift."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from action.github import Api, NotFoundError

BOT = "github-actions[bot]"
"""Who a job's own token writes as."""

LONGEST = 65_536
"""Characters that a comment or the text of an issue may have."""


_DIGEST = re.compile(r"<!-- tokenctl digest ([0-9a-f]*) -->\Z")  # at the very end, where nobody else's text can be
_SUPERSEDED = "> [!NOTE]\n> This plan was approved, and is not the newest one: that is [further down]({url})."
_CHANGED = "> [!WARNING]\n> The plan changed after it was approved: what was approved is [further up]({url})."


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A comment: what it is for, such as `plan`, and the environment's name; `instead` where `markdown` is too long."""

    purpose: str
    name: str
    markdown: str
    instead: str

    def body(self, above: str = "", below: str = "") -> dict[str, str]:
        """The text, with something above and below it that is there in any case."""
        line = marker(self.purpose, self.name)
        first, last = (f"{line}\n{above}\n\n" if above else f"{line}\n"), (f"\n{below}" if below else "")
        text = f"{first}{self.markdown}{last}"
        return {"body": text if len(text) < LONGEST else f"{first}{self.instead}{last}"}


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


def upsert(api: Api, number: int, post: Post, author: str) -> str:
    """Put the post into the newest comment with its purpose, name and author, or a new one, and return its address.

    Raises ActionError when GitHub does not allow it.
    """
    return _put(api, number, _newest(api, number, post, author), post.body())


def show_plan(api: Api, number: int, post: Post, digest: str, author: str) -> str:
    """Put a plan into the one comment, or a new one when somebody approved another plan meanwhile; return its address.

    An edited comment notifies nobody, and who approved is to know. `digest` is "" where there is no plan. Raises
    ActionError when GitHub does not allow it.
    """
    below = f"<!-- tokenctl digest {digest} -->"
    newest = _newest(api, number, post, author)
    before = _DIGEST.search(newest["body"]) if newest else None
    if not newest or not before or before[1] == digest or not _was_approved(api, number, since=newest["created_at"]):
        return _put(api, number, newest, post.body(below=below))
    made = _put(api, number, None, post.body(_CHANGED.format(url=newest["html_url"]), below))
    old = replace(post, markdown=newest["body"].partition("\n")[2], instead="")
    with suppress(NotFoundError):
        api.send("PATCH", f"/issues/comments/{newest['id']}", old.body(_SUPERSEDED.format(url=made)))
    return made


def _newest(api: Api, number: int, post: Post, author: str) -> dict[str, Any] | None:
    line = marker(post.purpose, post.name)
    ours = [each for each in api.every(f"/issues/{number}/comments") if _is_ours(each, line, author)]
    return max(ours, key=lambda each: int(each["id"]), default=None)


def _put(api: Api, number: int, comment: Mapping[str, Any] | None, body: Mapping[str, Any]) -> str:
    if comment:
        try:
            return str(api.send("PATCH", f"/issues/comments/{comment['id']}", body)["html_url"])
        except NotFoundError:
            pass  # somebody deleted it since it was listed
    return str(api.send("POST", f"/issues/{number}/comments", body)["html_url"])


def _was_approved(api: Api, number: int, since: str) -> bool:
    """Whether somebody approved the pull request since then. A push may have dismissed that: it counts all the same."""
    reviews = api.every(f"/pulls/{number}/reviews")
    return any(each["state"] in ("APPROVED", "DISMISSED") and each["submitted_at"] >= since for each in reviews)


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

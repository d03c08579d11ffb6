"""Markdown in, one comment of a pull request that is updated in place out."""

from __future__ import annotations

from action.github import Api, NotFoundError
from action.markers import is_ours, marker

LONGEST = 65_536
"""Characters that a comment may have."""


def upsert(api: Api, number: int, name: str, markdown: str, *, author: str, instead: str) -> str:
    """Put the Markdown into the newest comment with this name and author, or a new one, and give its address.

    `instead` is taken where the Markdown is too long. Raises ActionError when GitHub does not allow it.
    """
    line = marker("plan", name)
    text = f"{line}\n{markdown}"
    body = {"body": text if len(text) < LONGEST else f"{line}\n{instead}"}
    ours = [each for each in api.every(f"/issues/{number}/comments") if is_ours(each, line, author)]
    if ours:
        newest = max(ours, key=lambda each: each["id"])
        try:
            return str(api.send("PATCH", f"/issues/comments/{newest['id']}", body)["html_url"])
        except NotFoundError:
            pass  # somebody deleted it since it was listed
    return str(api.send("POST", f"/issues/{number}/comments", body)["html_url"])

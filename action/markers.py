"""A purpose and a name in, the hidden line by which this action finds its own comment or issue again out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

BOT = "github-actions[bot]"
"""Who a job's own token writes as."""


def marker(purpose: str, name: str) -> str:
    """The line; it is a comment of HTML, which no name can end."""
    return f"<!-- tokenctl {purpose} {quote(name, safe='').replace('--', '-%2D')} -->"


def is_ours(item: Mapping[str, Any], line: str, author: str) -> bool:
    """Whether a comment or an issue begins with the line and is the author's: anybody may copy a hidden line."""
    user = item.get("user") or {}  # null for an account that is gone
    return user.get("login") == author and (item.get("body") or "").startswith(line)

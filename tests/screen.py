"""Draws what was sent to a terminal as its user sees it in the end."""

from __future__ import annotations

import re

BACK = "\r\x1b[2K"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def frames(sent: str) -> list[str]:
    """Each line that was drawn over another one, without colours."""
    return [_COLOUR.sub("", each).partition("\n")[0] for each in sent.split(BACK)[1:]]


def seen(sent: str) -> str:
    """The lines that are left."""
    return "\n".join(_COLOUR.sub("", each.rpartition(BACK)[2]) for each in sent.replace("\r\n", "\n").split("\n"))

"""Where a change comes from, in a word; apart from what finds it out. A mark decides nothing."""

from __future__ import annotations

from enum import StrEnum


class Mark(StrEnum):
    """Why a field of a token differs from what is declared, the one that a reviewer looks for first."""

    THIS_CHANGE = "this-change"  # the files declare it, and the base does not
    DRIFT = "drift"  # the base declared it already when somebody last changed the token on the server
    PENDING = "pending"  # the base declares it since then, and it was not applied yet

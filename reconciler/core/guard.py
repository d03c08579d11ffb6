"""What may refuse a plan, by name. Apart from the plan, so that the command line can offer the names at no cost."""

from __future__ import annotations

from enum import StrEnum


class Guard(StrEnum):
    """The guards by the names that `--allow` takes."""

    SELF = "self"
    REACTIVATION = "reactivation"
    MAX_DEACTIVATIONS = "max_deactivations"
    MIN_MANAGERS = "min_managers"
    PROTECTED = "protected"
    UNMANAGED = "unmanaged"
    MOVED = "moved"
    BASE = "base"

"""A duration as it is typed in, seconds out."""

from __future__ import annotations

import re

from reconciler.errors import Problem, UsageError

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(option: str, text: str) -> float:
    """The seconds that the value of an option means, such as `90`, `90s`, `1.5m` or `2h`; raises UsageError."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise UsageError(Problem(f"{option} takes a duration, and `{text}` is none", "write it like 90s, 10m or 1h"))
    return float(found[1]) * _SECONDS[found[2] or "s"]

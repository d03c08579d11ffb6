"""The options that say how fast and how carefully to send, in; a Pacing out."""

from __future__ import annotations

import re

from reconciler.apply.pace import Pacing
from reconciler.errors import Problem, UsageError

_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/s")


def pacing(*, parallelism: int | None, rate: str, canary: int | None, max_failures: int | None) -> Pacing:
    """What these options mean, None for those not given; `rate` is like `10/s`, "" for none. Raises UsageError."""
    return Pacing(
        parallelism=parallelism or Pacing().parallelism,
        per_s=_per_s(rate),
        canary=canary or 0,
        max_failures=max_failures or 0,
    )


def _per_s(rate: str) -> float:
    found = _RATE.fullmatch(rate)
    per_s = float(found[1]) if found else 0.0
    if rate and not per_s:
        raise UsageError(
            Problem(f"--rate takes so many changes a second, and `{rate}` is none", "write it like 10/s or 0.5/s")
        )
    return per_s

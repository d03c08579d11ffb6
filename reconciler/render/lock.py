"""A lock that stands on a server in, text for people out."""

from __future__ import annotations

from datetime import datetime

from reconciler.core.lock import Hold
from reconciler.render.escape import line, terminal


def text(hold: Hold, org: str, now: datetime) -> str:
    """Whose it is, since when, and whether it has expired; every value is what somebody wrote into the lock."""
    claim = hold.claim
    state = " (expired: it is stale)" if claim.expired(now) else ""
    rows = {
        "holder": claim.holder or "not said: it was made by hand, or by another program",
        "run": claim.run,
        "since": claim.since,
        "expires": f"{claim.expires}{state}" if claim.expires else "",
        "label": hold.id,
    }
    shown = [f"  {key:<8} {terminal(value)}" for key, value in rows.items() if value]
    return "\n".join([line(f"Organisation `{org}` is locked."), *shown]) + "\n"

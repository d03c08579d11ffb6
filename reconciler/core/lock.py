"""A lock on a server: who holds it, since when and until when, and the error for a run that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, NewType

from reconciler.core.live import OrgId
from reconciler.core.text import moment
from reconciler.errors import LockedError

LabelId = NewType("LabelId", str)  # 16 lower-case hex digits

NAME = "tokenctl.lock"
"""The name of the label that is the lock of its organisation."""

RIGHTS = "a lock needs read and write on `labels` in the organisation; without `--lock` and `lock: true` none is taken"
"""What it takes to have a lock, as a hint."""

_LASTS = timedelta(hours=1)  # after which the run that took a lock is most likely gone
_LENGTH = 500  # what is kept of a property


class LockProperties(NamedTuple):
    """What a lock says of itself, "" for nothing; anybody with rights on labels may have written these texts.

    `nonce` tells one lock from all others, `run` is the address of a pipeline's run, the times are ISO 8601.
    """

    nonce: str = ""
    holder: str = ""
    run: str = ""
    since: str = ""
    expires: str = ""

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> LockProperties:
        """Return the lock's properties from those of its label, each cut short."""
        return cls(**{each: properties.get(each, "")[:_LENGTH] for each in cls._fields})

    @property
    def as_mapping(self) -> dict[str, str]:
        """These properties as a label has them, without empty ones."""
        return {key: value for key, value in self._asdict().items() if value}

    def expired(self, now: datetime) -> bool:
        """Return whether the holder is most likely gone; a lock without a readable time never expires."""
        until = moment(self.expires)
        return until is not None and until <= now

    def told(self, now: datetime) -> str:
        """Return who holds the lock and since when, in words."""
        whose = f"`{self.holder}`" if self.holder else "somebody who does not say who"
        since = f" since {self.since}{_ago(self.since, now)}" if self.since else ""
        return f"{whose}{since}"


class LockLabel(NamedTuple):
    """A lock as it stands on the server."""

    id: LabelId
    org_id: OrgId
    properties: LockProperties


def properties_of(*, nonce: str, holder: str, run: str, now: datetime) -> LockProperties:
    """Return the properties of the lock of a run that begins now."""
    until = now + _LASTS
    return LockProperties(nonce=nonce, holder=holder, run=run, since=_text(now), expires=_text(until))


def refusal(org: str, label: LockLabel | None, now: datetime) -> LockedError:
    """Return the error for an organisation that another run has locked; `label` is None if the lock cannot be read."""
    if label is None:
        return LockedError(
            f"nothing was sent: organisation `{org}` is locked, and these credentials may not see by whom", RIGHTS
        )
    theirs = label.properties
    run = f" ({theirs.run})" if theirs.run else ""
    if theirs.expired(now):
        return LockedError(
            f"nothing was sent: the lock of organisation `{org}` is stale: {theirs.told(now)}, "
            f"and it expired at {theirs.expires}",
            f"make sure that this run is over{run}, then remove its lock with `tokenctl unlock`",
        )
    return LockedError(
        f"nothing was sent: organisation `{org}` is locked by {theirs.told(now)}",
        f"wait for that run{run}, or let `--lock-timeout` do so; if it is dead, `tokenctl unlock` removes its lock",
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _ago(text: str, now: datetime) -> str:
    then = moment(text)
    if then is None or then > now:
        return ""
    minutes = int((now - then).total_seconds()) // 60
    number, unit = (
        (minutes, "min") if minutes < 120 else (minutes // 60, "h") if minutes < 2880 else (minutes // 1440, "days")
    )
    return f", {number} {unit} ago"

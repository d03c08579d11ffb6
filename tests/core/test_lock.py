"""What a lock says of itself, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.core import lock
from reconciler.core.lock import LabelId, LockLabel, LockProperties
from reconciler.errors import LockedError
from tests.builders import ACME

NOW = datetime(2026, 7, 13, 10, 0, tzinfo=UTC)
OURS = lock.properties_of(nonce="n", holder="ci on runner-7", run="https://ci.example/1", now=NOW)


def told(properties: LockProperties | None, now: datetime = NOW) -> str:
    """The refusal for somebody's lock, as text."""
    hold = LockLabel(LabelId("0" * 15 + "1"), ACME, properties) if properties else None
    error = lock.refusal("acme", hold, now)
    assert isinstance(error, LockedError)
    return str(error)


def test_a_claim_lasts_an_hour_and_is_read_back_as_it_was_written() -> None:
    assert OURS.as_mapping == {
        "nonce": "n", "holder": "ci on runner-7", "run": "https://ci.example/1",
        "since": "2026-07-13T10:00:00Z", "expires": "2026-07-13T11:00:00Z",
    }  # fmt: skip
    assert LockProperties.of(OURS.as_mapping) == OURS
    assert LockProperties.of({"color": "#fff"}) == LockProperties() == LockProperties.of(LockProperties().as_mapping)


def test_what_somebody_wrote_into_a_lock_is_cut_short() -> None:
    assert LockProperties.of({"holder": "x" * 10_000}).holder == "x" * 500


@pytest.mark.parametrize(
    ("expires", "expired"),
    [
        ("2026-07-13T10:00:00Z", True),
        ("2026-07-13T10:00:01Z", False),
        ("2026-07-13T11:59:59+02:00", True),
        ("2026-07-13T12:00:01+02:00", False),
        ("2026-07-13T09:00:00", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_only_a_time_that_can_be_read_ever_passes(expires: str, expired: bool) -> None:
    assert LockProperties(expires=expires).expired(NOW) is expired
    assert LockProperties(expires=expires).expired(NOW.astimezone(timezone(timedelta(hours=5)))) is expired


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("2026-07-13T10:00:00Z", "`x` since 2026-07-13T10:00:00Z, 0 min ago"),
        ("2026-07-13T08:01:00Z", "`x` since 2026-07-13T08:01:00Z, 119 min ago"),
        ("2026-07-13T08:00:00Z", "`x` since 2026-07-13T08:00:00Z, 2 h ago"),
        ("2026-07-11T10:00:01Z", "`x` since 2026-07-11T10:00:01Z, 47 h ago"),
        ("2026-07-11T10:00:00Z", "`x` since 2026-07-11T10:00:00Z, 2 days ago"),
        ("2026-07-13T10:00:01Z", "`x` since 2026-07-13T10:00:01Z"),
        ("monday", "`x` since monday"),
        ("", "`x`"),
    ],
)
def test_a_time_is_told_with_how_long_ago_it_was(since: str, words: str) -> None:
    assert LockProperties(holder="x", since=since).told(NOW) == words


def test_another_runs_lock_is_told_with_what_to_do() -> None:
    assert told(OURS, NOW + timedelta(minutes=12)) == (
        "nothing was sent: organisation `acme` is locked by `ci on runner-7` since 2026-07-13T10:00:00Z, 12 min ago\n"
        "  hint: wait for that run (https://ci.example/1), or let `--lock-timeout` do so; "
        "if it is dead, `tokenctl unlock` removes its lock"
    )
    assert told(OURS, NOW + timedelta(hours=3)) == (
        "nothing was sent: the lock of organisation `acme` is stale: "
        "`ci on runner-7` since 2026-07-13T10:00:00Z, 3 h ago, and it expired at 2026-07-13T11:00:00Z\n"
        "  hint: make sure that this run is over (https://ci.example/1), then remove its lock with `tokenctl unlock`"
    )
    assert told(LockProperties()) == (
        "nothing was sent: organisation `acme` is locked by somebody who does not say who\n"
        "  hint: wait for that run, or let `--lock-timeout` do so; if it is dead, `tokenctl unlock` removes its lock"
    )
    assert told(None) == (
        "nothing was sent: organisation `acme` is locked, and these credentials may not see by whom\n"
        "  hint: a lock needs read and write on `labels` in the organisation; "
        "without `--lock` and `lock: true` none is taken"
    )

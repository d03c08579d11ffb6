"""What a run wrote down about itself, as a value: which run it was, and what is known of each of its operations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.core.live import Absence, Missing, Server
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Fate, judged
from reconciler.core.plan import Change
from reconciler.core.token import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a run comes from.

    `run` is its name, `started` in ISO 8601, `tool` the version of tokenctl, `files` as named on the command line.
    `commit` is the one that is checked out where the first file is, `run_url` where a CI system shows the run; both are
    "" where nothing says so.
    """

    run: str
    started: str
    tool: str
    files: tuple[str, ...] = ()
    commit: str = ""
    run_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One operation that a run began: the change, whose token is as it was before, and what is known of it.

    `fate` is None where the run wrote down no result. `left_at` is the `updatedAt` that the run left, "" where no
    answer said so.
    """

    change: Change
    fate: Fate | None = None
    reason: str = ""
    left_at: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether nobody has seen yet what became of it."""
        return self.fate in (None, Fate.UNVERIFIED)

    @property
    def may_have_changed(self) -> bool:
        """Whether it changed its token, or may have."""
        return self.fate not in (Fate.FAILED, Fate.NOT_ATTEMPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its journal tells it.

    `undoes` names the run that it undid, "" for none, `lock` that its plan asked for locks. `planned` and `managed`
    count its plan's changes and the live tokens that its manifest named; `limits` are that manifest's. `ended` says
    that it ended by itself, or that somebody was told since how it was interrupted.
    """

    name: str
    started: str
    server: Server
    undoes: str
    planned: int
    managed: int
    limits: Limits
    entries: tuple[Entry, ...]
    ended: bool
    lock: bool = False

    @property
    def effective(self) -> tuple[Entry, ...]:
        """The operations that changed something, or may have."""
        return tuple(entry for entry in self.entries if entry.may_have_changed)

    @property
    def in_doubt(self) -> tuple[Entry, ...]:
        """The operations of which nobody has seen yet what became of them."""
        return tuple(entry for entry in self.entries if entry.in_doubt)

    def having(self, fate: Fate) -> tuple[Entry, ...]:
        """The operations with this fate."""
        return tuple(entry for entry in self.entries if entry.fate is fate)


def settle(entry: Entry, seen: Token | Missing) -> Entry:
    """The operation with what a later read of its token says of it; `reason` says it in words.

    Its fate is None when the caller may not read the token: somebody else may.
    """
    if isinstance(seen, Missing):
        known = None if seen.kind in (Absence.HIDDEN, Absence.UNREADABLE) else Fate.UNVERIFIED
        return replace(entry, fate=known, reason=f"not known, it is {seen.kind} now")
    fate, changed = judged(entry.change, seen)
    words = {Fate.DONE: "applied", Fate.FAILED: "not applied"}.get(fate, f"changed since: {changed}")
    return replace(entry, fate=fate, reason=words, left_at=seen.updated_at if fate is Fate.DONE else entry.left_at)


def with_settled(run: Run, settled: Iterable[Entry]) -> Run:
    """The run with these operations in the place of those for the same tokens."""
    known = {entry.change.token.id: entry for entry in settled}
    return replace(run, entries=tuple(known.get(entry.change.token.id, entry) for entry in run.entries))

"""What became of a plan, in this run or in an earlier one: each change with its status, and the exit code of all."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from reconciler.core.contrast import apart
from reconciler.core.live import Absence, Missing, Server, Token
from reconciler.core.manifest import Limits
from reconciler.core.plan import Change, between
from reconciler.errors import ExitCode


class ResultStatus(StrEnum):
    """What is known of one change at the end of a run."""

    DONE = "done"  # the server's answer and a later read both show it
    FAILED = "failed"  # it is not on the server
    UNVERIFIED = "unverified"  # it was sent, and what the server has is not known or not what was sent
    NOT_ATTEMPTED = "not attempted"


class Result(NamedTuple):
    """What became of one change; `code` is what the run exits with if it changed nothing.

    `updated_at` is when the server made the change, as it writes that, "" where no answer said so.
    """

    change: Change
    status: ResultStatus
    reason: str = ""
    sent: bool = False
    updated_at: str = ""
    code: ExitCode = ExitCode.ERROR


class Outcome(NamedTuple):
    """The results in the order of the plan's changes, why the run stopped early ("" if not), and its journal's path."""

    results: tuple[Result, ...]
    stopped: str = ""
    journal: str = ""

    def having(self, status: ResultStatus) -> tuple[Result, ...]:
        """Return the results with this status."""
        return tuple(result for result in self.results if result.status is status)

    @property
    def exit_code(self) -> ExitCode:
        """OK when all is done, PARTIAL when anything was or may have been changed, else the gravest of the results."""
        if all(result.status is ResultStatus.DONE for result in self.results):
            return ExitCode.OK
        if any(result.status in (ResultStatus.DONE, ResultStatus.UNVERIFIED) for result in self.results):
            return ExitCode.PARTIAL
        return ExitCode.gravest(result.code for result in self.results)

    @property
    def changed_nothing(self) -> bool:
        """Whether the run changed nothing: whatever it sent was refused, and reads have shown that."""
        return self.exit_code not in (ExitCode.OK, ExitCode.PARTIAL)


def deviation(change: Change, token: Token) -> str:
    """Return how a token that was read after the change was sent differs from what it should be, "" if it does not.

    Sent fields must have the sent values; the other field must be as it was before: a PATCH is no compare-and-swap on
    this server, and two that overlap can lose one of the changes.
    """
    if (token.id, token.org_id) != (change.token.id, change.token.org_id):
        return f"the answer is about token {token.id} of organisation {token.org_id}"
    wanted, found = {**change.token.values, **change.body, "updatedAt": token.updated_at}, token.values
    if wanted == found:
        return ""
    moved = [(each.field, *apart(each.after or "", each.before or "")) for each in between(wanted, found)]
    return "; ".join(f"{field} is `{after}`, not `{before}`" for field, after, before in moved)


def judge_read(change: Change, token: Token) -> tuple[ResultStatus, str]:
    """Return the status of a change that was sent and its reason, as a later read of its token shows them.

    That is done, failed when the token is as it was before, else unverified: somebody else changed the token.
    """
    if not (deviates := deviation(change, token)):
        return ResultStatus.DONE, ""
    return (ResultStatus.FAILED, "") if token.values == change.token.values else (ResultStatus.UNVERIFIED, deviates)


class Provenance(NamedTuple):
    """Where a run comes from.

    `run` is its name, `started` in ISO 8601, `tool` the version of tokenctl, `files` as named on the command line.
    `commit` is the one that is checked out where the first file is, `run_url` where a CI system shows the run; both are
    "" where nothing says so. `who` names user, machine and process, as a lock does. `server_name` is that of the
    server in the run of a fleet, "" otherwise.
    """

    run: str
    started: str
    tool: str
    files: tuple[str, ...] = ()
    commit: str = ""
    run_url: str = ""
    who: str = ""
    server_name: str = ""


class Entry(NamedTuple):
    """One operation that a journal tells of; the token of its change is as it was before the run.

    `status` is None where the journal has no result. `left_at` is the `updatedAt` that the run left, "" where no
    answer said so.
    """

    change: Change
    status: ResultStatus | None = None
    reason: str = ""
    left_at: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether it is not known yet what became of it."""
        return self.status in (None, ResultStatus.UNVERIFIED)

    @property
    def may_have_changed(self) -> bool:
        """Whether it changed its token, or may have."""
        return self.status not in (ResultStatus.FAILED, ResultStatus.NOT_ATTEMPTED)


class Run(NamedTuple):
    """A run as its journal tells it.

    `undoes` names the run that it undid, "" for none; `lock` says that its plan asked for locks. `planned` and
    `managed` count its plan's changes and the live tokens that its manifest named; `limits` are that manifest's, and
    `files` what its plan was made of. `server_name` is that of the server in the run of a fleet, "" otherwise. `ended`
    says that it was not interrupted, or that a later run has reported how far it came.
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
    files: tuple[str, ...] = ()
    server_name: str = ""

    @property
    def effective(self) -> tuple[Entry, ...]:
        """The operations that changed something, or may have."""
        return tuple(entry for entry in self.entries if entry.may_have_changed)

    @property
    def in_doubt(self) -> tuple[Entry, ...]:
        """The operations of which it is not known yet what became of them."""
        return tuple(entry for entry in self.entries if entry.in_doubt)

    def having(self, status: ResultStatus) -> tuple[Entry, ...]:
        """Return the operations with this status."""
        return tuple(entry for entry in self.entries if entry.status is status)


def settle(entry: Entry, seen: Token | Missing) -> Entry:
    """Return the operation with the status and the reason that a later read of its token shows.

    The status is None when these credentials may not read the token: others may find out.
    """
    if isinstance(seen, Missing):
        known = None if seen.kind in (Absence.HIDDEN, Absence.UNREADABLE) else ResultStatus.UNVERIFIED
        return entry._replace(status=known, reason=f"not known, it is {seen.kind} now")
    status, changed = judge_read(entry.change, seen)
    words = {ResultStatus.DONE: "applied", ResultStatus.FAILED: "not applied"}.get(status, f"changed since: {changed}")
    left_at = seen.updated_at if status is ResultStatus.DONE else entry.left_at
    return entry._replace(status=status, reason=words, left_at=left_at)

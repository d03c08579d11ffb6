"""What became of a plan: each change with its fate, and the exit code that they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.plan import Change, before
from reconciler.core.token import Token
from reconciler.errors import ExitCode


class Fate(StrEnum):
    """What is known of one change at the end of a run."""

    DONE = "done"  # the server's answer and a later read both show it
    FAILED = "failed"  # it is not on the server
    UNVERIFIED = "unverified"  # it was sent, and what the server has is not known or not what was sent
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One change's fate, why, and whether its PATCH was sent; `code` is what the run exits with if it changed nothing.

    `updated_at` is the server's text for when it made the change, "" where no answer said so.
    """

    change: Change
    fate: Fate
    reason: str = ""
    sent: bool = False
    updated_at: str = ""
    code: ExitCode = ExitCode.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The results in the order of the plan's changes, why the run stopped early ("" if not), and its journal's path."""

    results: tuple[Result, ...]
    stopped: str = ""
    journal: str = ""

    def having(self, fate: Fate) -> tuple[Result, ...]:
        """The results with this fate."""
        return tuple(result for result in self.results if result.fate is fate)

    @property
    def exit_code(self) -> ExitCode:
        """OK when all is done; PARTIAL when anything may have been changed; else what kept it from being changed."""
        if all(result.fate is Fate.DONE for result in self.results):
            return ExitCode.OK
        if any(result.fate in (Fate.DONE, Fate.UNVERIFIED) for result in self.results):
            return ExitCode.PARTIAL
        return ExitCode.gravest(result.code for result in self.results)

    @property
    def changed_nothing(self) -> bool:
        """Whether the server is as it was: what was sent, if anything, was refused, and a read has shown it."""
        return self.exit_code not in (ExitCode.OK, ExitCode.PARTIAL)


def deviation(change: Change, token: Token) -> str:
    """How a token that was read after the change was sent differs from what it should be, "" if it does not.

    Sent fields must have the sent values; the other field must be as it was before: a PATCH is no compare-and-swap on
    this server, and two that overlap can lose one of the changes.
    """
    wanted = {"status": change.token.status.value, "description": change.token.description, **change.body}
    if (token.id, token.org_id) != (change.token.id, change.token.org_id):
        return f"the answer is about token {token.id} of organisation {token.org_id}"
    shown = {"status": token.status.value, "description": token.description}
    return "; ".join(
        f"{field} is `{shown[field]}`, not `{wanted[field]}`" for field in wanted if shown[field] != wanted[field]
    )


def judged(change: Change, token: Token) -> tuple[Fate, str]:
    """What a read of the token says of a change that was sent, whoever asks and whenever.

    Done, failed when the token is as it was before, else unverified, with how it deviates: somebody else changed it.
    """
    if not (deviates := deviation(change, token)):
        return Fate.DONE, ""
    return (Fate.FAILED, "") if before(token) == before(change.token) else (Fate.UNVERIFIED, deviates)

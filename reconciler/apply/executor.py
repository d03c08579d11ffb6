"""Sends the changes of a plan phase by phase, and verifies each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from reconciler.apply.operation import Seen, read_back, unsent
from reconciler.apply.parts import Parts
from reconciler.apply.scheduler import Scheduler
from reconciler.core.live import TokenId
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Action, Change, Guard, Plan
from reconciler.documents.journal import summary_line
from reconciler.errors import AuthError, ExitCode, LocalError, TokenctlError


def execute(plan: Plan, parts: Parts) -> Outcome:
    """Send the plan's changes: activations, then descriptions, then deactivations, the caller's own token last of all.

    A phase starts only when everything before it is done. Every token that may have been changed is read back, those of
    the canary before the rest is sent. Returns the results, whatever the server does; raises LocalError when no thread
    can be started.
    """
    others, own = _parted(plan)
    first = others[: parts.pacing.canary]
    with closing(Scheduler(parts, min(parts.pacing.parallelism, len(plan.changes)))) as scheduler:
        run = _Run(plan, parts, scheduler)
        run.send(first)
        run.read_back(first)
        run.send(others[len(first) :])
        run.read_back(others)
        parts.before_own()
        for number, change in enumerate(own, 1):
            run.send([change])
            run.prove(change, is_last=number == len(own))
        return run.outcome()


def canary(plan: Plan, size: int) -> Sequence[Change]:
    """Return the first `size` changes in the order of sending, never one that deactivates the caller's own token."""
    return _parted(plan)[0][:size]


def _parted(plan: Plan) -> tuple[Sequence[Change], Sequence[Change]]:
    """Return all other changes, and those that deactivate the caller's own token.

    Where nobody knows which token that is, and `self` is waived, every deactivation that may hit it counts as one.
    """
    others: list[Change] = []
    own: list[Change] = []
    unknown = not plan.knows_own and Guard.SELF in plan.waivers
    for change in plan.changes:
        may_be = change.token.is_own or (unknown and change.may_be_own)
        (own if may_be and change.action is Action.DEACTIVATE else others).append(change)
    return others, own


class _Run:
    """The steps of a run, which `execute` calls in order."""

    def __init__(self, plan: Plan, parts: Parts, scheduler: Scheduler) -> None:
        self._plan = plan
        self._journal = parts.journal
        self._scheduler = scheduler
        self._speed = parts.speed
        self._ask_withheld = parts.withheld
        self._withheld: dict[TokenId, str] = {}

    def send(self, changes: Sequence[Change]) -> None:
        """Send these changes phase by phase; start no phase unless everything before it is done."""
        for action in Action:
            if all(result.status is ResultStatus.DONE for result in self._scheduler.results.values()):
                due = [change for change in changes if change.action is action]
                self._scheduler.send(self._allowed(due) if action is Action.DEACTIVATE else due)

    def _allowed(self, deactivations: Sequence[Change]) -> Sequence[Change]:
        """Return the deactivations that may still be sent, and record the others as refused.

        The tokens are listed once more for that, before the first deactivation only.
        """
        scheduler, allowed = self._scheduler, []
        if self._ask_withheld and deactivations and not scheduler.stopped:
            ask, self._ask_withheld = self._ask_withheld, None
            if error := scheduler.ask(lambda: self._withheld.update(ask())):
                why = f"the tokens could not be listed once more before deactivations: {error.problems[0].message}"
                scheduler.stop(why, error.exit_code)
        for change in deactivations:
            if why := self._withheld.get(change.token.id, ""):
                why = f"refused by `{Guard.MIN_MANAGERS}`, as the tokens are now: {why}"
                scheduler.record(unsent(change, ExitCode.REFUSED, why))
            else:
                allowed.append(change)
        return allowed

    def read_back(self, changes: Sequence[Change]) -> None:
        """Read once more the tokens of the changes that were sent: somebody may have written at the same time."""
        results = [self._scheduler.results.get(change.token.id) for change in changes]
        sent = [each for each in results if each and each.sent and each.status is not ResultStatus.FAILED]
        found = self._seen([each.change.token.id for each in sent])
        with self._scheduler.together():
            for result, seen in zip(sent, found, strict=True):
                self._learn(result, read_back(result, seen))

    def prove(self, change: Change, *, is_last: bool) -> None:
        """Read back a deactivated token that may have been the caller's own.

        When the server now refuses the credentials, it was, and the deactivation is done. Nothing else can be sent
        then: the changes that are left are not attempted.
        """
        result = self._scheduler.results.get(change.token.id)
        if result and result.status is ResultStatus.DONE:
            seen = self._scheduler.read([change.token.id])[change.token.id]
            if not isinstance(seen, AuthError):
                self._learn(result, read_back(result, seen))
            elif not is_last:
                self._scheduler.stop(f"{change.subject} was the token that this run signs in with", seen.exit_code)

    def outcome(self) -> Outcome:
        """Return the results in the plan's order and end the journal; a change without a result was not attempted."""
        known, stopped, code = self._scheduler.results, self._scheduler.stopped, self._scheduler.code
        reason = "" if stopped else "what had to come before it did not succeed"
        code = code if stopped else next((each.code for each in known.values()), ExitCode.ERROR)
        changes = self._plan.changes
        results = tuple(known.get(change.token.id) or unsent(change, code, reason) for change in changes)
        outcome = Outcome(results=results, stopped=stopped, journal=str(self._journal.path))
        try:
            self._journal.write(summary_line(outcome))
        except LocalError as error:
            return outcome._replace(stopped=outcome.stopped or error.problems[0].message)
        return outcome

    def _seen(self, token_ids: Sequence[TokenId]) -> list[Seen]:
        """Read these tokens by a list or one by one, whichever costs the server less; what a list lacks one by one."""
        seen: dict[TokenId, Seen] = {}
        if self._speed().favours_list(len(token_ids)):
            listed = self._scheduler.read_all()
            if isinstance(listed, TokenctlError):
                return [listed] * len(token_ids)
            seen.update(listed)
        seen.update(self._scheduler.read(token_id for token_id in token_ids if token_id not in seen))
        return [seen[token_id] for token_id in token_ids]

    def _learn(self, known: Result, better: Result) -> None:
        if better is not known:
            self._scheduler.record(better)

"""A plan in, its PATCHes sent phase by phase, each verified, and an Outcome out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.apply.operation import Seen, proven, read_back
from reconciler.apply.parts import Parts
from reconciler.apply.scheduler import Scheduler
from reconciler.core.live import Token, TokenId
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Action, Change, Guard, Plan
from reconciler.errors import AuthError, ExitCode, LocalError, TokenctlError

_LIST_IS_DEARER_FROM = 5  # a GET by id costs a real server less than a list while it is for under a fifth of the tokens


def execute(plan: Plan, parts: Parts) -> Outcome:
    """Send the plan's changes: activations, then descriptions, then deactivations, the caller's own token last of all.

    A phase in which anything is not done keeps the later ones from starting. Everything that was sent is read back, a
    canary before the rest is sent. Never raises for what the server does, and LocalError when no thread can be started.
    """
    others, own = _parted(plan)
    first = others[: parts.pacing.canary]
    run = _Run(parts, plan)
    try:
        run.send(first)
        run.read_back(first)
        run.send(others[len(first) :])
        run.read_back(others)
        parts.before_own()
        for left, change in zip(range(len(own))[::-1], own, strict=True):
            run.send([change])
            run.prove(change, left)
        return run.outcome()
    finally:
        run.close()


def canary(plan: Plan, size: int) -> Sequence[Change]:
    """The first so many changes in the order in which they are sent; the caller's own token is never among them."""
    return _parted(plan)[0][:size]


def _parted(plan: Plan) -> tuple[Sequence[Change], Sequence[Change]]:
    own = [change for change in plan.changes if _locks_out(change, plan)]
    ids = {change.token.id for change in own}
    return [change for change in plan.changes if change.token.id not in ids], own


def _locks_out(change: Change, plan: Plan) -> bool:
    """Whether the caller is signed in with this token or, where nobody knows with which, may be."""
    perhaps = not plan.knows_own and Guard.SELF in plan.waivers and change.may_be_own
    return change.action is Action.DEACTIVATE and (change.token.is_own or perhaps)


class _Run:
    """The parts of which a run is made."""

    def __init__(self, parts: Parts, plan: Plan) -> None:
        self._plan = plan
        self._journal = parts.journal
        self._scheduler = Scheduler(parts, min(parts.pacing.parallelism, len(plan.changes)))
        self._ask_withheld = parts.withheld
        self._withheld: dict[TokenId, str] = {}

    def close(self) -> None:
        """Let the workers go."""
        self._scheduler.close()

    def send(self, changes: Sequence[Change]) -> None:
        """Send these, phase by phase, unless something before them is not done."""
        for action in Action:
            if all(result.status is ResultStatus.DONE for result in self._scheduler.results.values()):
                due = [change for change in changes if change.action is action]
                self._scheduler.send(self._allowed(due) if action is Action.DEACTIVATE else due)

    def _allowed(self, deactivations: Sequence[Change]) -> Sequence[Change]:
        """These without those that must not be sent after all, which is asked before the first is."""
        flight = self._scheduler
        if self._ask_withheld and deactivations and not flight.stopped:
            ask, self._ask_withheld = self._ask_withheld, None
            if error := flight.ask(lambda: self._withheld.update(ask())):
                why = f"the tokens could not be listed once more before deactivations: {error.problems[0].message}"
                flight.stop(why, error.exit_code)
        refused = [change for change in deactivations if change.token.id in self._withheld]
        for change in refused:
            why = f"refused by `{Guard.MIN_MANAGERS}`, as the tokens are now: {self._withheld[change.token.id]}"
            flight.record(Result(change=change, status=ResultStatus.NOT_ATTEMPTED, reason=why, code=ExitCode.REFUSED))
        return [change for change in deactivations if change.token.id not in self._withheld]

    def read_back(self, changes: Sequence[Change]) -> None:
        """Read every change that was sent once more: somebody may have written at the same time."""
        results = [self._scheduler.results.get(change.token.id) for change in changes]
        sent = [each for each in results if each and each.sent and each.status is not ResultStatus.FAILED]
        for result, seen in zip(sent, self._seen([each.change.token.id for each in sent]), strict=True):
            self._learn(result, read_back(result, seen))

    def prove(self, change: Change, left: int) -> None:
        """Read a token back that may have been the caller's own: then the server's refusal is the proof.

        It refuses whatever comes then: the changes that are left are not attempted.
        """
        result = self._scheduler.results.get(change.token.id)
        if result and result.status is ResultStatus.DONE:
            seen = self._scheduler.read([change.token.id])[change.token.id]
            self._learn(result, proven(result, seen))
            if isinstance(seen, AuthError) and left:
                self._scheduler.stop(f"{change.subject} was the token that this run signs in with", seen.exit_code)

    def outcome(self) -> Outcome:
        """The results so far, in the plan's order; what has none was not attempted."""
        flight = self._scheduler
        reason = "" if flight.stopped else "what had to come before it did not succeed"
        code = flight.code if flight.stopped else next((each.code for each in flight.results.values()), ExitCode.ERROR)
        results = tuple(
            flight.results.get(change.token.id)
            or Result(change=change, status=ResultStatus.NOT_ATTEMPTED, reason=reason, code=code)
            for change in self._plan.changes
        )
        outcome = Outcome(results=results, stopped=flight.stopped, journal=str(self._journal.path))
        try:
            self._journal.summary(outcome)
        except LocalError as error:
            return replace(outcome, stopped=outcome.stopped or error.problems[0].message)
        return outcome

    def _seen(self, token_ids: Sequence[TokenId]) -> list[Seen]:
        """What the server has of these, by one list or, when they are few among the live tokens, one by one."""
        listed: Mapping[TokenId, Token] = {}
        if len(token_ids) * _LIST_IS_DEARER_FROM > self._plan.live:
            found = self._scheduler.read_all()
            if isinstance(found, TokenctlError):
                return [found] * len(token_ids)
            listed = found
        looked = self._scheduler.read(token_id for token_id in token_ids if token_id not in listed)
        return [listed[token_id] if token_id in listed else looked[token_id] for token_id in token_ids]

    def _learn(self, known: Result, better: Result) -> None:
        if better is not known:
            self._scheduler.record(better)

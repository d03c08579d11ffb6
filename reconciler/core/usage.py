"""Evidence of what tokens were used, as the server's request log has it, and what it says against a plan.

That a token was not seen says nothing: only what was seen decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from reconciler.core.live import Live, Status, TokenId
from reconciler.core.plan import Action, Guard, Plan, Refusal, Use
from reconciler.core.planner import refused
from reconciler.core.text import count, moment, name_some, span
from reconciler.errors import Problem, StaleError

LONG_GAP_S = 600
"""How long nothing has to be in a log to be told: requests of that time may be in one that was not read."""

_REMAKE = "make it anew with `tokenctl usage LOG... -o PATH`"


class Kind(StrEnum):
    """What a request was for, by its path."""

    WRITE_V2 = "write v2"
    QUERY_V2 = "query v2"
    DELETE_V2 = "delete v2"
    WRITE_V1 = "write v1"
    QUERY_V1 = "query v1"
    OTHER = "other"


class Gap(NamedTuple):
    """A time of which the log has no request."""

    since: str
    until: str


class Client(NamedTuple):
    """Who made how many requests of a kind: the family of a user agent, as the server names it."""

    kind: Kind
    client: str
    requests: int

    def __str__(self) -> str:
        return f"{self.kind} ({self.client})"


class TokenUse(NamedTuple):
    """What the log says of a live token; `last` is None when it was not seen.

    A request counts whatever its answer was; `refused` are those with 401 or 403. `addresses` counts those that the
    requests came from, up to a hundred.
    """

    id: TokenId
    last: str | None = None
    requests: int = 0
    refused: int = 0
    addresses: int = 0
    clients: tuple[Client, ...] = ()


class ListedToken(NamedTuple):
    """What is told of a live token beside its use."""

    id: TokenId
    status: Status
    description: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the request log says from its first request to its last one.

    `starts` counts how often the server was started, `silence_s` is the longest time without a request, 0 for less than
    a minute, and `gaps` are those of more than ten minutes. `others` counts requests with the id of no live token,
    `refused_v1` those of v1 clients that the server refused, and of which it does not log whose they were. `tokens` are
    all that were live, seen or not, by ascending id.
    """

    since: str
    until: str
    requests: int
    starts: int
    silence_s: int
    gaps: tuple[Gap, ...]
    others: int
    refused_v1: int
    tokens: tuple[TokenUse, ...]

    @cached_property
    def by_id(self) -> Mapping[TokenId, TokenUse]:
        """What is known of each token."""
        return {each.id: each for each in self.tokens}

    def use(self, token_id: TokenId) -> Use | None:
        """What a plan keeps of it for one token; None for a token that was not live then."""
        found = self.by_id.get(token_id)
        if found is None:
            return None
        clients = tuple(dict.fromkeys(map(str, found.clients)))
        return Use(
            since=self.since,
            until=self.until,
            last=found.last,
            requests=found.requests,
            refused=found.refused,
            clients=clients,
        )


def between_s(start: str, end: str) -> float:
    """The seconds between two times of a log."""
    one, other = moment(start), moment(end)
    return max(0.0, (other - one).total_seconds()) if one and other else 0.0


def check(evidence: Evidence, live: Collection[TokenId]) -> None:
    """Raise StaleError for evidence that knows none of the live tokens."""
    if evidence.by_id.keys().isdisjoint(live):
        message = "the evidence is of another server: of the tokens that it knows, this one has none"
        raise StaleError(message, f"{_REMAKE}, from the log of this server")


def with_evidence(plan: Plan, live: Live, evidence: Evidence) -> Plan:
    """The plan with what the evidence says of each change, judged by the guard `in_use`; raises StaleError."""
    check(evidence, live.tokens)
    changes = tuple(each._replace(use=evidence.use(each.token.id)) for each in plan.changes)
    plan = plan._replace(changes=changes)
    plan = plan._replace(warnings=(*plan.warnings, *_warnings(plan, evidence)))
    return refused(plan, list(_refusals(plan)))


def _refusals(plan: Plan) -> Iterator[Refusal]:
    for change in plan.doing(Action.DEACTIVATE):
        if change.use and change.use.last:
            message = f"{change.subject} was in use: {said(change.use)}"
            hint = (
                "give whoever uses it another token first; or make the evidence anew, or of less time with "
                "`tokenctl usage --since`; or use `--allow in_use`"
            )
            yield Refusal(Guard.IN_USE, Problem(message, hint, change.places.get("status")))


def _warnings(plan: Plan, evidence: Evidence) -> Iterator[Problem]:
    """What a reviewer has to know of the evidence: what it does not cover."""
    unknown = [change.subject for change in plan.doing(Action.DEACTIVATE) if change.use is None]
    if unknown:
        yield Problem(f"the evidence does not know {name_some(unknown)}", _REMAKE)
    if evidence.gaps:
        longest = max(evidence.gaps, key=lambda each: between_s(each.since, each.until))
        length = span(between_s(longest.since, longest.until))
        message = f"the evidence has {count(len(evidence.gaps), 'gap')}, the longest of {length} from {longest.since}"
        yield Problem(
            message, "whoever used a token then was not seen: give `tokenctl usage` the logs of that time too"
        )


def said(use: Use) -> str:
    """What the log says of a token, in words."""
    if use.last is None:
        return f"not seen in {span(between_s(use.since, use.until))}"
    by = name_some(use.clients)
    return f"last used {span(between_s(use.last, use.until))} before the log ended, {by}"

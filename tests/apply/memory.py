"""A server in memory, for tests of what apply sends to it and makes of its answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from reconciler.apply.executor import execute
from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Moment, Pacing
from reconciler.apply.parts import Parts
from reconciler.core.endpoint import Speed
from reconciler.core.live import Absence, Missing, OrgId, Server, Status, Token, TokenId, UserId
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Change, Guard, Plan
from reconciler.errors import TokenctlError, TransientError

Fault = Callable[["Memory", TokenId], TokenctlError | Token | None]


def nth(number: int) -> TokenId:
    """The id of the number-th token."""
    return TokenId(f"{number:016x}")


def token(number: int, status: Status = Status.ACTIVE, **others: object) -> Token:
    """The number-th token."""
    token = Token(
        id=nth(number),
        status=status,
        description=f"token {number}",
        org_id=OrgId("a" * 16),
        org="acme",
        user_id=UserId("b" * 16),
        user="bot",
        updated_at="2024-05-13T09:41:07Z",
    )
    return token._replace(**others)  # type: ignore[arg-type]  # a test names the fields that it needs


@dataclass
class Listing:
    """What a list answers."""

    tokens: Mapping[TokenId, Token]


@dataclass
class Memory:
    """A server in memory that is reader and writer at once.

    `on_patch`, which runs after a change was stored (unless `stored` says that none is), and `on_get` stand for what can
    go wrong: an error is raised, a token answered. `on_list` is raised.
    """

    tokens: dict[TokenId, Token]
    log: list[str] = field(default_factory=list)
    on_patch: Fault | None = None
    on_get: Fault | None = None
    on_list: TokenctlError | None = None
    stored: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, token_id: TokenId) -> Token | Missing:
        with self.lock:
            self.log.append(f"GET {int(token_id, 16)}")
            fault = self.on_get(self, token_id) if self.on_get else None
            if isinstance(fault, TokenctlError):
                raise fault
            return self.tokens.get(token_id) or Missing(Absence.ABSENT, "")

    def list_tokens(self) -> Listing:
        with self.lock:
            self.log.append("LIST")
            if self.on_list:
                raise self.on_list
            return Listing(dict(self.tokens))

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        ready()
        with self.lock:
            self.log.append(f"PATCH {int(token_id, 16)} {json.dumps(body)}")
            token = self.tokens[token_id]
            status = Status(body.get("status", token.status))
            description = body.get("description", token.description)
            changed = token._replace(status=status, description=description, updated_at="2025-01-01T00:00:00Z")
            if self.stored:
                self.tokens[token_id] = changed
            fault = self.on_patch(self, token_id) if self.on_patch else None
            if isinstance(fault, TokenctlError):
                raise fault
            return fault or changed


@dataclass
class Observing:
    """Writes down what it is told, and on which thread; `on_refresh` may do something with how often it was refreshed."""

    every_s: float | None = None
    on_refresh: Callable[[int], object] = lambda _: None
    refreshed: int = 0
    told: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def started(self, change: Change) -> None:
        self._note(f"{int(change.token.id, 16)} started")

    def finished(self, result: Result) -> None:
        self._note(f"{int(result.change.token.id, 16)} {result.status}")

    def refresh(self) -> None:
        self.threads.add(threading.get_ident())
        self.refreshed += 1
        self.on_refresh(self.refreshed)

    def _note(self, line: str) -> None:
        self.threads.add(threading.get_ident())
        self.told.append(line)


def plan_of(*changes: Change, waivers: tuple[Guard, ...] = (), live: int = 100) -> Plan:
    """A plan of these changes among so many live tokens."""
    return Plan(
        server=Server(url="http://localhost:8086"),
        orgs=("acme",),
        changes=changes,
        declared=len(changes),
        managed=len(changes),
        live=live,
        limits=Limits(),
        waivers=waivers,
    )


class NoRetries:
    """A policy: nothing is sent again."""

    def again(self, _: Sequence[TransientError], /) -> float | str:
        return "it is sent once"


@dataclass(frozen=True)
class Around:
    """The surroundings of a run, where time stands."""

    clock: Callable[[], float] = lambda: 1.0
    moment: Callable[[], Moment] = lambda: Moment(1.0, 1.0)
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    interrupt: Interrupt = field(default_factory=Interrupt)


def parts_of(server: Memory, journal: Journal, *, now: float = 1.0, parallelism: int = 1, **others: Any) -> Parts:
    """What a run on this server works with, one operation at a time unless a test says more.

    The plan's tokens were read at 0.0, and `now` stands.
    """
    around: dict[str, Any] = {"clock": lambda: now, "moment": lambda: Moment(now, now)}
    around |= {name: others.pop(name) for name in [each.name for each in fields(Around)] if name in others}
    usual = {
        "reader": server,
        "writer": server,
        "retries": NoRetries(),
        "journal": journal,
        "surroundings": Around(**around),
        "read_at": Moment(0.0, 0.0),
        "pacing": Pacing(parallelism=parallelism),
    }
    return Parts(**{**usual, **others})


def run(plan: Plan, server: Memory, journal: Journal, **others: Any) -> Outcome:
    """Execute the plan on this server, of which a list told the plan's number of live tokens."""
    speed = Speed().after_list(plan.live or 0, 0.0)
    return execute(plan, parts_of(server, journal, **{"speed": lambda: speed, **others}))


def holding(plan: Plan) -> Memory:
    """A server with the tokens of the plan as it found them."""
    return Memory({change.token.id: change.token for change in plan.changes})


def statuses(outcome: Outcome) -> list[tuple[int, ResultStatus, str]]:
    """The number of each change's token, its status, and why."""
    return [(int(each.change.token.id, 16), each.status, each.reason) for each in outcome.results]


def events(journal: Journal) -> list[str]:
    """The lines of the journal in short."""
    records = [json.loads(line) for line in journal.path.read_text().splitlines()]
    return [" ".join(str(each[key]) for key in ("event", "id", "status") if key in each) for each in records]

"""Any history of runs, failures, operators and interrupts: whatever a token ends up with is explained.

The real executor over the real client against a sandbox. Laws 5 and 9, and that nobody else's token ever moves.
"""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Moment, Pacing
from reconciler.apply.parts import Parts
from reconciler.commands import undo
from reconciler.core.live import Missing, Status, Token, TokenId
from reconciler.core.manifest import Declaration, Manifest
from reconciler.core.outcome import Outcome, Provenance, ResultStatus
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode, TokenctlError, attempt
from reconciler.influx.reader import Listing, Reader
from reconciler.influx.writer import Writer
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.seed import Authorization, Seed, default_seed
from reconciler.sandbox.server import Sandbox
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.planning import plan_from
from reconciler.session.sending import SendingOptions, send
from reconciler.session.sources import Declared
from reconciler.settings import Flags
from tests.builders import Line
from tests.shell import OPERATOR, Shell, shell_on

SIZE = 5
IDS = [TokenId(f"{0x1000000000000000 + number:016x}") for number in range(SIZE)]
TEXTS = ["", "a", "b", "c"]
# What needs no time. Two PATCHes that overlap are looked at in test_faults.py.
FAULTS = [
    "too-many-requests", "overloaded", "error-before", "error-after", "bad-gateway", "unavailable", "reset-before",
    "reset-after", "truncated-body", "closed-after", "changed-meanwhile", "deleted-meanwhile",
]  # fmt: skip
MEANWHILE = " (changed meanwhile)"
Stored = Mapping[str, Authorization]


def world() -> Seed:
    """An operator, and tokens that cannot manage anything."""
    seed = default_seed()
    operator = next(each for each in seed.tokens if each.id == OPERATOR)
    tokens = [
        replace(operator, id=each, secret=f"FAKE-{each}", description="a", permissions=(), status=status)
        for each, status in zip(IDS, itertools.cycle(["active", "inactive"]), strict=False)
    ]
    return replace(seed, tokens=(operator, *tokens))


@dataclass(frozen=True)
class Deed:
    """Something that somebody else does to a token: a new description or status, or (None) its end."""

    token_id: TokenId
    body: Mapping[str, str] | None

    def do(self, sandbox: Sandbox) -> None:
        """Do it, if the token is still there."""
        if self.body is None:
            sandbox.delete(self.token_id)
        else:
            with suppress(KeyError):
                sandbox.change(self.token_id, **self.body)


@dataclass(frozen=True)
class FailureKind:
    """What goes wrong in one run, and how it is held back.

    The faults strike from its first request on. The deeds are by the turn at which they are done, `interrupt_at` is
    that of a signal (0: none). The plan is so old when it is sent.
    """

    faults: list[Fault] = field(default_factory=list)
    deeds: Mapping[int, Deed] = field(default_factory=dict)
    interrupt_at: int = 0
    pacing: Pacing = field(default_factory=Pacing)
    age_s: float = 0.0


Wanted = dict[TokenId, dict[str, str]]
STATUSES = st.sampled_from([each.value for each in Status])
BODIES = st.fixed_dictionaries({"description": st.sampled_from(TEXTS)}, optional={"status": STATUSES})
WANTED = st.dictionaries(st.sampled_from(IDS), BODIES, min_size=3)
DESCRIBED, SWITCHED = (
    st.sampled_from(TEXTS).map(lambda text: {"description": text}),
    STATUSES.map(lambda each: {"status": each}),
)
DEEDS = st.builds(Deed, st.sampled_from(IDS), st.one_of(DESCRIBED, SWITCHED, DESCRIBED, SWITCHED, st.none()))
FAULT = st.builds(Fault, st.sampled_from(FAULTS), st.just("PATCH"), st.integers(1, 9)) | st.builds(
    Fault, st.sampled_from(FAULTS), st.sampled_from(["", "GET"]), st.integers(1, 3)
)
PACING = st.builds(
    Pacing, parallelism=st.sampled_from([1, 3]), canary=st.sampled_from([0, 1]), max_failures=st.sampled_from([0, 1, 2])
)
TROUBLES = st.builds(
    FailureKind,
    faults=st.lists(FAULT, min_size=1, max_size=3),
    deeds=st.dictionaries(st.integers(1, 20), DEEDS, max_size=3),
    interrupt_at=st.one_of(st.just(0), st.integers(5, 30)),
    pacing=PACING,
    age_s=st.sampled_from([0.0, 6.0]),
)


@dataclass
class Between:
    """The real reader and writer, with an operator who acts before and after their exchanges, and a signal that comes."""

    reader: Reader
    writer: Writer
    turn: Callable[[], None]
    flying: set[TokenId] = field(default_factory=set)
    log: list[tuple[str, TokenId]] = field(default_factory=list)
    seen: dict[TokenId, Token] = field(default_factory=dict)

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        """Send a PATCH; never two of one token at once."""
        assert token_id not in self.flying
        self.flying.add(token_id)
        self.seen.pop(token_id, None)
        self.turn()
        try:
            answer = attempt(lambda: self.writer.patch(token_id, body, ready))
            self.log.append(("PATCH", token_id))
        finally:
            self.flying.discard(token_id)
            self.turn()
        if isinstance(answer, TokenctlError):
            raise answer
        assert isinstance(answer, Token)
        return answer

    def get(self, token_id: TokenId) -> Token | Missing:
        """Read a token."""
        self.log.append(("GET", token_id))
        self.turn()
        try:
            found = self.reader.get(token_id)
            self.seen |= {token_id: found} if isinstance(found, Token) else {}
            return found
        finally:
            self.turn()

    def list_tokens(self) -> Listing:
        """Read all tokens."""
        self.turn()
        listing = self.reader.list_tokens()
        self.seen |= listing.tokens
        return listing


@dataclass
class History:
    """What happens during one run, by its turn: each request has one before and one after."""

    trouble: FailureKind
    sandbox: Sandbox
    interrupt: Interrupt = field(default_factory=lambda: Interrupt(leave=lambda _: None))
    turns: int = 0
    done: list[Deed] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.interrupt.defer()

    def turn(self) -> None:
        """Let happen what is due."""
        with self.lock:
            self.turns += 1
            if self.turns == self.trouble.interrupt_at:
                self.interrupt.receive(signal.SIGINT)
            if deed := self.trouble.deeds.get(self.turns):
                deed.do(self.sandbox)
                self.done.append(deed)

    @property
    def strange(self) -> set[str]:
        """The faults that are somebody else's deeds, of which nobody knows which token they met."""
        return {fault.name for fault in self.trouble.faults} & {"changed-meanwhile", "deleted-meanwhile"}


class Machine(RuleBasedStateMachine):
    """One server, one manifest, and whoever comes by."""

    def __init__(self) -> None:
        super().__init__()
        self._around = ExitStack()
        self._declared: dict[TokenId, dict[str, str]] = {}
        self._runs, self._turns = itertools.count(), itertools.count()

    @initialize()
    def begin(self) -> None:
        """Start the server."""
        folder = Path(self._around.enter_context(TemporaryDirectory()))
        self._shell: Shell = self._around.enter_context(shell_on(folder, seed=world()))
        self._elsewhere = self._stored(OPERATOR)

    def teardown(self) -> None:
        """Stop the server."""
        self._around.close()

    @rule(deed=DEEDS)
    def operate(self, deed: Deed) -> None:
        """Somebody changes a token while nothing runs."""
        deed.do(self._shell.sandbox)

    @rule(wanted=WANTED, trouble=TROUBLES)
    def apply_once_more(self, wanted: Wanted, trouble: FailureKind) -> None:
        """Apply, as `apply` does: a second rule makes it come twice as often, as it matters most."""
        self.apply(wanted, trouble)

    @rule(wanted=WANTED, trouble=TROUBLES)
    def apply(self, wanted: Wanted, trouble: FailureKind) -> None:
        """The manifest says something else, and is applied while everything goes wrong."""
        self._declared |= wanted
        sandbox, before = self._shell.sandbox, self._stored(*IDS)
        for fault in trouble.faults:
            sandbox.fail(fault)
        self._shell.sent()
        history = History(trouble, sandbox)
        run = self._run(history)
        sandbox.mend()
        patches = [each for each in sandbox.requests[self._shell.seen :] if each.method == "PATCH"]
        if not run:
            assert patches == []
            return
        check_requests(run, [(TokenId(each.target.rpartition("/")[2]), json.loads(each.body)) for each in patches])
        check_values(run, before, self._stored(*IDS), history)
        check_report(run, before, self._stored(*IDS), history)

    @precondition(lambda self: next(self._turns) % 4 == 0)
    @rule(wanted=WANTED)
    def apply_and_undo(self, wanted: Wanted) -> None:
        """Laws 2 and 9: a run that nobody disturbs makes the values the declared ones, and an undo restores them all."""
        self._declared |= wanted
        shell, before = self._shell, self._values()
        run = self._run(History(FailureKind(), shell.sandbox))
        if not run:
            return
        assert run.outcome.exit_code is ExitCode.OK
        wanted = {each.change.token.id: each.change.body for each in run.outcome.results}
        assert self._values() == {
            token_id: {**each, **wanted.get(TokenId(token_id), {})} for token_id, each in before.items()
        }
        options = SendingOptions(yes=True, journal=str(shell.folder / "undone"))
        request = undo.UndoRequest(
            journals=[str(run.journal)], flags=Flags(), allow=(Guard.REACTIVATION,), send=True, sending=options
        )
        done = shell.call(lambda context: undo.run(request, context))
        assert (done.code, self._values()) == (ExitCode.OK, before), done

    @invariant()
    def nobody_elses_token_moves(self) -> None:
        """A token that no declaration names and no operator touches stays as it is, to its last field."""
        if hasattr(self, "_elsewhere"):
            assert self._stored(OPERATOR) == self._elsewhere

    def _stored(self, *token_ids: str) -> Stored:
        return {each.id: each for each in self._shell.sandbox.tokens if each.id in token_ids}

    def _values(self) -> dict[str, dict[str, str]]:
        return {token_id: fields(each) for token_id, each in self._stored(*IDS).items()}

    def _run(self, history: History) -> Ran | None:
        """What `apply` does, with an operator who acts between requests; None when nothing came to be sent."""
        ran: list[Ran] = []

        def run(context: Context) -> ExitCode:
            with connected(resolve(Flags(), context), context) as connection:
                declared = Declared(manifest=self._manifest(), files=(), waivers=tuple(Guard))
                plan = plan_from(declared.source, connection)
                if not plan.changes:
                    return ExitCode.OK
                name = f"apply-{next(self._runs):03}"
                journal = Journal.create(self._shell.folder / "journals", name)
                provenance = Provenance(run=name, started="2026-01-02T00:00:00+00:00", tool="0")
                between = Between(connection.reader, Writer(connection.transport, connection.retries), history.turn)
                around = context._replace(clock=time.monotonic, interrupt=history.interrupt, pause=lambda *_: None)
                parts = Parts(
                    reader=between, writer=between, retries=connection.retries, journal=journal, surroundings=around,
                    read_at=Moment(-history.trouble.age_s, 0.0), pacing=history.trouble.pacing,
                    speed=lambda: connection.reader.speed._replace(reads=0),
                )  # fmt: skip
                ran.append(Ran(send(plan, provenance, parts), journal.path, between.log, between.seen))
            return ExitCode.OK

        self._shell.call(run)
        return ran[0] if ran else None

    def _manifest(self) -> Manifest:
        present = self._stored(*IDS)
        return Manifest(
            tokens=tuple(
                Declaration(
                    target=token_id, origin=Line(1), description=body.get("description"),
                    status=Status(body["status"]) if "status" in body else None,
                )
                for token_id, body in self._declared.items()
                if token_id in present
            )
        )  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """What a run left: its outcome, its journal, what it asked for in that order, and what it read since its PATCHes."""

    outcome: Outcome
    journal: Path
    log: list[tuple[str, TokenId]]
    seen: dict[TokenId, Token]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of the journal with this event."""
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def intents(self, token_id: TokenId) -> list[dict[str, str]]:
        """What the run said that it would send for the token."""
        return [line["after"] for line in self.lines("intent") if line["id"] == token_id]


def fields(token: Authorization) -> dict[str, str]:
    """The two that can change."""
    return {"status": token.status, "description": token.description}


def check_requests(run: Ran, seen: list[tuple[TokenId, dict[str, str]]]) -> None:
    """Nothing is sent without an intent, nor twice without a look between; what has one is sent unless it moved."""
    for token_id in IDS:
        intents = run.intents(token_id)
        bodies = [body for each, body in seen if each == token_id]
        assert len(bodies) <= len(intents)
        assert all(body == intents[0] for body in (*bodies, *intents))
        asked = "".join("P" if what == "PATCH" else "g" for what, each in run.log if each == token_id)
        assert "PP" not in asked
        assert 0 <= len(intents) - asked.count("P") <= 1
    attempts = [(line["id"], line["attempt"]) for line in run.lines("intent")]
    assert len(set(attempts)) == len(attempts)
    assert {token_id for token_id, _ in attempts} <= {line["id"] for line in run.lines("result")}
    assert len(run.lines("summary")) == 1


def check_values(run: Ran, before: Stored, after: Stored, history: History) -> None:
    """Law 5: each value is what it was, or what a journal line says, or what somebody else did."""
    for token_id, was in before.items():
        theirs = [deed.body for deed in history.done if deed.token_id == token_id]
        intents = run.intents(TokenId(token_id))
        if token_id not in after:
            assert None in theirs or "deleted-meanwhile" in history.strange
            continue
        now = after[token_id]
        assert replace(now, status=was.status, description=was.description, updated_at=was.updated_at) == was
        assert now == was or intents or theirs or history.strange
        for name, value in fields(now).items():
            explained = {fields(was)[name], *(each[name] for each in [*intents, *filter(None, theirs)] if name in each)}
            added = MEANWHILE if "changed-meanwhile" in history.strange else "\0"
            assert value.replace(added, "") in {each.replace(added, "") for each in explained}


def check_report(run: Ran, before: Stored, after: Stored, history: History) -> None:
    """What is done was read after it was sent, and what the run says of a token that nobody else touched is so."""
    touched = set(IDS) if history.strange else {deed.token_id for deed in history.done}
    for result in run.outcome.results:
        token_id = result.change.token.id
        assert result.sent == (("PATCH", token_id) in run.log)
        if result.status is ResultStatus.DONE:
            seen = run.seen[token_id]
            assert {"status": seen.status, "description": seen.description}.items() >= result.change.body.items()
        if token_id in touched:
            continue
        match result.status:
            case ResultStatus.DONE:
                assert fields(after[token_id]) == {**fields(before[token_id]), **result.change.body}
            case ResultStatus.FAILED | ResultStatus.NOT_ATTEMPTED:
                assert after[token_id] == before[token_id]
    statuses = {result.status for result in run.outcome.results}
    sent = any(result.sent for result in run.outcome.results)
    assert (run.outcome.exit_code is ExitCode.OK) == (statuses == {ResultStatus.DONE})
    assert sent or run.outcome.exit_code is not ExitCode.PARTIAL
    if run.outcome.changed_nothing:
        assert statuses <= {ResultStatus.FAILED, ResultStatus.NOT_ATTEMPTED}
        assert all(after[token_id] == before[token_id] for token_id in set(before) - touched)


def play(examples: int, steps: int, *, derandomize: bool = True) -> None:
    """Play so many histories of at most so many steps."""
    wanted = settings(max_examples=examples, stateful_step_count=steps, derandomize=derandomize)
    run_state_machine_as_test(Machine, settings=wanted)


def test_any_history_is_explained() -> None:
    play(examples=10, steps=8)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(8))
def test_many_more_histories_are_explained(part: int) -> None:
    play(examples=300, steps=25, derandomize=False)

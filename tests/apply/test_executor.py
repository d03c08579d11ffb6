"""`execute`, driven with a server in memory: the order of what is sent, what stops it, and what it reports."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.apply.executor import Means, execute
from reconciler.apply.journal import Journal
from reconciler.core.guard import Guard
from reconciler.core.lines import Line
from reconciler.core.live import Absence, Missing, Server
from reconciler.core.manifest import Limits
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.core.token import EVERY_ORG, OrgId, Status, Token, TokenId, UserId
from reconciler.errors import AuthError, ExitCode, LocalError, Problem, TokenctlError, UnreachableError

Fault = Callable[["Memory", TokenId], TokenctlError | Token | None]


def _id(number: int) -> TokenId:
    return TokenId(f"{number:016x}")


def _token(number: int, status: Status = Status.ACTIVE, **others: object) -> Token:
    token = Token(
        id=_id(number),
        status=status,
        description=f"token {number}",
        org_id=OrgId("a" * 16),
        org="acme",
        user_id=UserId("b" * 16),
        user="bot",
        updated_at="2024-05-13T09:41:07Z",
    )
    return replace(token, **others)  # type: ignore[arg-type]  # a test names the fields that it needs


@dataclass
class Listing:
    """What a list answers."""

    tokens: Mapping[TokenId, Token]


@dataclass
class Memory:
    """A server in memory that is reader and writer at once; `after_write` and `on_get` stand for what can go wrong."""

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

    def patch(self, token_id: TokenId, body: dict[str, str]) -> Token:
        with self.lock:
            self.log.append(f"PATCH {int(token_id, 16)} {json.dumps(body)}")
            token = self.tokens[token_id]
            status = Status(body.get("status", token.status))
            description = body.get("description", token.description)
            changed = replace(token, status=status, description=description, updated_at="2025-01-01T00:00:00Z")
            if self.stored:
                self.tokens[token_id] = changed
            fault = self.on_patch(self, token_id) if self.on_patch else None
            if isinstance(fault, TokenctlError):
                raise fault
            return fault or changed


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.create(tmp_path, "run")
    yield journal
    journal.close()


def _plan(*changes: Change, waivers: tuple[Guard, ...] = (), live: int = 100) -> Plan:
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


def _run(plan: Plan, server: Memory, journal: Journal, *, now: float = 1.0, parallelism: int = 1) -> Outcome:
    means = Means(
        reader=server, writer=server, journal=journal, clock=lambda: now, read_at=0.0, parallelism=parallelism
    )
    return execute(plan, means)


def _server(plan: Plan) -> Memory:
    return Memory({change.token.id: change.token for change in plan.changes})


def _fates(outcome: Outcome) -> list[tuple[int, Fate, str]]:
    return [(int(each.change.token.id, 16), each.fate, each.reason) for each in outcome.results]


def _events(journal: Journal) -> list[str]:
    records = [json.loads(line) for line in journal.path.read_text().splitlines()]
    return [" ".join(str(each[key]) for key in ("event", "id", "fate") if key in each) for each in records]


ACTIVATE = Change(token=_token(1, Status.INACTIVE), status=Status.ACTIVE)
DESCRIBE = Change(token=_token(2), description="better")
DEACTIVATE = Change(token=_token(3), status=Status.INACTIVE)
PLAN = _plan(ACTIVATE, DESCRIBE, DEACTIVATE)


def test_activations_come_first_and_deactivations_last_and_all_is_read_back(journal: Journal) -> None:
    server = _server(PLAN)
    outcome = _run(_plan(DEACTIVATE, DESCRIBE, ACTIVATE), server, journal)
    assert server.log == [
        'PATCH 1 {"status": "active"}',
        'PATCH 2 {"description": "better"}',
        'PATCH 3 {"status": "inactive"}',
        "GET 3",
        "GET 2",
        "GET 1",
    ]
    assert outcome.exit_code is ExitCode.OK
    assert outcome.stopped == ""


def test_the_intent_is_in_the_journal_before_the_request_is_sent(journal: Journal) -> None:
    server = _server(PLAN)
    seen: list[list[str]] = []

    def look(_: Memory, __: TokenId) -> None:
        seen.append(_events(journal))

    server.on_patch = look
    _run(PLAN, server, journal)
    first, second, third = _id(1), _id(2), _id(3)
    assert seen[0] == [f"intent {first}"]
    assert seen[1] == [f"intent {first}", f"result {first} done", f"intent {second}"]
    assert _events(journal)[-3:] == [f"intent {third}", f"result {third} done", "summary"]


class Watching:
    """Writes down what it is told, and on which thread."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.threads: set[int] = set()

    def started(self, change: Change) -> None:
        self.threads.add(threading.get_ident())
        self.told.append(f"{int(change.token.id, 16)} started")

    def finished(self, result: Result) -> None:
        self.threads.add(threading.get_ident())
        self.told.append(f"{int(result.change.token.id, 16)} {result.fate}")


def test_who_looks_on_is_told_of_every_operation_by_one_thread(journal: Journal) -> None:
    server, watch = _server(PLAN), Watching()
    server.on_patch = lambda _, token_id: InvalidAnswer if token_id == _id(2) else None
    means = Means(reader=server, writer=server, journal=journal, clock=lambda: 0.0, read_at=0.0, watch=watch)
    execute(PLAN, means)
    assert watch.told == [
        "1 started", "1 done", "2 started", "2 unverified", "2 done", "3 started", "3 done",
    ]  # fmt: skip
    assert watch.threads == {threading.get_ident()}


def test_who_looks_on_is_told_of_a_change_that_was_not_sent_after_all(journal: Journal) -> None:
    server, watch = _server(PLAN), Watching()
    server.tokens.clear()
    means = Means(reader=server, writer=server, journal=journal, clock=lambda: 9.0, read_at=0.0, watch=watch)
    execute(_plan(DESCRIBE), means)
    assert watch.told == ["2 failed"]


def test_a_phase_that_fails_keeps_the_later_ones_from_starting(journal: Journal) -> None:
    server = _server(PLAN)
    server.stored = False
    server.on_patch = lambda memory, token_id: memory.tokens[token_id]
    outcome = _run(PLAN, server, journal)
    assert server.log == ['PATCH 1 {"status": "active"}', "GET 1"]
    assert _fates(outcome) == [
        (1, Fate.FAILED, "not applied: status is `inactive`, not `active`"),
        (2, Fate.NOT_ATTEMPTED, "what had to come before it did not succeed"),
        (3, Fate.NOT_ATTEMPTED, "what had to come before it did not succeed"),
    ]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_lost_answer_is_settled_as_applied(journal: Journal) -> None:
    server = _server(PLAN)
    server.on_patch = lambda _, token_id: InvalidAnswer if token_id == _id(1) else None
    outcome = _run(PLAN, server, journal)
    assert outcome.exit_code is ExitCode.OK
    assert _fates(outcome)[0] == (1, Fate.DONE, "the answer was not usable (the answer was cut), a read shows it")


InvalidAnswer = TokenctlError(Problem("the answer was cut"))


def test_a_lost_answer_is_settled_as_changed_by_somebody_else(journal: Journal) -> None:
    server = _server(PLAN)

    def interfere(memory: Memory, token_id: TokenId) -> TokenctlError:
        memory.tokens[token_id] = replace(memory.tokens[token_id], description="theirs", updated_at="2026")
        return InvalidAnswer

    server.on_patch = interfere
    outcome = _run(_plan(DESCRIBE), server, journal)
    assert _fates(outcome) == [
        (
            2,
            Fate.UNVERIFIED,
            "the answer was cut; somebody else changed it: description is `theirs`, not `better`",
        )
    ]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_lost_answer_about_a_deleted_token_says_so(journal: Journal) -> None:
    server = _server(PLAN)

    def delete(memory: Memory, token_id: TokenId) -> TokenctlError:
        del memory.tokens[token_id]
        return InvalidAnswer

    server.on_patch = delete
    outcome = _run(_plan(DESCRIBE), server, journal)
    assert _fates(outcome) == [(2, Fate.UNVERIFIED, "the answer was cut; it is absent now")]


def test_a_lost_answer_that_cannot_be_settled_stays_unverified(journal: Journal) -> None:
    server = _server(PLAN)
    server.on_patch = lambda *_: InvalidAnswer
    server.on_get = lambda *_: UnreachableError(Problem("connection refused"))
    outcome = _run(_plan(DESCRIBE), server, journal)
    assert _fates(outcome) == [(2, Fate.UNVERIFIED, "the answer was cut; reading it again: connection refused")]


def test_an_unauthorised_answer_stops_the_run(journal: Journal) -> None:
    changes = [Change(token=_token(number), description="x") for number in range(1, 6)]
    server = _server(_plan(*changes))
    server.stored = False
    server.on_patch = lambda *_: AuthError(Problem("token is inactive"))
    outcome = _run(_plan(*changes), server, journal)
    assert [line for line in server.log if line.startswith("PATCH")] == ['PATCH 1 {"description": "x"}']
    assert outcome.stopped == "token is inactive"
    assert [fate for _, fate, _ in _fates(outcome)] == [Fate.FAILED, *[Fate.NOT_ATTEMPTED] * 4]


def test_what_is_known_for_long_is_read_again_before_it_is_changed(journal: Journal) -> None:
    server = _server(PLAN)
    outcome = _run(_plan(DESCRIBE), server, journal, now=5.1)
    assert server.log == ["GET 2", 'PATCH 2 {"description": "better"}', "GET 2"]
    assert outcome.exit_code is ExitCode.OK


def test_what_is_known_for_five_seconds_is_not_read_again(journal: Journal) -> None:
    server = _server(PLAN)
    _run(_plan(DESCRIBE), server, journal, now=5.0)
    assert server.log == ['PATCH 2 {"description": "better"}', "GET 2"]


def test_a_token_that_moved_meanwhile_is_left_alone(journal: Journal) -> None:
    server = _server(PLAN)
    server.tokens[_id(2)] = replace(DESCRIBE.token, status=Status.INACTIVE, updated_at="2026")
    outcome = _run(_plan(DESCRIBE), server, journal, now=9.0)
    assert server.log == ["GET 2"]
    assert _fates(outcome) == [
        (
            2,
            Fate.FAILED,
            (
                "not sent, it changed since it was planned: status was `active` and is `inactive`; "
                "updatedAt was `2024-05-13T09:41:07Z` and is `2026`"
            ),
        )
    ]
    assert outcome.exit_code is ExitCode.STALE


def test_a_token_that_was_deleted_meanwhile_is_left_alone(journal: Journal) -> None:
    server = _server(PLAN)
    server.tokens.clear()
    outcome = _run(_plan(DESCRIBE), server, journal, now=9.0)
    assert _fates(outcome) == [(2, Fate.FAILED, "not sent, it changed since it was planned: it is absent now")]
    assert outcome.exit_code is ExitCode.STALE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthError(Problem("unauthorized access")), ExitCode.AUTH),
        (UnreachableError(Problem("refused")), ExitCode.UNREACHABLE),
    ],
)
def test_a_recheck_that_fails_stops_the_run_before_anything_is_sent(
    journal: Journal, error: TokenctlError, code: ExitCode
) -> None:
    server = _server(PLAN)
    server.on_get = lambda *_: error
    outcome = _run(PLAN, server, journal, now=9.0)
    assert server.log == ["GET 1"]
    assert outcome.exit_code is code
    assert outcome.stopped == error.problems[0].message


def test_a_recheck_that_ends_after_the_stop_sends_nothing(journal: Journal) -> None:
    changes = [Change(token=_token(number), description="x") for number in (1, 2)]
    server = _server(_plan(*changes))
    both_asked = threading.Barrier(2)
    released = threading.Event()

    class Reader:
        """Refuses the first token only when both were asked for, and answers for the second after that was seen."""

        def get(self, token_id: TokenId) -> Token | Missing:
            both_asked.wait(10)
            if token_id == _id(1):
                raise AuthError(Problem("token is inactive"))
            assert released.wait(10)
            return server.get(token_id)

        def list_tokens(self) -> Listing:
            raise AssertionError

    class Watched(Journal):
        """Lets the second answer go once the first refusal is written down."""

        def result(self, result: object) -> None:
            released.set()

    watched = Watched(journal.path, journal._descriptor)
    means = Means(reader=Reader(), writer=server, journal=watched, clock=lambda: 9.0, read_at=0.0, parallelism=2)
    outcome = execute(_plan(*changes), means)
    assert [line for line in server.log if line.startswith("PATCH")] == []
    assert [fate for _, fate, _ in _fates(outcome)] == [Fate.FAILED, Fate.NOT_ATTEMPTED]


def test_many_changes_are_read_back_by_one_list(journal: Journal) -> None:
    plan = _plan(DESCRIBE, DEACTIVATE, live=9)
    server = _server(plan)
    outcome = _run(plan, server, journal)
    assert server.log[-1] == "LIST"
    assert outcome.exit_code is ExitCode.OK


def test_a_read_back_shows_what_somebody_else_wrote_at_the_same_time(journal: Journal) -> None:
    plan = _plan(DESCRIBE, DEACTIVATE, live=9)
    server = _server(plan)

    def undo(memory: Memory, token_id: TokenId) -> Token | None:
        answer = memory.tokens[token_id]
        memory.tokens[_id(2)] = replace(memory.tokens[_id(2)], description="theirs")
        return answer

    server.on_patch = undo
    outcome = _run(plan, server, journal)
    assert _fates(outcome)[0] == (
        2,
        Fate.UNVERIFIED,
        "read back, description is `theirs`, not `better`: somebody else changed it meanwhile",
    )
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_read_back_that_lacks_a_token_asks_for_it(journal: Journal) -> None:
    plan = _plan(DESCRIBE, live=4)
    server = _server(plan)

    def delete(memory: Memory, token_id: TokenId) -> Token:
        return memory.tokens.pop(token_id)

    server.on_patch = delete
    outcome = _run(plan, server, journal)
    assert server.log[-2:] == ["LIST", "GET 2"]
    assert _fates(outcome) == [(2, Fate.UNVERIFIED, "read back, it is absent")]


def test_a_read_back_that_fails_leaves_everything_unverified(journal: Journal) -> None:
    plan = _plan(DESCRIBE, live=4)
    server = _server(plan)
    server.on_list = UnreachableError(Problem("connection refused"))
    outcome = _run(plan, server, journal)
    assert _fates(outcome) == [(2, Fate.UNVERIFIED, "it could not be read back: connection refused")]


def test_an_answer_about_another_token_is_not_believed(journal: Journal) -> None:
    server = _server(PLAN)
    server.on_patch = lambda memory, _: replace(memory.tokens[_id(2)], id=_id(9))
    outcome = _run(_plan(DESCRIBE), server, journal)
    assert _fates(outcome)[0][1] is Fate.DONE  # a read of the right token showed it
    assert "is about token 0000000000000009" in _fates(outcome)[0][2]


def test_the_callers_own_token_is_last_and_the_refusal_is_its_proof(journal: Journal) -> None:
    own = Change(token=_token(1, is_own=True), status=Status.INACTIVE)
    plan = _plan(own, DEACTIVATE, waivers=(Guard.SELF,))
    server = _server(plan)

    def locked_out(memory: Memory, token_id: TokenId) -> TokenctlError | None:
        off = memory.tokens[_id(1)].status is Status.INACTIVE
        return AuthError(Problem("token is inactive")) if off and token_id == _id(1) else None

    server.on_get = locked_out
    outcome = _run(plan, server, journal)
    assert server.log == ['PATCH 3 {"status": "inactive"}', "GET 3", 'PATCH 1 {"status": "inactive"}', "GET 1"]
    assert outcome.exit_code is ExitCode.OK


def test_before_the_callers_own_token_something_may_be_done_with_it(journal: Journal) -> None:
    own = Change(token=_token(1, is_own=True), status=Status.INACTIVE)
    plan = _plan(own, DEACTIVATE, waivers=(Guard.SELF,))
    server = _server(plan)
    means = Means(
        reader=server, writer=server, journal=journal, clock=lambda: 0.0, read_at=0.0, parallelism=1,
        before_own=lambda: server.log.append("before"),
    )  # fmt: skip
    execute(plan, means)
    assert [line[:7] for line in server.log] == ["PATCH 3", "GET 3", "before", "PATCH 1", "GET 1"]


def test_a_token_that_may_be_the_callers_is_last_when_the_guard_is_waived(journal: Journal) -> None:
    maybe = Change(token=_token(1, manages=(EVERY_ORG,)), status=Status.INACTIVE)
    plan = _plan(maybe, DEACTIVATE, waivers=(Guard.SELF,))
    server = _server(plan)
    outcome = _run(plan, server, journal)
    assert [line[:7] for line in server.log] == ["PATCH 3", "GET 3", "PATCH 1", "GET 1"]
    assert outcome.exit_code is ExitCode.OK


def test_the_callers_own_token_stays_when_anything_before_it_failed(journal: Journal) -> None:
    own = Change(token=_token(1, is_own=True), status=Status.INACTIVE)
    plan = _plan(own, DEACTIVATE, waivers=(Guard.SELF,))
    server = _server(plan)
    server.stored = False
    server.on_patch = lambda *_: InvalidAnswer
    outcome = _run(plan, server, journal)
    assert not [line for line in server.log if line.startswith("PATCH 1")]
    assert [fate for _, fate, _ in _fates(outcome)] == [Fate.NOT_ATTEMPTED, Fate.FAILED]


def test_the_callers_own_token_that_still_answers_is_unverified(journal: Journal) -> None:
    own = Change(token=_token(1, is_own=True), status=Status.INACTIVE)
    server = _server(_plan(own))

    def revive(memory: Memory, token_id: TokenId) -> None:
        memory.tokens[token_id] = replace(memory.tokens[token_id], status=Status.ACTIVE)

    server.on_get = revive
    outcome = _run(_plan(own), server, journal)
    assert _fates(outcome)[0][1] is Fate.UNVERIFIED


def test_no_more_than_the_agreed_number_is_in_flight(journal: Journal) -> None:
    changes = [Change(token=_token(number), description="x") for number in range(1, 41)]
    server = _server(_plan(*changes))
    counting = threading.Lock()
    flying, most = 0, 0
    four = threading.Barrier(4)

    class Writer:
        """Counts the requests that are under way, and answers only when four are."""

        def patch(self, token_id: TokenId, body: dict[str, str]) -> Token:
            nonlocal flying, most
            with counting:
                flying += 1
                most = max(most, flying)
            four.wait(10)
            with counting:
                flying -= 1
            return server.patch(token_id, body)

    means = Means(reader=server, writer=Writer(), journal=journal, clock=lambda: 0.0, read_at=0.0, parallelism=4)
    outcome = execute(_plan(*changes), means)
    assert most == 4
    assert outcome.exit_code is ExitCode.OK
    assert len([line for line in server.log if line.startswith("PATCH")]) == 40


class _Full(Journal):
    """A journal whose disk is full from a given event on."""

    event = "intent"

    def _write(self, line: Line) -> None:
        if line["event"] == self.event:
            raise LocalError(Problem("no space left on device"))
        super()._write(line)


def test_nothing_is_sent_when_the_intent_cannot_be_written(journal: Journal) -> None:
    server = _server(PLAN)
    outcome = _run(PLAN, server, _Full(journal.path, journal._descriptor))
    assert server.log == []
    assert outcome.stopped == "no space left on device"
    assert outcome.exit_code is ExitCode.ERROR


def test_a_result_that_cannot_be_written_stops_the_run_and_is_still_reported(journal: Journal) -> None:
    class FullForResults(_Full):
        """Full when the result of the first operation is to be written."""

        event = "result"

    server = _server(PLAN)
    outcome = _run(PLAN, server, FullForResults(journal.path, journal._descriptor))
    assert [line for line in server.log if line.startswith("PATCH")] == ['PATCH 1 {"status": "active"}']
    assert [fate for _, fate, _ in _fates(outcome)] == [Fate.DONE, Fate.NOT_ATTEMPTED, Fate.NOT_ATTEMPTED]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_bug_in_a_worker_is_raised_and_not_reported_as_a_result(journal: Journal) -> None:
    class Broken(Memory):
        """Raises what is no TokenctlError."""

        def patch(self, token_id: TokenId, body: dict[str, str]) -> Token:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _run(PLAN, Broken({}), journal)

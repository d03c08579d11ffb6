"""The life of an operation under failures, limits and interrupts, with a server in memory."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.journal import Journal
from reconciler.apply.pace import Moment, Pacing
from reconciler.core.live import Absence, Missing, Status, Token, TokenId
from reconciler.core.outcome import ResultStatus
from reconciler.core.plan import Change
from reconciler.documents.decode import Document
from reconciler.errors import (
    AuthError,
    ExitCode,
    FailureKind,
    LocalError,
    TokenctlError,
    TransientError,
    UnreachableError,
)
from tests.apply.memory import Fault, Memory, events, holding, nth, plan_of, run, statuses, token

DESCRIBE = Change(token=token(2), description="better")
PLAN = plan_of(DESCRIBE)
PATCH, GET = 'PATCH 2 {"description": "better"}', "GET 2"


def failed(trouble: FailureKind, words: str = "answered 503") -> TransientError:
    return TransientError(words, kind=trouble)


@dataclass
class Patience:
    """Says these waits one after the other; keeps what it was asked."""

    says: list[float | str]
    asked: list[list[FailureKind]] = field(default_factory=list)

    def again(self, failures: Sequence[TransientError]) -> float | str:
        self.asked.append([each.kind for each in failures])
        return self.says.pop(0)


def first(*steps: Callable[[Memory, TokenId], TokenctlError | Token | None]) -> Fault:
    """What goes wrong at the first PATCH, at the second, and so on; nothing later."""
    left = list(steps)
    return lambda server, token_id: left.pop(0)(server, token_id) if left else None


def before(error: TokenctlError) -> Fault:
    """The change was not stored, and the error came."""

    def fail(server: Memory, token_id: TokenId) -> TokenctlError:
        server.tokens[token_id] = next(each.token for each in PLAN.changes if each.token.id == token_id)
        return error

    return fail


def after(error: TokenctlError) -> Fault:
    """The change was stored, and the error came."""
    return lambda *_: error


def test_a_change_that_was_not_applied_is_sent_again_after_a_look(journal: Journal) -> None:
    server, waited = holding(PLAN), list[float]()
    server.on_patch = first(before(failed(FailureKind.PASSING)), before(failed(FailureKind.STALE, "it was closed")))
    patience = Patience([0.4, 0.0])
    outcome = run(PLAN, server, journal, retries=patience, pause=lambda _, wait: waited.append(wait))
    assert server.log == [PATCH, GET, PATCH, GET, PATCH, GET]
    assert (patience.asked, waited) == ([[FailureKind.PASSING], [FailureKind.PASSING, FailureKind.STALE]], [0.4])
    assert statuses(outcome) == [(2, ResultStatus.DONE, "at attempt 3; the first: answered 503")]
    assert outcome.exit_code is ExitCode.OK
    assert events(journal) == [*[f"intent {nth(2)}"] * 3, f"result {nth(2)} done", "summary"]
    assert [line.count('"attempt": ') for line in journal.path.read_text().splitlines()] == [1, 1, 1, 0, 0]
    assert ['"attempt": 3' in line for line in journal.path.read_text().splitlines()] == [
        False,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "error",
    [
        failed(FailureKind.PASSING), failed(FailureKind.STALE), failed(FailureKind.FAULT), failed(FailureKind.LATE),
        TokenctlError("the server says: 404 user not found"), UnreachableError("it is not JSON"),
    ],
    ids=["passing", "stale", "fault", "late", "orphan", "useless"],
)  # fmt: skip
def test_a_change_that_was_applied_behind_an_error_is_not_sent_again(journal: Journal, error: TokenctlError) -> None:
    server = holding(PLAN)
    server.on_patch = after(error)
    outcome = run(PLAN, server, journal, retries=Patience([0.0]))
    assert server.log == [PATCH, GET, GET]
    reason = f"the answer was not usable ({error.problems[0].message}), a read shows it"
    assert [(status, why.replace("; it is sent once", "")) for _, status, why in statuses(outcome)] == [
        (ResultStatus.DONE, reason)
    ]
    assert events(journal)[:2] == [f"intent {nth(2)}", f"result {nth(2)} done"]


def test_what_somebody_else_changed_meanwhile_is_never_overwritten(journal: Journal) -> None:
    server = holding(PLAN)

    def meddle(server: Memory, token_id: TokenId) -> TokenctlError:
        server.tokens[token_id] = DESCRIBE.token._replace(description="theirs", updated_at="2026")
        return failed(FailureKind.PASSING)

    server.on_patch = first(meddle)
    outcome = run(PLAN, server, journal, retries=Patience([0.0]))
    assert server.log == [PATCH, GET, GET]
    assert statuses(outcome) == [
        (2, ResultStatus.UNVERIFIED, "answered 503; somebody else changed it: description is `theirs`, not `better`")
    ]
    assert (outcome.exit_code, server.tokens[nth(2)].description) == (ExitCode.PARTIAL, "theirs")


def test_a_description_activates_nothing_that_somebody_switched_off_meanwhile(journal: Journal) -> None:
    server = holding(PLAN)

    def switch_off(server: Memory, token_id: TokenId) -> Token:
        server.tokens[token_id] = server.tokens[token_id]._replace(status=Status.INACTIVE)
        return server.tokens[token_id]

    server.on_patch = first(switch_off)
    outcome = run(PLAN, server, journal)
    assert server.log == [PATCH, GET, GET]
    assert statuses(outcome) == [
        (
            2,
            ResultStatus.UNVERIFIED,
            "status is `inactive`, not `active`; somebody else changed it: status is `inactive`, not `active`",
        )
    ]
    assert server.tokens[nth(2)].status is Status.INACTIVE


def test_after_too_many_attempts_the_reason_says_so(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = before(failed(FailureKind.PASSING))
    outcome = run(PLAN, server, journal, retries=Patience([0.0, "given up after 2 attempts"]))
    assert server.log == [PATCH, GET, PATCH, GET]
    assert statuses(outcome) == [(2, ResultStatus.FAILED, "not applied: answered 503; given up after 2 attempts")]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_what_was_deleted_meanwhile_is_not_sent_again(journal: Journal) -> None:
    server = holding(PLAN)

    def delete(server: Memory, token_id: TokenId) -> TokenctlError:
        del server.tokens[token_id]
        return failed(FailureKind.PASSING)

    server.on_patch = first(delete)
    outcome = run(PLAN, server, journal, retries=Patience([0.0]))
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "answered 503; it is absent now")]


def test_without_an_answer_in_time_nothing_is_sent_again(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = before(failed(FailureKind.LATE, "no answer in time"))
    outcome = run(PLAN, server, journal, retries=Patience([]))
    assert server.log == [PATCH, GET, GET]
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "not applied so far: no answer in time")]


def test_what_is_applied_late_is_seen_in_the_end(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = before(failed(FailureKind.LATE, "no answer in time"))
    seen: list[TokenId] = []

    def apply_late(server: Memory, token_id: TokenId) -> None:
        seen.append(token_id)
        if len(seen) == 2:
            server.tokens[token_id] = DESCRIBE.token._replace(description="better", updated_at="2026")

    server.on_get = apply_late
    outcome = run(PLAN, server, journal)
    assert (outcome.exit_code, statuses(outcome)[0][1]) == (ExitCode.OK, ResultStatus.DONE)
    assert outcome.results[0].updated_at == "2026"


def test_an_intent_that_cannot_be_written_keeps_the_second_attempt_from_being_sent(journal: Journal) -> None:
    class Full(Journal):
        """Full from the second attempt on."""

        def write(self, line: Document) -> None:
            if (line["event"], line.get("attempt")) == ("intent", 2):
                raise LocalError("no space left on device")
            super().write(line)

    server = holding(PLAN)
    server.on_patch = before(failed(FailureKind.PASSING))
    outcome = run(PLAN, server, Full(journal.path, journal._descriptor), retries=Patience([0.0]))
    assert server.log == [PATCH, GET]
    assert statuses(outcome) == [(2, ResultStatus.FAILED, "not applied: answered 503")]
    assert outcome.stopped == "no space left on device"


MANY = [Change(token=token(number), description="better") for number in range(1, 41)]


def patched(server: Memory) -> list[int]:
    return [int(line.split()[1]) for line in server.log if line.startswith("PATCH")]


def test_a_server_that_fails_again_and_again_is_left_alone(journal: Journal) -> None:
    server = holding(plan_of(*MANY))
    server.stored = False
    server.on_patch = after(failed(FailureKind.PASSING))
    outcome = run(plan_of(*MANY), server, journal)
    assert patched(server) == [1, 2, 3, 4, 5]
    assert outcome.stopped == "5 in a row failed"
    assert [len(outcome.having(status)) for status in ResultStatus] == [0, 5, 0, 35]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_rechecks_that_fail_again_and_again_stop_the_run_before_anything_is_sent(journal: Journal) -> None:
    server = holding(plan_of(*MANY))
    server.on_get = after(failed(FailureKind.PASSING))
    outcome = run(plan_of(*MANY), server, journal, now=9.0)
    assert server.log == [f"GET {number}" for number in range(1, 6)]
    assert outcome.exit_code is ExitCode.UNREACHABLE


def test_as_many_failures_as_are_allowed_stop_the_run(journal: Journal) -> None:
    server = holding(plan_of(*MANY))
    server.on_patch = lambda server, token_id: (
        server.tokens[token_id]._replace(description="other") if int(token_id, 16) in (3, 9) else None
    )
    server.on_get = lambda server, token_id: server.tokens.update({token_id: MANY[int(token_id, 16) - 1].token})
    outcome = run(plan_of(*MANY), server, journal, pacing=Pacing(parallelism=1, max_failures=2))
    assert patched(server) == list(range(1, 10))
    assert outcome.stopped == "2 failed, which is what --max-failures allows"


def test_changes_are_sent_no_faster_than_is_wanted(journal: Journal) -> None:
    server, waited, now = holding(plan_of(*MANY[:4])), list[float](), [10.0]

    def pause(_: threading.Event, wait: float) -> None:
        waited.append(round(wait, 6))
        now[0] += wait

    outcome = run(
        plan_of(*MANY[:4]), server, journal, pacing=Pacing(parallelism=1, per_s=2.0), clock=lambda: now[0], pause=pause,
        moment=lambda: Moment(now[0], now[0]), read_at=Moment(10.0, 10.0),
    )  # fmt: skip
    assert (patched(server), waited, outcome.exit_code) == ([1, 2, 3, 4], [0.5, 0.5, 0.5], ExitCode.OK)
    assert len(server.log) == 8  # nothing was known for so long that it was read before


def test_what_has_to_wait_its_turn_for_long_is_read_again(journal: Journal) -> None:
    server, now = holding(plan_of(*MANY[:2])), [0.0]

    def pause(_: threading.Event, wait: float) -> None:
        while not patched(server):  # the first one goes at once
            pass
        now[0] += wait

    pacing = Pacing(parallelism=2, per_s=0.1)
    run(plan_of(*MANY[:2]), server, journal, pacing=pacing, pause=pause, moment=lambda: Moment(now[0], 0.0))
    sent = {number: [line.split()[0] for line in server.log if f" {number}" in line[:8]] for number in (1, 2)}
    assert sent == {1: ["PATCH", "GET"], 2: ["GET", "PATCH", "GET"]}


def test_another_attempt_waits_its_turn_too(journal: Journal) -> None:
    server, waited = holding(PLAN), list[float]()
    server.on_patch = first(before(failed(FailureKind.PASSING)))
    pacing = Pacing(parallelism=1, per_s=0.5)
    run(PLAN, server, journal, retries=Patience([0.3]), pacing=pacing, pause=lambda _, wait: waited.append(wait))
    assert waited == [2.0]


def test_a_canary_is_read_back_before_the_rest_is_sent(journal: Journal) -> None:
    server = holding(plan_of(*MANY[:3]))
    outcome = run(plan_of(*MANY[:3]), server, journal, pacing=Pacing(parallelism=1, canary=2))
    assert [line[:7].strip() for line in server.log] == [
        "PATCH 1", "PATCH 2", "GET 1", "GET 2", "PATCH 3", "GET 1", "GET 2", "GET 3",
    ]  # fmt: skip
    assert outcome.exit_code is ExitCode.OK


def test_a_canary_that_does_not_stay_as_it_was_sent_keeps_the_rest_from_being_sent(journal: Journal) -> None:
    server = holding(plan_of(*MANY[:3]))
    server.on_get = lambda server, token_id: server.tokens.update({token_id: MANY[0].token})
    outcome = run(plan_of(*MANY[:3]), server, journal, pacing=Pacing(parallelism=1, canary=1))
    assert patched(server) == [1]
    assert [each[1] for each in statuses(outcome)] == [
        ResultStatus.UNVERIFIED,
        ResultStatus.NOT_ATTEMPTED,
        ResultStatus.NOT_ATTEMPTED,
    ]
    assert statuses(outcome)[1][2] == "what had to come before it did not succeed"


def interrupted() -> Interrupt:
    """One that notes the first signal, and to which a second one is nothing."""
    interrupt = Interrupt(leave=lambda _: None)
    interrupt.defer()
    return interrupt


def test_an_interrupt_before_the_first_patch_sends_nothing(journal: Journal) -> None:
    server, interrupt = holding(PLAN), interrupted()
    interrupt.receive(signal.SIGTERM)
    outcome = run(PLAN, server, journal, interrupt=interrupt)
    assert (server.log, outcome.exit_code, outcome.stopped) == ([], ExitCode.TERMINATED, "told to end")
    assert events(journal) == ["summary"]


def test_an_interrupt_lets_what_is_under_way_end_and_begins_nothing_more(journal: Journal) -> None:
    server, interrupt = holding(plan_of(*MANY)), interrupted()

    def strike(_: Memory, token_id: TokenId) -> None:
        if int(token_id, 16) == 3:
            interrupt.receive(signal.SIGINT)

    server.on_patch = strike
    outcome = run(plan_of(*MANY), server, journal, interrupt=interrupt)
    assert server.log[-3:] == ["GET 1", "GET 2", "GET 3"]
    assert patched(server) == [1, 2, 3]
    assert [len(outcome.having(status)) for status in ResultStatus] == [3, 0, 0, 37]
    assert (outcome.stopped, outcome.exit_code) == ("interrupted", ExitCode.PARTIAL)
    assert events(journal)[-1] == "summary"


def test_an_interrupt_after_the_last_answer_changes_nothing(journal: Journal) -> None:
    server, interrupt = holding(PLAN), interrupted()
    server.on_get = lambda *_: interrupt.receive(signal.SIGINT)
    outcome = run(PLAN, server, journal, interrupt=interrupt)
    assert (outcome.exit_code, outcome.stopped) == (ExitCode.OK, "interrupted")


@dataclass
class Silent:
    """A writer or reader that never answers for some tokens; `asked` is set when it was asked for one of them."""

    server: Memory
    deaf: frozenset[TokenId]
    over: threading.Event
    asked: Callable[[], None]

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        ready()
        self._wait(token_id)
        return self.server.patch(token_id, body, ready)

    def get(self, token_id: TokenId) -> Token | Missing:
        self._wait(token_id)
        return self.server.get(token_id)

    def list_tokens(self) -> object:
        self._wait(nth(1))
        return self.server.list_tokens()

    def _wait(self, token_id: TokenId) -> None:
        if token_id in self.deaf:
            self.asked()
            self.over.wait(30)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Set when the test is over, so that nobody waits any longer."""
    event = threading.Event()
    yield event
    event.set()


def ticking() -> Callable[[], float]:
    """A clock that moves on by 10 ms whenever it is looked at."""
    times = itertools.count()
    return lambda: next(times) / 100


def test_what_does_not_answer_in_the_time_that_is_left_is_unverified(journal: Journal, over: threading.Event) -> None:
    plan, interrupt = plan_of(*MANY[:4]), interrupted()
    server = holding(plan)
    writer = Silent(server, frozenset({nth(2)}), over, lambda: interrupt.receive(signal.SIGINT))
    outcome = run(
        plan, server, journal, writer=writer, interrupt=interrupt, pacing=Pacing(parallelism=2), clock=ticking(),
        grace_s=0.1,
    )  # fmt: skip
    reason = "there was no answer before the run had to end"
    assert (2, ResultStatus.UNVERIFIED, reason) in statuses(outcome)
    assert outcome.exit_code is ExitCode.PARTIAL
    assert f"result {nth(2)} unverified" in events(journal)
    assert events(journal)[-1] == "summary"


def test_what_was_in_doubt_when_the_time_was_up_stays_so(journal: Journal, over: threading.Event) -> None:
    interrupt = interrupted()
    server = holding(PLAN)
    server.on_patch = before(failed(FailureKind.PASSING))
    reader = Silent(server, frozenset({nth(2)}), over, lambda: interrupt.receive(signal.SIGINT))
    outcome = run(
        PLAN, server, journal, reader=reader, interrupt=interrupt, retries=Patience([0.0]), clock=ticking(), grace_s=0.1
    )
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "answered 503")]


def test_what_was_not_sent_when_the_time_was_up_was_not_attempted(journal: Journal, over: threading.Event) -> None:
    interrupt = interrupted()
    server = holding(PLAN)
    reader = Silent(server, frozenset({nth(2)}), over, lambda: interrupt.receive(signal.SIGINT))
    outcome = run(PLAN, server, journal, reader=reader, interrupt=interrupt, clock=ticking(), now=9.0, grace_s=0.1)
    assert (statuses(outcome), server.log) == ([(2, ResultStatus.NOT_ATTEMPTED, "")], [])
    assert outcome.exit_code is ExitCode.INTERRUPTED


@pytest.mark.parametrize("live", [100, 1])
def test_what_was_not_read_back_in_time_is_unverified(journal: Journal, over: threading.Event, live: int) -> None:
    interrupt = interrupted()
    plan = plan_of(MANY[0], live=live)
    server = holding(plan)
    reader = Silent(server, frozenset({nth(1)}), over, lambda: interrupt.receive(signal.SIGINT))
    outcome = run(plan, server, journal, reader=reader, interrupt=interrupt, clock=ticking(), grace_s=0.1)
    reason = "it could not be read back: there was no answer before the run had to end"
    assert statuses(outcome) == [(1, ResultStatus.UNVERIFIED, reason)]


def test_whoever_waits_for_another_attempt_is_woken_when_the_run_stops(journal: Journal) -> None:
    plan, halted = plan_of(*MANY[:2]), list[bool]()
    server = holding(plan)
    both = threading.Barrier(2)

    def fail(_: Memory, token_id: TokenId) -> TokenctlError:
        server.tokens[token_id] = MANY[int(token_id, 16) - 1].token
        return failed(FailureKind.PASSING) if token_id == nth(1) else AuthError("token is inactive")

    def pause(halt: threading.Event, _: float) -> None:
        both.wait(10)
        halted.append(halt.wait(10))

    class Writer:
        """Answers for the second token only when the first one waits."""

        def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
            if token_id == nth(2):
                both.wait(10)
            return server.patch(token_id, body, ready)

    server.on_patch = fail
    outcome = run(plan, server, journal, writer=Writer(), retries=Patience([60.0]), parallelism=2, pause=pause)
    assert halted == [True]
    assert patched(server) == [1, 2]
    assert statuses(outcome)[0] == (1, ResultStatus.FAILED, "not applied: answered 503")
    assert outcome.stopped == "token is inactive"


def test_two_changes_of_one_token_are_never_under_way(journal: Journal) -> None:
    server, flying = holding(plan_of(*MANY)), set[TokenId]()
    failures = iter([failed(FailureKind.PASSING), None] * 40)

    class Writer:
        """Fails every other time before anything is stored."""

        def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
            assert token_id not in flying
            flying.add(token_id)
            try:
                error = next(failures)
                if error:
                    raise error
                return server.patch(token_id, body, ready)
            finally:
                flying.discard(token_id)

    outcome = run(
        plan_of(*MANY), server, journal, writer=Writer(), retries=Patience([0.0] * 40), pacing=Pacing(parallelism=8)
    )
    assert outcome.exit_code is ExitCode.OK
    assert sorted(patched(server)) == list(range(1, 41))


def test_a_token_that_cannot_be_read_again_stays_in_doubt(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = before(failed(FailureKind.PASSING))
    server.on_get = lambda *_: failed(FailureKind.PASSING, "answered 502")
    outcome = run(PLAN, server, journal, retries=Patience([0.0]))
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "answered 503; reading it again: answered 502")]


def test_an_orphan_cannot_be_settled(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = after(TokenctlError("the server says: 404 user not found"))

    class Reader(Memory):
        """Knows that the owner of the token is gone."""

        def get(self, token_id: TokenId) -> Token | Missing:
            return Missing(Absence.ORPHANED, "user not found")

    outcome = run(PLAN, server, journal, reader=Reader({}))
    assert statuses(outcome) == [
        (2, ResultStatus.UNVERIFIED, "the server says: 404 user not found; it is orphaned now")
    ]


class Connecting:
    """A writer that has to connect first, which takes so long each time."""

    def __init__(self, server: Memory, now: list[float], takes: list[float]) -> None:
        self._server = server
        self._now = now
        self._takes = takes

    def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
        self._now[0] += self._takes.pop(0) if self._takes else 0.0
        return self._server.patch(token_id, body, ready)


@pytest.mark.parametrize(
    ("takes", "sent"),
    [([5.0], [PATCH, GET]), ([6.0], [GET, PATCH, GET]), ([6.0, 6.0], [GET, GET, PATCH, GET])],
)
def test_a_connection_that_took_long_to_make_lets_the_token_be_read_again(
    journal: Journal, takes: list[float], sent: list[str]
) -> None:
    server, now = holding(PLAN), [0.0]
    writer = Connecting(server, now, takes)
    outcome = run(PLAN, server, journal, writer=writer, moment=lambda: Moment(now[0], 0.0))
    assert (server.log, outcome.exit_code) == (sent, ExitCode.OK)
    assert events(journal) == [f"intent {nth(2)}", f"result {nth(2)} done", "summary"]


@pytest.mark.parametrize("slow", ["connecting", "reading"])
def test_who_cannot_be_quick_enough_sends_nothing(journal: Journal, slow: str) -> None:
    server, now = holding(PLAN), [6.0]
    if slow == "reading":
        server.on_get = lambda *_: now.append(now.pop() + 6)
    writer = Connecting(server, now, [6.0] * 9) if slow == "connecting" else server
    outcome = run(PLAN, server, journal, writer=writer, moment=lambda: Moment(0.0, now[0]))
    assert server.log == [GET] * 3
    reason = "not sent: reading it takes so long that somebody may change it meanwhile"
    assert (statuses(outcome), outcome.exit_code) == ([(2, ResultStatus.FAILED, reason)], ExitCode.UNREACHABLE)


def test_an_attempt_whose_intent_took_long_to_write_is_not_sent_when_the_token_moved(journal: Journal) -> None:
    server, now = holding(PLAN), [0.0]
    server.on_patch = before(failed(FailureKind.PASSING))

    class Slow(Journal):
        """Takes 6 s for the second intent, while somebody else comes."""

        def write(self, line: Document) -> None:
            super().write(line)
            if (line["event"], line.get("attempt")) == ("intent", 2):
                now[0] += 6
                server.tokens[nth(2)] = DESCRIBE.token._replace(description="theirs", updated_at="2026")

    slow = Slow(journal.path, journal._descriptor)
    outcome = run(PLAN, server, slow, retries=Patience([0.0]), moment=lambda: Moment(now[0], 0.0))
    assert server.log == [PATCH, GET, GET, GET]
    reason = "answered 503; somebody else changed it: description is `theirs`, not `better`"
    assert (statuses(outcome), outcome.exit_code) == ([(2, ResultStatus.UNVERIFIED, reason)], ExitCode.PARTIAL)


def test_a_signal_while_a_token_is_read_again_sends_nothing_and_says_so(journal: Journal) -> None:
    server, interrupt = holding(PLAN), interrupted()
    server.on_get = lambda *_: interrupt.receive(signal.SIGINT)
    outcome = run(PLAN, server, journal, interrupt=interrupt, now=9.0)
    assert (server.log, statuses(outcome)) == ([GET], [(2, ResultStatus.NOT_ATTEMPTED, "")])
    assert outcome.exit_code is ExitCode.INTERRUPTED
    assert events(journal) == [f"intent {nth(2)}", f"result {nth(2)} not attempted", "summary"]


def test_what_cannot_even_be_sent_changed_nothing(journal: Journal) -> None:
    server = holding(plan_of(*MANY))

    class Gone:
        """Gets no connection."""

        def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
            raise failed(FailureKind.PASSING, "nothing listens there")

    outcome = run(plan_of(*MANY), server, journal, writer=Gone(), retries=Patience([0.0, "given up"] * 5))
    assert {line.split()[0] for line in server.log} == {"GET"}
    assert [(status, why) for _, status, why in statuses(outcome)][:5] == [
        (ResultStatus.FAILED, "nothing listens there; given up")
    ] * 5
    assert (outcome.stopped, outcome.exit_code) == ("5 in a row failed", ExitCode.UNREACHABLE)
    assert not any(each.sent for each in outcome.results)


def test_what_could_not_be_sent_and_moved_meanwhile_is_left_alone(journal: Journal) -> None:
    server = holding(PLAN)
    server.tokens[nth(2)] = DESCRIBE.token._replace(description="theirs", updated_at="2026")
    steps = iter([failed(FailureKind.PASSING, "nothing listens there")])

    class Back:
        """Gets no connection the first time."""

        def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
            raise next(steps)

    outcome = run(PLAN, server, journal, writer=Back(), retries=Patience([0.0]))
    assert (server.log, outcome.exit_code) == ([GET], ExitCode.STALE)
    assert statuses(outcome)[0][2].startswith("not sent, it changed since it was planned: description was `token 2`")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthError("your token lacks `write`"), ExitCode.AUTH),
        (UnreachableError("answered 400", is_over=True), ExitCode.UNREACHABLE),
        (UnreachableError("it is not JSON"), ExitCode.PARTIAL),
        (TransientError("answered 429", kind=FailureKind.PASSING, is_over=True), ExitCode.UNREACHABLE),
        (TransientError("answered 500", kind=FailureKind.FAULT, is_over=True), ExitCode.UNREACHABLE),
        (failed(FailureKind.STALE), ExitCode.UNREACHABLE),
        (failed(FailureKind.PASSING, "it was reset"), ExitCode.PARTIAL),
        (failed(FailureKind.LATE), ExitCode.PARTIAL),
    ],
    ids=["no right", "bad", "useless", "too many", "fault", "stale", "reset", "late"],
)
def test_what_was_refused_changed_nothing_unless_it_may_still_come(
    journal: Journal, error: TokenctlError, code: ExitCode
) -> None:
    server = holding(PLAN)
    server.on_patch = before(error)
    outcome = run(PLAN, server, journal, retries=Patience(["it is sent once"]))
    assert (outcome.exit_code, outcome.changed_nothing) == (code, code is not ExitCode.PARTIAL)


def test_a_refusal_after_an_attempt_that_may_still_come_leaves_that_open(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = first(before(failed(FailureKind.PASSING)), before(AuthError("no right")))
    outcome = run(PLAN, server, journal, retries=Patience([0.0]))
    assert (statuses(outcome), outcome.exit_code) == (
        [(2, ResultStatus.FAILED, "not applied: no right")],
        ExitCode.PARTIAL,
    )


def outstanding(journal: Journal) -> int:
    """How many tokens had an intent and no result at most, at any line of the journal."""
    open_now, most = set[str](), 0
    for kind, token_id, *_ in (each.split() for each in events(journal) if each != "summary"):
        (open_now.add if kind == "intent" else open_now.discard)(token_id)
        most = max(most, len(open_now))
    return most


SIXTY = [Change(token=token(number), description="better") for number in range(2, 62)]


@pytest.mark.parametrize(
    ("others", "most"),
    [
        ({"parallelism": 4}, 12),
        ({"parallelism": 1}, 1),
        ({"pacing": Pacing(parallelism=4, max_failures=9)}, 4),
        ({"pacing": Pacing(parallelism=4, per_s=1e6)}, 4),
    ],
    ids=["smooth", "one by one", "failures count", "paced"],
)
def test_while_all_goes_well_no_worker_waits_for_the_disk(journal: Journal, others: dict[str, Any], most: int) -> None:
    plan = plan_of(*SIXTY)
    outcome = run(plan, holding(plan), journal, **others)
    assert {each.status for each in outcome.results} == {ResultStatus.DONE}
    assert outstanding(journal) == most


def test_no_more_are_begun_than_are_sent_at_once_before_any_went_well_or_once_one_has_not(journal: Journal) -> None:
    plan = plan_of(*SIXTY)
    server, planned = holding(plan), holding(plan).tokens

    def fail(server: Memory, token_id: TokenId) -> TokenctlError:
        server.tokens[token_id] = planned[token_id]
        return failed(FailureKind.PASSING)

    server.on_patch = first(fail)
    run(plan, server, journal, parallelism=4, retries=Patience([0.0]))
    assert outstanding(journal) == 4

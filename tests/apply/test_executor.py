"""`execute`, driven with a server in memory: the order of what is sent, what stops it, and what it reports."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from reconciler.apply.journal import Journal
from reconciler.core.endpoint import Speed
from reconciler.core.live import Missing, Status, Token, TokenId
from reconciler.core.outcome import ResultStatus
from reconciler.core.plan import Change, Guard
from reconciler.documents.decode import Document
from reconciler.errors import AuthError, ExitCode, LocalError, TokenctlError, UnreachableError
from tests.apply.memory import Listing, Memory, Observing, events, holding, nth, plan_of, run, statuses, token
from tests.builders import managing

ACTIVATE = Change(token=token(1, Status.INACTIVE), status=Status.ACTIVE)
DESCRIBE = Change(token=token(2), description="better")
DEACTIVATE = Change(token=token(3), status=Status.INACTIVE)
PLAN = plan_of(ACTIVATE, DESCRIBE, DEACTIVATE)


def test_activations_come_first_and_deactivations_last_and_all_is_read_back(journal: Journal) -> None:
    server = holding(PLAN)
    outcome = run(plan_of(DEACTIVATE, DESCRIBE, ACTIVATE), server, journal)
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
    server = holding(PLAN)
    seen: list[list[str]] = []

    def look(_: Memory, __: TokenId) -> None:
        seen.append(events(journal))

    server.on_patch = look
    run(PLAN, server, journal)
    first, second, third = nth(1), nth(2), nth(3)
    assert seen[0] == [f"intent {first}"]
    assert seen[1] == [f"intent {first}", f"result {first} done", f"intent {second}"]
    assert events(journal)[-3:] == [f"intent {third}", f"result {third} done", "summary"]


def test_who_looks_on_is_told_of_every_operation_by_one_thread(journal: Journal) -> None:
    server, observer = holding(PLAN), Observing()
    server.on_patch = lambda _, token_id: InvalidAnswer if token_id == nth(2) else None
    run(PLAN, server, journal, observers=[observer])
    assert observer.told == [
        "1 started", "1 done", "2 started", "2 done", "3 started", "3 done",
    ]  # fmt: skip
    assert observer.threads == {threading.get_ident()}


def test_who_looks_on_is_told_of_a_change_that_was_not_sent_after_all(journal: Journal) -> None:
    server, observer = holding(PLAN), Observing()
    server.tokens.clear()
    run(plan_of(DESCRIBE), server, journal, now=9.0, observers=[observer])
    assert observer.told == ["2 started", "2 failed"]


def test_a_phase_that_fails_keeps_the_later_ones_from_starting(journal: Journal) -> None:
    server = holding(PLAN)
    server.stored = False
    server.on_patch = lambda memory, token_id: memory.tokens[token_id]
    outcome = run(PLAN, server, journal)
    assert server.log == ['PATCH 1 {"status": "active"}', "GET 1"]
    assert statuses(outcome) == [
        (1, ResultStatus.FAILED, "not applied: status is `inactive`, not `active`"),
        (2, ResultStatus.NOT_ATTEMPTED, "what had to come before it did not succeed"),
        (3, ResultStatus.NOT_ATTEMPTED, "what had to come before it did not succeed"),
    ]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_lost_answer_is_settled_as_applied(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = lambda _, token_id: InvalidAnswer if token_id == nth(1) else None
    outcome = run(PLAN, server, journal)
    assert outcome.exit_code is ExitCode.OK
    assert statuses(outcome)[0] == (
        1,
        ResultStatus.DONE,
        "the answer was not usable (the answer was cut), a read shows it",
    )


InvalidAnswer = TokenctlError("the answer was cut")


def test_a_lost_answer_is_settled_as_changed_by_somebody_else(journal: Journal) -> None:
    server = holding(PLAN)

    def interfere(memory: Memory, token_id: TokenId) -> TokenctlError:
        memory.tokens[token_id] = memory.tokens[token_id]._replace(description="theirs", updated_at="2026")
        return InvalidAnswer

    server.on_patch = interfere
    outcome = run(plan_of(DESCRIBE), server, journal)
    assert statuses(outcome) == [
        (
            2,
            ResultStatus.UNVERIFIED,
            "the answer was cut; somebody else changed it: description is `theirs`, not `better`",
        )
    ]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_lost_answer_about_a_deleted_token_says_so(journal: Journal) -> None:
    server = holding(PLAN)

    def delete(memory: Memory, token_id: TokenId) -> TokenctlError:
        del memory.tokens[token_id]
        return InvalidAnswer

    server.on_patch = delete
    outcome = run(plan_of(DESCRIBE), server, journal)
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "the answer was cut; it is absent now")]


def test_a_lost_answer_that_cannot_be_settled_stays_unverified(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = lambda *_: InvalidAnswer
    server.on_get = lambda *_: UnreachableError("connection refused")
    outcome = run(plan_of(DESCRIBE), server, journal)
    assert statuses(outcome) == [
        (2, ResultStatus.UNVERIFIED, "the answer was cut; reading it again: connection refused")
    ]


def test_an_unauthorised_answer_stops_the_run(journal: Journal) -> None:
    changes = [Change(token=token(number), description="x") for number in range(1, 6)]
    server = holding(plan_of(*changes))
    server.stored = False
    server.on_patch = lambda *_: AuthError("token is inactive")
    outcome = run(plan_of(*changes), server, journal)
    assert [line for line in server.log if line.startswith("PATCH")] == ['PATCH 1 {"description": "x"}']
    assert outcome.stopped == "token is inactive"
    assert [status for _, status, _ in statuses(outcome)] == [ResultStatus.FAILED, *[ResultStatus.NOT_ATTEMPTED] * 4]


def test_what_is_known_for_long_is_read_again_before_it_is_changed(journal: Journal) -> None:
    server = holding(PLAN)
    outcome = run(plan_of(DESCRIBE), server, journal, now=5.1)
    assert server.log == ["GET 2", 'PATCH 2 {"description": "better"}', "GET 2"]
    assert outcome.exit_code is ExitCode.OK


def test_what_is_known_for_five_seconds_is_not_read_again(journal: Journal) -> None:
    server = holding(PLAN)
    run(plan_of(DESCRIBE), server, journal, now=5.0)
    assert server.log == ['PATCH 2 {"description": "better"}', "GET 2"]


def test_a_token_that_moved_meanwhile_is_left_alone(journal: Journal) -> None:
    server = holding(PLAN)
    server.tokens[nth(2)] = DESCRIBE.token._replace(status=Status.INACTIVE, updated_at="2026")
    outcome = run(plan_of(DESCRIBE), server, journal, now=9.0)
    assert server.log == ["GET 2"]
    assert statuses(outcome) == [
        (
            2,
            ResultStatus.FAILED,
            (
                "not sent, it changed since it was planned: status was `active` and is `inactive`; "
                "updatedAt was `2024-05-13T09:41:07Z` and is `2026`"
            ),
        )
    ]
    assert outcome.exit_code is ExitCode.STALE


def test_a_token_that_was_deleted_meanwhile_is_left_alone(journal: Journal) -> None:
    server = holding(PLAN)
    server.tokens.clear()
    outcome = run(plan_of(DESCRIBE), server, journal, now=9.0)
    assert statuses(outcome) == [
        (2, ResultStatus.FAILED, "not sent, it changed since it was planned: it is absent now")
    ]
    assert outcome.exit_code is ExitCode.STALE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthError("unauthorized access"), ExitCode.AUTH),
        (UnreachableError("refused"), ExitCode.UNREACHABLE),
    ],
)
def test_a_recheck_that_fails_stops_the_run_before_anything_is_sent(
    journal: Journal, error: TokenctlError, code: ExitCode
) -> None:
    server = holding(PLAN)
    server.on_get = lambda *_: error
    outcome = run(PLAN, server, journal, now=9.0)
    assert server.log == ["GET 1"]
    assert outcome.exit_code is code
    assert outcome.stopped == error.problems[0].message


def test_a_recheck_that_ends_after_the_stop_sends_nothing(journal: Journal) -> None:
    changes = [Change(token=token(number), description="x") for number in (1, 2)]
    server = holding(plan_of(*changes))
    both_asked = threading.Barrier(2)
    released = threading.Event()

    class Reader:
        """Refuses the first token only when both were asked for, and answers for the second after that was seen."""

        def get(self, token_id: TokenId) -> Token | Missing:
            both_asked.wait(10)
            if token_id == nth(1):
                raise AuthError("token is inactive")
            assert released.wait(10)
            return server.get(token_id)

        def list_tokens(self) -> Listing:
            raise AssertionError

    class Watched(Journal):
        """Lets the second answer go once the first refusal is written down."""

        def write(self, line: Document) -> None:
            if line["event"] == "result":
                released.set()

    watched = Watched(journal.path, journal._descriptor)
    outcome = run(plan_of(*changes), server, watched, reader=Reader(), now=9.0, parallelism=2)
    assert [line for line in server.log if line.startswith("PATCH")] == []
    assert [status for _, status, _ in statuses(outcome)] == [ResultStatus.FAILED, ResultStatus.NOT_ATTEMPTED]


def test_many_changes_are_read_back_by_one_list(journal: Journal) -> None:
    plan = plan_of(DESCRIBE, DEACTIVATE, live=9)
    server = holding(plan)
    outcome = run(plan, server, journal)
    assert server.log[-1] == "LIST"
    assert outcome.exit_code is ExitCode.OK


def test_what_single_reads_took_says_whether_a_list_reads_back(journal: Journal) -> None:
    plan = plan_of(DESCRIBE, DEACTIVATE, live=4)
    server = holding(plan)
    speed = Speed().after_list(4, 1.0)._replace(reads=8, read_s=0.5)
    outcome = run(plan, server, journal, speed=lambda: speed)
    assert server.log[-2:] == ["GET 2", "GET 3"]
    assert outcome.exit_code is ExitCode.OK


def test_a_run_that_made_no_list_reads_back_one_by_one(journal: Journal) -> None:
    plan = plan_of(DESCRIBE, DEACTIVATE, live=4)
    server = holding(plan)
    outcome = run(plan, server, journal, speed=Speed)
    assert server.log[-2:] == ["GET 2", "GET 3"]
    assert outcome.exit_code is ExitCode.OK


def test_a_read_back_shows_what_somebody_else_wrote_at_the_same_time(journal: Journal) -> None:
    plan = plan_of(DESCRIBE, DEACTIVATE, live=9)
    server = holding(plan)

    def undo(memory: Memory, token_id: TokenId) -> Token | None:
        answer = memory.tokens[token_id]
        memory.tokens[nth(2)] = memory.tokens[nth(2)]._replace(description="theirs")
        return answer

    server.on_patch = undo
    outcome = run(plan, server, journal)
    assert statuses(outcome)[0] == (
        2,
        ResultStatus.UNVERIFIED,
        "read back, description is `theirs`, not `better`: somebody else changed it meanwhile",
    )
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_read_back_that_lacks_a_token_asks_for_it(journal: Journal) -> None:
    plan = plan_of(DESCRIBE, live=4)
    server = holding(plan)

    def delete(memory: Memory, token_id: TokenId) -> Token:
        return memory.tokens.pop(token_id)

    server.on_patch = delete
    outcome = run(plan, server, journal)
    assert server.log[-2:] == ["LIST", "GET 2"]
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "read back, it is absent")]


def test_a_read_back_that_fails_leaves_everything_unverified(journal: Journal) -> None:
    plan = plan_of(DESCRIBE, live=4)
    server = holding(plan)
    server.on_list = UnreachableError("connection refused")
    outcome = run(plan, server, journal)
    assert statuses(outcome) == [(2, ResultStatus.UNVERIFIED, "it could not be read back: connection refused")]


def test_an_answer_about_another_token_is_not_believed(journal: Journal) -> None:
    server = holding(PLAN)
    server.on_patch = lambda memory, _: memory.tokens[nth(2)]._replace(id=nth(9))
    outcome = run(plan_of(DESCRIBE), server, journal)
    assert statuses(outcome)[0][1] is ResultStatus.DONE  # a read of the right token showed it
    assert "is about token 0000000000000009" in statuses(outcome)[0][2]


def test_the_callers_own_token_is_last_and_the_refusal_is_its_proof(journal: Journal) -> None:
    own = Change(token=token(1, is_own=True), status=Status.INACTIVE)
    plan = plan_of(own, DEACTIVATE, waivers=(Guard.SELF,))
    server = holding(plan)

    def locked_out(memory: Memory, token_id: TokenId) -> TokenctlError | None:
        off = memory.tokens[nth(1)].status is Status.INACTIVE
        return AuthError("token is inactive") if off and token_id == nth(1) else None

    server.on_get = locked_out
    outcome = run(plan, server, journal)
    assert server.log == ['PATCH 3 {"status": "inactive"}', "GET 3", 'PATCH 1 {"status": "inactive"}', "GET 1"]
    assert outcome.exit_code is ExitCode.OK


def test_before_the_callers_own_token_something_may_be_done_with_it(journal: Journal) -> None:
    own = Change(token=token(1, is_own=True), status=Status.INACTIVE)
    plan = plan_of(own, DEACTIVATE, waivers=(Guard.SELF,))
    server = holding(plan)
    run(plan, server, journal, before_own=lambda: server.log.append("before"))
    assert [line[:7] for line in server.log] == ["PATCH 3", "GET 3", "before", "PATCH 1", "GET 1"]


def test_a_token_that_may_be_the_callers_is_last_when_the_guard_is_waived(journal: Journal) -> None:
    maybe = Change(token=token(1, rights=managing()), status=Status.INACTIVE)
    plan = plan_of(maybe, DEACTIVATE, waivers=(Guard.SELF,))
    server = holding(plan)
    outcome = run(plan, server, journal)
    assert [line[:7] for line in server.log] == ["PATCH 3", "GET 3", "PATCH 1", "GET 1"]
    assert outcome.exit_code is ExitCode.OK


def test_other_managers_are_sent_as_usual_where_the_callers_own_token_is_known(journal: Journal) -> None:
    own = Change(token=token(1, is_own=True, rights=managing()), status=Status.INACTIVE)
    others = [Change(token=token(number, rights=managing()), status=Status.INACTIVE) for number in (2, 3)]
    plan = plan_of(own, *others, waivers=(Guard.SELF,))._replace(knows_own=True)
    server = holding(plan)
    outcome = run(plan, server, journal)
    assert [line[:7] for line in server.log] == ["PATCH 2", "PATCH 3", "GET 2", "GET 3", "PATCH 1", "GET 1"]
    assert outcome.exit_code is ExitCode.OK


def test_managers_of_which_one_may_be_the_callers_go_one_by_one_until_it_was(journal: Journal) -> None:
    changes = [Change(token=token(number, rights=managing()), status=Status.INACTIVE) for number in (1, 2, 3)]
    plan = plan_of(*changes, waivers=(Guard.SELF,))
    server = holding(plan)

    def locked_out(memory: Memory, _: TokenId) -> TokenctlError | None:
        off = memory.tokens[nth(2)].status is Status.INACTIVE
        return AuthError("token is inactive") if off else None

    server.on_get = locked_out
    outcome = run(plan, server, journal, parallelism=8)
    assert [line[:7] for line in server.log] == ["PATCH 1", "GET 1", "PATCH 2", "GET 2"]
    assert [status for _, status, _ in statuses(outcome)] == [
        ResultStatus.DONE,
        ResultStatus.DONE,
        ResultStatus.NOT_ATTEMPTED,
    ]
    assert outcome.stopped == f"`token 2` {nth(2)} was the token that this run signs in with"
    assert outcome.exit_code is ExitCode.PARTIAL


def test_the_callers_own_token_stays_when_anything_before_it_failed(journal: Journal) -> None:
    own = Change(token=token(1, is_own=True), status=Status.INACTIVE)
    plan = plan_of(own, DEACTIVATE, waivers=(Guard.SELF,))
    server = holding(plan)
    server.stored = False
    server.on_patch = lambda *_: InvalidAnswer
    outcome = run(plan, server, journal)
    assert not [line for line in server.log if line.startswith("PATCH 1")]
    assert [status for _, status, _ in statuses(outcome)] == [ResultStatus.NOT_ATTEMPTED, ResultStatus.FAILED]


def test_the_callers_own_token_that_still_answers_is_unverified(journal: Journal) -> None:
    own = Change(token=token(1, is_own=True), status=Status.INACTIVE)
    server = holding(plan_of(own))

    def revive(memory: Memory, token_id: TokenId) -> None:
        memory.tokens[token_id] = memory.tokens[token_id]._replace(status=Status.ACTIVE)

    server.on_get = revive
    outcome = run(plan_of(own), server, journal)
    assert statuses(outcome)[0][1] is ResultStatus.UNVERIFIED


def test_no_more_than_the_agreed_number_is_in_flight(journal: Journal) -> None:
    changes = [Change(token=token(number), description="x") for number in range(1, 41)]
    server = holding(plan_of(*changes))
    counting = threading.Lock()
    flying, most = 0, 0
    four = threading.Barrier(4)

    class Writer:
        """Counts the requests that are under way, and answers only when four are."""

        def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
            nonlocal flying, most
            with counting:
                flying += 1
                most = max(most, flying)
            four.wait(10)
            with counting:
                flying -= 1
            return server.patch(token_id, body, ready)

    outcome = run(plan_of(*changes), server, journal, writer=Writer(), parallelism=4)
    assert most == 4
    assert outcome.exit_code is ExitCode.OK
    assert len([line for line in server.log if line.startswith("PATCH")]) == 40


class _Full(Journal):
    """A journal whose disk is full from a given event on."""

    event = "intent"

    def write(self, line: Document) -> None:
        if line["event"] == self.event:
            raise LocalError("no space left on device")
        super().write(line)


def test_nothing_is_sent_when_the_intent_cannot_be_written(journal: Journal) -> None:
    server = holding(PLAN)
    outcome = run(PLAN, server, _Full(journal.path, journal._descriptor))
    assert server.log == []
    assert outcome.stopped == "no space left on device"
    assert outcome.exit_code is ExitCode.ERROR


def test_a_result_that_cannot_be_written_stops_the_run_and_is_still_reported(journal: Journal) -> None:
    class FullForResults(_Full):
        """Full when the result of the first operation is to be written."""

        event = "result"

    server = holding(PLAN)
    outcome = run(PLAN, server, FullForResults(journal.path, journal._descriptor))
    assert [line for line in server.log if line.startswith("PATCH")] == ['PATCH 1 {"status": "active"}']
    assert [status for _, status, _ in statuses(outcome)] == [
        ResultStatus.DONE,
        ResultStatus.NOT_ATTEMPTED,
        ResultStatus.NOT_ATTEMPTED,
    ]
    assert outcome.exit_code is ExitCode.PARTIAL


def test_a_summary_that_cannot_be_written_is_reported_and_changes_no_fate(journal: Journal) -> None:
    class FullForSummaries(_Full):
        """Full in the end."""

        event = "summary"

    outcome = run(PLAN, holding(PLAN), FullForSummaries(journal.path, journal._descriptor))
    assert (outcome.stopped, outcome.exit_code) == ("no space left on device", ExitCode.OK)


def test_the_first_reason_to_stop_is_the_one_that_is_told(journal: Journal) -> None:
    class FullForResults(_Full):
        """Full when the result of the first operation is to be written."""

        event = "result"

    server = holding(PLAN)
    server.stored = False
    server.on_patch = lambda *_: AuthError("token is inactive")
    outcome = run(PLAN, server, FullForResults(journal.path, journal._descriptor))
    assert outcome.stopped == "token is inactive"


def test_a_bug_in_a_worker_is_raised_and_not_reported_as_a_result(journal: Journal) -> None:
    class Broken(Memory):
        """Raises what is no TokenctlError."""

        def patch(self, token_id: TokenId, body: dict[str, str], ready: Callable[[], None]) -> Token:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(PLAN, Broken({}), journal)

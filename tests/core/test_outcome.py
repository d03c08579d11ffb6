"""What the lines of a journal say of a run, and what a later read of a token adds to that."""

from __future__ import annotations

import json

import pytest

from reconciler.core.live import Absence, Missing, Token
from reconciler.core.manifest import Limits
from reconciler.core.outcome import (
    Entry,
    Outcome,
    Provenance,
    Result,
    ResultStatus,
    Run,
    deviation,
    settle,
)
from reconciler.core.plan import Change
from reconciler.documents.decode import Document
from reconciler.documents.journal import header_line, intent_line, read_run, result_line, settled_line, summary_line
from reconciler.errors import ExitCode
from tests.builders import EDGE, INACTIVE, SERVER, declared, journaled, planned, token, token_id

PLAN = planned(
    [declared(1, description="\x1b[31m", name="one"), declared(2, status=INACTIVE, protected=True), declared(3)],
    [token(number) for number in range(1, 4)],
    limits=Limits(max_deactivations=2),
)
FIRST, SECOND = map(journaled, PLAN.changes)
HEADER = header_line(PLAN, Provenance(run="apply-1", started="now", tool="0.1.0"))
SUMMARY = summary_line(Outcome(results=()))


def _result(change: Change, status: ResultStatus, updated_at: str = "", reason: str = "") -> Document:
    return result_line(Result(change=change, status=status, updated_at=updated_at, reason=reason))


def _run(*events: Document) -> Run:
    """The run of a journal with these lines."""
    return read_run([json.dumps(each).encode() for each in (HEADER, *events)], 10)


def _entries(*events: Document) -> list[tuple[str, ResultStatus | None, str, str]]:
    run = _run(*events)
    return [(each.change.token.description, each.status, each.reason, each.left_at) for each in run.entries]


def test_a_journal_has_all_that_an_undo_needs() -> None:
    run = _run(intent_line(FIRST, 1), intent_line(SECOND, 1), SUMMARY)
    assert run == Run(
        name="apply-1", started="now", server=SERVER, undoes="", planned=2, managed=3, limits=Limits(max_deactivations=2),
        entries=(Entry(change=FIRST), Entry(change=SECOND)), ended=True,
    )  # fmt: skip
    assert run.in_doubt == run.effective == run.entries


def test_a_later_line_is_the_better_informed_one() -> None:
    sent = intent_line(FIRST, 1)
    assert _entries(sent, _result(FIRST, ResultStatus.DONE, "t1")) == [("token 1", ResultStatus.DONE, "", "t1")]
    assert _entries(
        sent, _result(FIRST, ResultStatus.DONE, "t1"), _result(FIRST, ResultStatus.UNVERIFIED, reason="why")
    ) == [("token 1", ResultStatus.UNVERIFIED, "why", "t1")]


def test_a_retry_is_in_doubt_until_its_own_result_and_keeps_what_was_before_the_first_attempt() -> None:
    again = FIRST._replace(token=token(1, description="of the first attempt"))
    events = [intent_line(FIRST, 1), _result(FIRST, ResultStatus.UNVERIFIED, reason="lost"), intent_line(again, 2)]
    assert _entries(*events) == [("token 1", None, "", "")]
    assert _entries(*events, _result(FIRST, ResultStatus.DONE, "t2")) == [("token 1", ResultStatus.DONE, "", "t2")]


def test_what_was_never_begun_is_no_entry() -> None:
    assert _entries(_result(FIRST, ResultStatus.FAILED, reason="it moved"), intent_line(SECOND, 1)) == [
        ("token 2", None, "", "")
    ]


def test_what_did_not_happen_is_not_effective() -> None:
    run = _run(
        intent_line(FIRST, 1),
        intent_line(SECOND, 1),
        _result(FIRST, ResultStatus.FAILED),
        _result(SECOND, ResultStatus.DONE),
    )
    assert [each.change for each in run.effective] == [SECOND]
    assert (run.in_doubt, [each.change for each in run.having(ResultStatus.FAILED)], run.ended) == ((), [FIRST], False)


def test_an_unknown_event_is_passed_over() -> None:
    assert _entries(intent_line(FIRST, 1), {"event": "canary", "id": FIRST.token.id}) == [("token 1", None, "", "")]


AFTER = FIRST.token._replace(description="\x1b[31m", updated_at="later")


@pytest.mark.parametrize(
    ("seen", "status", "reason", "left_at"),
    [
        (AFTER, ResultStatus.DONE, "applied", "later"),
        (FIRST.token, ResultStatus.FAILED, "not applied", ""),
        (
            FIRST.token._replace(description="theirs", updated_at="later"),
            ResultStatus.UNVERIFIED, "changed since: description is `theirs`, not `\x1b[31m`", "",
        ),
        (AFTER._replace(status=INACTIVE), ResultStatus.UNVERIFIED, "changed since: status is `inactive`, not `active`", ""),
        (
            FIRST.token._replace(updated_at="later"),
            ResultStatus.UNVERIFIED, "changed since: description is `token 1`, not `\x1b[31m`", "",
        ),
        (Missing(Absence.ABSENT, ""), ResultStatus.UNVERIFIED, "not known, it is absent now", ""),
    ],
)  # fmt: skip
def test_a_read_tells_what_became_of_an_operation_in_doubt(
    seen: Token | Missing, status: ResultStatus, reason: str, left_at: str
) -> None:
    known = settle(Entry(change=FIRST), seen)
    assert known == Entry(change=FIRST, status=status, reason=reason, left_at=left_at)
    # As the line that the later run adds to the journal tells it.
    began: list[Document] = [intent_line(FIRST, 1), intent_line(SECOND, 1)]
    run = _run(*began)
    closed = _run(*began, settled_line([known], "then", "0.1.0"))
    entries = (known, *(each for each in run.entries if each.change.token.id != FIRST.token.id))
    assert closed == run._replace(entries=entries, ended=True)
    assert [each.change.token.id for each in closed.entries] == [token_id(1), token_id(2)]


def test_what_could_not_be_read_stays_in_doubt() -> None:
    line = settled_line([Entry(change=FIRST), Entry(change=SECOND, status=ResultStatus.DONE)], "then", "0.1.0")
    assert line["results"] == [{"id": SECOND.token.id, "status": "done", "reason": "", "updatedAt": ""}]


def result(status: ResultStatus, *, sent: bool = False, code: ExitCode = ExitCode.ERROR) -> Result:
    return Result(change=Change(token=token(1), description="x"), status=status, sent=sent, code=code)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], ExitCode.OK),
        ([result(ResultStatus.DONE, sent=True)], ExitCode.OK),
        ([result(ResultStatus.DONE, sent=True), result(ResultStatus.NOT_ATTEMPTED)], ExitCode.PARTIAL),
        ([result(ResultStatus.UNVERIFIED, sent=True, code=ExitCode.AUTH)], ExitCode.PARTIAL),
        ([result(ResultStatus.FAILED, sent=True, code=ExitCode.PARTIAL)], ExitCode.PARTIAL),  # it may still come
        ([result(ResultStatus.FAILED, sent=True, code=ExitCode.AUTH)], ExitCode.AUTH),  # it was refused
        (
            [result(ResultStatus.FAILED, code=ExitCode.AUTH), result(ResultStatus.NOT_ATTEMPTED, code=ExitCode.AUTH)],
            ExitCode.AUTH,
        ),
        (
            [result(ResultStatus.FAILED, code=ExitCode.UNREACHABLE), result(ResultStatus.FAILED, code=ExitCode.STALE)],
            ExitCode.STALE,
        ),
        ([result(ResultStatus.NOT_ATTEMPTED)], ExitCode.ERROR),
    ],
)
def test_an_outcome_says_whether_anything_was_changed(results: list[Result], code: ExitCode) -> None:
    outcome = Outcome(results=tuple(results))
    assert outcome.exit_code is code
    assert sum(len(outcome.having(status)) for status in ResultStatus) == len(results)


def test_what_is_not_as_sent_is_named() -> None:
    change = Change(token=token(1), description="new")
    assert deviation(change, token(1, description="new", updated_at="later")) == ""
    assert deviation(change, token(1)) == "description is `token 1`, not `new`"
    assert deviation(change, token(1, description="new", status=INACTIVE)) == "status is `inactive`, not `active`"
    assert (
        deviation(change, token(2, description="new"))
        == f"the answer is about token {token_id(2)} of organisation {'a' * 16}"
    )
    assert "of organisation eeee" in deviation(change, token(1, description="new", org_id=EDGE))

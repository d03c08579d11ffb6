"""The small values of the core: text, endpoint, differences, outcomes and documents."""

from __future__ import annotations

import jsonschema
import pytest

from reconciler.core.endpoint import Secret, is_loopback
from reconciler.core.manifest import Limits, Share
from reconciler.core.outcome import Outcome, Result, ResultStatus, deviation
from reconciler.core.plan import Change
from reconciler.core.text import REFUSED, is_plain
from reconciler.documents.plan import decode_plan, plan_document
from reconciler.errors import ExitCode, Problem
from reconciler.schema import load_schema
from tests.builders import EDGE, INACTIVE, declared, planned, token, token_id


@pytest.mark.parametrize("text", ["", "plain", "Zürich ☃ 日本語", "a-b_c.d/e@f:g+h", "🚰"])
def test_text_that_draws_itself_is_plain(text: str) -> None:
    assert is_plain(text)
    assert not REFUSED.search(text)


@pytest.mark.parametrize(
    "text",
    ["\0", "\t", "\x1b", "\x7f", "\x85", "\x9b", "\u061c", "\u200e", "\u2028", "\u202e", "\u2066", "\ufeff", "\ud800", "\ufdd0", "\ufffe", "\U000e0041"],
)  # fmt: skip
def test_text_that_acts_or_deceives_is_neither_plain_nor_allowed(text: str) -> None:
    assert not is_plain(text)
    assert REFUSED.search(text)


@pytest.mark.parametrize("text", ["\n", "\u200b", "\u3164", "\u2800", "\u00a0"])
def test_text_that_draws_nothing_is_allowed_but_not_plain(text: str) -> None:
    assert not is_plain(text)
    assert not REFUSED.search(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("127.0.0.1.x", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_known_by_its_name(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_secret_is_shown_only_to_who_asks() -> None:
    secret = Secret("FAKE")
    assert (repr(secret), str(secret), f"{secret}", secret.reveal()) == ("***", "***", "***", "FAKE")


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


@pytest.mark.parametrize("limit", [5, Share(30)])
def test_a_plan_is_the_document_that_its_schema_describes(limit: int | Share) -> None:
    plan = planned(
        [declared(1, description="new", name="a"), declared(2, status=INACTIVE, protected=True)],
        [token(1), token(2)],
        limits=Limits(max_deactivations=limit),
    )
    document = plan_document(plan)
    jsonschema.validate(document, load_schema("plan"))
    assert decode_plan(document) == plan
    assert document["reason"] == "refused"
    assert document["counts"] == {
        "activate": 0, "describe": 1, "deactivate": 1, "unchanged": 0, "declared": 2, "managed": 2, "live": 2,
    }  # fmt: skip


def test_problems_are_sorted_by_place_and_those_without_come_last() -> None:
    place = declared(1).origin.place("id")
    late, early, nowhere = Problem("b", place=place), Problem("a", place=place), Problem("a")
    assert sorted([nowhere, late, early], key=lambda problem: problem.position) == [early, late, nowhere]

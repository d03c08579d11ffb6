"""What evidence says against a plan, and what it never says."""

from __future__ import annotations

import pytest

from reconciler.core.live import Status, TokenId
from reconciler.core.plan import Guard, Plan, Use
from reconciler.core.usage import Evidence, between_s, said, with_evidence
from reconciler.errors import StaleError
from tests import requestlog
from tests.builders import declared, live, planned, token, token_id

LEGACY, BOARD, INGEST = map(token_id, (1, 2, 3))
TOKENS = [token(1, description="legacy"), token(2, description="board"), token(3, description="ingest")]
LOG = (
    requestlog.said(BOARD, 0)
    + requestlog.said(INGEST, 7261)
    + requestlog.said(BOARD, 7264, "/query", agent="Grafana", status=403)
)
ALL_OFF = [declared(number, status=Status.INACTIVE) for number in (1, 2, 3)]


def evidence(*ids: str) -> Evidence:
    """What LOG says of these tokens, by default of all."""
    return requestlog.evidence(LOG, ids=ids or [LEGACY, BOARD, INGEST])


def use(token_id: TokenId) -> Use:
    """What the evidence of LOG says of a token."""
    found = evidence().use(token_id)
    assert found
    return found


def switched_off(*waivers: Guard) -> Plan:
    """The plan to switch all three tokens off, with evidence."""
    return with_evidence(planned(ALL_OFF, TOKENS, *waivers), live(*TOKENS), evidence())


def test_it_says_when_a_token_was_last_used_by_what_or_in_what_time_it_was_not_seen() -> None:
    assert [said(use(each)) for each in (INGEST, BOARD, LEGACY)] == [
        "last used 3 s before the log ended, write v2 (Telegraf)",
        "last used 0 s before the log ended, query v1 (Grafana), write v2 (Telegraf)",
        "not seen in 2 h 1 min",
    ]
    assert evidence().use(token_id(9)) is None
    assert between_s("2026-11-20T12:00:00Z", "2026-11-20T11:00:00Z") == between_s("no time", "nor this") == 0


def test_a_used_token_may_not_be_deactivated() -> None:
    plan = switched_off()
    refusals = [each for each in plan.refusals if each.guard is Guard.IN_USE]
    assert [each.problem.message for each in refusals] == [
        f"`board` {BOARD} was in use: last used 0 s before the log ended, query v1 (Grafana), write v2 (Telegraf)",
        f"`ingest` {INGEST} was in use: last used 3 s before the log ended, write v2 (Telegraf)",
    ]
    assert {each.problem.hint for each in refusals} == {
        "give whoever uses it another token first; or make the evidence anew, or of less time with "
        "`tokenctl usage --since`; or use `--allow in_use`"
    }
    assert [change.use for change in plan.changes] == [use(LEGACY), use(BOARD), use(INGEST)]
    assert plan.warnings[-1].message == (
        "the evidence has 1 gap, the longest of 2 h 1 min from 2026-11-20T12:00:00.000000Z"
    )


def test_evidence_is_no_part_of_the_digest_and_its_waiver_is() -> None:
    assert switched_off().digest == planned(ALL_OFF, TOKENS).digest
    waived = switched_off(Guard.IN_USE)
    assert waived.digest == planned(ALL_OFF, TOKENS, Guard.IN_USE).digest != switched_off().digest
    assert Guard.IN_USE not in [each.guard for each in waived.refusals]
    assert sum("guard `in_use` is waived: " in each.message for each in waived.warnings) == 2


def test_only_a_deactivation_is_refused() -> None:
    off = [each._replace(status=Status.INACTIVE) for each in TOKENS]
    activating = [declared(number, status=Status.ACTIVE, description="x") for number in (1, 2, 3)]
    plan = with_evidence(planned(activating, off), live(*off), evidence())
    assert plan.refusals == ()
    assert all(change.use for change in plan.changes)


def test_a_token_that_the_evidence_does_not_know_is_told() -> None:
    plan = with_evidence(planned(ALL_OFF, TOKENS), live(*TOKENS), evidence(INGEST))
    told = plan.warnings[-2]
    assert told.message == f"the evidence does not know `legacy` {LEGACY}, `board` {BOARD}"
    assert told.hint == "make it anew with `tokenctl usage LOG... -o PATH`"
    assert [change.use is None for change in plan.changes] == [True, True, False]


def test_evidence_of_another_server_is_refused() -> None:
    with pytest.raises(StaleError) as refused:
        with_evidence(planned(ALL_OFF, TOKENS), live(*TOKENS), evidence(token_id(9)))
    assert str(refused.value) == (
        "the evidence is of another server: of the tokens that it knows, this one has none\n"
        "  hint: make it anew with `tokenctl usage LOG... -o PATH`, from the log of this server"
    )

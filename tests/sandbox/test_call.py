"""What every handler asks of a call: ids that are made and read, and rights."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.sandbox.call import Call, missing, read_id
from reconciler.sandbox.exchange import ApiError, Request
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.store import Store
from tests.sandbox.client import LAPTOP, MANAGER, SEED

MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
CALL = Call(
    request=Request(method="GET", target="/", headers={}, body=b""),
    caller=MANAGER,
    query={},
    store=Store(SEED),
    profile=profile("2.7.12"),
    now=MOMENT,
    between=lambda _: None,
)


def refused(error: ApiError) -> tuple[int, str]:
    """Status and message."""
    answer = error.answer()
    return answer.status, str(error)


def test_ids_ascend_with_time_and_none_is_given_twice() -> None:
    first = CALL.new_id(lambda _: False)
    second = CALL.new_id([first].count)
    later = replace(CALL, now=MOMENT + timedelta(milliseconds=1)).new_id(lambda _: False)
    assert (first, second) == ("0c1ff8b300001000", "0c1ff8b300001001")
    assert first < second < later
    assert int(later, 16) - int(first, 16) == 1 << 22


def test_an_id_may_be_left_out_only_where_none_is_needed() -> None:
    assert (read_id(""), read_id(LAPTOP.id.upper())) == ("", LAPTOP.id)
    for text, needed, message in (("", True, "id must have a length of 16 bytes"), ("0" * 16, False, "invalid ID")):
        with pytest.raises(ApiError) as caught:
            read_id(text, required=needed)
        assert refused(caught.value) == (400, message)


def test_a_right_is_the_callers_own_while_it_is_active() -> None:
    held, other = MANAGER.permissions[0], Permission("write", "buckets")
    assert (CALL.may(held), CALL.may(other)) == (True, False)
    CALL.demand(held)
    with pytest.raises(ApiError) as caught:
        CALL.demand(other)
    assert refused(caught.value) == (401, "write:buckets is unauthorized")
    inactive = replace(CALL, caller=replace(MANAGER, status="inactive"))
    assert not inactive.may(held)
    with pytest.raises(ApiError) as caught:
        inactive.demand(held)
    assert refused(caught.value) == (401, "token is inactive")


def test_what_is_missing_is_not_found() -> None:
    with pytest.raises(ApiError) as caught:
        missing("user not found")
    assert refused(caught.value) == (404, "user not found")

"""The one request that changes anything: sent once, whatever comes back."""

from __future__ import annotations

import itertools
import time

import pytest

from reconciler.core.endpoint import Endpoint, Secret
from reconciler.core.live import TokenId
from reconciler.errors import FailureKind, StaleError, TransientError, UnreachableError
from reconciler.influx.transport import Transport
from reconciler.influx.writer import Writer
from tests.influx.raw_server import SECRET, answer, raw_server, refusal
from tests.influx.test_reader import one
from tests.influx.test_retry import ONE, TOKEN, closing, reading, ready, retries
from tests.influx.test_wire import ID


def test_a_writer_sends_one_patch_and_gives_the_token_of_the_answer() -> None:
    with raw_server(one(description="new"), refusal(404, "not found", "user not found")) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        with Transport(endpoint, clock=time.monotonic) as transport:
            writer = Writer(transport, retries())
            assert writer.patch(TokenId(ID), {"description": "new"}, lambda: None).description == "new"
            with pytest.raises(StaleError, match="the server says: 404 user not found"):
                writer.patch(TokenId(ID), {"description": "new"}, lambda: None)
        head, _, body = server.requests[0].decode().partition("\r\n\r\n")
    assert head.startswith(f"PATCH /api/v2/authorizations/{ID} HTTP/1.1\r\n")
    assert body == '{"description": "new"}'


@pytest.mark.parametrize("status", [408, 425, 520, 524])
def test_a_write_is_not_sent_again_after_what_only_a_read_is(status: int) -> None:
    with reading(answer(status)) as (_, writer, waits, server):
        with pytest.raises(UnreachableError) as caught:
            writer.patch(TOKEN, {"description": "x"}, ready)
        assert (type(caught.value), len(server.requests), waits) == (UnreachableError, 1, [])
        assert caught.value.is_over is (status == 425)


def test_a_write_is_sent_once_whatever_happens() -> None:
    with reading(answer(503), answer(200)) as (_, writer, waits, server):
        with pytest.raises(TransientError) as caught:
            writer.patch(TOKEN, {"description": "x"}, ready)
        assert (caught.value.kind, len(server.requests), waits) == (FailureKind.PASSING, 1, [])


def test_a_write_on_a_connection_that_was_closed_meanwhile_is_told_from_one_that_failed() -> None:
    pauses = itertools.repeat(0.0)
    with reading(script=lambda connection: closing(connection, pauses, ONE)) as (_, writer, _, _):
        troubles = set()
        for _ in range(200):
            try:
                writer.patch(TOKEN, {"description": "x"}, ready)
            except TransientError as error:
                troubles.add(error.kind)
        assert troubles <= {FailureKind.STALE}


def test_only_a_connection_that_had_answered_before_can_be_stale() -> None:
    parts = iter([[ONE], [b""], [b""], [ONE], [b"H", b""]])
    with reading(script=lambda _: next(parts)) as (_, writer, _, _):
        seen: list[FailureKind | None] = []
        for _ in range(5):
            try:
                writer.patch(TOKEN, {"description": "x"}, ready)
                seen.append(None)
            except TransientError as error:
                seen.append(error.kind)
    # Answered; closed when it was used again; closed when it was new; answered; broken off in the middle of an answer.
    assert seen == [None, FailureKind.STALE, FailureKind.PASSING, None, FailureKind.PASSING]

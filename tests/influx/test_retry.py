"""When a request is sent again: the policy by itself, then over real sockets, with no time passing in either."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.endpoint import Endpoint, Secret
from reconciler.core.live import TokenId
from reconciler.errors import FailureKind, TokenctlError, TransientError, UnreachableError
from reconciler.influx.reader import Reader
from reconciler.influx.retry import Retries, moment_of
from reconciler.influx.transport import Bounds, Transport
from reconciler.influx.writer import Writer
from tests.influx.raw_server import SECRET, Connection, RawServer, Script, answer, raw_server
from tests.influx.test_wire import ID, entry, listed

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
TOKEN = TokenId(ID)


def ready() -> None:
    """Anything may go out."""


def retries(
    waits: list[float] | None = None, said: list[str] | None = None, chance: Callable[[], float] = lambda: 1.0
) -> Retries:
    """A policy in which no time passes; the waits and the lines go where they can be looked at."""
    return Retries(
        chance=chance,
        now=lambda: NOON,
        sleep=(waits if waits is not None else []).append,
        say=(said if said is not None else []).append,
    )


def failed(kind: FailureKind, retry_after: str = "") -> TransientError:
    return TransientError(f"it is {kind}", kind=kind, retry_after=retry_after)


PASSING, FAULT, LATE, STALE = (
    failed(each) for each in (FailureKind.PASSING, FailureKind.FAULT, FailureKind.LATE, FailureKind.STALE)
)


@pytest.mark.parametrize(
    ("failures", "wait"),
    [
        ([PASSING], 0.5),
        ([PASSING] * 2, 1.0),
        ([PASSING] * 3, 2.0),
        ([PASSING] * 4, "given up after 4 attempts"),
        ([FAULT], 0.5),
        ([FAULT] * 2, "given up after 2 attempts"),
        ([PASSING, FAULT], "given up after 2 attempts"),
        ([LATE], 0.5),
        ([LATE] * 2, "given up after 2 attempts"),
        ([STALE], 0.0),
        ([STALE] * 8, 0.0),
        ([STALE] * 9, "given up after 9 connections"),
        ([STALE, STALE, FAULT], 0.5),
        ([PASSING, STALE], 0.0),
    ],
)
def test_how_often_and_how_late_is_asked_again(failures: list[TransientError], wait: float | str) -> None:
    assert retries().again(failures) == wait


def test_the_wait_is_anything_up_to_its_bound() -> None:
    chances = iter([0.0, 0.25, 1.0])
    policy = retries(chance=lambda: next(chances))
    assert [policy.again([PASSING] * 3) for _ in range(3)] == [0.0, 0.5, 2.0]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7),
        ("60", 60),
        ("61", "it asks to wait 61 s, and a run waits at most 60 s"),
        ("3600", "it asks to wait 3,600 s, and a run waits at most 60 s"),
        ("1000000000", "it asks to wait 1,000,000,000 s, and a run waits at most 60 s"),
        ("9" * 5000, "it asks to wait 1,000,000,000 s, and a run waits at most 60 s"),
        ("0", 0.5),
        ("-5", 0.5),
        ("1e9", 0.5),
        ("1.5", 0.5),
        ("²", 0.5),
        ("soon", 0.5),
        ("Fri, 02 Jan 2026 12:00:09 GMT", 9),
        ("Friday, 02-Jan-26 12:00:09 GMT", 9),
        ("Fri Jan  2 12:00:09 2026", 9),
        ("Fri, 02 Jan 2026 15:00:00 GMT", "it asks to wait 10,800 s, and a run waits at most 60 s"),
        ("Fri, 02 Jan 2026 11:00:00 GMT", 0.5),
        ("Fri, 02 Jan 99999 12:00:00 GMT", 0.5),
        ("Fri, 02 Jan 9999999999999999999999 12:00:00 GMT", 0.5),
    ],
)
def test_a_server_may_ask_for_a_time(header: str, wait: float | str) -> None:
    assert retries().again([failed(FailureKind.PASSING, header)]) == wait


def test_a_run_asks_again_for_one_request_in_five_and_ten_times_more() -> None:
    policy = retries()
    for _ in range(100):
        policy.count()
    waits = [policy.again([PASSING]) for _ in range(40)]
    assert waits == [0.5] * 30 + ["given up: this run has asked again too often"] * 10
    assert policy.again([STALE]) == 0.0  # costs nothing: a fresh connection was needed anyway


def test_each_wait_is_told() -> None:
    said: list[str] = []
    policy = retries(said=said)
    policy.again([PASSING])
    policy.again([failed(FailureKind.PASSING, "30")])
    policy.again([STALE])
    policy.again([PASSING] * 4)
    assert said == ["it is passing; asking again in 0.5 s", "it is passing; asking again in 30.0 s"]


@contextmanager
def reading(
    *answers: bytes, script: Script | None = None, bounds: Bounds | None = None
) -> Iterator[tuple[Reader, Writer, list[float], RawServer]]:
    """A reader and a writer on a raw server, the waits of their retries, and the server."""
    waits: list[float] = []
    policy = retries(waits)
    with raw_server(*answers, script=script) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        with Transport(endpoint, clock=time.monotonic, bounds=bounds) as transport:
            yield Reader(transport, retries=policy), Writer(transport, policy), waits, server


LIST, ONE = answer(200, listed(entry())), answer(200, json.dumps(entry()))


@pytest.mark.parametrize("page", [{}, {"Content_Type": "text/html"}])
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])
def test_a_read_is_sent_again_after_what_may_pass(status: int, page: dict[str, str]) -> None:
    with reading(answer(status, "<html>", **page), LIST) as (reader, _, waits, server):
        assert list(reader.list_tokens().tokens) == [ID]
        assert (len(server.requests), waits) == (2, [0.5])


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 410, 421, 422, 426, 499, 501, 505, 507, 519, 525, 526, 530, 599]
)
def test_a_read_is_not_sent_again_after_what_will_not(status: int) -> None:
    with reading(answer(status), LIST) as (reader, _, waits, server):
        with pytest.raises(TokenctlError):
            reader.list_tokens()
        assert (len(server.requests), waits) == (1, [])


def test_a_read_that_never_succeeds_says_how_often_it_was_tried() -> None:
    with reading(answer(503)) as (reader, _, waits, server):
        with pytest.raises(UnreachableError) as caught:
            reader.get(TOKEN)
        assert (len(server.requests), waits) == (4, [0.5, 1.0, 2.0])
    assert str(caught.value) == (
        f"{server.url} answered 503; given up after 4 attempts\n  hint: look at the server's log, and try again"
    )


def test_a_server_that_asks_for_an_hour_is_named_with_it() -> None:
    with reading(answer(429, Retry_After="3600")) as (reader, _, waits, _):
        with pytest.raises(UnreachableError, match="429; it asks to wait 3,600 s, and a run waits at most 60 s"):
            reader.own_user()
        assert waits == []


@pytest.mark.parametrize("broken", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"SSH-2.0-x\r\n"])
def test_a_read_is_sent_again_after_a_connection_that_broke(broken: bytes) -> None:
    parts = iter([[broken, b""], [LIST]])
    with reading(script=lambda _: next(parts)) as (reader, _, waits, server):
        assert list(reader.list_tokens().tokens) == [ID]
        assert (len(server.requests), waits) == (2, [0.5])


def test_a_read_without_an_answer_in_time_is_sent_again_once() -> None:
    def silent(connection: Connection) -> Iterator[bytes]:
        while connection.pause():
            pass
        yield b""

    with reading(script=silent, bounds=Bounds(silence_s=0.1)) as (reader, _, waits, server):
        with pytest.raises(UnreachableError, match=r"did not answer in time: .*; given up after 2 attempts"):
            reader.list_tokens()
        assert (len(server.requests), waits) == (2, [0.5])


def test_a_server_that_cannot_be_trusted_is_not_asked_again() -> None:
    with raw_server(b"SSH-2.0-x\r\n") as server:
        waits: list[float] = []
        endpoint = Endpoint(url=server.url.replace("http:", "https:"), secret=Secret(SECRET))
        with (
            Transport(endpoint, clock=time.monotonic) as transport,
            pytest.raises(UnreachableError, match="it does not speak TLS"),
        ):
            Reader(transport, retries=retries(waits)).list_tokens()
        assert (len(server.requests), waits) == (1, [])


PAGES = {
    408: "answered 408; given up after 4 attempts\n  hint: look at the server's log, and try again",
    524: "answered 524; given up after 4 attempts\n  hint: a proxy before the server cannot reach it: look at both",
}


@pytest.mark.parametrize(("status", "said"), PAGES.items())
def test_a_proxy_that_gives_no_better_answer_is_told_as_that(status: int, said: str) -> None:
    with reading(answer(status, "error code")) as (reader, _, waits, server):
        with pytest.raises(TransientError) as caught:
            reader.get(TOKEN)
        assert (str(caught.value), waits) == (f"{server.url} {said}", [0.5, 1.0, 2.0])


def closing(connection: Connection, pauses: Iterator[float], body: bytes) -> Iterator[bytes]:
    """Answer, as if the connection would stay, and close it a moment later."""
    yield body
    connection.pause(next(pauses))
    yield b""


def test_a_connection_that_the_server_closes_just_after_its_answer_costs_a_read_nothing() -> None:
    # 0 to 1 ms: before, while and after the next request is sent on it.
    pauses = itertools.cycle(step / 20_000 for step in range(21))
    with reading(script=lambda connection: closing(connection, pauses, ONE)) as (reader, _, waits, server):
        assert {type(reader.get(TOKEN)).__name__ for _ in range(400)} == {"Token"}
        assert waits == []
        assert 400 <= len(server.requests) <= 800


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu, 31 Dec 2026 23:59:59 GMT", 1798761599.0),
        ("Thursday, 31-Dec-26 23:59:59 GMT", 1798761599.0),
        ("Thu Dec 31 23:59:59 2026", 1798761599.0),
        ("Fri, 01 Jan 2027 00:59:59 +0100", 1798761599.0),
        ("", None),
        ("soon", None),
        ("Thu, 31 Dec 2026 25:61:61 GMT", None),
        ("Thu, 31 Feb 2026 23:59:59 GMT", None),
    ],
)
def test_the_time_of_a_header(text: str, moment: float | None) -> None:
    assert moment_of(text) == moment


@given(st.integers(-30_000_000_000, 250_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_every_moment_is_read_as_servers_write_it(moment: datetime) -> None:
    assert moment_of(format_datetime(moment, usegmt=True)) == moment.timestamp()


@given(st.text("0123456789 ,:+-GMTZThuDec\x00é", max_size=40))
def test_a_header_is_a_time_or_none(text: str) -> None:
    assert isinstance(moment_of(text), float | None)

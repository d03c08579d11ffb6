"""Answers that are taken apart without h11, held against h11; and when a connection is used again."""

from __future__ import annotations

import time
from functools import partial

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.influx.deadline import Deadline
from reconciler.influx.exchange import AnswerError, Connections, Direct, Request, plain
from tests.influx.raw_server import answer, raw_server

_REQUEST = Request(b"GET", b"/api", [(b"Host", b"influx.example")])
_HEAD = b"HTTP/1.1 200 OK\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n"

_ODD = (
    *(b"Content-Length: 3", b"content-length: 2", b"Content-Length: 3, 3", b"Content-Length: +3", b"Connection: close"),
    *(b"Transfer-Encoding: chunked", b"Keep-Alive: timeout=5", b"Set-Cookie: a", b"X-Influxdb-Build: OSS", b""),
    *(b"A:b", b"A: ", b"A: b ", b" folded", b"A : b", b"A\t: b", b"A: \xe4"),
)
_LINES = st.one_of(
    st.sampled_from(_ODD),
    st.binary(max_size=12),
    st.builds(lambda name, value: name + b": " + value, st.binary(max_size=4), st.binary(max_size=4)),
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Answers of which many are plain, and most of the others nearly."""
    status = draw(st.sampled_from([b"200", b"200", b"404", b"204", b"304", b"100", b"103", b"600", b"20"]))
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2"]))
    reason = draw(st.sampled_from([b" OK", b" Not Found", b" ", b"", b" \xff", b" a\tb"]))
    body = draw(st.sampled_from([b"", b"{}\n", b"abc", b"abcd", b"3\r\nabc\r\n0\r\n\r\n"]))
    lines = draw(st.lists(_LINES, max_size=3))
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), b"Content-Length: %d" % len(body))
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    return end.join([version + b" " + status + reason, *lines, b"", body])


@given(answers())
def test_what_is_plain_says_the_same_to_h11(sent: bytes) -> None:
    found = plain(sent)
    if not found:
        return
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=_REQUEST.method, target=_REQUEST.target, headers=[*_REQUEST.headers]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(sent)
    head = parser.next_event()
    assert isinstance(head, h11.Response)
    assert (head.status_code, [*head.headers.raw_items()]) == (found.status, [*found.headers])
    body, event = b"", parser.next_event()
    while isinstance(event, h11.Data):
        body, event = body + event.data, parser.next_event()
    assert (body, type(event)) == (b"".join(found.body), h11.EndOfMessage)
    assert (parser.their_state, parser.trailing_data) == (h11.DONE, (b"", False))
    parser.start_next_cycle()  # the connection stays open


@pytest.mark.parametrize(
    ("sent", "is_plain"),
    [
        (_HEAD + b"Content-Length: 2\r\n\r\n{}", True),
        (_HEAD + b"Content-Length: 0\r\n\r\n", True),
        (_HEAD + b"Content-Length: 2\r\n\r\n{", False),
        (_HEAD + b"Content-Length: 2\r\n\r\n{} ", False),
        (_HEAD + b"Content-Length: 2\r\ncontent-length: 2\r\n\r\n{}", False),
        (_HEAD + b"Content-Length: 02_\r\n\r\n{}", False),
        (_HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", False),
        (_HEAD + b"Content-Length: 2\r\nCONNECTION: keep-alive\r\n\r\n{}", False),
        (_HEAD + b"\r\n{}", False),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"", False),
    ],
)
def test_only_what_came_whole_and_can_be_read_in_one_way_is_plain(sent: bytes, is_plain: bool) -> None:
    assert bool(plain(sent)) == is_plain


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def direct(url: str, deadline: Deadline) -> Direct:
    """An exchange with the server there, which connects once it is used."""
    connect = partial(deadline.connect_tcp, "127.0.0.1", int(url.rpartition(":")[2]))
    return Direct(connect, kept_s=60.0, silence_s=30.0)


@pytest.mark.parametrize(
    ("first", "calls"),
    [
        (answer(200), 1),
        (_CHUNKED, 1),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + _CHUNKED, 1),
        (_CHUNKED + b"HTTP/1.1 200 OK\r\n", 2),  # what nobody asked for would be taken for the next answer
        (_HEAD + b"Content-Length: 2\r\n\r\n{}HTTP", 2),
        (_HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n", 2),
    ],
)
def test_a_connection_is_used_again_where_the_answer_ended_as_it_said(first: bytes, calls: int) -> None:
    with raw_server(first, answer(200)) as server:
        deadline = Deadline(time.monotonic)
        connections = Connections(partial(direct, server.url, deadline))
        for _ in range(2):
            with connections.one("GET") as exchange, deadline.within(30):
                got = exchange.handle(_REQUEST)
                assert got.status == 200
                assert b"".join(got.body) in (b"", b"{}")
        connections.close()
        assert server.calls == calls


def test_after_several_kept_ones_broke_new_ones_are_used_and_ended_until_they_answer() -> None:
    with raw_server(*[answer(200, "here")] * 5) as server:
        deadline = Deadline(time.monotonic)
        connections = Connections(partial(direct, server.url, deadline))
        for _ in range(9):
            connections.note_stale("GET")
        used = []
        for _ in range(5):
            with connections.one("GET") as exchange, deadline.within(30):
                assert b"".join(exchange.handle(_REQUEST).body) == b"here"
            used.append(exchange)
        assert [each.has_expired() for each in used] == [True, True, False, False, False]
        assert used[2] is used[3] is used[4]
        assert server.calls == 3
        connections.close()


def test_an_answer_whose_head_does_not_end_is_an_error() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nDate") as server:
        deadline = Deadline(time.monotonic)
        exchange = direct(server.url, deadline)
        with deadline.within(30), pytest.raises(AnswerError):
            exchange.handle(_REQUEST)
        assert (exchange.is_available(), exchange.has_expired()) == (False, True)
        exchange.close()

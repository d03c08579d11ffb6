"""What the system says of a connection, and how long a wait may be, by a clock that stands still."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from reconciler.influx.deadline import Deadline, Socket
from reconciler.influx.exchange import (
    BrokenOffError,
    CallError,
    CallTimeoutError,
    Connections,
    Direct,
    LateError,
    Request,
    Stream,
)
from tests.influx.raw_server import answer, raw_server

_AT_ONCE_S = 0.01
_MIB = b"x" * 1024 * 1024


@pytest.fixture
def ends() -> Iterator[tuple[Socket, socket.socket]]:
    """Both ends of a connection: ours, and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = Socket.connect("127.0.0.1", listening.getsockname()[1], 30)
        theirs, _ = listening.accept()
        with theirs:
            yield ours, theirs
        ours.close()


def test_what_is_written_at_one_end_is_read_at_the_other(ends: tuple[Socket, socket.socket]) -> None:
    ours, theirs = ends
    ours.write(b"question", 30)
    assert theirs.recv(99) == b"question"
    assert ours.get_extra_info("is_readable") is False
    theirs.sendall(b"answer")
    assert ours.read(99, 30) == b"answer"
    theirs.close()
    assert ours.read(99, 30) == b""
    assert ours.get_extra_info("is_readable") is True


def test_a_wait_that_is_too_long_is_told(ends: tuple[Socket, socket.socket]) -> None:
    ours, _ = ends
    with pytest.raises(LateError):
        ours.read(1, _AT_ONCE_S)
    with pytest.raises(LateError):
        ours.write(64 * _MIB, _AT_ONCE_S)  # more than both ends keep


def test_a_connection_that_breaks_is_told(ends: tuple[Socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()  # with a reset
    with pytest.raises(BrokenOffError) as caught:
        ours.read(1, 30)
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    with pytest.raises(BrokenOffError):
        ours.write(b"x", 30)


def test_a_handshake_that_is_not_answered_ends_the_connection(ends: tuple[Socket, socket.socket]) -> None:
    ours, theirs = ends
    with pytest.raises(CallTimeoutError):
        ours.start_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "influx.example", _AT_ONCE_S)
    while theirs.recv(4096):  # its half of the handshake, and then the end
        pass
    with pytest.raises(BrokenOffError):
        ours.read(1, 30)


def test_nobody_takes_the_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(CallError) as caught:
        Socket.connect("127.0.0.1", port, 30)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_a_wait_is_cut_to_what_is_left_of_the_request() -> None:
    now = [100.0]
    deadline = Deadline(lambda: now[0])
    with deadline.within(10):
        assert (deadline.cut(3), deadline.cut(30), deadline.cut(None)) == (3, 10, 10)
        now[0] = 109.5
        assert deadline.cut(3) == 0.5
        now[0] = 110.0
        with pytest.raises(LateError):
            deadline.cut(3)
    with deadline.within(1):
        assert deadline.cut(3) == 1


def test_every_address_of_a_host_is_called_but_not_past_the_deadline() -> None:
    asked = []

    def addresses(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] * 3

    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    deadline = Deadline(lambda: 0.0, addresses)
    with deadline.within(1), pytest.raises(CallError):
        deadline.connect_tcp("influx.example", port, 1)
    ticks = iter(range(100))
    deadline = Deadline(lambda: 0.4 * next(ticks), addresses)
    with deadline.within(1), pytest.raises(LateError):
        deadline.connect_tcp("influx.example", port, 1)
    assert asked == ["influx.example"] * 2


def test_the_first_address_that_answers_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        deadline = Deadline(lambda: 0.0, lambda *_: ["127.0.0.2", "127.0.0.1"])
        with deadline.within(1):
            stream = deadline.connect_tcp("influx.example", listening.getsockname()[1], 1)
            accepted, _ = listening.accept()
            with accepted:
                stream.write(b"x")
                assert accepted.recv(1) == b"x"
        stream.close()


def test_who_wants_to_be_told_is_told_while_no_byte_comes() -> None:
    told: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def waiting(waited_s: float) -> float | None:
            told.append(waited_s)
            if len(told) == 4:
                accepted.sendall(b"x")
            return 0.01

        deadline = Deadline(lambda: 0.0, waiting=waiting)
        with deadline.within(90):
            stream = deadline.connect_tcp("127.0.0.1", listening.getsockname()[1], 1)
            accepted, _ = listening.accept()
            with accepted:
                del told[:]
                assert stream.read(9, 30) == b"x"
                assert told == [0.0, 0.01, 0.02, 0.03]
                del told[:]
                with pytest.raises(LateError):
                    stream.read(9, 0.025)
                assert told == [0.0, 0.01, 0.02]
        stream.close()


def test_what_cannot_be_waited_for_in_parts_is_done_by_a_thread_meanwhile() -> None:
    ready = threading.Event()
    told: list[float] = []

    def waiting(waited_s: float) -> float | None:
        told.append(waited_s)
        if len(told) == 3:
            ready.set()
        return 0.001

    def connect() -> Stream:
        assert ready.wait(30)
        raise CallError

    deadline = Deadline(lambda: 0.0, waiting=waiting)
    with deadline.within(1), pytest.raises(CallError):
        deadline.watched(connect)
    assert told[:3] == [0.0, 0.001, 0.002]


@pytest.mark.parametrize(("kept_s", "calls"), [(60.0, 1), (-1.0, 2)])
def test_a_connection_is_used_again_unless_it_was_idle_for_too_long(kept_s: float, calls: int) -> None:
    with raw_server(answer(200), answer(200)) as server:
        deadline = Deadline(time.monotonic)
        port = int(server.url.rpartition(":")[2])
        connect = partial(deadline.connect_tcp, "127.0.0.1", port)
        connections = Connections(partial(Direct, connect, kept_s=kept_s, silence_s=30.0))
        for _ in range(2):
            with connections.one("GET") as connection, deadline.within(30):
                got = connection.handle(Request(b"GET", b"/api", [(b"Host", b"influx.example")]))
                assert (got.status, b"".join(got.body)) == (200, b"")
        connections.close()
        assert (len(server.requests), server.calls) == (2, calls)

"""How long a wait may be, by a clock that stands still."""

from __future__ import annotations

import socket
import threading
import time
from functools import partial

import httpcore
import pytest

from reconciler.influx.deadline import Connections, DeadlineBackend
from tests.influx.raw_server import answer, raw_server


def test_a_wait_is_cut_to_what_is_left_of_the_request() -> None:
    now = [100.0]
    backend = DeadlineBackend(lambda: now[0])
    with backend.within(10):
        assert (backend.cut(3), backend.cut(30), backend.cut(None)) == (3, 10, 10)
        now[0] = 109.5
        assert backend.cut(3) == 0.5
        now[0] = 110.0
        with pytest.raises(httpcore.ReadTimeout):
            backend.cut(3)
    with backend.within(1):
        assert backend.cut(3) == 1


def test_every_address_of_a_host_is_called_but_not_past_the_deadline() -> None:
    asked = []

    def addresses(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] * 3

    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    backend = DeadlineBackend(lambda: 0.0, addresses)
    with backend.within(1), pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("influx.example", port, 1)
    ticks = iter(range(100))
    backend = DeadlineBackend(lambda: 0.4 * next(ticks), addresses)
    with backend.within(1), pytest.raises(httpcore.ReadTimeout):
        backend.connect_tcp("influx.example", port, 1)
    assert asked == ["influx.example"] * 2


def test_the_first_address_that_answers_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        backend = DeadlineBackend(lambda: 0.0, lambda *_: ["127.0.0.2", "127.0.0.1"])
        with backend.within(1):
            stream = backend.connect_tcp("influx.example", listening.getsockname()[1], 1)
        assert stream.get_extra_info("server_addr") == listening.getsockname()
        stream.close()


def test_who_wants_to_be_told_is_told_while_no_byte_comes() -> None:
    told: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def waiting(waited_s: float) -> float | None:
            told.append(waited_s)
            if len(told) == 4:
                accepted.sendall(b"x")
            return 0.01

        backend = DeadlineBackend(lambda: 0.0, waiting=waiting)
        with backend.within(90):
            stream = backend.connect_tcp("127.0.0.1", listening.getsockname()[1], 1)
            accepted, _ = listening.accept()
            with accepted:
                del told[:]
                assert stream.read(9, 30) == b"x"
                assert told == [0.0, 0.01, 0.02, 0.03]
                del told[:]
                with pytest.raises(httpcore.ReadTimeout):
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

    def connect() -> httpcore.NetworkStream:
        assert ready.wait(30)
        raise httpcore.ConnectError

    backend = DeadlineBackend(lambda: 0.0, waiting=waiting)
    with backend.within(1), pytest.raises(httpcore.ConnectError):
        backend.watched(connect)
    assert told[:3] == [0.0, 0.001, 0.002]


@pytest.mark.parametrize(("kept_s", "calls"), [(60.0, 1), (-1.0, 2)])
def test_a_connection_is_used_again_unless_it_was_idle_for_too_long(kept_s: float, calls: int) -> None:
    with raw_server(answer(200), answer(200)) as server:
        backend, url = DeadlineBackend(time.monotonic), httpcore.URL(f"{server.url}/api")
        pool = httpcore.ConnectionPool(keepalive_expiry=kept_s, network_backend=backend)
        connections = Connections(partial(pool.create_connection, url.origin))
        for _ in range(2):
            with connections.one() as connection, backend.within(30):
                got = connection.handle_request(httpcore.Request("GET", url, headers={"Host": "influx.example"}))
                assert (got.status, got.read()) == (200, b"")
                got.close()
        connections.close()
        assert (len(server.requests), server.calls) == (2, calls)

"""A sandbox as a process part: sockets, state, and clients that misbehave."""

from __future__ import annotations

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from reconciler.errors import InvalidError, LocalError
from reconciler.sandbox.exchange import timestamp
from reconciler.sandbox.listener import RequestSeen
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.sandbox.server import Sandbox
from tests.sandbox.test_api import LAPTOP, PATH, SEED, Client


def raw(sandbox: Sandbox, data: bytes, *, shut: bool = True) -> bytes:
    """What comes back for these bytes."""
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        got = b""
        with suppress(OSError):  # the server may have let go of it already
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                got += more
        return got


def test_requests_are_kept_without_credentials() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        client = Client(sandbox)
        client.send("PATCH", f"{PATH}/{LAPTOP.id}", '{"status":"inactive"}')
        client.send("GET", f"{PATH}?user=a//b")
        assert sandbox.requests == (
            RequestSeen(method="PATCH", target=f"{PATH}/{LAPTOP.id}", body=b'{"status":"inactive"}', status=200),
            RequestSeen(method="GET", target=f"{PATH}?user=a//b", body=b"", status=404),
        )
        assert "FAKE" not in repr(sandbox.requests)


def test_somebody_else_can_change_and_delete() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        client = Client(sandbox)
        before = client.send("GET", f"{PATH}/{LAPTOP.id}").json
        sandbox.change(LAPTOP.id, description="moved")
        sandbox.change(LAPTOP.id, status="inactive")
        after = client.send("GET", f"{PATH}/{LAPTOP.id}").json
        assert (after["description"], after["status"]) == ("moved", "inactive")
        assert after["updatedAt"] > before["updatedAt"]
        sandbox.delete(LAPTOP.id)
        assert client.send("GET", f"{PATH}/{LAPTOP.id}").status == 404
        with pytest.raises(KeyError):
            sandbox.change(LAPTOP.id, status="active")


def test_a_file_keeps_the_state_and_the_seed_is_not_applied_again(tmp_path: Path) -> None:
    data = tmp_path / "state.db"
    with Sandbox.start(seed=SEED, data=data) as sandbox:
        assert sandbox.fresh
        sandbox.change(LAPTOP.id, description="kept")
    with Sandbox.start(seed=Seed(orgs=(), users=(), buckets=(), tokens=()), data=data) as sandbox:
        assert not sandbox.fresh
        assert Client(sandbox).send("GET", f"{PATH}/{LAPTOP.id}").json["description"] == "kept"


def test_a_file_that_is_none_of_a_sandbox_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be looked at as one" * 20)
    for path in (tmp_path / "text", tmp_path, tmp_path / "none" / "state.db"):
        with pytest.raises(LocalError) as caught:
            Sandbox.start(seed=SEED, data=path)
        assert str(caught.value) == f"{path} is not a file that a sandbox can keep its state in"


def test_a_world_with_two_of_one_kind_is_refused() -> None:
    twice = replace(default_seed(), tokens=(LAPTOP, LAPTOP))
    with pytest.raises(InvalidError) as caught:
        Sandbox.start(seed=twice)
    assert str(caught.value) == "the seed has two entries with one id, name or token"


def test_an_address_that_is_taken_or_none_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError) as caught:
            Sandbox.start(seed=SEED, listen=("127.0.0.1", port))
        assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: address already in use"
    with pytest.raises(LocalError) as caught:
        Sandbox.start(seed=SEED, listen=("127.0.0.1", 70_000))
    assert str(caught.value) == "cannot listen on 127.0.0.1:70000: there is no such port"


def test_it_listens_on_ipv6_too() -> None:
    with Sandbox.start(seed=SEED, listen=("::1", 0)) as sandbox:
        assert sandbox.url.startswith("http://[::1]:")
        assert Client(sandbox).send("GET", "/ping").status == 204


def test_closing_twice_and_with_open_connections_is_quick() -> None:
    sandbox = Sandbox.start(seed=SEED)
    idle = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    idle.request("GET", "/ping")
    idle.getresponse().read()
    sandbox.close()
    sandbox.close()
    assert idle.sock is not None
    assert idle.sock.recv(1) == b""
    idle.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / SPDY\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["blank", "short", "version", "protocol", "long line", "long header", "tls"],
)
def test_what_is_no_http_is_refused_and_the_server_lives_on(data: bytes) -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        answer = raw(sandbox, data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
        assert Client(sandbox).send("GET", "/ping").status == 204


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: x", b"Content-Length: 10", b"Transfer-Encoding: chunked\r\n\r\nzz"],
    ids=["no number", "short", "bad chunk"],
)
def test_a_body_that_is_not_there_ends_the_connection(head: bytes) -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        assert raw(sandbox, b"POST /ping HTTP/1.1\r\n" + head + b"\r\n\r\n{}") == b""
        assert sandbox.requests == ()


def test_a_body_in_chunks_is_read() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        chunks = b'4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\n\r\n'
        answer = raw(sandbox, b"POST /ping HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert sandbox.requests[0].body == b'{"a":1}'


def test_a_client_that_goes_away_does_no_harm() -> None:
    with Sandbox.start(seed=SEED) as sandbox:
        host, _, port = sandbox.url.removeprefix("http://").partition(":")
        for _ in range(20):
            gone = socket.create_connection((host, int(port)))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            gone.sendall(f"GET {PATH} HTTP/1.1\r\nAuthorization: Token {SEED.tokens[0].secret}\r\n\r\n".encode() * 50)
            gone.close()
        assert Client(sandbox).send("GET", "/ping").status == 204


def test_parallel_changes_of_different_tokens_are_all_kept(tmp_path: Path) -> None:
    with Sandbox.start(seed=SEED, data=tmp_path / "state.db") as sandbox:
        client = Client(sandbox)

        def change(number: int) -> int:
            token = SEED.tokens[number % len(SEED.tokens)]
            return client.send("PATCH", f"{PATH}/{token.id}", {"description": f"number {number}"}).status

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(change, range(96))) == {200}
        assert len(set(client.listed())) == len(SEED.tokens)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 100, tzinfo=UTC), "2026-01-02T03:04:05.0001Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, 120000, timezone(timedelta(hours=5, minutes=30))),
            "2026-01-02T03:04:05.12+05:30",
        ),
    ],
)
def test_times_are_written_with_no_more_digits_than_needed(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


def test_the_owner_of_a_token_may_be_gone() -> None:
    users = tuple(user for user in SEED.users if user.name != "user2")
    orgs = tuple(org for org in SEED.orgs if org.name != "edge-lab")
    with Sandbox.start(seed=replace(SEED, users=users, orgs=orgs), profile=profile("2.8.0")) as sandbox:
        client = Client(sandbox)
        assert len(client.listed()) == 7
        assert client.send("PATCH", f"{PATH}/{LAPTOP.id}", {"status": "inactive"}).error == (404, "user not found")
        bench = next(token for token in SEED.tokens if token.description == "lab bench")
        assert client.send("GET", f"{PATH}/{bench.id}").error == (404, "organization not found")
        assert client.send("GET", PATH, secret=LAPTOP.secret).error == (403, "User is inactive")

"""A sandbox as a process part: sockets, state, and clients that misbehave."""

from __future__ import annotations

import http.client
import socket

import pytest

from reconciler.errors import LocalError
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import LAPTOP, PATH, SEED, Client


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


FREE = "\n  hint: `--listen 127.0.0.1:0` takes a free port"


def test_an_address_that_is_taken_or_none_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError) as caught:
            Sandbox.start(seed=SEED, listen=("127.0.0.1", port))
        assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: address already in use{FREE}"
    with pytest.raises(LocalError) as caught:
        Sandbox.start(seed=SEED, listen=("127.0.0.1", 70_000))
    assert str(caught.value) == f"cannot listen on 127.0.0.1:70000: there is no such port{FREE}"


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

"""Each fault, as a client meets it, and what is stored behind it."""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest

from reconciler.errors import UsageError
from reconciler.sandbox.faults import NAMES, Fault
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import LAPTOP, PATH, SEED, Client, Got

ONE = f"{PATH}/{LAPTOP.id}"
CHANGE = {"description": "changed"}


def stored(sandbox: Sandbox) -> tuple[str, str] | None:
    """Status and description of the token."""
    return next(((each.status, each.description) for each in sandbox.tokens if each.id == LAPTOP.id), None)


def patch(sandbox: Sandbox) -> Got | type[Exception]:
    """The answer to a PATCH, or how the connection ended."""
    try:
        return Client(sandbox).send("PATCH", ONE, CHANGE)
    except (http.client.HTTPException, ConnectionError) as error:
        return type(error)


@pytest.mark.parametrize(
    ("name", "status", "kind", "header", "applied"),
    [
        ("too-many-requests", 429, "application/json; charset=utf-8", ("retry-after", "1"), False),
        ("overloaded", 503, "application/json; charset=utf-8", ("retry-after", "1"), False),
        ("error-before", 500, "application/json; charset=utf-8", ("x-platform-error-code", "internal error"), False),
        ("error-after", 500, "application/json; charset=utf-8", ("x-platform-error-code", "internal error"), True),
        ("bad-gateway", 502, "text/html", ("content-type", "text/html"), False),
        ("unavailable", 503, "text/html", ("content-type", "text/html"), False),
    ],
)
def test_an_answer_is_replaced(name: str, status: int, kind: str, header: tuple[str, str], applied: bool) -> None:
    with Sandbox.start(seed=SEED, faults=[Fault(name)]) as sandbox:
        got = patch(sandbox)
        assert isinstance(got, Got)
        assert (got.status, got.headers["content-type"], got.headers[header[0]]) == (status, kind, header[1])
        assert stored(sandbox) == ("active", "changed" if applied else "laptop")
        assert Client(sandbox).send("GET", ONE).status == 200


@pytest.mark.parametrize(("name", "applied"), [("reset-before", False), ("reset-after", True)])
def test_a_connection_is_reset(name: str, applied: bool) -> None:
    with Sandbox.start(seed=SEED, faults=[Fault(name)]) as sandbox:
        assert patch(sandbox) is ConnectionResetError
        assert stored(sandbox) == ("active", "changed" if applied else "laptop")


def test_a_body_is_cut() -> None:
    with Sandbox.start(seed=SEED, faults=[Fault("truncated-body")]) as sandbox:
        assert patch(sandbox) is http.client.IncompleteRead
        assert stored(sandbox) == ("active", "changed")


@pytest.mark.parametrize("name", ["late-before", "late-after"])
def test_an_answer_is_late_and_the_change_may_be_too(name: str) -> None:
    with Sandbox.start(seed=SEED, faults=[Fault(name)]) as sandbox:
        started = time.monotonic()
        connection = http.client.HTTPConnection(Client(sandbox).address, timeout=20)
        headers = {"Authorization": f"Token {SEED.tokens[0].secret}"}
        connection.request("PATCH", ONE, json.dumps(CHANGE), headers)
        while stored(sandbox) != ("active", "changed") and time.monotonic() < started + 20:
            pass
        changed = time.monotonic()
        assert connection.getresponse().status == 200
        assert time.monotonic() - started >= 0.1
        assert name == "late-after" or changed - started >= 0.1
    connection.close()


def test_a_connection_ends_after_an_answer_that_promised_nothing_of_the_kind() -> None:
    with Sandbox.start(seed=SEED, faults=[Fault("closed-after", count=4)]) as sandbox:
        for _ in range(4):
            connection = http.client.HTTPConnection(Client(sandbox).address, timeout=20)
            connection.request("GET", "/ping")
            answer = connection.getresponse()
            assert (answer.status, answer.read(), answer.will_close) == (204, b"", False)
            assert connection.sock.recv(1) == b""
            connection.close()


def test_a_running_server_can_be_broken() -> None:
    faults = [Fault("unavailable"), Fault("bad-gateway", count=2)]
    with Sandbox.start(seed=SEED) as sandbox:
        client = Client(sandbox)
        assert client.send("GET", ONE).status == 200
        for fault in faults:
            sandbox.fail(fault)
        assert [client.send("GET", ONE).status for _ in range(3)] == [502, 502, 200]  # the first was struck by both
        sandbox.fail(Fault("unavailable", count=9))
        assert client.send("GET", ONE).status == 503
        sandbox.mend()
        assert client.send("GET", ONE).status == 200


def test_a_body_drips_until_it_is_whole_or_the_server_ends() -> None:
    with Sandbox.start(seed=SEED, faults=[Fault("slow-body", count=2)]) as sandbox:
        assert Client(sandbox).send("GET", f"{PATH}/x").error == (400, "id must have a length of 16 bytes")
        connection = http.client.HTTPConnection(Client(sandbox).address, timeout=20)
        connection.request("GET", PATH, headers={"Authorization": f"Token {SEED.tokens[0].secret}"})
        answer = connection.getresponse()
        assert answer.read(3) == b"{\n\t"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    connection.close()


@pytest.mark.parametrize(
    ("name", "status", "after"),
    [("changed-meanwhile", 200, ("active", "laptop (changed meanwhile)")), ("deleted-meanwhile", 404, None)],
)
def test_somebody_else_comes_first(name: str, status: int, after: tuple[str, str] | None) -> None:
    with Sandbox.start(seed=SEED, faults=[Fault(name, "GET")]) as sandbox:
        before = next(each.updated_at for each in sandbox.tokens if each.id == LAPTOP.id)
        assert Client(sandbox).send("GET", ONE).status == status
        assert stored(sandbox) == after
        assert before not in [each.updated_at for each in sandbox.tokens if each.id == LAPTOP.id]


def test_nobody_can_change_what_is_not_there() -> None:
    with Sandbox.start(seed=SEED, faults=[Fault("changed-meanwhile")]) as sandbox:
        before = sandbox.tokens
        assert Client(sandbox).send("GET", PATH).status == 200
        assert sandbox.tokens == before


def test_two_changes_of_one_token_that_overlap_lose_one_of_them() -> None:
    with Sandbox.start(seed=SEED, faults=[Fault("lost-update", "PATCH", 3)]) as sandbox:
        answers: list[int] = []
        seen: list[tuple[str, str] | None] = []

        def send(body: dict[str, str]) -> None:
            answers.append(Client(sandbox).send("PATCH", ONE, body).status)
            seen.append(stored(sandbox))

        threads = [threading.Thread(target=send, args=[body]) for body in ({"status": "inactive"}, CHANGE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200, 200]
        assert stored(sandbox) in [("inactive", "laptop"), ("active", "changed")]
        assert seen == [stored(sandbox)] * 2  # neither is answered before both have written
        # Nobody to overlap with: nothing is lost.
        assert Client(sandbox).send("PATCH", ONE, {"status": "inactive", "description": "both"}).status == 200
        assert stored(sandbox) == ("inactive", "both")


def test_a_fault_strikes_its_method_and_as_often_as_it_says() -> None:
    with Sandbox.start(seed=SEED, faults=[Fault("unavailable", "PATCH", 2)]) as sandbox:
        client = Client(sandbox)
        assert [client.send(method, ONE, CHANGE).status for method in ("GET", "PATCH") * 3] == [
            200, 503, 200, 503, 200, 200,
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bad-gateway", Fault("bad-gateway", "", 1)),
        ("bad-gateway:patch", Fault("bad-gateway", "PATCH", 1)),
        ("lost-update:PATCH:20", Fault("lost-update", "PATCH", 20)),
        ("unavailable::3", Fault("unavailable", "", 3)),
    ],
)
def test_a_fault_is_written_as_name_method_and_count(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault
    assert fault.name in NAMES


@pytest.mark.parametrize(
    "text", ["", "meteor", "bad-gateway:*", "bad-gateway:PATCH:0", "bad-gateway:PATCH:x", "bad-gateway:PATCH:²"]
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="there is no fault"):
        Fault.parse(text)

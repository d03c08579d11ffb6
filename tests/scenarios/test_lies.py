"""`apply` over a server that lies about a PATCH or never ends to answer: what is stored, sent, and said in the end."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_apply import DESCRIBE, applied
from tests.influx.raw_server import answer
from tests.liar import Exchange, Lie, liar
from tests.scenarios.test_failing_server import WANTED, description
from tests.shell import GRAFANA, LAPTOP, Shell

pytestmark = pytest.mark.no_cover

GOLDEN = Path(__file__).parent / "golden"
EDGE = "a1d07c52e94fb836"
BOMB = gzip.compress(bytes(20_000_000), 1)


def saying(**fields: Any) -> Callable[[Exchange], list[bytes]]:
    """The answer with other fields."""
    return lambda exchange: [exchange.answer(status=200, body=exchange.document | fields)]


def with_body(body: str | bytes, **headers: str) -> Callable[[Exchange], list[bytes]]:
    """Another body."""
    return lambda exchange: [exchange.answer(status=200, body=body, **headers)]


def endless(first: bytes, again: bytes, seconds: float = 0.0) -> Callable[[Exchange], Iterator[bytes]]:
    """A beginning, and more of it for ever."""

    def parts(exchange: Exchange) -> Iterator[bytes]:
        yield first
        while exchange.connection.pause(seconds):
            yield again

    return parts


def headers_of_16_mib(_: Exchange) -> Iterator[bytes]:
    """More headers than anybody reads."""
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(256):
        yield b"X-%d: " % number + b"x" * 65_526 + b"\r\n"
    yield b"Content-Length: 0\r\n\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
LIES: dict[str, Callable[[Exchange], Iterable[bytes]]] = {
    "another id": saying(id=LAPTOP),
    "another organisation": saying(orgID=EDGE),
    "an id that is none": saying(id="../users/1"),
    "an unknown status": saying(status="archived"),
    "another status": saying(status="inactive"),
    "another description": saying(description="another"),
    "no number": lambda exchange: [exchange.answer(status=200, body=exchange.body.replace(b"{", b'{"n": NaN,', 1))],
    "a key twice": lambda exchange: [exchange.answer(status=200, body=exchange.body.replace(b"{", b'{"status": "active",', 1))],
    "100,000 deep": with_body('{"a":' * 100_000 + "1" + "}" * 100_000),
    "16 MiB of headers": headers_of_16_mib,
    "a gzip bomb": with_body(BOMB, Content_Encoding="gzip"),
    "an endless body": endless(CHUNKED + b"1\r\n[\r\n", b"10000\r\n" + b"[" * 65_536 + b"\r\n"),
    "half a body": lambda exchange: [exchange.answer(status=200)[:-10], b""],
    "a page": with_body("<html>Signed out</html>", Content_Type="text/html"),
    "no content": lambda _: [answer(204)],
    "created": lambda exchange: [exchange.answer(status=201)],
    "a redirect": lambda exchange: [answer(307, Location=exchange.path)],
    "not there": lambda exchange: [exchange.answer(status=404, body={"code": "not found", "message": "authorization not found"})],
    "no HTTP": lambda _: [b"\0" * 4096, b""],
}  # fmt: skip
LARGE = {"16 MiB of headers", "a gzip bomb", "an endless body"}
DRIPS = {
    "a body that drips": endless(CHUNKED, b"1\r\n \r\n", 0.005),
    "headers that drip": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.005),
    "endless 1xx": endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.005),
}


def told(shell: Shell, name: str, lie: Lie, *, deaf: bool, **around: Any) -> str:
    """What came of an apply: how it ended, what the journal says, what was sent, and what is stored."""
    journal = shell.folder / f"{name} {deaf}"

    def lying(exchange: Exchange) -> Iterable[bytes] | None:
        return lie(exchange) if exchange.method == "PATCH" else None

    with liar(shell.sandbox.url, lying, deaf=deaf) as server:
        shell.environment["INFLUX_HOST"] = server.url
        done = applied(shell, str(shell.folder / "tokens.yaml"), yes=True, journal=str(journal), **around)
        sent = [request.split(b" ")[0].decode() for request in server.requests]
        (path,) = journal.iterdir()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        *_, result = (each for each in lines if each["event"] == "result")
        reason = result["reason"].replace(server.url, "URL")
    assert lines[-1]["event"] == "summary"
    assert (description(shell) == WANTED) == (result["status"] == "done")
    return f"{result['status']} ({done.code}), {' '.join(sent)}: {reason}"


@pytest.mark.parametrize("deaf", [False, True], ids=["stored", "not stored"])
def test_a_lie_about_a_change_is_settled_by_reading(
    shell: Shell, golden: Callable[[Path, str], None], deaf: bool
) -> None:
    shell.declare(DESCRIBE)
    others = [each for each in shell.sandbox.tokens if each.id != GRAFANA]
    said = []
    for name, lie in LIES.items():
        if deaf and name in LARGE:  # what was stored makes no difference to how much of it is read
            continue
        shell.sandbox.change(GRAFANA, description="grafana dashbord")
        said.append(f"{name}\n  {told(shell, name, lie, deaf=deaf)}\n")
    assert [each for each in shell.sandbox.tokens if each.id != GRAFANA] == others
    golden(GOLDEN / f"lies-{'not-stored' if deaf else 'stored'}.txt", "".join(said))


@pytest.mark.soak
def test_blanks_without_end_are_cut_where_any_answer_is(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    said = told(shell, "blanks", endless(CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"), deaf=False)
    assert said == (
        "done (0), GET PATCH GET GET: the answer was not usable "
        "(the answer of URL cannot be used: it has more than 268,435,456 bytes), a read shows it"
    )


@pytest.mark.parametrize("name", DRIPS)
@pytest.mark.parametrize("deaf", [False, True], ids=["stored", "not stored"])
def test_an_answer_that_never_ends_is_cut_and_never_asked_for_again(shell: Shell, name: str, deaf: bool) -> None:
    shell.declare(DESCRIBE)
    now = 0.0  # by a clock that each drip moves on, however slow the machine is

    def drip(exchange: Exchange) -> Iterator[bytes]:
        nonlocal now
        for part in DRIPS[name](exchange):
            now += 5.0
            yield part

    said = told(shell, name, drip, deaf=deaf, with_clock=lambda: now)
    late = "URL did not answer in time: 30 s without a byte, or 120 s in all"
    ends = (
        f"unverified (3), GET PATCH GET GET: not applied so far: {late}"
        if deaf
        else f"done (0), GET PATCH GET GET: the answer was not usable ({late}), a read shows it"
    )
    assert said == ends

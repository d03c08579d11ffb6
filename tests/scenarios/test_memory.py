"""The installed program against servers that want to fill its memory or its time: both stay bounded."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.influx.raw_server import Connection, answer, raw_server
from tests.shell import GRAFANA, PROGRAM, Shell

# A process of its own: what a child is charged with begins with the size of the process that it was made by.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], timeout=50)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
UNIT = 1 if sys.platform == "darwin" else 1024
MIB = 1024 * 1024

HEAD = b"HTTP/1.1 200 OK\r\nX-Influxdb-Version: v2.7.12\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def endless(connection: Connection, first: bytes, again: Callable[[int], bytes]) -> Iterator[bytes]:
    """A body that begins, and goes on for ever."""
    yield HEAD + chunk(first)
    number = 0
    while connection.pause(0):
        yield chunk(again(number))
        number += 1


def tokens(number: int) -> bytes:
    """A hundred tokens more, each with a long description of its own; what small ones take, tests/influx/test_wire.py knows."""
    entry = {"status": "active", "orgID": "5f2c9e1a77b0d3c4", "userID": "0d3a5e9c41e4e000", "token": "x" * 88}
    one = json.dumps({**entry, "id": "%016x", "description": "%020000d"}) + ","
    return "".join(one % (each + 1, each) for each in range(number * 100, number * 100 + 100)).encode()


def headers(_: Connection) -> Iterator[bytes]:
    """16 MiB of them."""
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(256):
        yield b"X-%d: " % number + b"x" * 65_526 + b"\r\n"


def byte_by_byte(_: Connection) -> Iterator[bytes]:
    """A list whose every byte is a chunk."""
    entry = {"id": GRAFANA, "status": "active", "orgID": "5f2c9e1a77b0d3c4", "userID": "0d3a5e9c41e4e000"}
    body = json.dumps({"authorizations": [entry | {"description": "x" * 20_000}]}).encode()
    yield HEAD + b"".join(chunk(body[at : at + 1]) for at in range(len(body))) + b"0\r\n\r\n"


BEGUN = b'{"authorizations": ['
HOSTILE: dict[str, tuple[int, str, Callable[[Connection], Iterator[bytes]]]] = {
    "gzip bomb": (7, "it is compressed", lambda _: iter([answer(200, gzip.compress(bytes(100 * MIB), 1), Content_Encoding="gzip")])),
    "headers": (7, "it is not HTTP", headers),
    "blanks": (7, "more than 1,048,576 characters", lambda each: endless(each, b" ", lambda _: b" " * 65_536)),
    "text": (7, "more than 1,048,576 characters", lambda each: endless(each, BEGUN + b'"', lambda _: b"x" * 65_536)),
    "brackets": (7, "it is not JSON", lambda each: endless(each, BEGUN, lambda _: b"[" * 65_536)),
    "tokens": (7, "the list does not fit into memory", lambda each: endless(each, BEGUN, tokens)),
    "an error": (7, "it has more than 1,048,576 bytes", lambda _: iter([b"HTTP/1.1 500 X\r\n\r\n", *[b"x" * 65_536] * 1000, b""])),
    "byte by byte": (0, GRAFANA, byte_by_byte),
}  # fmt: skip


@pytest.mark.parametrize(("code", "why", "script"), HOSTILE.values(), ids=HOSTILE)
def test_a_list_fills_neither_the_memory_nor_the_time(
    shell: Shell, code: int, why: str, script: Callable[[Connection], Iterator[bytes]]
) -> None:
    with raw_server(script=script) as server:
        done = subprocess.run(
            [sys.executable, "-S", "-c", MEASURE, PROGRAM, "list"], env=shell.surroundings(INFLUX_HOST=server.url),
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    *_, last = done.stdout.splitlines()
    ended, size = map(int, last.split())
    assert (ended, why in done.stdout + done.stderr) == (code, True), done.stderr
    assert size * UNIT < 150 * MIB

"""The log of a sandbox, whose lines are those of real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.requestlog import PATTERN
from reconciler.errors import LocalError
from reconciler.sandbox.requestlog import value
from reconciler.sandbox.server import Sandbox
from tests.requestlog import LOGS, counts, tallied
from tests.sandbox.client import LAPTOP, PATH, SEED, Client


@pytest.mark.parametrize(
    ("text", "written"),
    [("", ""), ("a\\b/é", "a\\b/é"), ("a b", '"a b"'), ("a=b", '"a=b"'), ('a"b\\', '"a\\"b\\\\"'), ("\x00\n\r\t\ufffd", '"\\u0000\\n\\r\\t\\ufffd"')],
)  # fmt: skip
def test_values_are_quoted_as_the_server_quotes_them(text: str, written: str) -> None:
    assert value(text) == written


def test_every_request_is_told_with_the_token_that_made_it(tmp_path: Path) -> None:
    log = tmp_path / "influxd.log"
    with Sandbox.start(seed=SEED, request_log=log) as sandbox:
        assert Client(sandbox).send("GET", "/health").status == 200
    with Sandbox.start(seed=SEED, request_log=log) as sandbox:
        client = Client(sandbox)
        assert client.send("GET", PATH).status == 200
        refused = client.send("POST", "/api/v2/write?org=acme&bucket=b", {"a": 1})
        assert client.send("PATCH", f"{PATH}/{LAPTOP.id}", {"description": 'x" y'}).status == 200
        assert client.send("GET", "/health").status == 200
    lines = log.read_text().splitlines()[-4:]
    tally = tallied(log.read_text(), ids=[each.id for each in SEED.tokens])
    found = tally.evidence
    assert found
    assert (found.starts, found.requests, found.others, sum(each.requests for each in found.tokens)) == (2, 5, 0, 3)
    assert (tally.version, tally.level) == (b"2.7.12", b"debug")
    assert lines[1].partition(" method=")[2].partition(" took=")[0].split(" remote=")[0] == (
        f'POST host={sandbox.url.removeprefix("http://")} path=/api/v2/write query="bucket=b&org=acme" proto=HTTP/1.1 '
        f"status_code=404 response_size={len(refused.text)} content_length=8 referrer="
    )


def _keys(line: str) -> list[str]:
    return [part.partition("=")[0] for part in line.split() if "=" in part]


def test_a_line_has_the_keys_of_a_recorded_one_in_their_order(tmp_path: Path) -> None:
    with Sandbox.start(seed=SEED, request_log=tmp_path / "log") as sandbox:
        Client(sandbox).send("GET", PATH)
    (_, ours) = (tmp_path / "log").read_text().splitlines()
    recorded = next(line for line in LOGS[-1].read_text().splitlines() if "path=/api/v2/authorizations " in line and "method=GET" in line)  # fmt: skip
    assert _keys(ours) == _keys(recorded)
    assert PATTERN.match(ours.encode())


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"cannot write the request log .*: is a directory"):
        Sandbox.start(seed=SEED, request_log=tmp_path)


def test_a_client_by_ipv6_has_its_address_in_brackets(tmp_path: Path) -> None:
    with Sandbox.start(seed=SEED, listen=("::1", 0), request_log=tmp_path / "log") as sandbox:
        Client(sandbox).send("GET", "/ping")
    assert " remote=[::1]:" in (tmp_path / "log").read_text()
    assert counts((tmp_path / "log").read_bytes()) == (0, 0, 0)

"""Every recorded answer of real servers, held against the sandbox: raw requests on a real socket."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import Seed, parse_seed
from reconciler.sandbox.server import Sandbox

pytestmark = pytest.mark.no_cover

FOLDER = Path(__file__).parent
PLACEHOLDER = re.compile(r"<<(time|id:\d+|secret:\d+)>>")
SHAPES = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z",
    "id": r"[0-9a-f]{16}",
    "secret": r"[A-Za-z0-9_-]{86}==",
}


@cache
def recording(path: Path) -> Any:
    return json.loads(path.read_text())


@cache
def seed_of(path: Path) -> Seed:
    return parse_seed(recording(path)["seed"])


def scenarios() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("influxdb-*.json")):
        for number, scenario in enumerate(recording(path)["scenarios"]):
            yield pytest.param(path, number, id=f"{path.stem.removeprefix('influxdb-')}/{scenario['name']}")


@pytest.mark.parametrize(("path", "number"), list(scenarios()))
def test_the_sandbox_answers_as_the_recorded_server_did(path: Path, number: int) -> None:
    recorded = recording(path)
    server = recorded["server"]
    like = profile(server["version"], hashed=server["hashed_tokens"])
    learned: dict[str, str] = {}
    with Sandbox.start(seed=seed_of(path), profile=like) as sandbox:
        connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"), timeout=20)
        for step in recorded["scenarios"][number]["steps"]:
            status, headers, body = send(connection, step["request"], learned)
            expected = step["response"]
            assert status == expected["status"]
            named = {name: headers.get(name) for name in {*expected["headers"], "content-type"}}
            assert named == {"content-type": None, **expected["headers"]}
            if expected["body"] is not None:
                assert learn(expected["body"], body, learned)
        connection.close()


def send(
    connection: http.client.HTTPConnection, request: dict[str, Any], learned: dict[str, str]
) -> tuple[int, dict[str, str], str]:
    """Send one recorded request as it stood; the answer's headers have names in lower case."""
    target = PLACEHOLDER.sub(lambda found: learned[found[1]], request["target"])
    connection.putrequest(request["method"], target, skip_accept_encoding=True)
    for name, value in request["headers"].items():
        connection.putheader(name, value)
    body = base64.b64decode(request["body_b64"]) if "body_b64" in request else request.get("body", "").encode()
    if "body" in request or "body_b64" in request:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    with connection.getresponse() as response:
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read().decode("utf-8", "replace")


def learn(expected: str, got: str, learned: dict[str, str]) -> bool:
    """Whether the texts are equal outside the placeholders, whose values are remembered."""
    names: list[str] = []

    def pattern(name: str) -> str:
        if name in learned:
            return re.escape(learned[name])
        names.append(name)
        return f"({SHAPES[name.partition(':')[0]]})"

    parts = PLACEHOLDER.split(expected)
    regex = "".join(pattern(part) if at % 2 else re.escape(part) for at, part in enumerate(parts))
    found = re.fullmatch(regex, got)
    if found:
        values = zip(names, found.groups(), strict=True)
        learned.update({name: value for name, value in values if name != "time"})
    return found is not None


def test_the_recordings_are_all_there() -> None:
    counts = {
        path.name: (len(recording(path)["scenarios"]), sum(len(each["steps"]) for each in recording(path)["scenarios"]))
        for path in FOLDER.glob("influxdb-*.json")
    }
    assert counts == {
        "influxdb-2.7.12.json": (88, 200),
        "influxdb-2.8.0.json": (88, 200),
        "influxdb-2.9.1-hashed.json": (88, 200),
    }

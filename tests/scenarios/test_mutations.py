"""Recorded answers of real servers, bent at random: `list` and `plan` work or say why not, and never tell a secret."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.canary import CALLER, ECHO, GATE, LISTED, found
from tests.influx.raw_server import answer, raw_server, refusal
from tests.scenarios.test_no_secret import cli, proxy
from tests.shell import Shell, shell_on

CONFORMANCE = Path(__file__).parent.parent / "conformance"
STANDS_FOR = {"time": "2025-01-01T00:00:00Z", "id": "0d00000000000001", "secret": LISTED[0]}
HOSTILE = [
    ECHO, CALLER, LISTED[1], "", "\x1b[31m", "\n::error::x", "##[add-mask]x", "\ud800", "\u202e", "x" * 2000, "../users/1",
    "0" * 16, "0d00000000000001", "ACTIVE", "<<secret>>", "`|[x](y)<b>", "1e999",
]  # fmt: skip
VALUES: list[Any] = [None, True, 0, -1, 1e300, 10**400, [], {}, [[]], [None], {"": None}, *HOSTILE]

Steps = tuple[str | int, ...]


@cache
def recorded() -> tuple[Any, ...]:
    """Every different list of authorizations that a real server answered, with secrets that would be found."""
    bodies: dict[str, Any] = {}
    for path in sorted(CONFORMANCE.glob("influxdb-*.json")):
        for scenario in json.loads(path.read_text())["scenarios"]:
            for step in scenario["steps"]:
                body = step["response"]["body"] or ""
                if step["response"]["status"] == 200 and '"authorizations"' in body:
                    body = re.sub(r"<<(\w+)(:\d+)?>>", lambda found: STANDS_FOR[found[1]], body)
                    bodies[body] = json.loads(body)
    lists = tuple(each for each in bodies.values() if each.get("authorizations"))
    for each in lists:
        for number, entry in enumerate(each["authorizations"]):
            entry["token"] = CALLER if number == 1 else LISTED[number % len(LISTED)]
    return lists


def places(value: Any, steps: Steps = ()) -> Iterator[Steps]:
    """The way to everything in the document."""
    if steps:
        yield steps
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*steps, key))


def bent(document: Any, steps: Steps, act: str, value: Any) -> None:
    """Bend the document at that place."""
    way, last = steps[:-1], steps[-1]
    inside = document
    for step in way:
        inside = inside[step]
    match act:
        case "drop":
            del inside[last]
        case "again" if type(last) is int:
            inside.append(copy.deepcopy(inside[last]))
        case "rename" if type(last) is str:
            inside[str(value)[:300]] = inside.pop(last)
        case _:
            inside[last] = value


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A recorded list, bent in up to three places, perhaps with a key twice or cut short."""
    document = copy.deepcopy(draw(st.sampled_from(recorded())))
    for _ in range(draw(st.integers(1, 3))):
        ways = list(places(document))
        if ways:
            acts = st.sampled_from(["drop", "again", "rename", "replace", "replace"])
            bent(document, draw(st.sampled_from(ways)), draw(acts), draw(st.sampled_from(VALUES)))
    text = json.dumps(document)
    if draw(st.integers(0, 9)) == 0:
        text = text.replace('"id":', f'"id": {json.dumps(ECHO)}, "id":', 1)
    if draw(st.integers(0, 9)) == 0:
        text = text[: draw(st.integers(0, len(text)))]
    return text.encode()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with a manifest that looks at each token in one way or another."""
    with shell_on(tmp_path_factory.mktemp("bent")) as shell:
        shell.environment |= {"INFLUX_TOKEN": CALLER, "HTTPS_PROXY": proxy("127.0.0.1:1")}
        shell.environment["INFLUX_EXTRA_HTTP_HEADER"] = f"X-Gate: Bearer {GATE}"  # of which answers are made, too
        ids = sorted({entry["id"] for each in recorded() for entry in each["authorizations"]})
        shell.declare(
            *(f'id: "{each}", description: x, status: inactive' for each in ids[:3]),
            'match: {description: ""}, pick: all, description: was empty',
            head="unmanaged: warn\nabsent: warn\n",
        )
        yield shell


@settings(
    max_examples=2 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies())
@example(body=b"")
@example(body=json.dumps({"authorizations": [], "links": {"self": ECHO}}).encode())
def test_a_bent_answer_is_read_or_refused_and_tells_no_secret(quiet: Shell, body: bytes) -> None:
    good = answer(200, body, X_Influxdb_Version="v2.7.12")
    missing = refusal(404, "not found", "authorization not found")
    with raw_server(script=lambda each: [missing if b"/authorizations/" in each.request else good]) as server:
        for line in ("list --format json", "list", "plan {dir}/tokens.yaml --format markdown"):
            done = cli(quiet, line, environment={"INFLUX_HOST": server.url})
            assert done.code in (0, 4, 6, 7, 65), done.err
            assert found([done.out, done.err]) == set()


def test_the_recordings_have_lists_to_bend() -> None:
    assert len(recorded()) >= 10
    assert found([json.dumps(each) for each in recorded()]) >= {CALLER, LISTED[0]}

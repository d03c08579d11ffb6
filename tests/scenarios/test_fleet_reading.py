"""What `list` and `doctor` tell of many servers: each by its name, one that is not reached among the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from reconciler.errors import ExitCode
from tests.fleet import Fleet, fleet_on, seed_of
from tests.shell import GRAFANA, LAPTOP, secret

GOLDEN = Path(__file__).parent / "golden"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_on(tmp_path_factory.mktemp("fleet")) as made:
        for name in made.sandboxes:
            made.write("version: 1\ntokens: []\n", f"servers/{name}.yaml")
        yield made


def tables(fleet: Fleet) -> dict[str, dict[str, str]]:
    return {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}


def without_lyon(fleet: Fleet) -> None:
    found = tables(fleet)
    fleet.profiles({**found, "lyon": {**found["lyon"], "url": NOWHERE}})


def test_a_list_of_many_servers_begins_each_line_with_the_server(
    fleet: Fleet, golden: Callable[[Path, str], None]
) -> None:
    asked = [len(box.requests) for box in fleet.sandboxes.values()]
    done = fleet.cli("list", "lab", "--fleet", "servers", "--user", "mira", environment={})
    assert (done.code, done.err) == (ExitCode.OK, "9 of 36 tokens on 3 servers, 0 inactive\n")
    assert [len(box.requests) for box in fleet.sandboxes.values()] == [each + 1 for each in asked]
    golden(GOLDEN / "fleet-list.txt", done.out)
    part = fleet.cli("list", "--fleet", "servers", "--server", "l*", "--status", "inactive", environment={})
    assert [line.split()[:2] for line in part.out.splitlines()[1:]] == [["lyon", "inactive"]] * 2
    table = fleet.cli("list", LAPTOP, "--fleet", "servers", "--format", "csv", environment={}).out
    assert [line[:29] for line in table.splitlines()] == [
        "server,status,id,org,user,upd", "hamburg,active,0d097beb91c060", "lyon,active,0d097beb91c06000,",
        "us-cloud,active,0d097beb91c06",
    ]  # fmt: skip


def test_a_server_that_is_not_read_is_named_beside_the_list_of_the_others(fleet: Fleet) -> None:
    without_lyon(fleet)
    done = fleet.cli("list", LAPTOP, "--fleet", "servers", "--format", "json", "--quiet", environment={})
    fleet.profiles()
    assert done.code == ExitCode.UNREACHABLE
    assert done.err.startswith(f"Not read (unreachable): lyon: no connection to {NOWHERE}: ")
    document = json.loads(done.out)
    assert [(each["name"], each["reason"]) for each in document["servers"]] == [
        ("hamburg", "ok"), ("lyon", "unreachable"), ("us-cloud", "ok"),
    ]  # fmt: skip
    assert [(each["server"], each["id"]) for each in document["tokens"]] == [("hamburg", LAPTOP), ("us-cloud", LAPTOP)]
    counted = fleet.cli("list", "--fleet", "servers", environment={})
    assert counted.err == "36 of 36 tokens on 3 servers, 6 inactive\n"


def test_a_list_says_what_an_empty_one_and_a_large_token_may_mean(fleet: Fleet) -> None:
    found = tables(fleet)
    grafana = secret(GRAFANA, seed_of("lyon"))
    fleet.profiles({**found, "lyon": {**found["lyon"], "token": grafana}})
    describe(fleet, "hamburg", "d" * 70_000)
    done = fleet.cli("list", "--fleet", "servers", environment={})
    describe(fleet, "hamburg", "")
    fleet.profiles()
    assert done.code == ExitCode.OK
    assert done.err == (
        f"Warning on hamburg: 1 token with a description too large to be kept: {GRAFANA} (grafana)\n"
        "  hint: its length and its SHA-256 stand for it: once it is replaced, `undo` cannot restore it\n"
        "24 of 24 tokens on 3 servers, 4 inactive\n"
        "lyon: The list is empty. A server leaves out what these credentials may not read: see `tokenctl doctor`.\n"
    )


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_no_list_shows_the_token_of_another_profile(fleet: Fleet, form: str) -> None:
    fleet.profiles({**tables(fleet), "other": {"url": NOWHERE, "token": "secret'of,another"}})
    describe(fleet, "lyon", "holds secret'of,another")
    done = fleet.cli("list", GRAFANA, "--fleet", "servers", "--format", form, environment={})
    describe(fleet, "lyon", "")
    fleet.profiles()
    assert (done.code, "holds ***" in done.out, "of,another" in done.out) == (ExitCode.OK, True, False)


def test_a_list_of_many_servers_takes_nothing_that_is_about_one(fleet: Fleet) -> None:
    fleet.write("version: 1\ntokens: []\n", "shared.yaml")
    done = fleet.cli("list", "--fleet", "servers", "--not-in", "shared.yaml", environment={})
    assert (done.code, done.out, done.err) == (
        ExitCode.USAGE,
        "",
        "--not-in is about one server\n  hint: leave it out, or list that server alone, with --profile\n",
    )


def test_a_doctor_has_a_line_for_each_server_and_tells_once_what_is_not_fine(
    fleet: Fleet, golden: Callable[[Path, str], None]
) -> None:
    found = tables(fleet)
    del found["hamburg"]["token"]
    fleet.profiles({**found, "other": {"url": NOWHERE, "token": "any"}, "more": {"url": NOWHERE, "token": "any-other"}})
    url = fleet.sandboxes["us-cloud"].url
    fleet.write(f"version: 1\nserver: {{url: '{url}'}}\ntokens: []\n", "servers/us-cloud.yaml")
    done = fleet.cli("doctor", "--fleet", "servers", environment={})
    fine = fleet.cli("doctor", "--fleet", "servers", "--server", "us-cloud", "--format", "json", environment={})
    without_lyon(fleet)
    fleet.write("version: 1\nserver: {url: 'https://influx.example'}\ntokens: []\n", "servers/hamburg.yaml")
    other = fleet.cli("doctor", "--fleet", "servers", "--server", "hamburg", environment={})
    for name in found:
        fleet.write("version: 1\ntokens: []\n", f"servers/{name}.yaml")
    fleet.profiles()
    assert (done.code, done.err, other.code) == (ExitCode.USAGE, "", ExitCode.REFUSED)
    golden(GOLDEN / "fleet-doctor.txt", done.out)
    document = json.loads(fine.out)
    assert (fine.code, document["reason"], document["servers"][0]["reason"]) == (ExitCode.OK, "ok", "ok")
    assert {each["state"] for each in document["servers"][0]["checks"]} == {"ok"}
    assert [each["name"] for each in document["checks"]] == ["journal", "profile"]
    assert other.out.startswith(
        "fail  hamburg  file  the file is for https://influx.example, but this run would talk to"
    )


def test_servers_that_are_not_reached_are_one_failure_of_several(fleet: Fleet) -> None:
    found = tables(fleet)
    urls = {"hamburg": "http://127.0.0.1:2", "lyon": NOWHERE}
    fleet.profiles({**found, **{name: {**found[name], "url": url} for name, url in urls.items()}})
    done = fleet.cli("doctor", "--fleet", "servers", "--server", "!us-cloud", environment={})
    fleet.profiles()
    assert done.code == ExitCode.UNREACHABLE
    assert [line for line in done.out.splitlines() if line.startswith("Failed")] == [
        "Failed on hamburg, lyon (server): no connection to its URL: nothing listens there"
    ]
    assert done.out.endswith("\n\n2 servers: 2 with problems.\n")
    quiet = fleet.cli("doctor", "--fleet", "servers", "--shard", "1/999", "--quiet", environment={})
    assert (quiet.code, quiet.out) == (ExitCode.OK, "")
    part = fleet.cli("doctor", "--fleet", "servers", "--shard", "1/999", environment={})
    assert part.out.endswith("can be made\n\n0 servers.\n")


def describe(fleet: Fleet, name: str, description: str) -> None:
    """Give a token of that server a description."""
    connection = HTTPConnection(fleet.sandboxes[name].url.removeprefix("http://"))
    head = {"Authorization": f"Token {fleet.secret(name)}", "Content-Type": "application/json"}
    body = json.dumps({"description": description})
    connection.request("PATCH", f"/api/v2/authorizations/{GRAFANA}", body, head)
    assert connection.getresponse().status == 200
    connection.close()

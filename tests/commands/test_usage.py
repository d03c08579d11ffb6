"""`usage`: what people and programs read of a request log, and why there is nothing to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.schema import load_schema
from tests.requestlog import RECORDED, Recorded, said, started
from tests.shell import GRAFANA, INGEST, LAPTOP, OPERATOR, Shell

GOLDEN = Path(__file__).parent / "golden"
DAY = 86400
LOG = (
    started(-1)
    + said(GRAFANA, 0, "/query?q=x&p=hunter2-canary", agent="Grafana", body='{"password":"hunter2-canary"}')
    + "".join(said(INGEST, DAY * number / 400, remote=f"10.0.0.{number % 2}:1") for number in range(1, 801))
    + said("0123456789abcdef", 2 * DAY + 1)
    + said(LAPTOP, 2 * DAY + 2, status=401)
    + said(LAPTOP, 2 * DAY + 3, "/api/v2/me", status=403)
    + started(2 * DAY + 4)
    + said("", 2 * DAY + 5, "/health")
)


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """The shell, in this process."""
    shell.here = True
    shell.sandbox.change(LAPTOP, status="inactive")
    return shell


def test_each_live_token_has_its_last_use(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    shell.write(LOG, "influxd.log")
    done = shell.run("usage", "influxd.log", "-o", "usage.json")
    assert (done.code, done.err) == (0, "Saved to usage.json\n")
    golden(GOLDEN / "usage.txt", done.out)
    golden(GOLDEN / "usage.json", (shell.folder / "usage.json").read_text())
    assert shell.run("usage", "-", "--format", "json", stdin=LOG).out == (shell.folder / "usage.json").read_text()
    assert "hunter2-canary" not in done.out + (shell.folder / "usage.json").read_text()
    assert shell.sent() == ["GET /api/v2/authorizations"] * 2


def test_the_evidence_is_as_its_schema_says(shell: Shell) -> None:
    import jsonschema

    document = json.loads(shell.run("usage", "-", "--format", "json", stdin=LOG).out)
    jsonschema.validate(document, load_schema("usage"))


def test_no_server_is_asked_where_a_list_is_at_hand(shell: Shell) -> None:
    shell.write(shell.run("list", "--format", "json").out, "tokens.json")
    asked = shell.run("usage", "-", stdin=LOG)
    nobody = {"INFLUX_HOST": "http://127.0.0.1:1", "INFLUX_TOKEN": ""}
    assert shell.run("usage", "-", "--tokens", "tokens.json", stdin=LOG, **nobody) == asked


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each.path.name)
def test_recorded_logs_are_read(shell: Shell, recorded: Recorded) -> None:
    tokens = [{"id": each, "status": "active", "description": name} for name, each in recorded.tokens.items()]
    shell.write(json.dumps({"format_version": 1, "tokens": tokens}), "tokens.json")
    done = shell.run("usage", str(recorded.path), "--tokens", "tokens.json", "--format", "json", INFLUX_TOKEN="")
    found = {each["description"]: each["requests"] for each in json.loads(done.out)["usage"]}
    assert found == {name: len(recorded.requests(name)) for name in recorded.tokens}
    assert "v1-password-in-clear" not in done.out


def test_since_leaves_out_what_is_older_than_that_at_the_end(shell: Shell) -> None:
    done = shell.run("usage", "-", "--since", "24h", "--format", "json", stdin=LOG)
    found = {each["id"]: each["requests"] for each in json.loads(done.out)["usage"] if each["requests"]}
    assert found == {INGEST: 401, LAPTOP: 2}  # counts begin with a 256th part of the time
    assert shell.run("usage", "-", "--since", "24", stdin=LOG).code == 64


NOTHING = "no request is in the log: "


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("", f"{NOTHING}no line is one that InfluxDB writes for a request"),
        (started(level="info"), f"{NOTHING}the server ran with `--log-level info`"),
        (started(version="v2.7.4", level="debug"), f"{NOTHING}InfluxDB 2.7.4 writes none, only 2.7.5 and later do"),
        (started(version="nightly"), f"{NOTHING}no line is one that InfluxDB writes for a request"),
        ('{"log":"ts=2026-11-20","stream":"stderr"}\n', f"{NOTHING}it is a file of Docker's own"),
        ("2026-11-20T12:00:00.387952Z\tinfo\tWelcome to InfluxDB\t{}\n", f"{NOTHING}it has the layout for a terminal"),
    ],
    ids=["empty", "level", "version", "unknown version", "container", "terminal"],
)
def test_a_log_without_a_request_says_why(shell: Shell, log: str, why: str) -> None:
    done = shell.run("usage", "-", "-o", "usage.json", stdin=log)
    assert (done.code, done.out, done.err.splitlines()[0]) == (65, "", why)
    assert done.err.splitlines()[1].startswith("  hint: ")
    assert not (shell.folder / "usage.json").exists()


def test_gaps_and_refused_v1_requests_are_told(shell: Shell) -> None:
    panic = 'ts=2026-11-20T12:00:00.000000Z lvl=info msg="http: panic serving 127.0.0.1:1: x\\n(*Authorization).Identifier(0x3)"\n'
    done = shell.run("usage", "-", stdin=said(OPERATOR, 0) + panic + said(OPERATOR, 4000))
    assert done.out.splitlines()[0] == (
        "Log: 2026-11-20 12:00 to 2026-11-20 13:06 UTC (1 h 6 min; the server started 0 times; "
        "longest silence 1 h 6 min), 2 requests"
    )
    assert done.out.splitlines()[-3:] == [
        "1 gap of more than 10 min without a request, the longest of 1 h 6 min from 2026-11-20T12:00:00.000000Z: "
        "a log of that time may be missing.",
        "Not seen does not mean unused: clients that come less often than every 1 h 6 min, use another server, or make "
        "refused v1 requests are not in this log.",
        "0 requests of ids that are not tokens here: web sessions, v1 users, deleted tokens. 1 v1 request refused; by whom "
        "is not known. Tasks use no token.",
    ]


def test_an_output_replaces_no_log(shell: Shell) -> None:
    shell.write(LOG, "influxd.log")
    assert shell.run("usage", "influxd.log", "-o", "influxd.log").code == 64
    assert shell.run("usage", "absent.log").code == 1
    assert shell.run("usage", "-", "--token-file", "-", INFLUX_TOKEN="").err.startswith(
        "standard input cannot be both a log (`-`) and the token (`--token-file -`)"
    )

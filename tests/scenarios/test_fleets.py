"""Plans of several servers at once: what is alike together, what is wrong named, the rest planned."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from reconciler.errors import ExitCode
from tests.fleet import Fleet, fleet_on
from tests.shell import GRAFANA, INGEST


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_on(tmp_path_factory.mktemp("fleet")) as made:
        made.declare(f'id: "{GRAFANA}", name: g, description: dashboard', name="servers/hamburg.yaml")
        made.declare("", name="servers/lyon.yaml")
        made.write("version: 1\ntokens: []\n", "servers/lyon.yaml")
        made.write("version: 1\ntokens: []\n", "servers/us-cloud/a.yaml")
        made.declare(f'id: "{INGEST}", name: ingest, status: inactive', name="shared.yaml")
        made.write("version: 1\ntokens: [\n", "broken/lyon.yaml")
        made.write("version: 1\ntokens: [\n", "broken/hamburg.yaml")
        yield made


def test_what_is_alike_is_shown_together_and_the_digest_last(fleet: Fleet) -> None:
    done = fleet.cli("plan", "shared.yaml", "--fleet", "servers", "--detailed-exitcode", environment={})
    assert (done.code, done.err) == (ExitCode.CHANGES, "")
    assert done.out == (
        "3 servers · 3 planned\n"
        "\n"
        'hamburg · acme · http://hamburg (profile "hamburg") · InfluxDB 2.7.12\n'
        "  ~ describe    g  0d234e88da406000  grafana  servers/hamburg.yaml:3\n"
        '      description  "grafana dashbord" → "dashboard"\n'
        "      rights       reads all buckets of acme\n"
        "\n"
        "3 servers alike: hamburg, lyon, us-cloud\n"
        "  - deactivate  ingest  ci-bot  shared.yaml:3\n"
        "      status       active → inactive\n"
        "\n"
        "Plan: 0 to activate, 3 to deactivate, 1 to describe on 3 of 3 servers; 0 as declared.\n"
        "Digest DIGEST\n"
    )


def test_every_problem_of_every_file_is_told_at_once_and_nobody_asked(fleet: Fleet) -> None:
    before = [len(box.requests) for box in fleet.sandboxes.values()]
    done = fleet.cli("plan", "--fleet", "broken", environment={})
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert ("broken/hamburg.yaml:" in done.err, "broken/lyon.yaml:" in done.err) == (True, True)
    assert [len(box.requests) for box in fleet.sandboxes.values()] == before


def test_a_server_that_is_not_reached_is_named_and_the_others_are_planned(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "url": "http://127.0.0.1:1"}})
    done = fleet.cli("plan", "--fleet", "servers", environment={})
    fleet.profiles()
    assert done.code == ExitCode.UNREACHABLE
    assert done.out.startswith("3 servers · 2 planned · 1 not planned (unreachable)\n")
    assert (
        "Not planned (unreachable): lyon: no connection to http://127.0.0.1:1: nothing listens there; given up after "
        "4 attempts\n  hint: check the URL (of its influx CLI profile) and that the server runs\n"
    ) in done.out


@pytest.mark.parametrize(
    "arguments",
    [["--offline"], ["--reviewed", "x"], ["--usage", "x"], ["-"], ["--allow", "self"], ["--format", "ops"]],
)
def test_what_is_about_one_server_is_refused(fleet: Fleet, arguments: list[str]) -> None:
    done = fleet.cli("plan", "--fleet", "servers", *arguments, environment={})
    assert (done.code, done.out) == (ExitCode.USAGE, "")


def test_a_part_without_servers_is_fine(fleet: Fleet) -> None:
    done = fleet.cli("plan", "--fleet", "servers", "--shard", "1/999", environment={})
    assert (done.code, done.out) == (
        ExitCode.OK,
        "0 servers · 0 planned · 3 left out\n\nNo server was planned.\nDigest DIGEST\n",
    )


def test_validate_reads_the_files_of_all_servers_and_needs_no_profile(fleet: Fleet) -> None:
    done = fleet.cli("validate", "shared.yaml", "--fleet", "servers", environment={"INFLUX_TOKEN": "any"})
    assert (done.code, done.out, done.err) == (ExitCode.OK, "4 files, 4 declarations: no problems\n", "")
    one = fleet.cli("validate", "--fleet", "servers", "--server", "l*", environment={})
    assert (one.code, one.out) == (ExitCode.OK, "1 file, 0 declarations: no problems\n")
    refused = fleet.cli("validate", "--fleet", "broken", environment={})
    assert (refused.code, refused.out) == (ExitCode.INVALID, "")
    assert ("broken/hamburg.yaml:" in refused.err, "broken/lyon.yaml:" in refused.err) == (True, True)
    both = fleet.cli("validate", "--fleet", "servers", "--by-folder", environment={})
    assert (both.code, both.err) == (
        ExitCode.USAGE,
        "--by-folder is about manifests of one server each\n  hint: leave it out: --fleet does as much\n",
    )


def test_a_fleet_has_a_comment_and_metrics_whatever_becomes_of_each_server(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "url": "http://127.0.0.1:1"}})
    files = {"markdown": "comment.md", "openmetrics": "fleet.prom", "html": "fleet.html", "junit": "fleet.xml"}
    outputs = [word for form, file in files.items() for word in ("--output", f"{form}={file}")]
    done = fleet.cli("plan", "shared.yaml", "--fleet", "servers", *outputs, environment={})
    fleet.profiles()
    assert done.code == ExitCode.UNREACHABLE
    comment = (fleet.folder / "comment.md").read_text()
    assert comment.startswith(
        "### tokenctl plan: 2 to deactivate, 1 to describe on 2 of 3 servers · 1 not planned (unreachable)\n"
    )
    page, suites = ((fleet.folder / each).read_text() for each in ("fleet.html", "fleet.xml"))
    assert (page.count('<tr role="row" data-action'), suites.count("<testsuite ")) == (2, 3)
    samples = [
        line for line in (fleet.folder / "fleet.prom").read_text().splitlines() if "_up{" in line or "_changes{" in line
    ]
    assert samples == [
        'tokenctl_up{server="hamburg"} 1',
        'tokenctl_up{server="lyon"} 0',
        'tokenctl_up{server="us-cloud"} 1',
        'tokenctl_changes{server="hamburg",action="activate"} 0',
        'tokenctl_changes{server="hamburg",action="describe"} 1',
        'tokenctl_changes{server="hamburg",action="deactivate"} 1',
        'tokenctl_changes{server="us-cloud",action="activate"} 0',
        'tokenctl_changes{server="us-cloud",action="describe"} 0',
        'tokenctl_changes{server="us-cloud",action="deactivate"} 1',
    ]


def test_a_fleet_of_one_has_the_plan_of_a_single_run_and_names_its_own_files_only(fleet: Fleet) -> None:
    assert fleet.cli("plan", "--fleet", "servers", "-o", "fleet.json", environment={}).code == ExitCode.OK
    saved = json.loads((fleet.folder / "fleet.json").read_text("utf-8"))
    for each in saved["servers"]:
        name = each["name"]
        file = next(str(path) for path in ("servers/" + name, f"servers/{name}.yaml") if (fleet.folder / path).exists())
        fleet.cli("plan", file, "--profile", name, "-o", "alone.json", environment={})
        alone = json.loads((fleet.folder / "alone.json").read_text("utf-8"))
        assert each["plan"] == alone

"""docs/scheduling.md: each of its files is read as those read it whom it is for, and its command lines do what it says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from reconciler.core.plan import Mark
from reconciler.render import metrics
from tests.render.test_metrics import read
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.shell import OPERATOR, PROGRAM, Shell, secret

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
FILES = {
    text.removeprefix("# ").partition(",")[0]: text for text in map(Path.read_text, (EXAMPLES / "scheduling").iterdir())
}
PROFILE = '[production]\nurl = "{url}"\ntoken = "{token}"\nactive = true\n'


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A machine with the files that the guide speaks of, in this process."""
    shell.here = True
    shell.declare(DESCRIBE)
    shell.write(PROFILE.format(url=shell.sandbox.url, token=secret(OPERATOR)), "configs")
    del shell.environment["INFLUX_TOKEN"]
    shell.environment["INFLUX_CONFIGS_PATH"] = str(shell.folder / "configs")
    return shell


def on(shell: Shell, command: str) -> list[str]:
    """The arguments of a command line, its files in the folder of the test."""
    program, *arguments = shlex.split(re.sub(r"/(?:etc|var/lib)/(?:\w+)/", f"{shell.folder}/", command))
    assert program == "/usr/local/bin/tokenctl"
    return arguments


def test_the_files_are_found() -> None:
    assert FILES.keys() >= {"/etc/telegraf/telegraf.d/tokenctl.conf", "/etc/cron.d/tokenctl", "tokenctl.rules.yml"}


def test_telegraf_reads_what_the_command_prints_whatever_its_exit_code(shell: Shell) -> None:
    (plugin,) = tomllib.loads(FILES["/etc/telegraf/telegraf.d/tokenctl.conf"])["inputs"]["exec"]
    (command,) = plugin["commands"]
    assert (plugin["data_format"], plugin["ignore_error"]) == ("prometheus", True)
    variables = dict(each.split("=", 1) for each in plugin["environment"])
    assert variables.keys() <= shell.environment.keys()
    done = shell.run(*on(shell, command))
    assert (done.code, done.err, read(done.out)["tokenctl_up", (("server", "production"),)]) == (0, "", 1)
    shell.write(PROFILE.format(url=shell.sandbox.url, token="FAKE"), "configs")
    done = shell.run(*on(shell, command))
    assert (done.code, read(done.out)["tokenctl_up", (("server", "production"),)]) == (6, 0)


def test_cron_writes_the_file_of_the_collector_and_says_what_drifts(shell: Shell) -> None:
    *_, line = FILES["/etc/cron.d/tokenctl"].strip().splitlines()
    found = re.fullmatch(r"\d+ \* \* \* \* tokenctl (.*)", line)
    assert found
    done = shell.run(*on(shell, found[1]))
    assert (done.code, done.err, "Plan: 0 to activate, 0 to deactivate, 1 to describe" in done.out) == (0, "", True)
    assert (
        read((shell.folder / "tokenctl.prom").read_text())[
            "tokenctl_changes", (("action", "describe"), ("server", "production"))
        ]
        == 1
    )


def test_the_page_puts_what_the_jobs_name_where_they_look_for_it() -> None:
    page = (
        (EXAMPLES.parent / "docs" / "scheduling.md")
        .read_text()
        .partition("\n## The machine\n")[2]
        .partition("\n## ")[0]
    )
    placed = set()
    for line in re.findall(r"^ {4}(\S.*)$", page, re.MULTILINE):
        *options, source, target = shlex.split(line)
        placed.add(f"{target}{Path(source).name}" if options and target.endswith("/") else target)
    named = {
        path.removesuffix("/tokenctl.prom")
        for name in ("/etc/telegraf/telegraf.d/tokenctl.conf", "/etc/cron.d/tokenctl", SERVICE)
        for path in re.findall(r"(?<![\w/])/(?:usr|etc|var)/[\w./]+", FILES[name].partition("\n")[2])
    }
    assert named == {
        "/usr/local/bin/tokenctl",
        "/etc/tokenctl/configs",
        "/etc/tokenctl/tokens.yaml",
        "/var/lib/node_exporter",
    }
    assert named <= placed
    assert " tokenctl /usr/local/bin/tokenctl " in FILES["/etc/cron.d/tokenctl"]
    assert re.search(r"^ {4}useradd .* tokenctl$", page, re.MULTILINE)


def test_the_alerts_are_about_metrics_and_labels_that_there_are() -> None:
    (group,) = yaml.safe_load(FILES["tokenctl.rules.yml"])["groups"]
    for rule in group["rules"]:
        assert {"alert", "expr"} <= rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        names = set(re.findall(r"tokenctl_(\w+)", rule["expr"]))
        assert names
        assert names <= metrics._METRICS.keys()
        assert set(re.findall(r'origin="([^"]*)"', rule["expr"])) <= {*Mark}
        assert set(re.findall(r"\$(?:labels\.)?(\w+)", rule["annotations"]["summary"])) <= {"server", "value"}


SERVICE, TIMER = (f"/etc/systemd/system/tokenctl-drift.{kind}" for kind in ("service", "timer"))


def unit(name: str) -> dict[str, str]:
    """The settings of a unit, from all its sections."""
    return dict(line.split("=", 1) for line in FILES[name].splitlines() if "=" in line)


def test_the_service_writes_metrics_with_the_credentials_that_systemd_hands_over(shell: Shell) -> None:
    service = unit(SERVICE)
    assert service["Environment"] == "INFLUX_CONFIGS_PATH=%d/configs"
    name, file = service["LoadCredential"].split(":")
    assert (name, Path(file).name) == ("configs", "configs")
    assert shell.run(*on(shell, service["ExecStart"])).code == 0
    written = re.findall(r"openmetrics=(\S+)/", service["ExecStart"])
    assert written == [service["ReadWritePaths"]]
    assert read((shell.folder / "tokenctl.prom").read_text())["tokenctl_up", (("server", "production"),)] == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here to ask")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in (SERVICE, TIMER):
        (tmp_path / Path(name).name).write_text(FILES[name].replace("/usr/local/bin/tokenctl", str(PROGRAM)))
    analyze = shutil.which("systemd-analyze") or ""
    units = [str(tmp_path / Path(name).name) for name in (SERVICE, TIMER)]
    done = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, check=False, text=True)
    assert (
        done.returncode,
        [line for line in done.stderr.splitlines() if str(tmp_path) in line or "tokenctl" in line],
    ) == (0, [])
    (tmp_path / Path(SERVICE).name).write_text(
        FILES[SERVICE].replace("/usr/local/bin/tokenctl", str(PROGRAM)) + "NoSuch=yes\n"
    )
    done = subprocess.run([analyze, "verify", "--man=no", units[0]], capture_output=True, check=False, text=True)
    assert "NoSuch" in done.stderr

"""docs/scheduling.md: each file in it is read as those read it whom it is for, and its command lines do what it says."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from reconciler.core.plan import Mark
from reconciler.render import metrics
from tests.render.test_metrics import read
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.shell import OPERATOR, Shell, secret

GUIDE = (Path(__file__).parent.parent.parent / "docs" / "scheduling.md").read_text()
FILES = {
    name: "".join(line[4:] or "\n" for line in block.splitlines(keepends=True))
    for block, name in re.findall(r"(?<=\n\n)(    # (\S+)\n(?:(?:    .*)?\n)+)", GUIDE)
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
    assert program == "tokenctl"
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


def test_the_alerts_are_about_metrics_and_labels_that_there_are() -> None:
    (group,) = yaml.safe_load(FILES["tokenctl.rules.yml"])["groups"]
    for rule in group["rules"]:
        assert {"alert", "expr"} <= rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        names = set(re.findall(r"tokenctl_(\w+)", rule["expr"]))
        assert names
        assert names <= metrics._METRICS.keys()
        assert set(re.findall(r'origin="([^"]*)"', rule["expr"])) <= {*Mark}
        assert set(re.findall(r"\$(?:labels\.)?(\w+)", rule["annotations"]["summary"])) <= {"server", "value"}

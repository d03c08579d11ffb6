"""The metrics of `plan`: written however the server ends it, left alone where nothing was asked, and replaced whole."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from reconciler.apply.interrupt import Interrupt
from tests.branch import Branch
from tests.render.test_metrics import Rows, read
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.session.test_failures import NOWHERE, absent, another, broken, nothing, planned
from tests.shell import ABSENT, GRAFANA, LAPTOP, OPERATOR, Shell, secret

OLD = "what an earlier run has left\n" * 100
PROM = "--output=openmetrics=out.prom"


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell in whose folder a run plans, in this process, and an earlier one has left its metrics."""
    shell.here = True
    shell.declare(DESCRIBE)
    shell.write(OLD, "out.prom")
    return shell


def left(shell: Shell) -> str:
    """What is in the file."""
    return (shell.folder / "out.prom").read_text()


def told(shell: Shell, server: str = "") -> Rows:
    """The metrics in the file that are about a server, by name and the label beside the server's."""
    rows = read(left(shell))
    name = server or shell.environment["INFLUX_HOST"].removeprefix("http://")
    assert {dict(labels)["server"] for _, labels in rows if "server" in dict(labels)} == {name}
    return {
        (metric, tuple(each for each in labels if each[0] != "server")): value
        for (metric, labels), value in rows.items()
    }


def reason(rows: Rows) -> tuple[float, list[str], bool]:
    """Whether the server is up, why not, and whether anything is said of its tokens."""
    reasons = [text for (metric, labels) in rows if metric == "tokenctl_reason" for _, text in labels]
    return rows["tokenctl_up", ()], reasons, any(metric == "tokenctl_tokens" for metric, _ in rows)


@pytest.mark.parametrize(
    ("prepare", "environment", "expected"),
    [
        (absent, {}, (65, "invalid")),
        (another, {}, (4, "refused")),
        (nothing, {"INFLUX_TOKEN": "FAKE"}, (6, "auth")),
        (nothing, {"INFLUX_HOST": NOWHERE}, (7, "unreachable")),
    ],
)
def test_a_server_that_cannot_be_planned_for_is_a_sample(
    shell: Shell, prepare: Callable[[Shell], None], environment: dict[str, str], expected: tuple[int, str]
) -> None:
    prepare(shell)
    shell.environment.update(environment)
    done = shell.run("plan", PROM, "--quiet")
    assert (done.code, done.out) == (expected[0], "")
    assert reason(told(shell)) == (0, [expected[1]], False)
    assert (
        shell.run("plan", "--format=openmetrics", "--quiet").out.splitlines()[:3]
        == shell.plain(left(shell)).splitlines()[:3]
    )


@pytest.mark.parametrize(
    ("prepare", "arguments", "environment"),
    [
        (broken, [], {}),
        (nothing, ["none.yaml"], {}),
        (nothing, ["--select=nobody"], {}),
        (nothing, ["--nope"], {}),
        (nothing, ["--ca-file=none.pem"], {}),
        (nothing, [f"--self-id={ABSENT}"], {}),
        (nothing, [], {"INFLUX_TOKEN": ""}),
        (nothing, [], {"INFLUX_HOST": "ftp://nowhere"}),
    ],
)
def test_where_files_or_the_command_line_are_wrong_the_file_stays(
    shell: Shell, prepare: Callable[[Shell], None], arguments: list[str], environment: dict[str, str]
) -> None:
    prepare(shell)
    assert shell.run("plan", PROM, *arguments, **environment).code in (64, 65)
    assert left(shell) == OLD


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGALRM])
def test_a_run_that_is_told_to_end_is_a_sample_too(shell: Shell, number: int) -> None:
    interrupt, asked = Interrupt(), iter((False, True))

    def clock() -> float:
        """The signal comes when the server is being asked."""
        if next(asked, False):
            interrupt.receive(number)
        return 2.5

    done = planned(shell, PROM, clock=clock, interrupt=interrupt)
    assert reason(told(shell)) == (0, ["interrupted" if number == signal.SIGTERM else "unreachable"], False), done


def test_a_plan_is_told_with_its_exit_code(shell: Shell) -> None:
    moments = iter((100.0, 100.25))
    done = planned(shell, PROM, "--quiet", clock=lambda: next(moments, 100.25))
    assert (done.code, done.err) == (0, "")
    rows = told(shell)
    assert reason(rows) == (1, ["ok"], True)
    assert rows["tokenctl_plan_duration_seconds", ()] == 0.25
    assert rows["tokenctl_changes", (("action", "describe"),)] == 1
    assert rows["tokenctl_tokens", (("kind", "managed"),)] == 1
    assert shell.run("plan", PROM, "--detailed-exitcode").code == 2
    assert reason(told(shell)) == (1, ["changes"], True)
    shell.declare(f'id: "{OPERATOR}", status: inactive')
    assert shell.run("plan", PROM, "--detailed-exitcode").code == 4
    rows = told(shell)
    assert reason(rows) == (1, ["refused"], True)
    assert {labels for metric, labels in rows if metric == "tokenctl_refusals"} >= {(("guard", "self"),)}


def test_origins_are_told_with_a_base(branch: Branch) -> None:
    shell = branch.shell
    shell.here = True
    branch.base(f'id: "{GRAFANA}", description: dashboard')
    shell.declare(f'id: "{GRAFANA}", description: dashboard', f'id: "{LAPTOP}", description: x')
    assert shell.run("plan", PROM, "--base=main").code == 0
    rows = told(shell)
    origins = {
        labels[0][1]: value for (metric, labels), value in rows.items() if metric == "tokenctl_changes_by_origin"
    }
    assert origins == {"this-change": 1, "drift": 0, "pending": 1, "unknown": 0}


PROFILE = '["{name}"]\nurl = "{url}"\ntoken = "{token}"\nactive = true\n'


def test_a_server_is_known_by_its_profile_and_no_name_holds_a_secret(shell: Shell) -> None:
    url, own = shell.sandbox.url, secret(OPERATOR)
    environment = {"INFLUX_HOST": "", "INFLUX_TOKEN": ""}
    for name, shown in (("edge-0001", "edge-0001"), ('Köln\\n\\"', 'Köln\\n"'), (f"a {own}", "a ***")):
        shell.write(PROFILE.format(name=name, url=url, token=own), "home/.influxdbv2/configs")
        assert shell.run("plan", PROM, **environment).code == 0
        assert reason(told(shell, shown)) == (1, ["ok"], True)
        assert own not in left(shell)


def test_no_other_command_has_metrics(shell: Shell) -> None:
    assert shell.run("plan", "-o", "plan.json").code == 0
    assert shell.run("apply", "--yes", "plan.json").code == 0
    for line in ("show plan.json", "undo", "validate", "plan --offline --base HEAD"):
        done = shell.run(*line.split(), PROM)
        assert (done.code, done.err.splitlines()[0].partition(" is ")[0].partition(" needs ")[0]) == (
            64,
            "the format openmetrics",
        )
    assert left(shell) == OLD

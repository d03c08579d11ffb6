"""`sandbox`: the installed program, as somebody who plays with it starts and stops it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.commands.sandbox import SandboxRequest, run
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import NAMES
from tests.shell import GRAFANA, OPERATOR, PROGRAM, Shell, secret

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """The shell, in this process; with coverage measured in the sandboxes beside it."""
    shell.measured = shell.here = True
    return shell


@dataclass
class Served:
    """A sandbox in a process of its own, which `signal` sends signals to; `err` is what it said, once it has ended."""

    url: str
    signal: Callable[[int], None]
    err: str = ""


@contextmanager
def served(shell: Shell, *options: str, stop: int = signal.SIGTERM) -> Iterator[Served]:
    """A running sandbox, and its clean end on a signal."""
    with subprocess.Popen(
        [PROGRAM, "sandbox", "--listen", "127.0.0.1:0", *options], cwd=shell.folder, env=shell.surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        running = Served(process.stdout.readline().strip(), process.send_signal)
        try:
            yield running
        finally:
            process.send_signal(stop)
            more, running.err = process.communicate(timeout=30)
    assert (process.returncode, more) == (0, "")


def test_it_says_where_it_is_and_how_to_try_it(shell: Shell) -> None:
    with served(shell) as running:
        listed = shell.run("list", INFLUX_HOST=running.url)
    assert listed.code == 0
    assert len(listed.out.splitlines()) == 13
    assert running.err == (
        "An InfluxDB look-alike for tests and play, no production server. Stop it with Ctrl-C.\n"
        f"Try: INFLUX_HOST={running.url} INFLUX_TOKEN={secret(OPERATOR)} tokenctl list\n"
    )


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGHUP])
def test_it_stops_on_ctrl_c_and_with_its_terminal_too(shell: Shell, stop: int) -> None:
    with served(shell, "--quiet", stop=stop) as running:
        pass
    assert running.err == ""


def test_it_goes_on_without_its_terminal_where_nohup_says_so(shell: Shell) -> None:
    kept = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which what is started has too
    try:
        with served(shell, "--quiet") as running:
            running.signal(signal.SIGHUP)
            assert shell.run("list", INFLUX_HOST=running.url).code == 0
    finally:
        signal.signal(signal.SIGHUP, kept)


def test_a_file_keeps_its_state(shell: Shell) -> None:
    file = shell.declare(f'id: "{GRAFANA}", description: dashboard')
    data = str(shell.folder / "state.sqlite")
    with served(shell, "--data", data) as running:
        assert shell.run("apply", "--yes", file, INFLUX_HOST=running.url).code == 0
    with served(shell, "--data", data) as running:
        assert "No changes" in shell.run("plan", file, INFLUX_HOST=running.url).out


def test_it_begins_with_any_world_and_is_like_any_version(shell: Shell) -> None:
    world = json.loads((ROOT / "examples" / "world.json").read_text())
    world["tokens"] = world["tokens"][:2]
    seed = shell.write(json.dumps(world), "seed.json")
    with served(shell, "--seed", seed, "--influxdb-version", "2.9.1", "--hashed-tokens", "false") as running:
        listed = shell.run("list", "--format", "json", INFLUX_HOST=running.url)
    found = json.loads(listed.out)
    assert (found["server"]["version"], len(found["tokens"]), found["tokens"][0]["own"]) == ("v2.9.1", 2, True)
    assert "Try:" not in running.err


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            SandboxRequest(listen="8086"),
            ExitCode.USAGE,
            "cannot listen on `8086`\n  hint: write HOST:PORT, such as 127.0.0.1:8086\n",
        ),
        (
            SandboxRequest(listen="127.0.0.1:99999"),
            ExitCode.USAGE,
            "cannot listen on `127.0.0.1:99999`\n  hint: write HOST:PORT, such as 127.0.0.1:8086\n",
        ),
        (
            SandboxRequest(listen="127.0.0.1:0", version="3.0"),
            ExitCode.USAGE,
            "there is no InfluxDB version `3.0` to be like\n"
            "  hint: versions from 2.1.0 on are known, such as 2.7.12, 2.8.0 and 2.9.1, and `cloud`\n",
        ),
        (
            SandboxRequest(listen="127.0.0.1:0", faults=["meteor"]),
            ExitCode.USAGE,
            "there is no fault `meteor`\n"
            f"  hint: write NAME, NAME:METHOD or NAME:METHOD:COUNT; the names are {', '.join(NAMES)}\n",
        ),
        (
            SandboxRequest(listen="127.0.0.1:0", seed="/none.json"),
            ExitCode.INVALID,
            "/none.json: the seed cannot be read: no such file or directory\n",
        ),
    ],
)
def test_what_cannot_be_served_is_named(shell: Shell, request_: SandboxRequest, code: ExitCode, message: str) -> None:
    done = shell.call(lambda context: run(request_, context))
    assert (done.code, done.err) == (code, message)


def test_the_cloud_and_faults_can_be_asked_for(shell: Shell) -> None:
    options = ("--influxdb-version", "cloud", "--fault", "bad-gateway:get", "--fault", "too-many-requests:GET:2")
    with served(shell, *options) as running:
        codes = [shell.run("doctor", INFLUX_HOST=running.url).code for _ in range(4)]
        listed = shell.run("list", "--format", "json", INFLUX_HOST=running.url)
    assert codes == [7, 7, 0, 0]
    assert json.loads(listed.out)["server"] == {"url": running.url, "build": "Cloud", "version": ""}
    assert "It follows the documentation of InfluxDB Cloud; no real answers were recorded for it.\n" in running.err


def test_an_address_that_others_can_reach_is_pointed_out(shell: Shell) -> None:
    with served(shell, "--listen", "0.0.0.0:0") as running:
        pass
    assert "It listens on 0.0.0.0: everybody who can reach this machine can use it.\n" in running.err
    with served(shell, "--listen", "localhost:0") as running:
        pass
    assert "everybody" not in running.err

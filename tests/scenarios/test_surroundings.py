"""A folder, variables and files that somebody else made, and the program in the middle of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.influx.raw_server import answer, raw_server
from tests.shell import GRAFANA, OPERATOR, PROGRAM, Shell, secret

# Everything that the program, or what it uses, may import by this name, and two that Python itself looks for.
SHADOWS = sys.stdlib_module_names | {
    "certifi", "deepdiff", "httpcore", "httpx", "jsonschema", "rich", "sitecustomize", "typer", "usercustomize", "yaml",
}  # fmt: skip
TRAP = "open('trapped', 'a').write(__name__ + ' ')\nraise SystemExit(99)\n"

STARTS: dict[str, tuple[Sequence[str | Path], dict[str, str]]] = {
    "the command": ([PROGRAM], {}),
    "the module, isolated": ([sys.executable, "-I", "-m", "reconciler"], {}),
    "the module, safe": ([sys.executable, "-m", "reconciler"], {"PYTHONSAFEPATH": "1"}),
}


@pytest.mark.parametrize(("start", "environment"), STARTS.values(), ids=STARTS)
def test_no_module_of_the_working_directory_is_imported(
    shell: Shell, start: Sequence[str | Path], environment: dict[str, str]
) -> None:
    for name in SHADOWS:
        shell.write(TRAP, f"{name}.py")
    shell.declare(f'id: "{GRAFANA}", description: x')
    done = subprocess.run(
        [*start, "plan", "--format", "ops"], cwd=shell.folder, env=shell.surroundings(**environment),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert not (shell.folder / "trapped").exists()
    assert json.loads(done.stdout)["path"].endswith(GRAFANA)


def test_no_other_credentials_are_looked_for_or_sent(shell: Shell) -> None:
    netrc = "machine 127.0.0.1 login eve password NETRC-canary\ndefault login eve password NETRC-canary\n"
    (shell.folder / "home").mkdir()
    for path in (".netrc", "home/.netrc"):
        (shell.folder / path).write_text(netrc)
        (shell.folder / path).chmod(0o600)
    with raw_server(answer(200, '{"authorizations": []}')) as server:
        surroundings = {"NETRC": str(shell.folder / ".netrc"), "INFLUX_HOST": server.url}
        assert shell.run("list", **surroundings).code == 0
        (request,) = server.requests
    said = [line for line in request.decode().split("\r\n") if line.lower().startswith("authorization:")]
    assert said == [f"Authorization: Token {shell.environment['INFLUX_TOKEN']}"]


FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "folder": ("is a directory", lambda path: path.mkdir()),
    "two lines": ("it has 177 characters", lambda path: path.write_text(f"{secret(OPERATOR)}\n" * 2)),
    "endless": ("it has 8,192 characters", lambda path: path.symlink_to("/dev/zero")),
    "empty": ("it has 0 characters", lambda path: path.write_text("")),
    "nothing": ("no such file or directory", lambda path: path.symlink_to("nowhere")),
    "socket": ("no such device or address", lambda path: os.mknod(path, 0o140600)),
}


@pytest.mark.parametrize(("why", "make"), FILES.values(), ids=FILES)
def test_a_token_file_that_cannot_be_one_is_refused_at_once(
    shell: Shell, why: str, make: Callable[[Path], object]
) -> None:
    shell.here = True
    make(shell.folder / "token")
    done = shell.run("list", "--token-file", "token")
    assert done.code == 64
    assert why in done.err
    assert "FAKE" not in done.err
    assert shell.sent() == []


def test_a_pipe_as_token_file_is_waited_for_and_not_for_ever(shell: Shell) -> None:
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    done = shell.run("list", "--token-file", "pipe", "--timeout", "1s")
    assert (done.code, done.err, shell.sent()) == (
        7,
        "\nthe time of the run is over: nothing was sent\n  hint: run it again to go on, with more time\n",
        [],
    )

    # Somebody who waits for a reader.
    writer = threading.Thread(target=pipe.write_text, args=(secret(OPERATOR) + "\n",), daemon=True)
    writer.start()
    assert shell.run("list", "--token-file", "pipe", INFLUX_TOKEN="").code == 0
    writer.join(20)
    assert not writer.is_alive()


NOBODY = """
import sys, types

def unknown(_):
    raise KeyError

sys.modules["pwd"] = types.SimpleNamespace(getpwuid=unknown)
sys.argv[1:] = ["list", "--quiet"]
from reconciler.__main__ import main
sys.exit(main())
"""


def test_a_user_that_the_system_does_not_know_needs_no_home(shell: Shell) -> None:
    shell.measured = True
    environment = {name: value for name, value in shell.surroundings().items() if name != "HOME"}
    done = subprocess.run(
        [sys.executable, "-c", NOBODY], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert GRAFANA in done.stdout


LIMITED = """
import resource, sys, threading
from reconciler.cli.main import main
threading.stack_size(1 << 30)  # so that each thread needs a GiB of addresses, of which nothing is used
with open("/proc/self/statm") as sizes:
    used = int(sizes.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]) * 2**20,) * 2)
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no such limit")
@pytest.mark.parametrize(
    ("arguments", "mib", "code", "said"),
    [
        ("apply --yes", 2560, 0, ""),
        ("apply --yes", 512, 1, "nothing was sent: the system lets no thread be started\n"),
        ("demo", 512, 1, "the sandbox cannot run: the system lets no thread be started\n"),
    ],
)
def test_a_thread_that_cannot_be_started_is_no_mistake_in_the_program(
    shell: Shell, arguments: str, mib: int, code: int, said: str
) -> None:
    shell.measured = True
    ids = [each.id for each in shell.sandbox.tokens if each.id != OPERATOR]
    shell.declare(*(f'id: "{each}", description: x' for each in ids))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(mib), *arguments.split()], cwd=shell.folder, env=shell.surroundings(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    hint = "  hint: look at the limits on processes and memory: `ulimit -a`, or those of the container\n"
    assert (done.returncode, done.stderr) == (code, said and said + hint), done
    assert sorted(shell.patches()) == (sorted(ids) if code == 0 else [])

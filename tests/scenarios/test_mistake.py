"""A mistake in the program itself: what is said of it, and what never is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.cli import main
from reconciler.cli.main import report_crash
from reconciler.errors import ExitCode
from reconciler.session.context import Context, Secrets, Streams
from tests.canary import GATE, found
from tests.shell import GRAFANA, PROGRAM, Shell

CANARY, PROXY = "kAnArY'of\\the+caller/with=all%signs", "pAsSwOrD-of-the-proxy"
ANOTHER = "L" * 43 + "_-" * 21 + "w=="

# Each is the first frame of that name in which something goes wrong, all over a run of `apply`.
POINTS = (
    "resolve", "normalise", "_secret", "connected", "Transport._maker", "Direct.handle", "plain", "Transport._request", "Transport._exchange",
    "Transport._read", "proxy_for", "TokenList.begin", "TokenList._plain", "_plain", "masked", "decoded", "make_plan", "explain",
    "Journal.write", "execute", "Writer.patch", "Streams.show", "answered",
)  # fmt: skip

_BROKEN = """
import json, sys, threading
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote
from reconciler.cli.main import main

secret, another, *points = sys.argv[1:]
said = f"{secret} {secret!r} {json.dumps(secret)} {quote(secret, safe='')} {b64encode(secret.encode())} {another}"

def broken(frame, event, _):
    if event == "call" and frame.f_code.co_qualname == point and "reconciler" in frame.f_code.co_filename:
        sys.setprofile(None)
        threading.setprofile(None)
        raise RuntimeError(f"{said} \\x1b[31m\\n::error::boo")

file = Path("tokens.yaml")
text = file.read_text()
for number, point in enumerate(points):
    file.write_text(text.replace("description: x", f"description: x{number}"))  # some break when it is changed already
    threading.setprofile(broken)
    sys.setprofile(broken)
    code = main(["apply", "--yes", "--debug", "--journal", point.replace(".", "-")])
    sys.setprofile(None)
    print(f"\\n{point} {code}", flush=True)
"""


@pytest.mark.parametrize("source", ["variable", "file"])
def test_a_mistake_anywhere_is_told_without_a_secret(shell: Shell, source: str) -> None:
    shell.declare(f'id: "{GRAFANA}", description: x', head="unmanaged: warn\n")
    secret = shell.environment["INFLUX_TOKEN"]
    points: Sequence[str] = POINTS
    shell.measured = source == "variable"
    if source == "file":
        (shell.folder / "token").write_text(secret)
        shell.environment.update(INFLUX_TOKEN_FILE="token", INFLUX_TOKEN="")
        points = POINTS[3:]  # before it was read nobody knows it, but as what it looks like
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN, secret, ANOTHER, *points], cwd=shell.folder, env=shell.surroundings(),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    codes = [each for each in done.stdout.splitlines() if each.startswith(tuple(f"{point} " for point in points))]
    assert codes == [f"{point} 1" for point in points]
    assert done.stderr.count("this is a mistake in tokenctl itself\n") == len(points)
    assert done.stderr.count("RuntimeError: *** ") == len(points)
    assert found([done.stdout, done.stderr], (secret, ANOTHER)) == set()
    assert "\x1b" not in done.stderr
    assert "\n::" not in done.stderr


class Struck(StringIO):
    """A stream on which a signal comes at once whose exception becomes the cause of another, as Python does in an import."""

    def __init__(self, interrupt: Interrupt) -> None:
        super().__init__()
        self.interrupt = interrupt

    def write(self, text: str) -> int:
        if self.interrupt.came:
            return super().write(text)
        try:
            self.interrupt.receive(signal.SIGTERM)
        except KeyboardInterrupt as error:
            raise RuntimeError("Error calling __set_name__") from error
        return len(text)


@pytest.mark.parametrize("line", ["plan", "list", "apply --yes", "apply --yes --format json", "apply --yes --lock"])
def test_a_signal_that_python_makes_another_error_of_is_no_mistake_in_tokenctl(shell: Shell, line: str) -> None:
    command, *options = line.split()
    path, interrupt = shell.declare(f'id: "{GRAFANA}", description: x'), Interrupt()
    files = [] if command == "list" else [path]
    struck = Struck(interrupt)
    done = shell.call(
        lambda context: ExitCode(main.run([command, *files, *options], context)), interrupt=interrupt, stdout=struck
    )
    assert (done.code, "mistake" in done.err) == (ExitCode.INTERRUPTED, False)
    assert interrupt.problem.message == "told to end: nothing was sent"
    assert shell.patches() == []
    if "json" in line:
        assert json.loads(struck.getvalue())["exit_code"] == ExitCode.TERMINATED


def surroundings(**environment: str) -> Context:
    """A context that nothing was done in."""
    return Context(
        environment=environment, home=Path(),
        streams=Streams(stdin=BytesIO(), stdout=StringIO(), stderr=StringIO(), secrets=Secrets(), token=environment["INFLUX_TOKEN"]),
        clock=lambda: 0.0, moment=lambda: pytest.fail("nothing is sent"), now=lambda: pytest.fail("no time is told"), sleep=print, chance=lambda: 0.0,
        nonce=lambda: "", who="", interrupt=Interrupt(), shown=threading.Event(), asked={},
    )  # fmt: skip


def test_a_secret_is_masked_in_each_of_its_spellings_and_in_what_caused_the_mistake() -> None:
    context = surroundings(INFLUX_TOKEN=CANARY, INFLUX_EXTRA_HTTP_HEADER=f"X-Gate: {GATE}")
    context.streams.secrets.add(PROXY)
    cause, mistake = ValueError(CANARY), RuntimeError({"Authorization": f"Token {CANARY}"})
    cause.add_note(f"{PROXY}, {GATE} and {CANARY!r}")
    mistake.__cause__ = cause
    said = report_crash(mistake, context)
    assert found([said, repr(context.streams)], (CANARY, PROXY, GATE)) == set()
    assert said.partition("is safe\n")[2].replace('"', "'") == (
        "ValueError: ***\n"
        "***, *** and '***'\n"
        "The above exception was the direct cause of the following exception:\n"
        "RuntimeError: {'Authorization': 'Token ***'}\n"
    )


def test_no_memory_is_left_on_the_disk_when_the_process_dies(shell: Shell) -> None:
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
sys.argv[1:] = ["list", "--quiet"]
from reconciler.__main__ import main
assert main() == 0
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=shell.surroundings(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"


def test_a_secret_on_the_command_line_is_not_repeated(shell: Shell) -> None:
    done = subprocess.run(
        [PROGRAM, "unlock", ANOTHER], env=shell.surroundings(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 64
    assert done.stderr.startswith("got unexpected extra argument")
    assert done.stderr.endswith(" (***)\n  hint: see `tokenctl unlock --help`\n")

"""The program as a shell, a pipe, a terminal and a person meet it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.cli.main import _colour, main
from tests.shell import BACKUP_2023, BACKUP_2024, GRAFANA, PROGRAM, Done, Shell, secret

ROOT = Path(__file__).parents[2]
HELP = ROOT / "reconciler" / "help"
COMMANDS = {path.stem for path in (ROOT / "reconciler" / "commands").glob("*.py")} - {"__init__"}
DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: "dashboard →"'


@pytest.fixture
def measured(shell: Shell) -> None:
    """Coverage is measured in the shell's processes, where no other test comes by; that takes as long again."""
    shell.measured = True


@pytest.fixture
def fast(shell: Shell, forked: Path) -> None:
    """The shell's program starts fast."""
    shell.program = forked / "tokenctl"


def here(*arguments: str) -> Done:
    """All of the program but its process."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(arguments)
    return Done(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "plan"], ["--version", "--help"]])
@pytest.mark.usefixtures("measured")
def test_the_version_is_told(shell: Shell, arguments: list[str]) -> None:
    done = shell.run(*arguments)
    assert (done.code, done.out, done.err) == (0, f"tokenctl {__version__}\n", "")


def test_each_command_has_help_of_its_own_which_is_kept_as_a_file(
    monkeypatch: pytest.MonkeyPatch, golden: Callable[[Path, str], None]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for line in ("--help", *(f"{command} --help" for command in COMMANDS)):
        done = here(*line.split())
        assert (done.code, done.err) == (0, "")
        assert max(len(line) for line in done.out.splitlines()) <= 80
        golden(HELP / f"{['tokenctl', *line.split()][-2]}.txt", done.out)
    assert {path.stem for path in HELP.iterdir()} == {"tokenctl", *COMMANDS}


@pytest.mark.parametrize("line", ["--help", "plan -h"])
@pytest.mark.usefixtures("measured")
def test_the_help_is_shown_from_its_file(shell: Shell, line: str) -> None:
    kept = HELP / f"{['tokenctl', *line.split()][-2]}.txt"
    assert shell.run(*line.split()) == Done(0, kept.read_text("utf-8"), "")


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("columns", "widest"), [(0, 78), (65, 63), (200, 78)])
def test_the_help_fits_the_terminal(shell: Shell, columns: int, widest: int) -> None:
    with terminal(shell, "--help", columns=columns) as (screen, process):
        shown = read(screen)
        assert process.wait(30) == 0
    assert max(len(line) for line in shown.splitlines()) == widest


@pytest.mark.usefixtures("fast")
def test_the_help_fits_the_columns_that_a_variable_tells(shell: Shell) -> None:
    lines = shell.run("--help", COLUMNS="65").out.splitlines()
    assert max(len(line) for line in lines) == 63


@pytest.mark.usefixtures("measured")
def test_no_command_at_all_shows_the_help(shell: Shell) -> None:
    done = shell.run()
    assert done == Done(64, "", shell.run("--help").out)


def test_a_mistake_is_explained_in_three_lines_at_most(shell: Shell) -> None:
    shell.here = True
    assert shell.run("plam").err == ("no such command 'plam'. Did you mean 'plan'?\n  hint: see `tokenctl --help`\n")
    assert shell.run("plan", "\x1b[31m.yaml").err.startswith("\\x1b[31m.yaml: ")


def test_without_a_file_tokens_yaml_is_read_or_asked_for(shell: Shell) -> None:
    shell.here = True
    done = shell.run("plan")
    assert (done.code, done.err) == (
        64, "no file was named and there is no tokens.yaml here\n  hint: name the files or folders to read, or `-` for standard input\n",
    )  # fmt: skip
    shell.declare(DESCRIBE)
    assert shell.run("validate").out == "1 file, 1 declaration: no problems\n"


def test_a_manifest_and_a_token_may_come_through_a_pipe(shell: Shell) -> None:
    text = Path(shell.declare(DESCRIBE)).read_text()
    shell.environment.pop("INFLUX_TOKEN")
    own = secret("0d08544b51006000")
    assert shell.run("plan", "-", stdin=text, INFLUX_TOKEN=own).code == 0
    shell.here = True
    assert shell.run("list", "--token-file", "-", stdin=f"{own}\n").code == 0


def test_what_is_decided_on_the_command_line_reaches_the_commands(shell: Shell) -> None:
    shell.here = True
    shell.declare(f'id: "{BACKUP_2024}", name: new, status: active, labels: {{team: storage}}', DESCRIBE)
    shell.run("plan", "--select", "team=storage", "--out", "plan.json", "--allow", "reactivation")
    shown = shell.run("show", "plan.json")
    assert "Plan: 1 to activate, 0 to deactivate, 0 to describe, 0 unchanged." in shown.out
    assert shell.run("show", "plan.json", "--format", "curl").out.startswith("#!/bin/sh\n")
    environment = {"INFLUX_HOST": "http://127.0.0.1:1"}
    applied = shell.run(
        "apply", "plan.json", "--yes", "--url", shell.sandbox.url, "--journal", "journals", **environment
    )
    assert (applied.code, len(list((shell.folder / "journals").iterdir()))) == (0, 1)
    assert json.loads(shell.run("doctor", "--format", "json", "tokens.yaml").out)["reason"] == "ok"
    left_out = "tokens.yaml:4:5: left out: not a token of organisation `edge-lab`"
    nothing = shell.run("plan", "--org", " edge-lab\r", "--select", "grafana")
    assert (nothing.code, left_out in nothing.err) == (65, True)
    assert shell.run("list", "--format", "json", "--self-id", BACKUP_2023).out.count('"own": true') == 2


def test_an_undo_takes_what_is_decided_on_the_command_line(shell: Shell) -> None:
    shell.here = True
    shell.declare(DESCRIBE)
    applied = shell.run("apply", "--yes", "--journal", "journals")
    journal = applied.out.rpartition("Journal ")[2].strip()
    looked = shell.run(
        "undo", "--journal", "journals", "--format", "ops", "-o", "undo.json", "--output", "text=undo.txt"
    )
    assert (looked.code, json.loads(looked.out)["body"]) == (0, {"description": "grafana dashbord"})
    assert (shell.folder / "undo.txt").read_text().startswith("Undo of apply-")
    assert looked.err.startswith("Undoing apply-")
    digest = json.loads((shell.folder / "undo.json").read_text())["digest"]
    assert shell.run("undo", journal, "--apply", "--yes", "--expect", digest.upper()).code == 0
    assert shell.run("undo", journal, "--apply").out.count("nothing of that run is left to undo") == 1
    redo = shell.run("undo", "--allow", "moved", "--quiet")
    assert (redo.code, redo.err) == (0, "")


def test_a_disk_that_fills_up_midway_stops_the_run_and_says_so(shell: Shell) -> None:
    ids = (GRAFANA, BACKUP_2023, "0d234d71cc806000")
    shell.declare(*(f'id: "{each}", description: {"x" * 600}' for each in ids))
    code = 'ulimit -f 4; exec "$0" apply --yes --parallelism 1'  # in 512 bytes, or 1,024 where sh is bash
    shell.sent()
    full = subprocess.run(
        ["/bin/sh", "-c", code, PROGRAM], cwd=shell.folder, capture_output=True, text=True, check=False,
        # Python would leave behind the half of a compiled module that fits, and fail on it ever after.
        env=shell.surroundings(PYTHONDONTWRITEBYTECODE="1"),
    )  # fmt: skip
    sent = len(shell.patches())
    assert (full.returncode, 0 < sent < 3) == (3, True)
    assert f"\nApply: {sent} done, 0 failed, 0 unverified, {3 - sent} not attempted.\n" in full.stdout
    assert re.search(r"\nStopped early: cannot write the journal .*: file too large\n", full.stdout)
    # What is in the journal is whole lines, and the next run goes on where this one was stopped.
    shell.here = True
    (journal,) = (shell.folder / "state" / "tokenctl").iterdir()
    assert shell.run("undo", str(journal), "--quiet").out.count("~ describe ") == sent
    assert (shell.run("apply", "--yes").code, len(shell.patches())) == (0, 3 - sent)


def test_quiet_and_debug_say_less_and_more_on_stderr(shell: Shell) -> None:
    shell.here = True
    shell.declare(DESCRIBE)
    assert shell.run("plan", "-o", "plan.json", "--quiet").err == ""
    debug = shell.run("plan", "--debug")
    assert debug.err.startswith(f"GET /api/v2/authorizations/{GRAFANA} -> 200, ")
    assert debug.err.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_cannot_show_a_character_gets_an_escape(shell: Shell, encoding: str) -> None:
    shell.declare(DESCRIBE)
    done = subprocess.run(
        [PROGRAM, "plan"],
        cwd=shell.folder,
        env=shell.surroundings(PYTHONIOENCODING=encoding),
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode(encoding)
    assert ("dashboard →" in text) == (encoding == "utf-8")
    assert ("dashboard \\u2192" in text) == (encoding != "utf-8")


def test_a_reader_who_leaves_is_no_failure_of_what_only_reads(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    reading = ("plan", "list", "validate", "undo --help", "--help", "--version")
    wanted = {**dict.fromkeys(reading, 0), "plan --detailed-exitcode": 2, "apply --yes": 1}
    said = {
        "list": b"12 of 12 tokens, 2 inactive\n",
        "apply --yes": b"nothing was changed: nobody reads what has to be seen first\n",
    }
    left = {}
    for command in wanted:
        shell.measured = command in ("plan", "apply --yes", "--version")
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [PROGRAM, *command.split()],
            cwd=shell.folder,
            env=shell.surroundings(),
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(write)
        left[command] = done.returncode
        assert done.stderr == said.get(command, b""), command
    assert left == wanted
    assert shell.patches() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.usefixtures("measured")
def test_a_full_disk_behind_stdout_is_named(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    for command, columns in (("plan", ""), ("plan --help", "60"), ("--help", ""), ("--version", "")):
        narrow = {"COLUMNS": columns} if columns else {}  # typer makes that help
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [PROGRAM, *command.split()],
                cwd=shell.folder,
                env=shell.surroundings(**narrow),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        message = "cannot write to standard output: no space left on device\n"
        assert (done.returncode, done.stderr) == (1, message), command


UNWRITABLE = "cannot write to standard output: bad file descriptor\n"


@pytest.mark.parametrize(
    ("closed", "code", "err"),
    [("<&-", 0, ""), ("2>&-", 0, ""), (">&-", 1, UNWRITABLE), ("<&- >&- 2>&-", 1, "")],
)
def test_streams_may_be_closed_but_what_cannot_be_shown_is_not_sent(
    shell: Shell, closed: str, code: int, err: str
) -> None:
    shell.measured = closed == "<&-"  # what measures coverage does not bear the others
    shell.declare(DESCRIBE)
    for line in ("apply --yes", "--version", "plan --help"):
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$0" {line} {closed}', PROGRAM], cwd=shell.folder, env=shell.surroundings(), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (code, err), line
    assert shell.patches() == ([] if code else [GRAFANA])


@contextmanager
def terminal(
    shell: Shell, *arguments: str, columns: int = 0, **environment: str
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The program on a terminal of its own."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    with subprocess.Popen(
        [shell.program, *arguments], cwd=shell.folder, env=shell.surroundings(**environment),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            yield ours, process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            os.close(ours)


def waiting(process: subprocess.Popen[bytes]) -> None:
    """Come back once the program waits in the kernel: a signal just before would be noticed after the next key only."""
    stat = Path(f"/proc/{process.pid}/stat")
    deadline = time.monotonic() + 30
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < deadline


def read(terminal: int, until: str = "") -> str:
    """What the terminal shows, up to a text or its end."""
    shown = b""
    deadline = time.monotonic() + 30
    while not (until and until.encode() in shown):
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, shown
        try:
            more = os.read(terminal, 65536)
        except OSError:  # how Linux tells that nobody is left on the other side
            break
        if not more:
            break
        shown += more
    return shown.decode().replace("\r\n", "\n")


QUESTION = "Only `yes` does it: "


@pytest.mark.parametrize(("answer", "code", "patched"), [("yes", 0, [GRAFANA]), ("no", 8, [])])
@pytest.mark.usefixtures("measured")
def test_a_person_is_asked_on_a_terminal(shell: Shell, answer: str, code: int, patched: list[str]) -> None:
    shell.declare(DESCRIBE)
    with terminal(shell, "apply") as (screen, process):
        shown = read(screen, QUESTION)
        assert "\x1b[33m~ describe  \x1b[0m  grafana" in shown
        os.write(screen, answer.encode() + b"\n")
        rest = read(screen)
        assert process.wait(30) == code
    assert ("\x1b[1mDone:\x1b[0m" in rest) == (code == 0)
    assert shell.patches() == patched


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "told to end"), (signal.SIGHUP, 143, "the terminal is gone")],
)  # fmt: skip
def test_a_signal_at_the_question_sends_nothing(shell: Shell, number: int, code: int, words: str) -> None:
    shell.measured = number == signal.SIGINT
    shell.declare(DESCRIBE)
    with terminal(shell, "apply") as (screen, process):
        read(screen, QUESTION)
        waiting(process)
        process.send_signal(number)
        assert read(screen).endswith(f"{words}: nothing was sent\n  hint: run it again to go on\n")
        assert process.wait(30) == code
    assert shell.patches() == []


@pytest.mark.usefixtures("fast")
def test_nobody_is_asked_in_ci_even_on_a_terminal(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    with terminal(shell, "apply", CI="true") as (screen, process):
        assert (
            read(screen)
            .replace("\r\n", "\n")
            .endswith(
                "\nnothing was sent: CI is set, so nobody is asked\n  hint: agree beforehand with `--yes`, or unset CI\n"
            )
        )
        assert process.wait(30) == 8
    shell.here = True
    done = shell.run("apply", CI="true")
    assert (done.code, done.err.splitlines()[0]) == (8, "nothing was sent: there is no terminal to ask on")


@pytest.mark.usefixtures("fast")
def test_a_variable_that_says_no_is_no_ci(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    with terminal(shell, "apply", CI="false") as (screen, process):
        read(screen, QUESTION)
        os.write(screen, b"no\n")
        assert process.wait(30) == 8


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_when_there_are_colours(environment: dict[str, str], on_terminal: bool, in_pipe: bool) -> None:
    assert (_colour(environment, terminal=True), _colour(environment, terminal=False)) == (on_terminal, in_pipe)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("without", "coloured"), [("", True), ("1", False)])
def test_a_terminal_has_colours_unless_told_otherwise(shell: Shell, without: str, coloured: bool) -> None:
    shell.declare(DESCRIBE)
    with terminal(shell, "plan", NO_COLOR=without) as (screen, process):
        assert ("\x1b[" in read(screen)) == coloured
        assert process.wait(30) == 0


@pytest.mark.usefixtures("fast")
def test_a_pipe_has_colours_only_when_told_so(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    assert "\x1b" not in shell.run("plan").out
    assert "\x1b[33m" in shell.run("plan", FORCE_COLOR="1").out


def test_it_writes_to_where_its_caller_redirected_the_streams() -> None:
    good, bad = here("schema", "plan"), here("schema", "--bogus")
    assert (good.code, json.loads(good.out)["title"], good.err) == (0, "tokenctl plan", "")
    assert (bad.code, bad.out) == (64, "")
    assert bad.err.startswith("no such option: --bogus")


def test_the_demo_runs(shell: Shell) -> None:
    shell.here = True  # tests/test_packaging.py starts it
    done = shell.run("demo", "--quiet")
    assert (done.code, done.err, shell.sent()) == (0, "", [])
    assert "\nNo changes: 9 managed tokens as declared.\nDigest DIGEST\n" in done.out


@pytest.mark.usefixtures("measured")
def test_it_runs_as_a_module_too(shell: Shell) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "--version"],
        env=shell.surroundings(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"tokenctl {__version__}\n"

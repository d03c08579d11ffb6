"""What shells complete, by typer's own scripts in real shells on a real terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from contextlib import chdir, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import typer.main

from reconciler.cli import completion
from reconciler.cli.app import app
from tests.shell import PROGRAM, Done, Program

MANIFEST = """\
version: 1
server: {org: acme}
tokens:
  - id: "0D234D71CC806000"
    name: ingest
    description: name
  - {name: "svc:in", match: {user: ci-bot, description: ingest}, labels: {name: label}}
  - {name: "svc:out", match: {user: ci-bot, description: out}}
  - &a {name: 'two words', id: 0d234e88da406000}
  - {name: "$(touch owned)", id: "0d2cfd5618006000"}
  - {name: '`touch owned`" ; touch owned ; "', id: x}
  - {name: FAKE-operator-000000000000000000000000000000000000000000000000000000000000000000000000==}
  - {name: FAKE-operator-00000000000000000000000000000000000000000000000000000000000000000000000A}
  - [1, {a: b}]
  - *a
  - name: last
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A folder with a manifest, and a server that nobody may ask."""
    program = Program(tmp_path, {"INFLUX_HOST": "http://127.0.0.1:1", "INFLUX_TOKEN": "FAKE"})
    program.write(MANIFEST)
    return program


def completed(program: Program, *words: str) -> list[str]:
    """What the last of these words may become."""
    *before, last = words
    with chdir(program.folder):
        found = completion.Bash(typer.main.get_command(app), {}, "tokenctl", completion.VARIABLE).get_completions(
            before, last
        )
    return [each.value for each in found]


NAMES = ["ingest", "0d234d71cc806000", "svc:in", "svc:out", "0d234e88da406000", "0d2cfd5618006000", "last"]


def test_names_and_ids_are_those_of_the_files_and_no_text_that_a_shell_would_take_apart(program: Program) -> None:
    assert completed(program, "set", "") == NAMES
    assert completed(program, "plan", "--select", "") == NAMES
    assert completed(program, "set", "0d234") == ["0d234d71cc806000", "0d234e88da406000"]


def test_the_files_named_so_far_count(program: Program) -> None:
    program.write("tokens: [{name: far}", "tokens/eu.yaml")
    program.write("tokens:\n  - name: near\n  - name: lost\n    - ]", "tokens/us.yml")
    program.write("tokens: &a [*a, {name: \x00}]", "broken.yaml")
    program.write("- name: x\n", "list.yaml")
    program.write("x", "text.yaml")
    os.mkfifo(program.folder / "pipe.yaml")
    names = ["gone.yaml", "broken.yaml", "list.yaml", "text.yaml", "pipe.yaml", "-"]
    assert completed(program, "plan", "tokens", *names, "--select", "") == ["far", "near", "lost"]
    assert completed(program, "plan", "tokens", "--quiet", "--select", "n") == ["near"]


@pytest.mark.parametrize(
    ("taken_apart", "words", "known"),
    [
        ("set|svc|:|o", "set|svc:o", "svc:"),
        ("set|svc|:", "set|svc:", "svc:"),
        ("set|svc:o", "set|svc:o", ""),
        ("plan|--select|=|svc|:|i", "plan|--select=svc:i", "svc:"),
        ("plan|--format|=|js", "plan|--format=js", ""),
        ("plan|a|::|b|c|", "plan|a::b|c|", ""),
    ],
)
def test_words_that_bash_takes_apart_are_put_together(taken_apart: str, words: str, known: str) -> None:
    assert completion.joined(taken_apart.split("|")) == (words.split("|"), known)


def test_bash_replaces_only_what_it_takes_for_the_last_word(program: Program) -> None:
    asked = {"COMP_WORDS": "tokenctl\nset\nsvc\n:\no", "COMP_CWORD": "4", "_TOKENCTL_COMPLETE": "complete_bash"}
    assert replace(program, measured=True).run(**asked) == Done(0, "out\n", "")


def test_fish_is_told_by_the_exit_code_that_there_is_nothing(program: Program) -> None:
    asked = {"_TYPER_COMPLETE_ARGS": "tokenctl set zzz", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    assert program.run(_TOKENCTL_COMPLETE="complete_fish", **asked) == Done(1, "", "")


def test_commands_options_and_closed_words_are_completed(program: Program) -> None:
    assert completed(program, "un") == ["undo", "unlock"]
    assert completed(program, "set", "--un") == ["--until", "--unset"]
    assert completed(program, "plan", "--format", "gi") == [
        "github",
        "gitlab-terraform",
        "gitlab-codequality",
    ]
    assert completed(program, "plan", "--output", "j") == ["json=", "junit="]
    assert completed(program, "plan", "--allow", "m") == ["max_deactivations", "min_managers", "moved"]
    assert completed(program, "list", "--status", "") == ["active", "inactive"]
    assert completed(program, "set", "--unset", "") == ["description", "status", "until", "protected"]


# The program that completes is the real one; what is typed in the end shows its arguments.
SHOW = "tokenctl() { printf '<%s>' \"$@\"; echo .; }\n"
BASH = ("bash", ["--norc", "--noprofile", "-i"], 'eval "$(tokenctl --show-completion bash)"\n' + SHOW)
ZSH = (
    "zsh",
    ["-f", "-i"],
    'autoload -U compinit; compinit -u -D; eval "$(tokenctl --show-completion zsh)"\n' + SHOW,
)


def typed(program: Program, shell: tuple[str, list[str], str], keys: str) -> list[str]:
    """The arguments of the command lines that these keys make in a shell on a terminal."""
    name, options, prepared = shell
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name} here")
    ours, theirs = pty.openpty()
    environment = program.surroundings(PATH=f"{PROGRAM.parent}:{os.defpath}", TERM="dumb", PS1="", ZDOTDIR="/dev/null")
    with subprocess.Popen(
        [path, *options], cwd=program.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{prepared}{keys}\nexit\n".encode())
        shown = b""
        with suppress(OSError):  # as Linux ends a terminal that nobody has open any more
            while select.select([ours], [], [], 60)[0] and (piece := os.read(ours, 4096)):
                shown += piece
        os.close(ours)
        process.kill()
    return [each for each in shown.decode().splitlines() if each.startswith("<") and each.endswith(">.")]


@pytest.mark.parametrize("shell", [BASH, ZSH], ids=["bash", "zsh"])
def test_a_shell_on_a_terminal_completes(program: Program, shell: tuple[str, list[str], str]) -> None:
    assert typed(program, shell, "tokenctl plan --select svc:i\t --format sar\t\ntokenctl set 0d2c\t") == [
        "<plan><--select><svc:in><--format><sarif>.",
        "<set><0d2cfd5618006000>.",
    ]
    assert not (program.folder / "owned").exists()


def test_fish_completes(program: Program) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("there is no fish here")
    script = (
        "tokenctl --show-completion fish | source; complete -C 'tokenctl set svc:i'; complete -C 'tokenctl set 0d2c'"
    )
    environment = program.surroundings(PATH=f"{PROGRAM.parent}:{os.defpath}")
    done = subprocess.run(
        [fish, "--no-config", "-c", script],
        cwd=program.folder,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("svc:in\n0d2cfd5618006000\n", "")

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
from tempfile import TemporaryDirectory

import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st
from typer._completion_classes import BashComplete, ZshComplete

from reconciler.cli import COMPLETION, completion, line
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
        found = line.Bash(typer.main.get_command(app), {}, "tokenctl", COMPLETION).get_completions(before, last)
    return [each.value for each in found]


def quickly(shell: str, typed: str) -> str:
    """What a shell is told of these words without typer."""
    words = f"tokenctl {typed}".split(" ")
    asked = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    asked = asked if shell == "bash" else {"_TYPER_COMPLETE_ARGS": " ".join(words)}
    return completion.quickly({COMPLETION: f"complete_{shell}", **asked})


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


@pytest.mark.parametrize("words", [["set"], ["plan", "--quiet", "--select"]])
def test_bash_replaces_only_what_it_takes_for_the_last_word(program: Program, words: list[str]) -> None:
    words = ["tokenctl", *words, "svc", ":", "o"]
    asked = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1), COMPLETION: "complete_bash"}
    assert replace(program, measured=True).run(**asked) == Done(0, "out\n", "")


@pytest.mark.parametrize("shell", [line.Bash, ZshComplete])
@pytest.mark.parametrize(
    "typed", ["set ", "set 0d2", "set svc:", "plan --select ", "apply ./tokens.yaml tokens.yaml --select l"]
)
def test_what_is_told_without_typer_is_what_typer_tells(
    program: Program, typed: str, shell: type[BashComplete | ZshComplete]
) -> None:
    completer = shell(typer.main.get_command(app), {}, "tokenctl", COMPLETION)
    *before, last = typed.split(" ")
    with chdir(program.folder):
        items = [completer.format_completion(each) for each in completer.get_completions(before, last)]
        assert quickly(shell.name, typed).removeprefix("_arguments '*: :((").removesuffix("))'").split("\n") == items


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "typed",
    [
        "", "set --un", "set ingest ", "plan --quiet --select l", "plan --select ingest --select l", "set zzz",
        "plan 'tokens.yaml' --select l", "list --select ", "plan --select $(l",
    ],
)  # fmt: skip
def test_all_else_is_typers_to_tell(program: Program, typed: str, shell: str) -> None:
    with chdir(program.folder):
        assert quickly(shell, typed) == ""


@given(st.lists(st.text("ab./-", min_size=1, max_size=4), max_size=6), st.text("ab./", max_size=2))
def test_names_and_ids_that_begin_so_are_offered_and_no_others(names: list[str], begun: str) -> None:
    ids = [f"a{number:015x}" for number in range(len(names))]
    entries = [f'  - {{id: "{each}", name: "{name}"}}' for each, name in zip(ids, names, strict=True)]
    with TemporaryDirectory() as folder, chdir(folder):
        Path("tokens.yaml").write_text("\n".join(["tokens:", *entries]))
        offered = quickly("bash", f"set {begun}")
    known = {*ids, *(name for name in names if name[0] != "-")}
    assert set(offered.split("\n")) - {""} == {each for each in known if each.startswith(begun)}


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

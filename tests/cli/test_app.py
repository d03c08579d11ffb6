"""What the help of each command says, and that its examples are command lines that parse."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from reconciler.sandbox.faults import Fault
from tests.shell import Shell, group

NAMES = sorted(group().commands)


def _examples(name: str) -> Iterator[list[str]]:
    """The arguments of each example of a command, without what a shell does with its output."""
    for line in (group().commands[name].epilog or "").splitlines():
        if line.startswith("  "):
            program, command, *arguments = shlex.split(line.partition(" > ")[0])
            assert (program, command) == ("tokenctl", name)
            yield arguments


@pytest.mark.parametrize("name", NAMES)
def test_each_command_ends_its_help_with_two_examples_that_parse(name: str) -> None:
    command, examples = group().commands[name], list(_examples(name))
    assert len(examples) == 2
    for arguments in examples:
        parsed = command.make_context(name, arguments)
        for fault in parsed.params.get("fault") or ():
            Fault.parse(fault)


def _help(*names: str) -> str:
    """The help of the program or of a command, on a terminal of 80 columns."""
    command = group().commands[names[0]] if names else group()
    path = " ".join(("tokenctl", *names))
    return command.get_help(command.make_context(path, [], resilient_parsing=True, terminal_width=80))


def test_examples_stand_as_they_are_typed() -> None:
    assert _help("schema").endswith("\n\n  Examples:\n    tokenctl schema\n    tokenctl schema plan > plan.v1.json")
    assert _help("demo").endswith("\n\n  Examples:\n    tokenctl demo\n    tokenctl demo --debug")


def test_no_help_cuts_a_sentence_or_shows_a_type_for_a_name() -> None:
    listed = _help().partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert sorted(line.split()[0] for line in listed) == NAMES
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []
    usages = {name: _help(name).partition("\n")[0].removeprefix(f"Usage: tokenctl {name} [OPTIONS]") for name in NAMES}
    assert usages == {
        **dict.fromkeys(NAMES, ""),
        **dict.fromkeys(("validate", "plan", "doctor", "fmt"), " [FILE]..."),
        "show": " {PLAN...}",
        "usage": " {LOG...}",
        "apply": " [PLAN | FILE...]",
        "undo": " [JOURNAL]...",
        "list": " [WORD]...",
        "export": " [FILE]",
        "set": " {TERM} [FILE]...",
        "schema": " [NAME]",
    }


@pytest.mark.parametrize(
    ("line", "message", "command"),
    [
        ("plan --bogus", "no such option: --bogus. Did you mean '--out', '--org', '--base'?", "tokenctl plan"),
        ("show", "missing argument 'PLAN...'", "tokenctl show"),
        ("apply --canary 0", "invalid value for '--canary': 0 is not in the range x>=1", "tokenctl apply"),
        ("list --format", "option '--format' requires an argument", "tokenctl list"),
        ("plam", "no such command 'plam'. Did you mean 'plan'?", "tokenctl"),
        ("--bogus", "no such option: --bogus", "tokenctl"),
    ],
)
def test_a_mistake_points_to_the_help_of_its_command(shell: Shell, line: str, message: str, command: str) -> None:
    shell.here = True
    assert shell.run(*line.split()).err == f"{message}\n  hint: see `{command} --help`\n"

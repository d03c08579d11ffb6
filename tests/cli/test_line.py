"""Command lines as typer reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import chdir

import pytest
from typer.core import TyperGroup

from reconciler.cli import line, main
from reconciler.errors import ExitCode
from reconciler.session.context import Context
from tests.shell import GRAFANA, Shell


@pytest.mark.parametrize(
    "words",
    [
        "validate",
        "plan",
        "plan tokens.yaml other.yaml",
        "plan tokens.yaml --detailed-exitcode",
        "plan -o ./plan.json tokens.yaml",
        "plan -o ./none/plan.json",
        "plan -o",
        "plan -o ut",
        "plan -o -x.json",
        "plan -o ./a.json -o ./b.json",
        "plan -o tokens.yaml",
        "plan --yes",
        "validate none.yaml",
        "plan tokens.yaml broken.yaml",
        "plan .",
        "apply",
        "apply tokens.yaml --yes",
        "apply --yes --yes",
        "apply other.yaml --yes",
        "apply --yes --journal ./journals",
        "apply --yes --journal",
        "apply --yes --journal --expect",
        "apply --yes --journal ./tokens.yaml",
        f"apply --expect {'0' * 64} --yes",
        "apply --expect 00 --yes",
        "apply -- tokens.yaml",
        "plan -",
        "validate - tokens.yaml",
        "set",
        "set grafana",
        "set grafana --check",
        "set grafana --status inactive --check",
        "set grafana --status inactive --status active --check",
        "set grafana --status off",
        "set nobody --status active tokens.yaml",
        "set grafana --status inactive tokens.yaml other.yaml --check",
        "set --status inactive -",
        "set grafana - --status inactive",
    ],
)
def test_a_plain_line_means_the_same_when_typer_reads_it(shell: Shell, words: str) -> None:
    plain, read = _played(shell, words, main.run), _played(shell, words, line.read)
    assert plain == read


def _played(shell: Shell, words: str, run: Callable[[Sequence[str], Context], int]) -> tuple[object, ...]:
    """What a command line tells, sends and writes, from the same beginning each time."""
    shell.declare(f'id: "{GRAFANA}", name: grafana, description: another')
    shell.declare("match: {user: ci-bot, description: none}, status: inactive", name="other.yaml")
    shell.write("version: 2\n", "broken.yaml")
    shell.sandbox.change(GRAFANA, description="dashboard")
    shell.sent()
    before = {*shell.folder.rglob("*")}
    with chdir(shell.folder):
        done = shell.call(lambda context: ExitCode(run(words.split(), context)))
    made = {each: each.suffix for each in {*shell.folder.rglob("*")} - before}
    told = [re.sub(r"\S+\.ndjson", "JOURNAL", text) for text in (done.out, done.err)]
    found = done.code, *told, shell.sent(), sorted((each.parent, suffix) for each, suffix in made.items())
    for path in sorted(made, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return found


def test_an_interruption_of_a_line_of_files_alone_ends_with_its_code(shell: Shell) -> None:
    def interrupted() -> float:
        raise KeyboardInterrupt

    file = shell.declare(f'id: "{GRAFANA}", name: grafana, description: dashboard')
    done = shell.call(lambda context: ExitCode(main.run(["plan", file], context)), clock=interrupted)
    assert (done.code, done.out) == (ExitCode.INTERRUPTED, "")


def test_a_verb_is_made_alone_and_is_what_it_is_among_the_others() -> None:
    assert _made("").keys() == line._VERBS.keys()
    for verb, among in _made("").items():
        assert _made(verb) == {verb: among}


def _made(verb: str) -> dict[str, list[tuple[object, ...]]]:
    """The commands that are made for a verb, and their parameters."""
    group = line._command(verb)
    assert isinstance(group, TyperGroup)
    return {
        name: [(each.name, each.opts, each.nargs, repr(each.type), each.default) for each in command.params]
        for name, command in group.commands.items()
    }

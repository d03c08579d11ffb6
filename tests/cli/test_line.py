"""Command lines as typer reads them."""

from __future__ import annotations

from contextlib import chdir

import pytest
from typer.core import TyperGroup

from reconciler.cli import line, main
from reconciler.errors import ExitCode
from tests.shell import GRAFANA, Shell


@pytest.mark.parametrize(
    "words",
    ["validate", "plan", "plan tokens.yaml other.yaml", "validate none.yaml", "plan tokens.yaml broken.yaml", "plan ."],
)
def test_a_line_of_files_alone_means_the_same_when_typer_reads_it(shell: Shell, words: str) -> None:
    shell.declare(f'id: "{GRAFANA}", name: grafana, description: dashboard')
    shell.declare("match: {user: ci-bot, description: none}, status: inactive", name="other.yaml")
    shell.write("version: 2\n", "broken.yaml")
    with chdir(shell.folder):
        plain = shell.call(lambda context: ExitCode(main.run(words.split(), context)))
        read = shell.call(lambda context: ExitCode(line.read(words.split(), context)))
    assert plain == read


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

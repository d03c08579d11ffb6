"""What the program takes is what the documentation says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from reconciler.cli.app import app
from reconciler.core.guard import Guard
from reconciler.errors import ExitCode

ROOT = Path(__file__).parent.parent
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
COMMANDS = DOCS["commands.md"]


def _commands() -> dict[str, set[str]]:
    """The options of each command, as typer knows them."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return {
        name: {option for each in command.params for option in each.opts if option.startswith("-")}
        for name, command in group.commands.items()
    }


OPTIONS = sorted(set().union(*_commands().values()))


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_has_a_section_and_a_row(name: str) -> None:
    assert f"\n## {name}\n" in COMMANDS
    assert f"| [`{name}`](#{name}) |" in COMMANDS


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_explained(option: str) -> None:
    assert re.search(rf"`{option}(?![\w-])", COMMANDS), f"{option} is in no table of docs/commands.md"


def test_the_documentation_names_no_option_that_does_not_exist() -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", COMMANDS)) <= {*OPTIONS, "--help", "--version"}


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.reason)
def test_every_exit_code_has_a_row(code: ExitCode) -> None:
    assert re.search(rf"^\| {int(code)} \| `{code.reason}` \|", COMMANDS, re.MULTILINE)


@pytest.mark.parametrize("guard", list(Guard))
def test_every_guard_has_a_row(guard: Guard) -> None:
    assert re.search(rf"^\| `{guard}` \|", COMMANDS, re.MULTILINE)


def test_every_variable_that_the_program_reads_is_documented() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "reconciler").rglob("*.py"))
    read = set(re.findall(r'"((?:INFLUX|TOKENCTL|XDG)_[A-Z_]+|NO_COLOR|FORCE_COLOR|TERM|CI)"', sources))
    assert read
    assert {name for name in read if f"`{name}`" not in COMMANDS and f"${name}" not in COMMANDS} == set()


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{name}" for name in DOCS)])
def test_every_link_leads_somewhere(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_changelog_names_every_command() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert _commands().keys() - set(re.findall(r"[a-z]+", changelog)) == set()

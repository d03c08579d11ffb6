"""A file that is given to the wrong command is told as what it seems to be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.documents.kinds import Kind, kind_of
from tests.shell import GRAFANA, Shell


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("version: 1\n", Kind.MANIFEST),
        ("# all\n'tokens': []\n", Kind.MANIFEST),
        ('{"version": 1, "format_version": 1}', Kind.MANIFEST),
        ('{\n  "tokens": []\n}\n', Kind.MANIFEST),
        ('{"format_version": 1}', Kind.PLAN),
        ('{"format_version": 1, "tokens": []}', Kind.LIST),
        ('{"format_version": 1, "event": "header"}\n{', Kind.JOURNAL),
        ('{"format_version": 1, "event": "plan"}\n{}\n', Kind.EVENTS),
        ("text", None),
        ("[1]", None),
        ('{"a": 1}', None),
        ('{"$schema": "x", "tokens": []}', Kind.MANIFEST),
        ("", None),
    ],
)
def test_a_file_is_known_by_its_keys(content: str, kind: Kind | None) -> None:
    assert kind_of(content.encode()) is kind


def _made(shell: Shell) -> dict[Kind, str]:
    """A file of each kind, as the commands themselves make it."""
    change = f'id: "{GRAFANA}", description: Grafana'
    shell.declare(change)
    plan = shell.folder / "plan.data"
    assert shell.run("plan", "-o", str(plan)).code == 0
    content = {
        Kind.MANIFEST: json.dumps({"tokens": [{"id": GRAFANA, "description": "Grafana"}], "guards": {}, "lock": False}),
        Kind.PLAN: plan.read_text(),
        Kind.FLEET: json.dumps({"format_version": 1, "fleet": {}, "servers": []}),
        Kind.LIST: shell.run("list", "--format", "json").out,
        Kind.CHECKS: shell.run("doctor", "--format", "json").out,
        Kind.EVENTS: shell.run("apply", "--yes", "--format", "json", "--journal", "journals").out,
        Kind.USAGE: json.dumps({"format_version": 1, "requests": 1, "usage": []}),
        Kind.PROBLEMS: json.dumps({"format_version": 1, "problems": []}),
        Kind.SARIF: shell.run("plan", "--format", "sarif").out,
        Kind.SCHEMA: shell.run("schema").out,
        Kind.REVISIONS: json.dumps({"format_version": 1, "base": {}, "revisions": [], "warnings": []}),
    }
    (journal,) = (shell.folder / "journals").iterdir()
    content[Kind.JOURNAL] = journal.read_text()
    for kind, text in content.items():
        (shell.folder / f"{kind.name}.json").write_text(text)
    return {kind: f"{kind.name}.json" for kind in Kind}


def test_what_is_given_to_the_wrong_command_is_one_problem_that_says_what_it_seems_to_be(shell: Shell) -> None:
    shell.here = True
    for kind, file in _made(shell).items():
        told = f"{kind.what}\n  hint: {kind.way}\n"
        if kind not in (Kind.PLAN, Kind.FLEET, Kind.PROBLEMS):
            assert shell.run("show", file).err == f"{file} is no plan: it seems to be {told}"
        if kind is not Kind.JOURNAL:
            assert shell.run("undo", file).err == f"{file} is no journal: it seems to be {told}"
        if kind is not Kind.MANIFEST:
            for command in ("plan", "validate"):
                done = shell.run(command, file)
                no_manifest = f"{file}:1:1: this is {kind.what} and no manifest\n  hint: {kind.way}\n"
                assert (done.code, done.err) == (65, no_manifest)
        if kind not in (Kind.PLAN, Kind.FLEET, Kind.MANIFEST, Kind.PROBLEMS, Kind.SARIF):
            assert shell.run("apply", "--yes", file).err == f"{file} is no plan: it seems to be {told}"


def test_a_manifest_in_json_without_its_version_is_one_problem(shell: Shell) -> None:
    shell.here = True
    Path(shell.folder / "x.json").write_text(json.dumps({"tokens": [{"id": GRAFANA}]}))
    done = shell.run("apply", "--yes", "x.json")
    assert (done.code, done.err) == (
        65,
        "x.json:1:1: `version` is missing\n  hint: begin with `version: 1`, and list the tokens under `tokens:`\n",
    )

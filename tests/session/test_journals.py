"""Where a run comes from: the commit of its files, and where a CI system shows it."""

from __future__ import annotations

import json

import pytest

from reconciler.session.journals import run_url
from tests.checkout import Checkout
from tests.commands.test_apply import applied
from tests.commands.test_undo import journals
from tests.shell import GRAFANA, Shell


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, ""),
        ({"GITHUB_RUN_ID": "7"}, ""),
        ({"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "a/b"}, "https://github.com/a/b/actions/runs/7"),
        (
            {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://git.example/a/b/actions/runs/7",
        ),
        ({"CI_JOB_URL": "https://gitlab.example/a/b/-/jobs/7"}, "https://gitlab.example/a/b/-/jobs/7"),
        ({"BUILD_URL": "https://jenkins.example/job/a/7/"}, "https://jenkins.example/job/a/7/"),
    ],
)
def test_a_ci_systems_own_variables_name_the_run(environment: dict[str, str], url: str) -> None:
    assert run_url(environment) == url


def test_the_journal_names_the_commit_that_the_files_are_checked_out_at(shell: Shell) -> None:
    entry = f'id: "{GRAFANA}", description: '
    Checkout.init(shell.folder)
    file = shell.declare(entry + "one")
    applied(shell, file, yes=True)
    commit = Checkout(shell.folder).commit()
    shell.declare(entry + "two")
    applied(shell, file, yes=True)
    applied(shell, "-", yes=True, with_stdin=b"version: 1\ntokens: [{" + entry.encode() + b"three}]\n")
    headers = [json.loads(path.read_text().splitlines()[0]) for path in journals(shell)]
    assert [(each["files"], each["commit"]) for each in headers] == [([file], ""), ([file], commit), (["<stdin>"], "")]

"""Where a run comes from: the commit of its files, and where a CI system shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.commands import apply
from reconciler.errors import ExitCode
from reconciler.sandbox.seed import default_seed
from reconciler.session.context import Context
from reconciler.session.journals import run_url
from reconciler.session.sending import SendingOptions
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.canary import LISTED, found
from tests.checkout import Checkout
from tests.commands.test_apply import applied
from tests.commands.test_undo import journals
from tests.shell import GRAFANA, OPERATOR, Shell, shell_on


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
def test_a_ci_systems_own_variables_name_the_run(shell: Shell, environment: dict[str, str], url: str) -> None:
    def shown(context: Context) -> ExitCode:
        context.streams.show(run_url(context))
        return ExitCode.OK

    assert shell.call(shown, environment=environment).out == url


@pytest.mark.parametrize("held", [LISTED[0], LISTED[0][3:-4], LISTED[1], LISTED[1][:-2]])
@pytest.mark.parametrize("variable", ["BUILD_URL", "CI_JOB_URL", "GITHUB_SERVER_URL"])
def test_no_secret_of_the_surroundings_reaches_journal_or_lock(tmp_path: Path, variable: str, held: str) -> None:
    seed = default_seed()
    own = [replace(each, secret=LISTED[0]) if each.id == OPERATOR else each for each in seed.tokens]
    environment = {variable: f"https://ci.example/?token={held}", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7"}
    if "GITHUB" not in variable:
        del environment["GITHUB_RUN_ID"]
    with shell_on(tmp_path, replace(seed, tokens=tuple(own))) as shell:
        (tmp_path / held).mkdir()
        saved, shell.here = str(tmp_path / held / "plan.json"), True
        shell.run("plan", shell.declare(f'id: "{GRAFANA}", description: x'), "-o", saved)
        sources, options = Sources(files=[saved]), SendingOptions(yes=True, lock=0.0)
        done = shell.call(
            lambda context: apply.run(sources, Flags(), options, context._replace(who=f"{held} on web-1")),
            environment=environment,
        )
        made = [each.body.decode() for each in shell.sandbox.requests if each.target == "/api/v2/labels"]
        (journal,) = journals(shell)
    header = json.loads(journal.read_text().splitlines()[0])
    assert (done.code, len(made), header["files"]) == (
        ExitCode.OK,
        1,
        [f"{tmp_path}/***/plan.json", f"{tmp_path}/tokens.yaml"],
    )
    assert header["run_url"].startswith("https://ci.example/?token=***")
    assert header["run_url"] in made[0]
    assert header["who"] == "*** on web-1"
    assert "*** on web-1" in made[0]
    assert not found([made[0], journal.read_text(), done.out, done.err])


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

"""From a merge request to the applied change on GitLab: the template's jobs, run in bash, on a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.seed import default_seed
from reconciler.sandbox.server import Sandbox
from tests.checkout import Checkout
from tests.gitlab import NOTE_TOKEN, GitLab, serving
from tests.shell import BACKUP_2023, GRAFANA, OPERATOR, PROGRAM, secret, ticking

BASE = f"""version: 1
tokens:
  - id: "{GRAFANA}"
    name: grafana
    description: grafana dashbord
  - id: "{BACKUP_2023}"
    name: backup-2023
    status: active
"""
CHANGED = BASE.replace("dashbord", "dashboard").replace("status: active", "status: inactive")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The small world."""
    with Sandbox.start(seed=default_seed(), now=ticking()) as running:
        yield running


@pytest.fixture
def gitlab(tmp_path: Path, sandbox: Sandbox, forked: Path) -> Iterator[GitLab]:
    """A project with a manifest on `main`; the test of a schedule takes the real program."""
    checkout = Checkout.init(tmp_path / "repository")
    checkout.write("tokens.yaml", BASE)
    checkout.commit()
    server = {"INFLUX_HOST": sandbox.url, "INFLUX_TOKEN": secret(OPERATOR)}
    scoped = {"production/plan": server, "production": server, "production/note": {"TOKENCTL_GITLAB_TOKEN": NOTE_TOKEN}}
    with serving(GitLab(tmp_path / "runner", checkout, scoped, forked)) as project:
        project.folder.mkdir()
        yield project


def _proposed(gitlab: GitLab, manifest: str = CHANGED) -> str:
    gitlab.checkout.git("checkout", "--quiet", "-B", "change", "main")
    gitlab.checkout.write("tokens.yaml", manifest)
    return gitlab.checkout.commit()


def _request(gitlab: GitLab, head: str, project: str = "1") -> dict[str, int]:
    ended = gitlab.pipeline(
        head, [], CI_PIPELINE_SOURCE="merge_request_event", CI_MERGE_REQUEST_PROJECT_ID=project, CI_MERGE_REQUEST_IID="12",
        CI_MERGE_REQUEST_DIFF_BASE_SHA=gitlab.checkout.git("rev-parse", "main"),
    )  # fmt: skip
    return {name: each.code for name, each in ended.items()}


def _merged(gitlab: GitLab) -> tuple[str, str]:
    """Merge, and give what `main` was before and is now."""
    git = gitlab.checkout.git
    git("checkout", "--quiet", "main")
    before = git("rev-parse", "main")
    git("merge", "--quiet", "--no-ff", "--message", "Merge\n\nSee merge request acme/tokens!12", "change")
    return before, git("rev-parse", "main")


def test_a_merge_request_is_planned_noted_once_and_applied_as_reviewed(gitlab: GitLab, sandbox: Sandbox) -> None:
    head = _proposed(gitlab)
    assert _request(gitlab, head) == {"tokenctl-plan": 0, "tokenctl-note": 0}
    gitlab.notes[:0] = [{"id": 1, "author": {"id": 6}, "body": "<!-- tokenctl plan production -->\nforged"}]
    gitlab.notes[1]["id"] = 2
    assert _request(gitlab, head) == {"tokenctl-plan": 0, "tokenctl-note": 0}
    (_, note) = gitlab.notes
    plan = gitlab.artifacts["1-tokenctl-plan"]
    assert note["body"] == (
        f"<!-- tokenctl plan production -->\n{(plan / 'plan.md').read_text()}\n"
        f"For {head[:12]}, by [this pipeline](https://gitlab.example/pipelines/1), which keeps [a report as HTML]"
        "(https://gitlab.example/acme/tokens/-/jobs/1/artifacts/file/plan.html).\n"
    )
    assert {"plan.gitlab.json", "plan.codequality.json", "plan.html"} <= {each.name for each in plan.iterdir()}
    before, now = _merged(gitlab)
    given = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": before}
    ended = gitlab.pipeline(now, ["tokens.yaml"], **given)
    assert {name: each.code for name, each in ended.items()} == {
        "tokenctl-code-quality": 0, "tokenctl-plan-after-the-merge": 0, "tokenctl-apply": 0,
    }, ended  # fmt: skip
    assert "as reviewed" in ended["tokenctl-plan-after-the-merge"].log
    stored = {each.id: each.status for each in sandbox.tokens}
    assert stored[BACKUP_2023] == "inactive"
    assert len(list((gitlab.artifacts["3-tokenctl-apply"] / "journal").glob("*.ndjson"))) == 1
    again = gitlab.pipeline(now, ["tokens.yaml"], **given)  # an empty plan
    assert again["tokenctl-apply"].log == "Nothing to apply: the tokens are as declared\n"


def test_a_push_that_changes_no_manifest_only_leaves_a_report_to_compare_with(gitlab: GitLab) -> None:
    now = gitlab.checkout.git("rev-parse", "main")
    ended = gitlab.pipeline(now, ["README.md"], CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="main")
    assert list(ended) == ["tokenctl-code-quality"]
    assert (gitlab.artifacts["1-tokenctl-code-quality"] / "plan.codequality.json").read_text() == "[]\n"


def test_a_refused_plan_is_noted_and_a_note_needs_a_token(gitlab: GitLab) -> None:
    head = _proposed(gitlab, "version: 2\ntokens: []\n")
    assert _request(gitlab, head) == {"tokenctl-plan": 65, "tokenctl-note": 0}
    assert "### tokenctl plan, `production`: invalid" in gitlab.notes[0]["body"]
    gitlab.scoped["production/note"] = {}
    assert _request(gitlab, head) == {"tokenctl-plan": 65, "tokenctl-note": 0}
    assert len(gitlab.notes) == 1


def test_a_fork_has_no_credentials_and_is_compared(gitlab: GitLab, sandbox: Sandbox) -> None:
    assert _request(gitlab, _proposed(gitlab), project="2") == {"tokenctl-plan-of-a-fork": 0}
    assert sandbox.requests == ()


def test_a_schedule_fails_while_tokens_are_not_as_declared(gitlab: GitLab, sandbox: Sandbox) -> None:
    gitlab.programs = PROGRAM.parent
    now = gitlab.checkout.git("rev-parse", "main")
    given = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}
    assert {name: each.code for name, each in gitlab.pipeline(now, [], **given).items()} == {"tokenctl-drift": 0}
    sandbox.change(GRAFANA, description="theirs")
    assert {name: each.code for name, each in gitlab.pipeline(now, [], **given).items()} == {"tokenctl-drift": 2}


def test_a_merge_that_names_no_merge_request_is_planned_without_the_words(gitlab: GitLab) -> None:
    now = _proposed(gitlab)
    ended = gitlab.pipeline(now, ["tokens.yaml"], CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="main")
    assert (ended["tokenctl-apply"].code, "as reviewed" in ended["tokenctl-plan-after-the-merge"].log) == (0, False)

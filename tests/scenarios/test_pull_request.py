"""From a pull request to the applied change: our workflow files, run as GitHub runs them, on a sandbox."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.sandbox.server import Sandbox
from tests.action.emulator import Job, RejectedError, Runner
from tests.action.fake_github import REPOSITORY, fake_github
from tests.checkout import Checkout
from tests.shell import BACKUP_2023, GRAFANA, INGEST, OPERATOR, Program, secret, ticking

pytestmark = pytest.mark.no_cover

READER = "0d0000000000a000"
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


def _seed() -> Seed:
    """The small world, and a token that can read and not write."""
    seed = default_seed()
    operator = next(each for each in seed.tokens if each.id == OPERATOR)
    rights = tuple(Permission("read", kind, "", "") for kind in ("authorizations", "users"))
    reader = replace(operator, id=READER, secret="FAKE-reader", description="tokenctl plan", permissions=rights)
    return replace(seed, tokens=(*seed.tokens, reader))


@dataclass
class Project:
    """A repository with a base and a pull request, its settings, and the server that it is about."""

    runner: Runner
    sandbox: Sandbox
    head: str = ""
    merge: str = ""

    def propose(self, base: str, changed: str) -> None:
        """Let the base have one manifest, and the pull request another."""
        checkout = self.runner.checkout
        checkout.git("checkout", "--quiet", "--force", "-B", "main")
        checkout.write("tokens.yaml", base)
        checkout.commit()
        checkout.git("checkout", "--quiet", "-B", "change")
        checkout.write("tokens.yaml", changed)
        self.head = checkout.commit()
        checkout.git("checkout", "--quiet", "--detach", "main")
        checkout.git("merge", "--quiet", "--no-ff", "--message", "merge", "change")
        self.merge = checkout.git("rev-parse", "HEAD")

    def stored(self) -> dict[str, tuple[str, str]]:
        """Status and description of every token on the server."""
        return {each.id: (each.status, each.description) for each in self.sandbox.tokens}

    def patched(self) -> list[str]:
        """The ids of the tokens that were changed over the API."""
        return [each.target.rpartition("/")[2] for each in self.sandbox.requests if each.method == "PATCH"]

    def pull_request(self, repository: str = REPOSITORY, author: str = "mira") -> Mapping[str, Job]:
        """The run for the pull request."""
        head = {"sha": self.head, "repo": {"full_name": repository}}
        opened = {"number": 7, "head": head, "base": {"ref": "main"}, "user": {"login": author}}
        return self.runner.call("plan", {"pull_request": opened}, head=self.merge)

    def merged(self, **inputs: str) -> Mapping[str, Job]:
        """The run after the merge."""
        pull = {"number": 7, "merged_at": "x", "merge_commit_sha": self.merge, "head": {"sha": self.head}}
        self.runner.github.pulls = [pull]
        before = self.runner.checkout.git("rev-parse", "main")
        event = {"before": before, "after": self.merge, "created": False}
        return self.runner.call("apply", event, head=self.merge, **inputs)


@pytest.fixture
def project(tmp_path: Path, forked: Path) -> Iterator[Project]:
    """The project, with a pull request that is not merged yet; the test of a merge takes the real Python."""
    checkout = Checkout.init(tmp_path / "repository")
    with fake_github() as github, Sandbox.start(seed=_seed(), now=ticking()) as sandbox:
        runner = Runner(
            tmp_path / "runner", github, checkout, secrets={"INFLUX_TOKEN": "FAKE-reader"},
            variables={"INFLUX_HOST": sandbox.url}, environments={"production": {"INFLUX_TOKEN": secret(OPERATOR)}}, python=str(forked / "python"),
        )  # fmt: skip
        project = Project(runner, sandbox)
        project.propose(BASE, CHANGED)
        yield project


def _results(jobs: Mapping[str, Job]) -> dict[str, str]:
    return {name: job.result for name, job in jobs.items()}


def test_the_merge_applies_exactly_what_was_reviewed(project: Project, tmp_path: Path) -> None:
    before = project.stored()
    planned = project.pull_request()
    assert _results(planned) == {"plan": "success", "comment": "success", "fork": "skipped"}, planned["plan"].log
    digest = planned["plan"].outputs["digest"]
    (comment,) = project.runner.github.comments
    assert comment["body"].startswith(
        "<!-- tokenctl plan production -->\n### tokenctl plan, `production`: 1 to deactivate, 1 to describe\n"
    )
    assert f"\n<sub>Digest `{digest}`" in comment["body"]
    assert "::notice title=deactivate backup-2023,file=tokens.yaml,line=8," in planned["plan"].log
    assert project.patched() == []

    asked: list[tuple[str, dict[str, str]]] = []

    def approve(environment: str, jobs: Mapping[str, Job]) -> None:
        asked.append((environment, jobs["plan"].outputs))
        assert f"Digest `{digest}`" in jobs["plan"].summary
        assert "Review: `as reviewed`" in jobs["plan"].summary

    project.runner.approve = approve
    project.runner.python = sys.executable
    applied = project.merged()
    assert _results(applied) == {"plan": "success", "apply": "success", "result": "success"}, applied["apply"].log
    outputs = {"changes": "2", "digest": digest, "pull-request": "7", "reason": "ok", "reviewed": "as-reviewed"}
    assert asked == [("production", outputs)]
    told = project.runner.github.comments[1]["body"]
    assert told.startswith("<!-- tokenctl result production -->\n### tokenctl apply: ok (2 done)\n")
    assert f"\n\nEnvironment `production`: approved by `rita`, digest `{digest}`.\n" in told
    assert "gh run download 102 --repo acme/tokens --name tokenctl-apply-production-journal-1 --dir journal" in told
    assert applied["apply"].summary.startswith("### tokenctl apply: ok (2 done)\n")
    assert applied["apply"].outputs == {"reason": "ok"}
    assert "Everything is applied and was read back." in applied["apply"].summary
    assert project.patched() == [GRAFANA, BACKUP_2023]
    changed = {GRAFANA: ("active", "grafana dashboard"), BACKUP_2023: ("inactive", "backup 2023")}
    assert project.stored() == {**before, **changed}

    # The journal is there when the machine is gone, and undoes the run from another one.
    (journal,) = tmp_path.glob("runner/artifacts/*/tokenctl-apply-production-journal-1/*.ndjson")
    elsewhere = {
        "INFLUX_HOST": project.sandbox.url,
        "INFLUX_TOKEN": secret(OPERATOR),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    done = Program(tmp_path, elsewhere, here=True).run(
        "undo", str(journal), "--apply", "--yes", "--allow", "reactivation"
    )
    assert (done.code, project.stored()) == (0, before), done


def test_a_change_of_the_server_in_between_is_refused_and_nothing_is_sent(project: Project) -> None:
    stored: dict[str, tuple[str, str]] = {}

    def approve(environment: str, jobs: Mapping[str, Job]) -> None:
        project.sandbox.change(BACKUP_2023, description="needed again")
        stored.update(project.stored())

    project.runner.approve = approve
    applied = project.merged()
    assert _results(applied) == {"plan": "success", "apply": "failure", "result": "success"}
    assert applied["apply"].outputs == {"reason": "stale"}
    moved = "\n\nWhat moved since then:\n\n- `backup-2023` `needed again` `"
    (comment,) = project.runner.github.comments
    for text in (applied["apply"].summary, comment["body"]):
        assert moved in text
        assert "description before: `backup 2023` → `needed again`" in text
    assert applied["apply"].summary.startswith("### tokenctl apply: stale\n")
    assert "::error::tokenctl apply: stale\n" in applied["apply"].log
    assert "this is not the plan that was reviewed" in applied["apply"].log
    assert (
        "**Nothing was sent: this is no longer the plan that was agreed to.** Review the new one."
        in applied["apply"].summary
    )
    (code,) = project.runner.folder.glob("*-apply/temp/tokenctl-*/apply.code")
    assert code.read_text() == "5"
    assert project.patched() == []
    assert project.stored() == stored


def test_a_pull_request_says_what_it_changes_and_waives_no_guard_of_its_base(project: Project) -> None:
    guarded = "guards: {max_deactivations: 0}\n"
    project.propose(BASE.replace("dashbord", "dashboards") + guarded, CHANGED + guarded.replace("0", "9"))
    planned = project.pull_request()
    assert _results(planned) == {"plan": "failure", "comment": "success", "fork": "skipped"}
    assert planned["plan"].outputs["reason"] == "refused"
    (comment,) = project.runner.github.comments
    assert "1 of 2 managed tokens would be deactivated: the limit is 0 at `main`" in comment["body"].replace("`` ", "")
    assert re.search(r"Against `main` \(`[0-9a-f]{7}`\): 2 by this change, 0 drift, 0 pending", comment["body"])
    assert "**1 guard loosened**" in comment["body"]
    # Nobody could plan the pull request of a fork. Merged all the same, it is refused after the merge.
    applied = project.merged()
    assert _results(applied) == {"plan": "failure", "apply": "skipped", "result": "success"}
    told = project.runner.github.comments[1]["body"]
    assert "\n### tokenctl apply: refused\n\n**Nothing was applied:** there is no plan that may be.\n" in told
    assert "the limit is 0 at" in told
    assert "Environment `production`: nobody was asked, digest `" in told
    assert "the limit is 0 at" in applied["plan"].summary
    by_hand = project.runner.call("apply", {"inputs": {}}, head=project.merge)  # whoever may start it sees what it does
    assert _results(by_hand) == {"plan": "success", "apply": "success", "result": "skipped"}


def test_what_was_reviewed_decides_the_words_and_the_environment_that_the_repository_chose(project: Project) -> None:
    project.runner.environments["production-as-reviewed"] = project.runner.environments["production"]
    entered: list[str] = []

    def refuse(environment: str, jobs: Mapping[str, Job]) -> None:
        entered.append(f"{environment}: {jobs['plan'].outputs['reviewed']}")
        raise StopIteration

    def merged() -> None:
        with pytest.raises(StopIteration):
            project.merged(**{"environment-as-reviewed": "production-as-reviewed"})

    project.runner.approve = refuse
    project.pull_request()
    merged()
    project.sandbox.change(GRAFANA, description="theirs")
    merged()
    (kept,) = project.runner.folder.glob("artifacts/*/tokenctl-plan-production/plan.json")
    kept.write_text('{"digest": "::error::forged"}')
    merged()
    assert entered == [
        "production-as-reviewed: as-reviewed", "production: differs", "production: unknown",
    ]  # fmt: skip
    assert project.patched() == []


def test_an_apply_that_failed_or_that_nobody_approved_is_told_in_the_pull_request(project: Project) -> None:
    project.runner.environments["production"] = {"INFLUX_TOKEN": "FAKE-reader"}  # which may not write
    applied = project.merged()
    assert _results(applied) == {"plan": "success", "apply": "failure", "result": "success"}
    (comment,) = project.runner.github.comments
    assert "\n### tokenctl apply: auth (1 failed, 1 not attempted)\n" in comment["body"]
    lines = [
        line.partition(": not applied")[0] for line in applied["apply"].log.splitlines() if line.startswith("::error ")
    ]
    assert lines[-2:] == [
        f"::error file=tokens.yaml,line=3,col=5::describe grafana grafana dashbord {GRAFANA}: failed",
        f"::error file=tokens.yaml,line=6,col=5::deactivate backup-2023 backup 2023 {BACKUP_2023}: not attempted",
    ]

    def reject(environment: str, jobs: Mapping[str, Job]) -> None:
        raise RejectedError

    project.runner.approve = reject
    assert _results(project.merged()) == {"plan": "success", "apply": "failure", "result": "success"}
    assert [each["body"].splitlines()[1] for each in project.runner.github.comments] == [
        "### tokenctl apply: no result"
    ]
    assert "\n\nEnvironment `production`: rejected by `rita`, digest `" in project.runner.github.comments[0]["body"]


def test_a_plan_that_changed_after_an_approval_is_told_in_a_new_comment(project: Project) -> None:
    project.pull_request()
    project.runner.github.add_review("APPROVED")
    project.propose(BASE, CHANGED.replace("dashboard", "boards"))
    project.pull_request()
    old, new = (each["body"].splitlines()[1:3] for each in project.runner.github.comments)
    assert (old[0], new[0]) == ("> [!NOTE]", "> [!WARNING]")
    assert new[1] == (
        "> The plan changed after it was approved: what was approved is [further up](https://github.example/comment/1)."
    )


def test_a_pull_request_of_a_fork_is_compared_without_credentials_and_without_a_server(project: Project) -> None:
    jobs = project.pull_request(repository="mallory/tokens")
    assert _results(jobs) == {"plan": "skipped", "comment": "skipped", "fork": "success"}, jobs["fork"].log
    assert "### tokenctl plan, `production`: 2 changed" in jobs["fork"].summary
    assert (project.sandbox.requests, project.runner.github.requests) == ((), [])


def test_dependabot_is_treated_like_a_fork(project: Project) -> None:
    project.runner.secrets = {}
    jobs = project.pull_request(author="dependabot[bot]")
    assert _results(jobs) == {"plan": "skipped", "comment": "skipped", "fork": "success"}, jobs["fork"].log
    assert (project.sandbox.requests, project.runner.github.requests) == ((), [])


def test_a_merge_queue_gets_a_plan_against_what_is_before_it(project: Project) -> None:
    base = project.runner.checkout.git("rev-parse", "main")
    jobs = project.runner.call("plan", {"merge_group": {"base_sha": base}}, head=project.merge)
    assert _results(jobs) == {"plan": "success", "comment": "skipped", "fork": "skipped"}, jobs["plan"].log
    assert "2 by this change" in jobs["plan"].summary


def test_a_server_that_takes_no_artifacts_fails_no_apply_and_its_journal_is_in_the_log(
    project: Project, tmp_path: Path
) -> None:
    before = project.stored()
    project.runner.takes_artifacts = False
    applied = project.merged()
    assert applied["apply"].result == "success", applied["apply"].log
    assert project.stored() != before
    journal = tmp_path / "saved.ndjson"
    shown = applied["apply"].log.partition("::stop-commands::")[2]
    journal.write_text("".join(line + "\n" for line in shown.splitlines() if line.startswith("{")))
    elsewhere = {"INFLUX_HOST": project.sandbox.url, "INFLUX_TOKEN": secret(OPERATOR), "XDG_STATE_HOME": str(tmp_path)}
    undone = Program(tmp_path, elsewhere, here=True).run(
        "undo", str(journal), "--apply", "--yes", "--allow", "reactivation"
    )
    assert (undone.code, project.stored()) == (0, before), undone


def test_drift_is_one_issue_while_it_lasts(project: Project) -> None:
    project.sandbox.change(INGEST, description="nobody declared it")
    project.runner.checkout.git("checkout", "--quiet", "--force", "main")
    main = project.runner.checkout.git("rev-parse", "main")

    def drift() -> list[Any]:
        jobs = project.runner.call("drift", {"schedule": "x"}, head=main)
        assert _results(jobs) == {"plan": "success", "issue": "success"}, jobs
        return [(each["number"], each["state"]) for each in project.runner.github.issues]

    assert drift() == []
    project.sandbox.change(GRAFANA, description="theirs")
    assert drift() == [(1, "open")]
    body = project.runner.github.issues[0]["body"]
    assert "\n### 1 token of `production` is not as declared\n" in body
    (row,) = (line for line in body.splitlines() if line.startswith(f"| `grafana`<br>`theirs`<br>`{GRAFANA}`"))
    (changed,) = (each.updated_at for each in project.sandbox.tokens if each.id == GRAFANA)
    assert row.endswith(f"| description `theirs` → `grafana dashbord` | changed on the server | `{changed}` |")
    project.sandbox.change(GRAFANA, description="grafana dashbord")
    assert drift() == [(1, "closed")]
    assert json.dumps(project.runner.github.requests).count("POST") == 1

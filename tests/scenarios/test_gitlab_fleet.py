"""A fleet on GitLab: planned as a whole or in parts, noted once, and applied as what was planned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkout import Checkout
from tests.fleet import NAMES, Fleet, fleet_on
from tests.gitlab import NOTE_TOKEN, Ended, GitLab, serving
from tests.shell import GRAFANA

OWN = f'version: 1\ntokens:\n  - id: "{GRAFANA}"\n    name: grafana\n    description: '


@dataclass
class Project:
    """A project with a manifest for each of three servers, and the servers."""

    gitlab: GitLab
    fleet: Fleet

    def propose(self, text: str = "dashboard") -> str:
        """Let a merge request describe a token on every server, and give its commit."""
        checkout = self.gitlab.checkout
        checkout.git("checkout", "--quiet", "-B", "change", "main")
        for name in NAMES:
            checkout.write(f"servers/{name}.yaml", f"{OWN}{text}\n")
        return checkout.commit()

    def request(self, head: str, project: str = "1") -> dict[str, Ended]:
        """The pipeline of the merge request."""
        return self.gitlab.pipeline(
            head, [], CI_PIPELINE_SOURCE="merge_request_event", CI_MERGE_REQUEST_PROJECT_ID=project, CI_MERGE_REQUEST_IID="12",
            CI_MERGE_REQUEST_DIFF_BASE_SHA=self.gitlab.checkout.git("rev-parse", "main"),
        )  # fmt: skip

    def merged(self) -> dict[str, Ended]:
        """Merge, and run the pipeline of that."""
        git = self.gitlab.checkout.git
        git("checkout", "--quiet", "main")
        before = git("rev-parse", "main")
        git("merge", "--quiet", "--no-ff", "--message", "Merge\n\nSee merge request acme/tokens!12", "change")
        given = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": before}
        return self.gitlab.pipeline(git("rev-parse", "main"), ["servers/lyon.yaml"], **given)

    def described(self) -> list[str]:
        """The servers that are as the merge request declares."""
        tokens = {name: {each.id: each for each in box.tokens} for name, box in self.fleet.sandboxes.items()}
        return [name for name, each in tokens.items() if each[GRAFANA].description == "dashboard"]


@pytest.fixture
def project(tmp_path: Path, forked: Path) -> Iterator[Project]:
    """The project, whose `main` declares what the servers have."""
    checkout = Checkout.init(tmp_path / "repository")
    for name in NAMES:
        checkout.write(f"servers/{name}.yaml", f"{OWN}grafana dashbord\n")
    for part in ("part-1.json", "part-2.json", "plan.md"):
        checkout.write(part, "forged")
    checkout.commit()
    (tmp_path / "fleet").mkdir()
    with fleet_on(tmp_path / "fleet") as fleet:
        file = {
            "INFLUX_CONFIGS_PATH": fleet.environment["INFLUX_CONFIGS_PATH"]
        }  # as GitLab gives a variable of the type File
        scoped = {"production/plan": file, "production": file, "production/note": {"TOKENCTL_GITLAB_TOKEN": NOTE_TOKEN}}
        inputs = {"fleet": "servers", "changes": ["servers/**/*", "servers/*"]}
        with serving(GitLab(tmp_path / "runner", checkout, scoped, forked, inputs=inputs)) as gitlab:
            gitlab.folder.mkdir()
            yield Project(gitlab, fleet)


def _codes(ended: dict[str, Ended]) -> dict[str, int]:
    return {name: each.code for name, each in ended.items()}


def test_a_fleet_is_planned_noted_once_and_applied_as_reviewed(project: Project) -> None:
    planned = project.request(project.propose())
    assert _codes(planned) == {"tokenctl-plan": 0, "tokenctl-note": 0}, planned
    (note,) = project.gitlab.notes
    assert (project.gitlab.artifacts["1-tokenctl-plan"] / "plan.html").exists()
    assert "### tokenctl plan, `production`: 3 to describe on 3 of 3 servers\n" in note["body"]
    counts = json.loads((project.gitlab.artifacts["1-tokenctl-plan"] / "plan.gitlab.json").read_text())
    assert counts == {"create": 0, "update": 3, "delete": 0}
    ended = project.merged()
    assert _codes(ended) == {
        "tokenctl-code-quality": 0, "tokenctl-plan-after-the-merge": 0, "tokenctl-apply": 0,
    }, ended  # fmt: skip
    assert "Review: as reviewed\n" in ended["tokenctl-plan-after-the-merge"].log
    assert project.described() == list(NAMES)
    journals = (project.gitlab.artifacts["2-tokenctl-apply"] / "journal").glob("*.ndjson")
    assert sorted(path.stem.split("-", 3)[3] for path in journals) == list(NAMES)
    logs = "".join(each.log for each in (*planned.values(), *ended.values()))
    assert not [name for name in NAMES if project.fleet.secret(name) in logs + note["body"]]


def test_parts_are_merged_and_a_server_that_is_not_reached_keeps_no_other_from_its_changes(project: Project) -> None:
    tables = {
        name: {"url": box.url, "token": project.fleet.secret(name)} for name, box in project.fleet.sandboxes.items()
    }
    project.fleet.profiles({**tables, "lyon": {**tables["lyon"], "url": "http://127.0.0.1:1"}})
    project.gitlab.inputs["parallel"] = 2
    codes = {"tokenctl-plan-part": 0, "tokenctl-plan": 7, "tokenctl-note": 0}
    assert _codes(project.request(project.propose())) == codes
    assert "2 of 3 servers · 1 not planned (unreachable)" in project.gitlab.notes[0]["body"]
    ended = project.merged()
    assert _codes(ended) == {
        "tokenctl-plan-part": 0, "tokenctl-code-quality": 0, "tokenctl-plan-after-the-merge": 0, "tokenctl-apply": 3,
    }, ended  # fmt: skip
    assert "Review: as reviewed\n" in ended["tokenctl-plan-after-the-merge"].log
    assert project.described() == ["hamburg", "us-cloud"]


def test_files_that_cannot_be_read_are_told_by_each_part_and_no_other_file_stands_for_one(project: Project) -> None:
    project.gitlab.inputs["parallel"] = 2
    ended = project.request(project.propose("[\n"))
    assert _codes(ended) == {"tokenctl-plan-part": 65, "tokenctl-note": 0}
    assert "### tokenctl: no plan\n" in project.gitlab.notes[0]["body"]


def test_some_servers_are_meant_and_drift_is_of_them(project: Project) -> None:
    project.gitlab.inputs["servers"] = "!us-* *"
    now = project.gitlab.checkout.git("rev-parse", "main")
    given = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}
    project.fleet.sandboxes["us-cloud"].change(GRAFANA, description="theirs")
    assert _codes(project.gitlab.pipeline(now, [], **given)) == {"tokenctl-drift": 0}
    project.fleet.sandboxes["lyon"].change(GRAFANA, description="theirs")
    assert _codes(project.gitlab.pipeline(now, [], **given)) == {"tokenctl-drift": 2}


def test_the_files_of_a_fork_are_checked_without_a_server(project: Project) -> None:
    ended = project.request(project.propose(), project="2")
    assert _codes(ended) == {"tokenctl-plan-of-a-fork": 0}
    assert (project.gitlab.artifacts["1-tokenctl-plan-of-a-fork"] / "plan.md").exists()
    assert [box.requests for box in project.fleet.sandboxes.values()] == [(), (), ()]

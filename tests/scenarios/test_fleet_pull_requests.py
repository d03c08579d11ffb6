"""From a pull request to the applied changes on several servers: our workflow files, run as GitHub runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.action.emulator import Job, Runner
from tests.action.fake_github import REPOSITORY, fake_github
from tests.checkout import Checkout
from tests.fleet import NAMES, Fleet, fleet_on, seed_of
from tests.shell import GRAFANA, INGEST

pytestmark = pytest.mark.no_cover

OWN = """version: 1
tokens:
  - id: "{id}"
    name: grafana
    description: {text}
"""
SHARED = f"""version: 1
tokens:
  - id: "{INGEST}"
    name: ingest
    status: {{status}}
"""
FLEET = {"fleet": "servers", "files": "shared.yaml"}


@dataclass
class Project:
    """A repository with a manifest for each of three servers, its settings, and the servers."""

    runner: Runner
    fleet: Fleet
    head: str = ""
    merge: str = ""

    def propose(self, **texts: str) -> None:
        """Let the pull request deactivate a token everywhere, and describe one on the servers that are named."""
        checkout = self.runner.checkout
        for branch, status in (("main", "active"), ("change", "inactive")):
            checkout.git("checkout", "--quiet", "-B", branch)
            checkout.write("shared.yaml", SHARED.format(status=status))
            for name in NAMES:
                text = texts.get(name, "grafana dashbord") if branch == "change" else "grafana dashbord"
                checkout.write(f"servers/{name}.yaml", OWN.format(id=GRAFANA, text=text))
            self.head = checkout.commit()
        checkout.git("checkout", "--quiet", "--detach", "main")
        checkout.git("merge", "--quiet", "--no-ff", "--message", "merge", "change")
        self.merge = checkout.git("rev-parse", "HEAD")

    def pull_request(self, repository: str = REPOSITORY, **inputs: str) -> Mapping[str, Job]:
        """The run for the pull request."""
        head = {"sha": self.head, "repo": {"full_name": repository}}
        opened = {"number": 7, "head": head, "base": {"ref": "main"}, "user": {"login": "mira"}}
        return self.runner.call("plan", {"pull_request": opened}, head=self.merge, **{**FLEET, **inputs})

    def merged(self, **inputs: str) -> Mapping[str, Job]:
        """The run after the merge."""
        pull = {"number": 7, "merged_at": "x", "merge_commit_sha": self.merge, "head": {"sha": self.head}}
        self.runner.github.pulls = [pull]
        event = {"before": self.runner.checkout.git("rev-parse", "main"), "after": self.merge, "created": False}
        return self.runner.call("apply", event, head=self.merge, **{**FLEET, **inputs})

    def drift(self) -> Mapping[str, Job]:
        """The run of a morning, for what is merged."""
        return self.runner.call("drift", {"schedule": "x"}, head=self.merge, **FLEET)

    def profiles(self) -> str:
        """Give the repository and its environment the profiles as they are in the fleet's file."""
        text = (self.fleet.folder / "profiles").read_text()
        self.runner.secrets = {"INFLUX_CONFIGS": text}
        self.runner.environments = {"production": {"INFLUX_CONFIGS": text, "INFLUX_TOKEN": "FAKE-of-one-server"}}
        return text

    def stored(self) -> dict[str, tuple[str, str]]:
        """Per server, the status of one token and the description of another."""
        tokens = {name: {each.id: each for each in box.tokens} for name, box in self.fleet.sandboxes.items()}
        return {name: (each[INGEST].status, each[GRAFANA].description) for name, each in tokens.items()}


@pytest.fixture
def project(tmp_path: Path, forked: Path) -> Iterator[Project]:
    """The project, with a pull request that is not merged yet."""
    checkout = Checkout.init(tmp_path / "repository")
    (tmp_path / "fleet").mkdir()
    with fake_github() as github, fleet_on(tmp_path / "fleet") as fleet:
        variables = {"INFLUX_HOST": "http://one.example", "TOKENCTL_SELF_ID": GRAFANA}  # for workflows of one server
        project = Project(
            Runner(tmp_path / "runner", github, checkout, {}, variables, python=str(forked / "python")), fleet
        )
        project.profiles()
        project.propose(lyon="dashboard")
        yield project


def _results(jobs: Mapping[str, Job]) -> dict[str, str]:
    return {name: job.result for name, job in jobs.items()}


def _hidden(project: Project, jobs: Mapping[str, Job]) -> None:
    """Every token of the profiles is masked before anything else is printed, and is nowhere else, nor is any other."""
    masks = [f"::add-mask::{project.fleet.secret(name)}" for name in NAMES]
    for name in ("plan", "apply"):
        if name in jobs and jobs[name].result != "skipped":
            assert jobs[name].log.splitlines()[:3] == masks
    said = "\n".join(str(vars(job)) for job in jobs.values()).replace("\\n", "\n")
    for mask in masks:
        said = said.replace(mask, "")
    said += json.dumps([project.runner.github.comments, project.runner.github.issues])
    left = [path for path in project.runner.folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    said += "\n".join(path.read_text("utf-8", "replace") for path in left)
    assert not [each.id for name in NAMES for each in seed_of(name).tokens if each.secret in said]


def test_three_servers_have_one_comment_one_approval_and_one_issue(project: Project) -> None:
    planned = project.pull_request()
    assert _results(planned) == {"plan": "success", "comment": "success", "fork": "skipped"}, planned["plan"].log
    _hidden(project, planned)
    (page,) = project.runner.folder.glob("artifacts/*/tokenctl-plan-production/plan.html")
    digest = planned["plan"].outputs["digest"]
    assert digest in page.read_text("utf-8")
    (comment,) = project.runner.github.comments
    assert comment["body"].startswith(
        "<!-- tokenctl plan production -->\n"
        "### tokenctl plan, `production`: 3 to deactivate, 1 to describe on 3 of 3 servers\n"
    )
    assert f"Digest `{digest}`" in comment["body"]

    asked: list[tuple[str, str]] = []

    def approve(environment: str, jobs: Mapping[str, Job]) -> None:
        asked.append((environment, jobs["plan"].outputs["reviewed"]))
        assert jobs["plan"].summary.endswith("\nReview: `as reviewed`\n\n")
        assert f"Digest `{digest}`" in jobs["plan"].summary

    project.runner.approve = approve
    applied = project.merged()
    assert _results(applied) == {"plan": "success", "apply": "success", "result": "success"}, applied["apply"].log
    _hidden(project, applied)
    assert asked == [("production", "as-reviewed")]
    assert project.stored() == {
        name: ("inactive", "dashboard" if name == "lyon" else "grafana dashbord") for name in NAMES
    }
    told = project.runner.github.comments[1]["body"]
    assert told.startswith("<!-- tokenctl result production -->\n### tokenctl apply: ok (4 done)\n")
    assert told.partition("| why |\n")[2].partition("\n\n")[0] == "\n".join(
        [
            "|---|---|---|---|---|",
            "| done | `hamburg`, `lyon`, `us-cloud` | `ingest`<br>`ingest` | deactivate |  |",
            f"| done | `lyon` | `grafana`<br>`grafana dashbord`<br>`{GRAFANA}` | describe |  |",
        ]
    )
    journals = project.runner.folder.glob("artifacts/*/tokenctl-apply-production-journal-1/*.ndjson")
    assert sorted(path.stem.split("-", 3)[3] for path in journals) == list(NAMES)

    assert _results(project.drift()) == {"plan": "success", "issue": "success"}
    assert project.runner.github.issues == []
    project.fleet.sandboxes["hamburg"].change(GRAFANA, description="theirs")
    drifted = project.drift()
    assert (_results(drifted), drifted["plan"].outputs["changes"]) == ({"plan": "success", "issue": "success"}, "1")
    _hidden(project, drifted)
    (issue,) = project.runner.github.issues
    assert "\n### 1 token of `production` is not as declared\n\n| server | token |" in issue["body"]
    assert f"| `hamburg` | `grafana`<br>`theirs`<br>`{GRAFANA}`<br>`servers/hamburg.yaml:3` |" in issue["body"]


def test_a_server_that_is_not_reached_keeps_no_other_from_its_changes(project: Project) -> None:
    text = project.profiles()
    away = text.replace(project.fleet.sandboxes["us-cloud"].url, "http://127.0.0.1:1")
    project.runner.secrets = {"INFLUX_CONFIGS": away}
    project.runner.environments = {"production": {"INFLUX_CONFIGS": away}}
    planned = project.pull_request()
    assert _results(planned) == {"plan": "failure", "comment": "success", "fork": "skipped"}
    assert planned["plan"].outputs["reason"] == "unreachable"
    applied = project.merged()
    assert _results(applied) == {"plan": "failure", "apply": "failure", "result": "success"}
    assert applied["plan"].outputs["reviewed"] == "as-reviewed"
    assert applied["apply"].outputs == {"reason": "partial"}
    assert project.stored()["lyon"] == ("inactive", "dashboard")
    assert project.stored()["us-cloud"] == ("active", "grafana dashbord")
    told = project.runner.github.comments[1]["body"]
    assert (
        "### tokenctl apply: partial (3 done)\n\n**Something was changed, and not all is well on every server.**"
        in told
    )
    assert "\n\nWithout a plan, so that nothing is sent: `us-cloud` (unreachable).\n" in told
    _hidden(project, applied)


def test_a_server_that_changed_after_the_approval_is_left_alone(project: Project) -> None:
    def approve(environment: str, jobs: Mapping[str, Job]) -> None:
        project.fleet.sandboxes["lyon"].change(GRAFANA, description="needed again")

    project.runner.approve = approve
    applied = project.merged(servers="hamburg\n!us-*\nlyon")
    assert _results(applied) == {"plan": "success", "apply": "failure", "result": "success"}
    assert applied["apply"].outputs == {"reason": "partial"}
    assert project.stored() == {
        "hamburg": ("inactive", "grafana dashbord"),
        "lyon": ("active", "needed again"),
        "us-cloud": ("active", "grafana dashbord"),
    }
    (comment,) = project.runner.github.comments
    assert "### tokenctl apply: partial (2 not attempted, 1 done)" in comment["body"]
    assert "| describe | `nothing was sent to this server: the log says why` |" in comment["body"]
    assert "::error file=servers/lyon.yaml,line=3,col=5::lyon: describe grafana" in applied["apply"].log


def test_a_server_without_a_profile_is_told_and_nothing_is_sent(project: Project) -> None:
    text = project.profiles().partition('["us-cloud"]')[0]
    project.runner.secrets = {"INFLUX_CONFIGS": text}
    planned = project.pull_request()
    assert _results(planned) == {"plan": "failure", "comment": "success", "fork": "skipped"}
    assert "| `us-cloud` | **usage** | " in project.runner.github.comments[0]["body"]
    assert _results(project.merged()) == {"plan": "failure", "apply": "skipped", "result": "success"}


def test_a_fork_gets_no_profiles_and_its_files_are_checked(project: Project) -> None:
    jobs = project.pull_request(repository="mallory/tokens")
    assert _results(jobs) == {"plan": "skipped", "comment": "skipped", "fork": "success"}, jobs["fork"].log
    assert jobs["fork"].summary == "### tokenctl validate: ok (no problems)\n\n"
    assert "add-mask" not in jobs["fork"].log
    assert [box.requests for box in project.fleet.sandboxes.values()] == [(), (), ()]

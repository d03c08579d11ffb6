"""The action and the workflows as they are written: what they may do, and that they fit together."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.action.emulator import evaluate, filled

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parent.parent.parent
ACTIONS = {path.parent.name: path for path in sorted((ROOT / ".github" / "actions").glob("*/action.yml"))}
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
REUSABLE = ("apply", "drift", "plan")
FILES = [ROOT / "action.yml", *ACTIONS.values(), *WORKFLOWS.values()]

Parsed = dict[Any, Any]


def _parsed(path: Path) -> Parsed:
    parsed: Parsed = yaml.safe_load(path.read_text())
    return parsed


def _jobs() -> Iterator[tuple[str, str, Parsed]]:
    for name in REUSABLE:
        yield from ((name, job, value) for job, value in _parsed(WORKFLOWS[name])["jobs"].items())


def _steps(path: Path) -> list[Parsed]:
    parsed = _parsed(path)
    if "runs" in parsed:
        return list(parsed["runs"]["steps"])
    return [step for job in parsed["jobs"].values() for step in job["steps"]]


def test_the_root_action_and_the_one_of_the_workflows_are_one_file() -> None:
    assert ACTIONS["tokenctl"].is_symlink()
    assert ACTIONS["tokenctl"].samefile(ROOT / "action.yml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_script_has_an_expression_and_every_foreign_action_is_pinned_and_named(path: Path) -> None:
    for step in _steps(path):
        assert "${{" not in step.get("run", "")
    for used in re.findall(r"^[ -]*uses: (.*)", path.read_text(), re.MULTILINE):
        assert re.fullmatch(r"\$/\.github/actions/[a-z]+|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


@pytest.mark.parametrize("path", FILES[: 1 + len(ACTIONS)], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_script_of_an_action_is_replaced_by_what_it_runs(path: Path) -> None:
    """The runner's signals go to the process that a step began with."""
    scripts = [step["run"] for step in _steps(path) if "run" in step]
    assert scripts
    for script in scripts:
        assert script.rstrip().splitlines()[-1].startswith('exec "$')


@pytest.mark.parametrize("name", REUSABLE)
def test_a_reusable_workflow_has_no_rights_but_those_of_its_jobs(name: str) -> None:
    parsed = _parsed(WORKFLOWS[name])
    assert parsed["permissions"] == {}
    assert set(parsed[True]) == {"workflow_call"}  # YAML reads the key `on` as a boolean


def test_every_job_has_the_rights_that_it_needs_and_no_other() -> None:
    assert {(workflow, name): job["permissions"] for workflow, name, job in _jobs()} == {
        ("apply", "plan"): {"actions": "read", "contents": "read", "pull-requests": "read"},
        ("apply", "apply"): {"contents": "read"},
        ("apply", "result"): {"actions": "read", "pull-requests": "write"},
        ("drift", "plan"): {"contents": "read"},
        ("drift", "issue"): {"issues": "write"},
        ("plan", "plan"): {"contents": "read"},
        ("plan", "comment"): {"pull-requests": "write"},
        ("plan", "fork"): {"contents": "read"},
    }


def test_a_job_with_credentials_cannot_write_and_only_some_jobs_have_them() -> None:
    holding = {(workflow, name) for workflow, name, job in _jobs() if "secrets." in str(job)}
    assert holding == {("apply", "plan"), ("apply", "apply"), ("drift", "plan"), ("plan", "plan")}
    writing = {(workflow, name) for workflow, name, job in _jobs() if "write" in job["permissions"].values()}
    assert not holding & writing


def test_only_configuration_chooses_the_server() -> None:
    for _, _, job in _jobs():
        for step in job["steps"]:
            for name, value in step.get("env", {}).items():
                held = f"{'secrets' if name in ('INFLUX_TOKEN', 'INFLUX_CONFIGS') else 'vars'}.{name}"
                other = "!=" if name == "INFLUX_CONFIGS" else "=="  # nothing of one server is set for a fleet
                assert value == f"${{{{ inputs.fleet {other} '' && {held} || '' }}}}"
    for name in REUSABLE:
        assert set(_parsed(WORKFLOWS[name])[True]["workflow_call"]["inputs"]) <= {
            "environment", "environment-as-reviewed", "files", "fleet", "servers", "python",
        }  # fmt: skip


def test_a_fork_gets_no_credentials_and_asks_no_server() -> None:
    job = _parsed(WORKFLOWS["plan"])["jobs"]["fork"]
    assert "env" not in str(job["steps"]).replace("environment", "")
    (plan,) = (step["with"] for step in job["steps"] if step["uses"].startswith("$/"))  # each one installs
    assert (plan["command"], plan["offline"], plan["base"]) == ("plan", "true", "HEAD^1")


@pytest.mark.parametrize("event", ["merge_group", "pull_request"])
@pytest.mark.parametrize("author", ["mira", "dependabot[bot]"])
@pytest.mark.parametrize("repository", ["acme/tokens", "mallory/tokens", ""])  # of a fork that is gone
def test_either_the_plan_or_that_for_a_fork_runs_and_only_who_gets_secrets_has_the_first(
    event: str, author: str, repository: str
) -> None:
    opened = {"head": {"repo": {"full_name": repository}}, "user": {"login": author}}
    github: Parsed = {"event_name": event, "repository": "acme/tokens"}
    github |= {"event": {"pull_request": opened} if event == "pull_request" else {}}
    runs = [evaluate(_parsed(WORKFLOWS["plan"])["jobs"][name]["if"], {"github": github}) for name in ("plan", "fork")]
    trusted = event == "merge_group" or (author, repository) == ("mira", "acme/tokens")
    assert runs == [trusted, not trusted]


def test_no_link_dangles_and_no_action_names_another_of_its_own_repository() -> None:
    """Only a workflow may name `$/…`: within an action it would mean the caller's repository."""
    for path in FILES[: 1 + len(ACTIONS)]:
        assert "$/" not in path.read_text()
    git = shutil.which("git")
    assert git
    listed = subprocess.check_output([git, "ls-files", "-z"], cwd=ROOT, text=True).split("\0")[:-1]
    links = {name: str((ROOT / name).readlink()) for name in listed if (ROOT / name).is_symlink()}
    assert links[".github/actions/tokenctl/action.yml"] == "../../../action.yml"
    for name, target in links.items():
        assert not target.startswith("/"), name
        assert (ROOT / name).exists(), name


def test_dependabot_keeps_the_actions_wherever_they_are_named() -> None:
    (entry,) = (
        each for each in _parsed(ROOT / ".github" / "dependabot.yml")["updates"] if each["package-ecosystem"] == "github-actions"
    )  # fmt: skip
    assert entry["directories"] == ["/", "/.github/actions/*"]
    assert {path.parent for path in FILES} == {
        ROOT,
        ROOT / ".github" / "workflows",
        *(path.parent for path in ACTIONS.values()),
    }


def test_an_upload_that_fails_does_not_end_an_action() -> None:
    steps = [step for step in _steps(ROOT / "action.yml") if "upload-artifact" in step.get("uses", "")]
    assert [step["continue-on-error"] for step in steps] == [True, True]


def test_nothing_runs_the_code_of_a_pull_request_with_rights() -> None:
    for path in FILES:
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        for forbidden in ("pull_request_target", "workflow_run:", "secrets: inherit", "persist-credentials: true"):
            assert forbidden not in "\n".join(lines)


def test_every_checkout_leaves_no_credentials_behind() -> None:
    for path in WORKFLOWS.values():
        for step in _steps(path):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", [*WORKFLOWS.values()], ids=lambda path: path.stem)
def test_what_a_workflow_gives_to_an_action_is_what_that_takes(path: Path) -> None:
    for step in _steps(path):
        if step.get("uses", "").startswith("$/"):
            inputs = _parsed(ROOT / step["uses"].removeprefix("$/") / "action.yml")["inputs"]
            assert step["with"].keys() <= inputs.keys()
            assert step["with"].keys() >= {name for name, each in inputs.items() if each.get("required")}


@pytest.mark.parametrize("path", [*WORKFLOWS.values()], ids=lambda path: path.stem)
def test_what_a_workflow_reads_of_a_step_is_what_that_gives(path: Path) -> None:
    for job in _parsed(path)["jobs"].values():
        steps = {step["id"]: step for step in job["steps"] if "id" in step}
        for name, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
            if "uses" in steps[name]:
                assert output in _parsed(ROOT / steps[name]["uses"].removeprefix("$/") / "action.yml")["outputs"]
            else:
                assert f"'{output}=%s" in steps[name]["run"]


@pytest.mark.parametrize("path", FILES[: 1 + len(ACTIONS)], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_input_of_an_action_reaches_a_script_by_the_environment(path: Path) -> None:
    action = _parsed(path)
    given = {
        each for step in action["runs"]["steps"] for part in ("env", "with") for each in step.get(part, {}).values()
    }
    for name in action["inputs"]:
        assert f"${{{{ inputs.{name} }}}}" in given
    assert not {"token", "secret", "password"} & set(re.findall(r"[a-z]+", " ".join(action["inputs"])))


def test_an_apply_is_of_the_plan_that_its_reviewers_saw() -> None:
    jobs = _parsed(WORKFLOWS["apply"])["jobs"]
    (step,) = (each for each in jobs["apply"]["steps"] if each.get("id") == "tokenctl")
    entered = jobs["apply"]["environment"]["name"]
    assert [each["with"].get("environment") for each in jobs["result"]["steps"]] == [None, entered]
    assert step["with"]["expect"] == "${{ needs.plan.outputs.digest }}"
    saved = {
        "github": {"event": {"before": "b"}},
        "inputs": {"fleet": "servers", "files": "f"},
        "runner": {"temp": "t"},
    }
    given = {name: filled(step["with"][name], saved) for name in ("plan", "files", "reviewed", "base")}
    assert given == {"plan": "t/agreed/plan.json", "files": "", "reviewed": "", "base": ""}
    assert jobs["apply"]["needs"] == "plan"
    assert jobs["apply"]["concurrency"]["cancel-in-progress"] is False
    assert jobs["apply"]["environment"]["name"].endswith("|| inputs.environment }}")

"""What GitHub does with a workflow and its actions, as far as ours need it: expressions, steps, jobs, artifacts.

https://github.com/actions/runner: FileCommandManager.cs reads outputs, ScriptHandler.cs starts `shell: bash` as
`bash --noprofile --norc -e -o pipefail FILE`, and a step runs when its condition holds, which is `success()` by itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.action.fake_github import REPOSITORY, TOKEN, GitHub
from tests.action.runner_outputs import read_outputs
from tests.checkout import Checkout

ROOT = Path(__file__).parent.parent.parent

Values = Mapping[str, Any]

_EVENTS = ("pull_request", "merge_group", "schedule", "inputs")
_NAME = re.compile(r"'[^']*'|\bformat(?=\()|[a-z][\w-]*(?:\.[\w-]+)+|always\(\)|!cancelled\(\)")


def evaluate(expression: str, contexts: Values) -> Any:
    """The value of an expression of GitHub's, of the few forms that ours have; what is not there is ""."""

    def known(match: re.Match[str]) -> str:
        text = match[0]
        if text.startswith("'") or text == "format":
            return text
        if text.endswith(")"):
            return "True"
        value: Any = contexts
        for part in text.split("."):
            value = value.get(part, "") if isinstance(value, Mapping) else ""
        return repr(value)

    python = _NAME.sub(known, expression).replace("&&", " and ").replace("||", " or ")
    return eval(python, {"__builtins__": {}}, {"format": str.format, "true": True, "false": False})  # noqa: S307  # ours


def filled(text: object, contexts: Values) -> str:
    """The text with its expressions replaced by their values."""
    found = re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(evaluate(match[1].strip(), contexts)), str(text))
    return {"True": "true", "False": "false"}.get(found, found)


@dataclass
class Job:
    """What became of a job: `success`, `failure` or `skipped`, its outputs, its log and its summary."""

    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


@dataclass
class Runner:
    """A repository on GitHub with its settings, and machines for its jobs.

    `secrets` are the repository's, `environments` has those of each environment; `approve` is called with the name of
    an environment and the jobs so far before a job enters it. `python` is what the workflows are told to use. Without
    `takes_artifacts` it is GitHub Enterprise Server, where these actions end with an error.
    """

    folder: Path
    github: GitHub
    checkout: Checkout
    secrets: dict[str, str]
    variables: dict[str, str]
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    approve: Callable[[str, Mapping[str, Job]], None] = lambda name, jobs: None
    python: str = sys.executable
    takes_artifacts: bool = True
    reviewers: tuple[str, ...] = ("rita",)
    runs: int = 100

    def call(self, workflow: str, event: Values, *, head: str, on: str = "", **inputs: str) -> dict[str, Job]:
        """Run a reusable workflow on a commit, as a workflow that calls it for this event would.

        `on` is the event's name; by default it is what the event looks like.
        """
        parsed = yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())
        declared = parsed[True]["workflow_call"]["inputs"]
        defaults = {name: str(each.get("default", "")) for name, each in declared.items()}
        self.runs += 1
        github = {
            "repository": REPOSITORY, "token": TOKEN, "run_attempt": "1", "sha": head, "event": event, "ref": "refs/heads/x",
            "ref_name": "x", "server_url": "https://github.example",
            "event_name": on or next((name for name in _EVENTS if name in event), "push"),
        }  # fmt: skip
        contexts = {
            "github": github,
            "vars": self.variables,
            "inputs": {**defaults, "python": self.python, **inputs},
        }
        jobs: dict[str, Job] = {}
        for name, job in parsed["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            seen = {**contexts, "needs": {each: vars(jobs[each]) for each in needs}, "secrets": self.secrets}
            good = all(jobs[each].result == "success" for each in needs)
            wanted = str(job.get("if", "true")).removeprefix("${{").removesuffix("}}").strip()
            if not (good or "cancelled()" in wanted or "always()" in wanted) or not evaluate(wanted, seen):
                jobs[name] = Job("skipped")
                continue
            if "environment" in job:
                environment = filled(job["environment"]["name"], seen)
                try:
                    self.approve(environment, jobs)
                except RejectedError:
                    jobs[name] = Job("failure")
                self._note_review(environment, "rejected" if name in jobs else "approved")
                if name in jobs:
                    continue
                seen["secrets"] = {**self.secrets, **self.environments[environment]}
            jobs[name] = Machine(self, f"{self.runs}-{name}", github).run(job, seen)
        return jobs

    def _note_review(self, environment: str, state: str) -> None:
        self.github.approvals += [
            {"run": self.runs, "state": state, "user": {"login": each}, "environments": [{"name": environment}]}
            for each in self.reviewers
        ]


class RejectedError(Exception):
    """A reviewer lets no job enter an environment."""


class Machine:
    """Where one job runs: a workspace, a temporary folder, and the files that steps write into."""

    def __init__(self, runner: Runner, name: str, github: Values) -> None:
        self.runner, self.github = runner, github
        self.folder = runner.folder / name
        self.workspace, self.temporary = self.folder / "workspace", self.folder / "temp"
        for folder in (self.workspace, self.temporary):
            folder.mkdir(parents=True)
        self.job = Job()
        self.steps = 0

    def run(self, job: Values, contexts: dict[str, Any]) -> Job:
        """Run the steps, and give what became of them."""
        contexts = {**contexts, "runner": {"temp": str(self.temporary)}}
        self.job.result, steps = self._steps(job["steps"], contexts, {})
        self.job.outputs = {
            name: filled(value, {**contexts, "steps": steps}) for name, value in job.get("outputs", {}).items()
        }
        summary = self.folder / "summary"
        self.job.summary = summary.read_text() if summary.exists() else ""
        return self.job

    def _steps(self, steps: list[Values], contexts: Values, inherited: Values) -> tuple[str, dict[str, Any]]:
        done: dict[str, Any] = {}
        result = "success"
        for number, step in enumerate(steps):
            seen = {**contexts, "steps": done}
            condition = str(step.get("if", "true"))
            outcome, outputs = "skipped", dict[str, str]()
            if (result == "success" or "always()" in condition) and evaluate(condition, seen):
                given = {name: filled(value, seen) for name, value in step.get("env", {}).items()}
                outcome, outputs = self._step(step, seen, {**inherited, **given})
            if outcome == "failure" and not step.get("continue-on-error"):
                result = "failure"
            done[step.get("id", str(number))] = {"outcome": outcome, "outputs": outputs}
        return result, done

    def _step(self, step: Values, contexts: Values, environment: Values) -> tuple[str, dict[str, str]]:
        if "run" in step:
            return self._script(step["run"], contexts, environment)
        given = {name: filled(value, contexts) for name, value in step.get("with", {}).items()}
        used = step["uses"].partition("@")[0]
        if used.startswith("$/"):
            return self._action(ROOT / used.removeprefix("$/"), given, contexts, environment)
        known = {
            "actions/checkout": self._checkout,
            "actions/upload-artifact": self._upload,
            "actions/download-artifact": self._download,
        }
        if "artifact" in used and not self.runner.takes_artifacts:
            self.job.log += (
                "::error::upload-artifact@v4+ and download-artifact@v4+ are not currently supported on GHES.\n"
            )
            return "failure", {}
        kept = (
            {"artifact-url": f"https://github.example/artifacts/{given['name']}"}
            if used.endswith("/upload-artifact")
            else {}
        )
        return ("success" if known[used](given) else "failure"), kept

    def _action(self, folder: Path, given: Values, contexts: Values, environment: Values) -> tuple[str, dict[str, str]]:
        action = yaml.safe_load((folder / "action.yml").read_text())
        # The tests have no network: the interpreter at hand has everything, which the action lets its callers say.
        defaults = {name: str(each.get("default", "")) for name, each in action["inputs"].items()} | {
            "install": "false"
        }
        seen = {"github": contexts["github"], "runner": contexts["runner"], "inputs": {**defaults, **given}}
        path = {"GITHUB_ACTION_PATH": str(folder)}
        result, steps = self._steps(action["runs"]["steps"], seen, {**environment, **path})
        declared = action.get("outputs", {})
        return result, {name: filled(each["value"], {**seen, "steps": steps}) for name, each in declared.items()}

    def _script(self, script: str, contexts: Values, environment: Values) -> tuple[str, dict[str, str]]:
        self.steps += 1
        file, output = self.folder / f"{self.steps}.sh", self.folder / f"{self.steps}.output"
        event = self.folder / "event.json"
        file.write_text(script)
        event.write_text(json.dumps(contexts["github"]["event"]))
        variables = {
            "API_URL": self.runner.github.url, "EVENT_PATH": event, "OUTPUT": output, "REPOSITORY": REPOSITORY,
            "RUN_ID": self.folder.name.partition("-")[0], "RUN_ATTEMPT": self.github["run_attempt"], "SERVER_URL": "https://github.example", "SHA": self.github["sha"],
            "STEP_SUMMARY": self.folder / "summary", "ACTIONS": "true",
        }  # fmt: skip
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "CI": "true",
            "RUNNER_TEMP": self.temporary,
        }
        own |= {f"GITHUB_{name}": value for name, value in variables.items()}
        done = subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-e", "-o", "pipefail", file], cwd=self.workspace, check=False,
            env={name: str(value) for name, value in {**own, **environment}.items()},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
        )  # fmt: skip
        self.job.log += done.stdout
        return ("failure" if done.returncode else "success"), read_outputs(output)

    def _checkout(self, _: Values) -> bool:
        origin = str(self.runner.checkout.folder)
        self.runner.checkout.git("clone", "--quiet", "--no-checkout", origin, str(self.workspace))
        self.runner.checkout.git("-C", str(self.workspace), "checkout", "--quiet", "--detach", self.github["sha"])
        return True

    def _artifact(self, run: str, name: str) -> Path:
        return self.runner.folder / "artifacts" / run / name

    def _upload(self, given: Values) -> bool:
        run = self.folder.name.partition("-")[0]
        target = self._artifact(run, given["name"])
        found = [Path(line) for line in given["path"].splitlines() if Path(line).exists()]
        target.mkdir(parents=True, exist_ok=given.get("overwrite") == "true")
        for each in found:
            if each.is_dir():
                shutil.copytree(each, target, dirs_exist_ok=True)
            else:
                shutil.copy(each, target)
        made = self.runner.github.artifacts
        # A run for a pull request is one for its last commit, though it has the merge with its base checked out.
        head = self.github["event"].get("pull_request", {}).get("head", {}).get("sha") or self.github["sha"]
        made.append({
            "id": len(made) + 1, "name": given["name"], "expired": False,
            "workflow_run": {"id": int(run), "head_sha": head, "repository_id": 1, "head_repository_id": 1},
        })  # fmt: skip
        return True

    def _download(self, given: Values) -> bool:
        run = given.get("run-id") or self.folder.name.partition("-")[0]
        artifact = self._artifact(run, given["name"])
        if artifact.exists():
            shutil.copytree(artifact, given["path"])
        return artifact.exists()

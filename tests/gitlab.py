"""What GitLab does with the template, as far as it needs it: rules, scripts in bash, artifacts, and two of its APIs.

https://docs.gitlab.com/ci/yaml/ and https://docs.gitlab.com/api/notes/: the scripts of a job are one, under `set -eo
pipefail`; a job that fails keeps its artifacts with `when: always`; `rules: changes` holds where nothing was pushed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from tests.checkout import Checkout
from tests.shell import PROGRAM

TEMPLATE = Path(__file__).parent.parent / "ci" / "gitlab" / "tokenctl.yml"
SPEC, JOBS = yaml.safe_load_all(TEMPLATE.read_text())
INPUTS = SPEC["spec"]["inputs"]
NOTE_TOKEN = "FAKE-note"
JOB_TOKEN = "FAKE-job"
_INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def job_of(name: str) -> dict[str, Any]:
    """A job with what it extends, as GitLab merges it: mappings key by key, all else is replaced."""
    job: dict[str, Any] = JOBS[name]
    return _merged(job_of(job["extends"]), job) if "extends" in job else job


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(below[key], value) for key, value in above.items()
            if isinstance(value, dict) and isinstance(below.get(key), dict)}  # fmt: skip
    return {**below, **above, **both}


def holds(condition: str, variables: Mapping[str, str]) -> bool:
    """Whether a condition of the few forms that the template has holds."""
    for each in condition.split(" && "):
        left, operator, right = each.split()
        values = [variables.get(part[1:], "") if part.startswith("$") else part.strip('"') for part in (left, right)]
        if (values[0] == values[1]) != (operator == "=="):
            return False
    return True


@dataclass
class Ended:
    """What became of a job: its exit code, and its log."""

    code: int
    log: str


@dataclass
class GitLab:
    """A project: its notes and artifacts, and runners for its jobs. `scoped` has the variables of each environment.

    `programs` is the folder of the `tokenctl` that the jobs find.
    """

    folder: Path
    checkout: Checkout
    scoped: dict[str, dict[str, str]]
    programs: Path = PROGRAM.parent
    port: int = 0
    notes: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, Path] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    number: int = 0

    def pipeline(self, commit: str, changed: list[str], **variables: str) -> dict[str, Ended]:
        """Run every job of a pipeline on a commit, also the manual ones; `changed` are the files of a push."""
        self.number += 1
        given = {
            "CI_PROJECT_ID": "1", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_SHA": commit, "CI_JOB_TOKEN": JOB_TOKEN,
            "CI_API_V4_URL": f"http://127.0.0.1:{self.port}", "CI_PIPELINE_URL": "https://gitlab.example/pipelines/1",
            "CI_PROJECT_URL": "https://gitlab.example/acme/tokens", "CI_JOB_URL": "https://gitlab.example/acme/tokens/-/jobs/1",
            **variables,
        }  # fmt: skip
        ended: dict[str, Ended] = {}
        for name in (each for each in JOBS if not each.startswith(".")):
            job = self._filled(job_of(name))
            rule = next((each for each in job["rules"] if self._fits(each, given, changed)), {"when": "never"})
            needs = rule.get("needs", job.get("needs", ()))
            needed = [each for each in needs if each not in ended or ended[each].code]
            if rule.get("when") == "never" or (needed and rule.get("when") != "always"):
                continue
            needs = [each for each in needs if each in ended]
            for number in range(job.get("parallel", 1)):
                node = {"CI_NODE_INDEX": str(number + 1), "CI_NODE_TOTAL": str(job.get("parallel", 1))}
                one = self._run(f"{name}-{number + 1}" if "parallel" in job else name, job, {**given, **node}, needs)
                before = ended.get(name, Ended(0, ""))
                ended[name] = Ended(one.code or before.code, before.log + one.log)
                kept = self.artifacts.setdefault(f"{self.number}-{name}", self.folder / f"{self.number}-{name}-all")
                if "parallel" in job:
                    shutil.copytree(self.artifacts[f"{self.number}-{name}-{number + 1}"], kept, dirs_exist_ok=True)
        return ended

    def _fits(self, rule: Mapping[str, Any], given: Mapping[str, str], changed: list[str]) -> bool:
        globs = rule.get("changes", ["*"])
        return holds(rule["if"], given) and (
            "changes" not in rule or any(fnmatch(*each) for each in product(changed, globs))
        )

    def _filled(self, value: Any) -> Any:
        """The value with the inputs in it; one that is nothing but an input has the type of that."""
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if not isinstance(value, str):
            return value
        known = {name: each.get("default", "1.2.3") for name, each in INPUTS.items()} | self.inputs
        whole = _INPUT.fullmatch(value)
        return known[whole[1]] if whole else _INPUT.sub(lambda found: str(known[found[1]]), value)

    def _run(self, name: str, job: Mapping[str, Any], given: Mapping[str, str], needs: Sequence[str]) -> Ended:
        folder = self.folder / f"{self.number}-{name}"
        self.checkout.git("clone", "--quiet", "--no-checkout", str(self.checkout.folder), str(folder))
        self.checkout.git("-C", str(folder), "checkout", "--quiet", "--detach", given["CI_COMMIT_SHA"])
        variables = {**given, "CI_PROJECT_DIR": str(folder)}
        scoped = self.scoped.get(job.get("environment", {}).get("name", ""), {})
        for key, value in {**job["variables"], **scoped}.items():
            variables[key] = str(value).replace("$CI_PROJECT_DIR", str(folder))
        for each in needs:
            shutil.copytree(self.artifacts[f"{self.number}-{each}"], folder, dirs_exist_ok=True)
            said = folder / job_of(each)["artifacts"].get("reports", {}).get("dotenv", "plan.env")
            for line in said.read_text().splitlines() if said.exists() else ():
                key, _, value = line.partition("=")
                variables[key] = value
        path = f"{self.programs}:{PROGRAM.parent}:{os.environ['PATH']}"
        script = "\n".join(["set -eo pipefail", *job["before_script"], *job["script"]])
        done = subprocess.run(
            ["/bin/bash"], cwd=folder, input=script, text=True, check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**variables, "PATH": path, "HOME": str(folder)},
        )  # fmt: skip
        self._keep(name, job["artifacts"], folder, variables.get("CI_NODE_INDEX", ""))
        return Ended(done.returncode, done.stdout)

    def _keep(self, name: str, artifacts: Mapping[str, Any], folder: Path, node: str) -> None:
        kept = self.artifacts[f"{self.number}-{name}"] = self.folder / f"{self.number}-{name}-artifacts"
        kept.mkdir()
        for each in (*artifacts.get("paths", ()), *artifacts.get("reports", {}).values()):
            source = folder / each.replace("$CI_NODE_INDEX", node)
            if source.is_dir():
                shutil.copytree(source, kept / each)
            elif source.exists():
                shutil.copy(source, kept)

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """What the API answers; a value that is bytes is sent as it is."""
        if "/jobs/artifacts/" in path:
            plans = [each / "plan.json" for each in self.artifacts.values() if "-tokenctl-plan-art" in each.name]
            wanted = "/projects/1/jobs/artifacts/refs%2Fmerge-requests%2F12%2Fhead/raw/plan.json?job=tokenctl-plan"
            good = (path, token) == (wanted, JOB_TOKEN) and plans
            return (200, plans[-1].read_bytes()) if good else (404, {"message": "404 Not Found"})
        if token != NOTE_TOKEN:
            return 401, {"message": "401 Unauthorized"}
        if path == "/user":
            return 200, {"id": 5}
        if method == "GET":
            page = int(path.rpartition("=")[2])
            return 200, self.notes[(page - 1) * 100 : page * 100]
        if method == "POST":
            self.notes.append({"id": len(self.notes) + 1, "author": {"id": 5}, **body})
        else:
            self.notes[int(path.rpartition("/")[2]) - 1].update(body)
        return 200, {}


class _Handler(BaseHTTPRequestHandler):
    gitlab: GitLab

    def handle_request(self) -> None:
        """Answer any request."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = self.headers.get("PRIVATE-TOKEN") or self.headers.get("JOB-TOKEN") or ""
        body = json.loads(content) if content else None
        status, value = self.gitlab.answer(self.command, self.path, token, body)
        sent = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        more = isinstance(value, list) and len(value) == 100
        self.send_header("X-Next-Page", str(int(self.path.rpartition("=")[2]) + 1) if more else "")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = handle_request  # noqa: N815  # http.server looks for these names

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@contextmanager
def serving(gitlab: GitLab) -> Iterator[GitLab]:
    """The project with its API on a port, for the time of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gitlab": gitlab}))
    gitlab.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield gitlab
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

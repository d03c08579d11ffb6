"""The verbs of the action: the environment is read, and errors become words, here and nowhere else."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from action import drift, github, posts, profiles, report, run, runner
from action.runner import ActionError, path, variable

Environment = Mapping[str, str]
_URL = re.compile(r"https://[A-Za-z0-9._~:/-]+")


def main(arguments: Sequence[str], environment: Environment = os.environ) -> int:
    """Run one verb and return its exit code; the only handler of errors."""
    try:
        return _VERBS[arguments[0]](environment)
    except ActionError as error:
        print(runner.command("error", str(error)))
        return 1


def _install(environment: Environment) -> int:
    for line in profiles.masks(environment):
        print(line, flush=True)  # before anything is printed, also by what this starts
    wanted = runner.read(environment)
    # Nothing that is installed is to see the credentials that the job holds for tokenctl.
    bare = {name: value for name, value in environment.items() if not name.startswith("INFLUX_")}
    run_bare = functools.partial(subprocess.check_call, env=bare)
    made = run.install(wanted, path(environment, "RUNNER_TEMP"), run_bare)
    runner.write(path(environment, "GITHUB_OUTPUT"), made)
    return 0


def _plan(environment: Environment) -> int:
    from reconciler.__main__ import main as tokenctl

    folder = path(environment, "TOKENCTL_FOLDER")
    with profiles.lent(os.environ, folder):
        return run.plan(runner.read(environment), folder, tokenctl)


def _apply(environment: Environment) -> int:
    from reconciler.__main__ import main as tokenctl

    folder = path(environment, "TOKENCTL_FOLDER")
    with profiles.lent(os.environ, folder):
        return run.apply(runner.read(environment), folder, tokenctl)


def _report(environment: Environment) -> int:
    found = report.read(environment)
    if found.folder:
        profiles.remove(found.folder)
    text = report.markdown(found)
    report.keep(found, text)
    runner.summarise(path(environment, "GITHUB_STEP_SUMMARY"), text, report.brief(found))
    runner.write(path(environment, "GITHUB_OUTPUT"), report.outputs(found))
    for line in report.log_lines(found):
        print(line)
    return 0


def _journal(environment: Environment) -> int:
    """Never fails: what was applied is applied, whether its journal could be uploaded or not."""
    folder = path(environment, "INPUT_JOURNAL")
    print(
        runner.command(
            "warning",
            f"the journal could not be uploaded: it is in {folder} on this runner, and in the log of this step. "
            "Keep the lines that begin with { as a file that ends in .ndjson: `tokenctl undo FILE` takes it",
        )
    )
    for each in sorted(folder.glob("*.ndjson")):
        print(f"::group::{each.name}")
        print(runner.unread(each.read_text("utf-8")))
        print("::endgroup::")
    return 0


def _comment(environment: Environment) -> int:
    number = _event(environment).get("pull_request", {}).get("number")
    if not number:
        raise ActionError("this is no run for a pull request: there is nothing to comment on")
    markdown, brief = _texts(environment)
    name, author = variable(environment, "INPUT_NAME"), environment.get("INPUT_AUTHOR") or posts.BOT
    post = posts.Post(purpose="plan", name=name, markdown=markdown, instead=brief)
    digest = environment.get("INPUT_DIGEST", "")
    print(f"The plan is in {posts.show_plan(_api(environment), int(number), post, digest, author)}")
    return 0


def _result(environment: Environment) -> int:
    number, name = variable(environment, "INPUT_PULL_REQUEST"), variable(environment, "INPUT_NAME")
    if not number.isdecimal():
        raise ActionError("the input `pull-request` is a number")
    api, entered = _api(environment), variable(environment, "INPUT_ENVIRONMENT")
    who = github.find_approvals(api, variable(environment, "GITHUB_RUN_ID"), entered)
    told = report.told(
        path(environment, "INPUT_FOLDER"), environment.get("INPUT_REASON", ""), environment.get("INPUT_CHANGES", "")
    )
    approved = report.approved(entered, who, environment.get("INPUT_DIGEST", ""))
    foot = _foot(environment)
    post = posts.Post(
        purpose="result", name=name, markdown=f"{told}\n{approved}\n\n{foot}",
        instead=f"### tokenctl apply: the result is too long for this place\n\n{approved}\n\n{foot}",
    )  # fmt: skip
    print(f"The result is in {posts.upsert(api, int(number), post, environment.get('INPUT_AUTHOR') or posts.BOT)}")
    return 0


def _issue(environment: Environment) -> int:
    changes = variable(environment, "INPUT_CHANGES")
    if not changes.isdecimal():
        raise ActionError("the input `changes` is a number")
    name, file = variable(environment, "INPUT_NAME"), path(environment, "INPUT_FILE")
    markdown, brief = _texts(environment)
    saved = file.with_suffix(".json")
    if saved.exists() and changes != "0":
        foot = _foot(environment)
        full = drift.describe(json.loads(saved.read_text("utf-8")), name, file.read_text("utf-8"))
        head = full.partition("<details>")[0]
        markdown, brief = f"{full}\n{foot}", f"{head}{foot}"
    found = posts.Drift(name=name, changes=int(changes), markdown=markdown, instead=brief)
    print(posts.keep_one(_api(environment), found, environment.get("INPUT_AUTHOR") or posts.BOT))
    return 0


def _reviewed(environment: Environment) -> int:
    """Never fails: what is not found decides only words."""
    try:
        artifact = variable(environment, "INPUT_ARTIFACT")
        found = github.find_run(_api(environment), variable(environment, "GITHUB_SHA"), artifact)
    except (ActionError, KeyError, TypeError) as error:
        print(runner.command("warning", f"what was reviewed is not known: {error}"))
        found = {}
    runner.write(path(environment, "GITHUB_OUTPUT"), found)
    return 0


def _api(environment: Environment) -> github.Api:
    return github.Api(
        url=variable(environment, "GITHUB_API_URL"),
        repository=variable(environment, "GITHUB_REPOSITORY"),
        token=variable(environment, "GITHUB_TOKEN"),
        sleep=time.sleep,
    )


def _event(environment: Environment) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path(environment, "GITHUB_EVENT_PATH").read_text("utf-8"))
    return event


def _texts(environment: Environment) -> tuple[str, str]:
    """Return the kept Markdown with a line about its run, and what to say where that is too long."""
    file = path(environment, "INPUT_FILE")
    try:
        markdown = file.read_text("utf-8")
    except OSError as error:
        raise ActionError(f"{file.name} cannot be read: the job that made it may have failed") from error
    foot = _foot(environment)
    return f"{markdown.rstrip()}\n\n{foot}", f"### tokenctl: the plan is too long for this place\n\n{foot}"


def _foot(environment: Environment) -> str:
    """A line about the commit and the run."""
    head = _event(environment).get("pull_request", {}).get("head", {}).get("sha") or variable(environment, "GITHUB_SHA")
    address = "/".join(
        [
            variable(environment, "GITHUB_SERVER_URL"),
            variable(environment, "GITHUB_REPOSITORY"),
            "actions/runs",
            variable(environment, "GITHUB_RUN_ID"),
        ]
    )
    report = environment.get("INPUT_REPORT", "")
    more = f", which keeps [a report as HTML]({report})" if _URL.fullmatch(report) else ""
    return f"For {head[:12]}, by [this run]({address}){more}.\n"


_VERBS: dict[str, Callable[[Environment], int]] = {
    "install": _install,
    "plan": _plan,
    "apply": _apply,
    "report": _report,
    "journal": _journal,
    "comment": _comment,
    "result": _result,
    "issue": _issue,
    "reviewed": _reviewed,
}

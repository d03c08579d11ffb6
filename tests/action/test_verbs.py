"""The steps as an action runs them, with an environment; what counts are their files and the lines of the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from action.posts import marker
from action.verbs import main
from reconciler.render import json as json_format
from tests.action.fake_github import GitHub
from tests.action.runner_outputs import read_outputs
from tests.render.dataset import PLANS

ROOT = Path(__file__).parent.parent.parent
RUN = "https://github.example/acme/tokens/actions/runs/42"


def _outputs(runner: dict[str, str]) -> dict[str, str]:
    return read_outputs(Path(runner["GITHUB_OUTPUT"]))


def test_installing_gives_what_later_steps_need(runner: dict[str, str]) -> None:
    assert main(["install"], {**runner, "INPUT_INSTALL": "false"}) == 0
    made = _outputs(runner)
    assert made["python"] == sys.executable
    assert Path(made["folder"]).is_dir()


def test_a_plan_runs_in_this_process_and_a_report_follows(
    runner: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text("version: 1\ntokens: []\n")
    surroundings = {**runner, "TOKENCTL_FOLDER": str(tmp_path), "INPUT_COMMAND": "validate", "INPUT_FILES": str(file)}
    kept = sys.argv
    assert main(["plan"], surroundings) == 0
    assert main(["report"], surroundings) == 0
    assert _outputs(runner)["reason"] == "ok"
    assert Path(runner["GITHUB_STEP_SUMMARY"]).read_text() == "### tokenctl validate: ok (no problems)\n\n"
    assert main(["apply"], {**surroundings, "INPUT_COMMAND": "apply", "INPUT_FILES": "a.json\nb.json"}) == 64
    said = capfd.readouterr()
    assert "a saved plan stands alone" in said.err
    file.write_text("version: 2\ntokens: []\n")
    assert main(["plan"], {**surroundings, "INPUT_COMMAND": "plan"}) == 65
    assert main(["report"], {**surroundings, "INPUT_COMMAND": "plan"}) == 0
    sys.argv = kept
    problem = "- **Problem**, `" + f"{file}:1:10`: "
    assert problem in Path(_outputs(runner)["markdown"]).read_text()
    assert problem in Path(runner["GITHUB_STEP_SUMMARY"]).read_text()
    assert capfd.readouterr().out.startswith(f"::error title=plan%3A invalid,file={file},line=1,col=10::")
    assert main(["report"], {**surroundings, "INPUT_COMMAND": "apply"}) == 0
    assert "::error" in capfd.readouterr().out


def test_a_journal_that_could_not_be_uploaded_is_in_the_log_and_the_runner_obeys_nothing_in_it(
    runner: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "apply-1.ndjson").write_text('{"event": "header"}\n::error::forged\n')
    assert main(["journal"], {**runner, "INPUT_JOURNAL": str(folder)}) == 0
    warning, group, stop, *lines, go, end = capsys.readouterr().out.splitlines()
    assert warning == (
        f"::warning::the journal could not be uploaded: it is in {folder} on this runner, and in the log of this step. "
        "Keep the lines that begin with { as a file that ends in .ndjson: `tokenctl undo FILE` takes it"
    )
    assert (group, end, lines) == (
        "::group::apply-1.ndjson",
        "::endgroup::",
        ['{"event": "header"}', "::error::forged"],
    )
    assert go == f"::{stop.removeprefix('::stop-commands::')}::"
    assert len(go) > 32


def test_a_comment_has_the_plan_and_says_what_it_is_for(
    runner: dict[str, str], github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.md").write_text("### a plan\n")
    inputs = {**runner, "INPUT_NAME": "production", "INPUT_FILE": str(tmp_path / "plan.md")}
    assert main(["comment"], inputs) == 0
    assert github.comments[0]["body"] == (
        f"{marker('plan', 'production')}\n### a plan\n\nFor abcdef012345, by [this run]({RUN}).\n"
        "\n<!-- tokenctl digest  -->"
    )
    assert main(["comment"], {**inputs, "INPUT_DIGEST": "1a"}) == 0
    assert github.comments[0]["body"].endswith("\n<!-- tokenctl digest 1a -->")
    for report, told in (("https://github.example/artifacts/1", True), ("https://a.example/) [b](c", False)):
        assert main(["comment"], {**inputs, "INPUT_REPORT": report}) == 0
        assert (f"this run]({RUN}), which keeps [a report as HTML]({report})." in github.comments[0]["body"]) == told
    capsys.readouterr()
    assert main(["comment"], inputs) == 0
    assert capsys.readouterr().out == "The plan is in https://github.example/comment/1\n"
    github.add_comment(f"{marker('plan', 'production')}\nof an app", author="our-app[bot]")
    assert main(["comment"], {**inputs, "INPUT_AUTHOR": "our-app[bot]"}) == 0
    assert "### a plan" in github.comments[1]["body"]


def test_a_comment_needs_a_pull_request_and_a_plan(
    runner: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = {**runner, "INPUT_NAME": "production", "INPUT_FILE": str(tmp_path / "plan.md")}
    assert main(["comment"], inputs) == 1
    assert capsys.readouterr().out == "::error::plan.md cannot be read: the job that made it may have failed\n"
    Path(runner["GITHUB_EVENT_PATH"]).write_text("{}")
    assert main(["comment"], inputs) == 1
    assert "no run for a pull request" in capsys.readouterr().out


def test_a_merged_pull_request_gets_the_result_in_one_comment(
    runner: dict[str, str], github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "result.md").write_text("### tokenctl apply: ok (1 done)\n")
    Path(runner["GITHUB_EVENT_PATH"]).write_text("{}")
    inputs = {
        **runner, "INPUT_NAME": "production", "INPUT_ENVIRONMENT": "production", "INPUT_PULL_REQUEST": "7",
        "INPUT_FOLDER": str(tmp_path), "INPUT_REASON": "ok", "INPUT_CHANGES": "1", "INPUT_DIGEST": "1a",
    }  # fmt: skip
    approval = {"run": 42, "state": "approved", "user": {"login": "rita"}, "environments": [{"name": "production"}]}
    github.approvals = [
        approval, approval, {**approval, "user": {"login": "mira"}}, {**approval, "environments": [{"name": "staging"}]},
        {**approval, "state": "pending"}, {**approval, "run": 41},
    ]  # fmt: skip
    assert main(["result"], inputs) == 0
    assert [each["body"] for each in github.comments] == [
        f"{marker('result', 'production')}\n### tokenctl apply: ok (1 done)\n\n"
        f"Environment `production`: approved by `rita`, `mira`, digest `1a`.\n\nFor 111111111111, by [this run]({RUN}).\n"
    ]
    assert capsys.readouterr().out == "The result is in https://github.example/comment/1\n"
    github.approvals = [{**approval, "state": "rejected"}]
    (tmp_path / "result.md").write_text("x" * 65_536)
    assert main(["result"], inputs) == 0
    assert [each["body"] for each in github.comments] == [
        f"{marker('result', 'production')}\n### tokenctl apply: the result is too long for this place\n\n"
        f"Environment `production`: rejected by `rita`, digest `1a`.\n\nFor 111111111111, by [this run]({RUN}).\n"
    ]
    assert main(["result"], {**inputs, "INPUT_PULL_REQUEST": "seven"}) == 1


def test_drift_is_one_issue(runner: dict[str, str], github: GitHub, tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("### a plan\n")
    Path(runner["GITHUB_EVENT_PATH"]).write_text('{"schedule": "0 6 * * *"}')
    inputs = {**runner, "INPUT_NAME": "production", "INPUT_FILE": str(tmp_path / "plan.md")}
    assert main(["issue"], {**inputs, "INPUT_CHANGES": "2"}) == 0
    assert github.issues[0]["body"].endswith(f"\n### a plan\n\nFor 111111111111, by [this run]({RUN}).\n")
    assert main(["issue"], {**inputs, "INPUT_CHANGES": "0"}) == 0
    assert github.issues[0]["state"] == "closed"
    for wrong in ("", "two", "-1"):
        assert main(["issue"], {**inputs, "INPUT_CHANGES": wrong}) == 1
    (tmp_path / "plan.json").write_text(json_format.plan(PLANS["every-action"]))
    assert main(["issue"], {**inputs, "INPUT_CHANGES": "2"}) == 0
    assert "\n### 3 tokens of `production` are not as declared\n" in github.issues[-1]["body"]


def test_what_was_reviewed_is_found_or_not_and_never_a_failure(
    runner: dict[str, str], github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "a" * 40
    github.pulls = [{"number": 7, "merged_at": "x", "merge_commit_sha": runner["GITHUB_SHA"], "head": {"sha": head}}]
    github.artifacts = [
        {"id": 1, "name": "plan", "expired": False,
         "workflow_run": {"id": 99, "head_sha": head, "repository_id": 1, "head_repository_id": 1}}
    ]  # fmt: skip
    inputs = {**runner, "INPUT_ARTIFACT": "plan"}
    assert main(["reviewed"], inputs) == 0
    assert _outputs(runner) == {"pull-request": "7", "run": "99"}
    Path(runner["GITHUB_OUTPUT"]).unlink()
    for broken in (b'[{"merged_at": "x"}]', b"[1]", b"1", b"<html>"):
        github.answers = [(200, {}, broken)]
        assert main(["reviewed"], inputs) == 0
        assert _outputs(runner) == {}
        assert capsys.readouterr().out.startswith("::warning::what was reviewed is not known: ")
    assert main(["reviewed"], runner) == 0


def test_the_scripts_run_isolated_from_the_workspace(tmp_path: Path) -> None:
    for name in ("json", "subprocess", "action", "reconciler", "tokenctl", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('from the workspace')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "RUNNER_TEMP": str(tmp_path), "INPUT_INSTALL": "false"}
    environment["GITHUB_OUTPUT"] = str(tmp_path / "output")
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "action"), "install"], cwd=tmp_path, env=environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.dumps(sys.executable) == json.dumps(read_outputs(tmp_path / "output")["python"])


def test_secrets_of_profiles_are_masked_before_anything_is_printed(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "INFLUX_CONFIGS": '[lyon]\ntoken = "FAKE-lyon"\n',
        "RUNNER_TEMP": str(tmp_path / "none"),
    }
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "action"), "install"], env=environment, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    first, second, *_ = done.stdout.splitlines()
    assert (first, second) == ("::add-mask::FAKE-lyon", "Traceback (most recent call last):")


def test_a_report_removes_the_profiles_that_a_killed_run_left(runner: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("FAKE")
    assert main(["report"], {**runner, "TOKENCTL_FOLDER": str(tmp_path), "INPUT_COMMAND": "plan"}) == 0
    assert not (tmp_path / "profiles").exists()
    assert main(["report"], {**runner, "INPUT_COMMAND": "plan"}) == 0  # of a run that could not even install


def test_an_unknown_input_is_an_annotation(runner: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install"], {**runner, "INPUT_VERSION": "latest"}) == 1
    assert capsys.readouterr().out.startswith("::error::the input `version` is the version of a release")

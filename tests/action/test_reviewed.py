"""Which run planned the pull request that a commit came from."""

from __future__ import annotations

from typing import Any

from action.github import Api
from action.reviewed import find_run
from tests.action.fake_github import GitHub

MERGE, HEAD = "1" * 40, "a" * 40


def _pull(number: int, head: str = HEAD, merge: str = MERGE, merged_at: str | None = "2026-01-01") -> dict[str, Any]:
    return {"number": number, "merged_at": merged_at, "merge_commit_sha": merge, "head": {"sha": head}}


def _artifact(number: int, run: int, head: str = HEAD, fork: int = 1, **others: Any) -> dict[str, Any]:
    workflow_run = {"id": run, "head_sha": head, "repository_id": 1, "head_repository_id": fork}
    return {"id": number, "name": "tokenctl-plan", "expired": False, "workflow_run": workflow_run, **others}


def _find(api: Api) -> dict[str, str]:
    return find_run(api, MERGE, "tokenctl-plan")


def test_the_newest_plan_of_the_last_commit_counts(api: Api, github: GitHub) -> None:
    github.pulls = [_pull(6, head="b" * 40, merge="2" * 40), _pull(7)]
    github.artifacts = [_artifact(number, 100 + number) for number in range(1, 120)]
    github.artifacts += [_artifact(120, 900, head="b" * 40), _artifact(121, 901, name="other")]
    assert _find(api) == {"pull-request": "7", "run": "219"}


def test_a_rebased_pull_request_is_found_by_its_commit(api: Api, github: GitHub) -> None:
    github.pulls = [_pull(5, merged_at=None), _pull(7, merge="2" * 40)]
    github.artifacts = [_artifact(1, 100)]
    assert _find(api) == {"pull-request": "7", "run": "100"}


def test_a_fork_an_expired_plan_and_one_without_a_run_do_not_count(api: Api, github: GitHub) -> None:
    github.pulls = [_pull(7)]
    github.artifacts = [
        _artifact(1, 100, fork=2),
        _artifact(2, 101, expired=True),
        _artifact(3, 102, workflow_run=None),
    ]
    assert _find(api) == {"pull-request": "7"}


def test_a_commit_that_no_pull_request_merged_has_no_run(api: Api, github: GitHub) -> None:
    github.artifacts = [_artifact(1, 100)]
    assert _find(api) == {}

"""Where a CI system shows a run."""

from __future__ import annotations

import pytest

from reconciler.commands.pipeline import run_url


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, ""),
        ({"GITHUB_RUN_ID": "7"}, ""),
        ({"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "a/b"}, "https://github.com/a/b/actions/runs/7"),
        (
            {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://git.example/a/b/actions/runs/7",
        ),
        ({"CI_JOB_URL": "https://gitlab.example/a/b/-/jobs/7"}, "https://gitlab.example/a/b/-/jobs/7"),
        ({"BUILD_URL": "https://jenkins.example/job/a/7/"}, "https://jenkins.example/job/a/7/"),
    ],
)
def test_a_ci_systems_own_variables_name_the_run(environment: dict[str, str], url: str) -> None:
    assert run_url(environment) == url

"""The environment of a CI job in, the address where its run is shown out."""

from __future__ import annotations

from collections.abc import Mapping


def run_url(environment: Mapping[str, str]) -> str:
    """Where GitHub Actions, GitLab CI or Jenkins shows this run, "" where none of them says so."""
    repository, number = environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_RUN_ID")
    if repository and number:
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{number}"
    return environment.get("CI_JOB_URL") or environment.get("BUILD_URL") or ""

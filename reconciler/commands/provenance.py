"""A plan, its files and the surroundings in, what a journal says of where the run comes from out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler import __version__
from reconciler.commands.context import Context
from reconciler.core.plan import Plan
from reconciler.core.record import Provenance
from reconciler.repository.repository import head


def provenance_of(plan: Plan, files: Sequence[str], context: Context) -> Provenance:
    """A new run's name, which no other has, and all that is known of where it comes from."""
    started = context.now()
    return Provenance(
        run=f"{'undo' if plan.undoes else 'apply'}-{started:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}",
        started=started.isoformat(timespec="seconds"),
        tool=__version__,
        files=tuple(files),
        commit=head(files[0], context.environment, context.home) if Path(files[0]).exists() else "",
        run_url=run_url(context.environment),
    )


def run_url(environment: Mapping[str, str]) -> str:
    """Where GitHub Actions, GitLab CI or Jenkins shows this run, "" where none of them says so."""
    repository, number = environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_RUN_ID")
    if repository and number:
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{number}"
    return environment.get("CI_JOB_URL") or environment.get("BUILD_URL") or ""

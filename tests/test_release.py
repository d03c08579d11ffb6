"""What releases a version: who may write, in which order, and what the changelog has to say."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import __version__

ROOT = Path(__file__).parent.parent
NOTES = ROOT / ".ci" / "release_notes.py"
notes = runpy.run_path(str(NOTES))["notes"]
TEXT = (ROOT / ".github" / "workflows" / "release.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]

LOG = """# Changelog

## [Unreleased]

### Added

- What comes next.

## [1.2.3] - 2026-01-02

### Fixed

- [A link](https://example.org) and `## [no heading]`.

## [1.2.2] - 2026-01-01

"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes("v1.2.3", "1.2.3", LOG) == "### Fixed\n\n- [A link](https://example.org) and `## [no heading]`.\n"
    assert notes("", "1.2.3", LOG) == notes("v1.2.3", "1.2.3", LOG)
    assert notes("", "1.2.4", LOG) == "### Added\n\n- What comes next.\n"


@pytest.mark.parametrize(
    ("tag", "version", "message"),
    [
        ("v1.2.4", "1.2.3", "the tag is v1.2.4, and reconciler/__init__.py says 1.2.3"),
        ("1.2.3", "1.2.3", "the tag is 1.2.3, and reconciler/__init__.py says 1.2.3"),
        ("v1.2.4", "1.2.4", "CHANGELOG.md has no section `## [1.2.4] - DATE` with anything in it"),
        ("v1.2.2", "1.2.2", "CHANGELOG.md has no section `## [1.2.2] - DATE` with anything in it"),
    ],
)
def test_a_release_that_says_nothing_or_is_of_another_version_ends(tag: str, version: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        notes(tag, version, LOG)


def test_the_notes_of_this_very_project_can_be_made() -> None:
    for tag in ([], [f"v{__version__}"]):
        done = subprocess.run([sys.executable, str(NOTES), *tag], capture_output=True, check=False, text=True)
        assert (done.returncode, done.stderr, done.stdout[:4]) == (0, "", "### ")
    done = subprocess.run([sys.executable, str(NOTES), "v0.0.0"], capture_output=True, check=False, text=True)
    message = f"the tag is v0.0.0, and reconciler/__init__.py says {__version__}\n"
    assert (done.returncode, done.stderr, done.stdout) == (1, message, "")


def test_only_a_tag_gives_rights_to_write_and_no_job_knows_a_secret() -> None:
    assert (WORKFLOW["permissions"], "secrets." in TEXT) == ({}, False)
    writing = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writing == {"provenance", "pypi", "push", "github"}
    assert {name for name, job in JOBS.items() if job.get("if") == "github.ref_type == 'tag'"} == writing
    assert {name for name, job in JOBS.items() if job.get("environment")} == {"pypi", "push"}
    assert JOBS["pypi"]["permissions"] == {"id-token": "write"}


def before(name: str) -> set[str]:
    """All jobs that have to be done before this one."""
    needed = JOBS[name].get("needs", [])
    direct = {needed} if isinstance(needed, str) else {*needed}
    return direct.union(*map(before, direct))


def test_what_is_published_was_built_once_and_tested_before() -> None:
    built = [
        name for name, job in JOBS.items() if any("python -m build" in step.get("run", "") for step in job["steps"])
    ]
    assert built == ["build"]
    for name in ("pypi", "push", "github"):
        assert before(name) >= {"build", "test", "image", "provenance"}
    assert before("github") >= {"pypi", "push"}
    taken = {
        name: [step["with"]["name"] for step in job["steps"] if "download" in step.get("uses", "")]
        for name, job in JOBS.items()
    }
    assert taken.pop("build") == []
    assert {each[0] for each in taken.values()} == {"dist"}


def test_a_pull_request_that_touches_what_is_released_runs_it_dry() -> None:
    triggers = WORKFLOW[True]
    assert triggers["push"] == {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}  # and not the moving tag of a major version
    for path in triggers["pull_request"]["paths"]:
        assert (ROOT / path).is_file(), path


def test_the_version_stands_in_one_place() -> None:
    named = re.compile(rf"(?<![\d.]){re.escape(__version__)}(?![\d.])")
    folders = (".ci", ".github", "action", "ci", "deploy", "docs", "examples", "reconciler", "schemas")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    files += [ROOT / name for name in ("Dockerfile", "Makefile", "README.md", "action.yml", "pyproject.toml")]
    texts = {path: path.read_text("utf-8", "replace") for path in files if path.is_file() and path.suffix != ".pyc"}
    found = {path.relative_to(ROOT).as_posix() for path, text in texts.items() if named.search(text)}
    assert found - {"action/requirements.txt"} == {"reconciler/__init__.py"}

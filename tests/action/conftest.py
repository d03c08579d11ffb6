"""A GitHub on a socket, and a client of it that never really waits."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from action.github import Api
from tests.action.fake_github import REPOSITORY, TOKEN, GitHub, fake_github

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """Who runs tokenctl in this process leaves its signals and its garbage as they were: the program ends after it."""
    before = [signal.getsignal(number) for number in _SIGNALS]
    yield
    gc.enable()
    for number, handler in zip(_SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A repository without anything in it."""
    with fake_github() as running:
        yield running


@dataclass
class Waits:
    """How long a client would have waited, each time."""

    seconds: list[float] = field(default_factory=list)


@pytest.fixture
def waits() -> Waits:
    """None yet."""
    return Waits()


@pytest.fixture
def api(github: GitHub, waits: Waits) -> Api:
    """The client with the job's token."""
    return Api(url=github.url, repository=REPOSITORY, token=TOKEN, sleep=waits.seconds.append)


@pytest.fixture
def runner(github: GitHub, tmp_path: Path) -> dict[str, str]:
    """What a runner sets for a run for pull request 7."""
    event = '{"pull_request": {"number": 7, "head": {"sha": "abcdef0123456789abcdef0123456789abcdef01"}}}'
    (tmp_path / "event.json").write_text(event)
    return {
        "GITHUB_API_URL": github.url,
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": "42",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_SHA": "1" * 40,
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_TOKEN": TOKEN,
        "RUNNER_TEMP": str(tmp_path),
    }

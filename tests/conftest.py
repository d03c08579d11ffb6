"""Fixtures for all tests: golden files, and hypothesis without chance or clock."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.branch import Branch
from tests.checkout import Checkout
from tests.forked import forked_programs
from tests.shell import Shell, shell_on

pytest_plugins = ["tests.workers"]

settings.register_profile(
    "tokenctl", derandomize=True, deadline=None, max_examples=10, database=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile("soak", settings.get_profile("tokenctl"), derandomize=False, max_examples=400)
settings.load_profile("tokenctl")

# Where the suite itself runs under nohup its processes would inherit that; a handler they do not.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage collector never look at what is collected here, which stays, and else a tenth as often as usual."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000)
        gc.enable()


@pytest.fixture(scope="session")
def forked() -> Iterator[Path]:
    """The folder of programs that start fast; where the start matters, a test takes the real ones."""
    with forked_programs() as folder:
        yield folder


@pytest.fixture(autouse=True)
def _same_folder() -> Iterator[None]:
    """Let no test leave another in its own folder."""
    here = os.getcwd()  # noqa: PTH109  # as it is given back
    yield
    os.chdir(here)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites what it would compare."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")


def pytest_configure(config: pytest.Config) -> None:
    """A soak has other examples of each property every time, and many more."""
    if "soak" in config.getoption("markexpr"):
        settings.load_profile("soak")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes runs only where it is asked for by its marker; every property takes minutes in a soak."""
    if "soak" not in config.getoption("markexpr"):
        items[:] = [each for each in items if not each.get_closest_marker("soak")]
        return
    for each in items:
        if isinstance(each, pytest.Function) and is_hypothesis_test(each.obj):
            each.add_marker("soak")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a whole text with the one in a file."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(path: Path, text: str) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.exists(), f"{path} is missing; --update-golden writes it"
        assert text == path.read_text("utf-8")

    return compare


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """The commands, a folder and a sandbox with examples/world.json, signed in as its operator."""
    with shell_on(tmp_path) as started:
        yield started


@pytest.fixture
def branch(shell: Shell) -> Branch:
    """A repository with a server."""
    checkout = Checkout.init(shell.folder)
    checkout.write(".gitignore", "home/\nstate/\nplan.json\n")
    return Branch(shell, checkout)

"""What is installed, and where: the commands are looked at and not run, as they need the network."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from action.inputs import Inputs
from action.install import LOCKED, install

ROOT = Path(__file__).parent.parent.parent


def _installed(inputs: Inputs, temporary: Path) -> tuple[dict[str, str], list[list[str]]]:
    commands: list[Sequence[str]] = []
    made = install(inputs, temporary, commands.append)
    return made, [[part.replace(made["folder"], "FOLDER") for part in command] for command in commands]


def test_the_source_runs_with_locked_dependencies_in_a_fresh_environment(tmp_path: Path) -> None:
    made, commands = _installed(Inputs(), tmp_path)
    assert Path(made["folder"]).parent == tmp_path
    assert made["python"] == f"{made['folder']}/environment/bin/python"
    assert commands == [
        [sys.executable, "-I", "-m", "venv", "FOLDER/environment"],
        ["FOLDER/environment/bin/python", "-I", "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check",
         "install", "--only-binary=:all:", "--require-hashes", "-r", str(LOCKED)],
    ]  # fmt: skip
    assert _installed(Inputs(), tmp_path)[0]["folder"] != made["folder"]


def test_a_release_is_installed_by_its_version(tmp_path: Path) -> None:
    assert _installed(Inputs(version="1.2.3"), tmp_path)[1][1][-2:] == ["--only-binary=:all:", "tokenctl==1.2.3"]


def test_without_installing_this_interpreter_is_taken(tmp_path: Path) -> None:
    made, commands = _installed(Inputs(install=False), tmp_path)
    assert (made["python"], commands) == (sys.executable, [])


def test_every_dependency_is_locked_with_hashes() -> None:
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCKED.read_text(), re.MULTILINE))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split(r"[<>=]", each)[0] for each in wanted} <= pinned.keys()
    entries = re.split(r"\n(?=[a-z])", LOCKED.read_text().partition("\n\n")[2])
    assert len(entries) == len(pinned)
    assert all("--hash=sha256:" in each for each in entries)

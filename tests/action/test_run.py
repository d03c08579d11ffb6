"""What is installed, which command line the inputs make, and what a run leaves behind.

What would install is looked at and not run, as it needs the network.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from action.run import CODES, LOCKED, apply, install, plan
from action.runner import Inputs

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def _own_arguments() -> Iterator[None]:
    kept = sys.argv
    yield
    sys.argv = kept


class Tokenctl:
    """Stands for the program: notes its command line, and ends with a code."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.arguments: list[str] = []

    def __call__(self) -> int:
        """Run."""
        self.arguments = sys.argv
        return self.code


def _line(inputs: Inputs, folder: Path, step: str = "plan") -> str:
    tokenctl = Tokenctl()
    {"plan": plan, "apply": apply}[step](inputs, folder, tokenctl)
    return " ".join(tokenctl.arguments).replace(str(folder), "DIR")


LOG = "--output=text --output=github --output=markdown=DIR/kept/plan.md"
FILES = "--out=DIR/kept/plan.json --output=html=DIR/kept/plan.html --output=json=DIR/shown.json"


def test_the_inputs_make_the_command_line(tmp_path: Path) -> None:
    assert _line(Inputs(), tmp_path) == f"tokenctl plan {LOG} {FILES} --"
    every = Inputs(files=("a.yaml", "--help"), base="HEAD^1", reviewed="r.json")
    assert _line(every, tmp_path) == (f"tokenctl plan {LOG} --base=HEAD^1 --reviewed=r.json {FILES} -- a.yaml --help")
    more = Inputs(allow=("self", "protected"), client_cert="c.pem", client_key="k.pem")
    common = "--client-cert=c.pem --client-key=k.pem --allow=self --allow=protected"
    assert _line(more, tmp_path) == f"tokenctl plan {LOG} {common} {FILES} --"
    assert _line(more, tmp_path, "apply") == f"tokenctl apply --yes {common} --journal=DIR/kept/journal --"
    offline = Inputs(base="HEAD^1", offline=True, reviewed="r.json")
    assert _line(offline, tmp_path) == f"tokenctl plan {LOG} --base=HEAD^1 --offline --"
    fleet = Inputs(
        files=("a",), fleet="f", servers=("eu-*", "!eu-7"), shard="1/3", base="B", reviewed="r", allow=("self",)
    )
    which = "--fleet=f --server=eu-* --server=!eu-7 --shard=1/3"
    assert _line(fleet, tmp_path) == f"tokenctl plan {LOG} {which} --base=B --allow=self {FILES} -- a"
    checked = f"tokenctl validate {LOG} {which} -- a"
    assert (
        _line(replace(fleet, offline=True), tmp_path) == _line(replace(fleet, command="validate"), tmp_path) == checked
    )
    assert _line(Inputs(command="validate", files=("a",), base="x"), tmp_path) == f"tokenctl validate {LOG} -- a"


def test_an_apply_plans_first_and_then_sends_what_is_expected(tmp_path: Path) -> None:
    inputs = Inputs(command="apply", files=("a.yaml",), expect="0" * 64)
    assert _line(inputs, tmp_path) == f"tokenctl plan {LOG} {FILES} -- a.yaml"
    assert _line(inputs, tmp_path, "apply") == (
        f"tokenctl apply --yes --expect={'0' * 64} --journal=DIR/kept/journal -- a.yaml"
    )
    assert _line(Inputs(command="apply", base="HEAD^1"), tmp_path, "apply") == (
        "tokenctl apply --yes --base=HEAD^1 --journal=DIR/kept/journal --"
    )


def test_a_saved_plan_is_shown_first_and_then_sent(tmp_path: Path) -> None:
    inputs = Inputs(command="apply", plan="plan.json", expect="0" * 64)
    assert _line(inputs, tmp_path) == f"tokenctl show {LOG} {FILES} -- plan.json"
    assert _line(inputs, tmp_path, "apply") == (
        f"tokenctl apply --yes --expect={'0' * 64} --journal=DIR/kept/journal -- plan.json"
    )


@pytest.mark.parametrize(
    ("inputs", "code", "left"),
    [
        (Inputs(command="apply", fleet="f"), 7, 0),
        (Inputs(command="apply", plan="p", expect="0" * 64), 7, 0),
        (Inputs(command="apply", fleet="f"), 4, 4),
        (Inputs(command="apply"), 7, 7),
        (Inputs(fleet="f"), 7, 7),
    ],
)
def test_a_server_of_a_fleet_that_is_not_reached_keeps_no_apply_from_beginning(
    tmp_path: Path, inputs: Inputs, code: int, left: int
) -> None:
    assert plan(inputs, tmp_path, Tokenctl(code)) == left
    assert (tmp_path / CODES["plan"]).read_text() == str(left)


def test_the_exit_code_is_given_and_left_for_the_report(tmp_path: Path) -> None:
    assert plan(Inputs(), tmp_path, Tokenctl(4)) == 4
    assert (tmp_path / CODES["plan"]).read_text() == "4"


def test_a_run_that_is_killed_leaves_no_code_of_an_earlier_one(tmp_path: Path) -> None:
    apply(Inputs(command="apply"), tmp_path, Tokenctl())

    def killed() -> int:
        raise SystemExit(137)

    with pytest.raises(SystemExit):
        apply(Inputs(command="apply"), tmp_path, killed)
    assert not (tmp_path / CODES["apply"]).exists()


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

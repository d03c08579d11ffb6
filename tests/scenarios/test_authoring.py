"""The cases of editing and formatting, played through the command line and compared byte for byte, by both parsers."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from tests.shell import Program, unmeasured

ROOT = Path(__file__).parent.parent.parent
CASES = sorted(path.parent for path in (ROOT / "tests/authoring").glob("*/args"))
ON_A_SERVER = [path for path in CASES if path.name.startswith("export-")]  # played where `export` is tested
OFFLINE = [path for path in CASES if path not in ON_A_SERVER]


def files(folder: Path) -> dict[str, bytes]:
    """The files below the folder, by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def play(case: Path, folder: Path) -> None:
    """Run the case in this new folder."""
    if (case / "before").exists():
        copytree(case / "before", folder)
    else:
        folder.mkdir()
    program = Program(folder, {"INFLUX_HOST": "http://nowhere.invalid"}, here=True)
    done = program.run(*shlex.split((case / "args").read_text("utf-8")))
    assert done.code == int(text(case / "exit") or 0), (case.name, done)
    assert files(folder) == files(case / "after"), case.name
    for stream, shown in (("stdout", done.out), ("stderr", done.err)):
        expected = text(case / stream)
        # A problem without a place has no name of the program before it, as everywhere.
        assert expected is None or shown.rstrip("\n") == expected.removeprefix("tokenctl: ").rstrip("\n"), case.name
    manifests = [name for name in files(folder) if name.endswith((".yaml", ".yml"))]
    if done.code != 65:
        for name in manifests:
            assert program.run("validate", name).code == 0, case.name


@pytest.mark.parametrize("case", OFFLINE, ids=lambda path: path.name)
def test_a_case_ends_as_it_is_to(case: Path, tmp_path: Path) -> None:
    play(case, tmp_path / "case")


def test_the_pure_parser_makes_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys, yaml; yaml.__with_libyaml__ = False; from pathlib import Path\n"
        "from reconciler.manifest import document; assert document._FAST is yaml.SafeLoader\n"
        "from tests.scenarios.test_authoring import OFFLINE, play\n"
        "for case in OFFLINE: play(case, Path(sys.argv[1]) / case.name)\n"
        "print(len(OFFLINE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, env=unmeasured(), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{len(OFFLINE)}\n", "")


def test_every_case_of_the_index_is_there() -> None:
    index = (ROOT / "tests/authoring/INDEX.md").read_text("utf-8")
    named = {line.split("`")[1] for line in index.splitlines() if line.startswith("| `")}
    assert named == {case.name for case in CASES}

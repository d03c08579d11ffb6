"""What is built from the project: an sdist and a wheel that work outside of it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parent.parent
DATA = {
    "schemas/tokens.v1.json",
    "schemas/plan.v1.json",
    "schemas/fleet.v1.json",
    "schemas/revisions.v1.json",
    "schemas/journal.v1.json",
    "schemas/events.v1.json",
    "examples/tokens.yaml",
    "examples/world.json",
    "examples/fleet/servers/us-cloud/acme.yaml",
}
PAGE = {"reconciler/render/page/page.css", "reconciler/render/page/page.js"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = "import sys\nfrom hatchling.build import build_sdist\nprint(build_sdist(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    # The wheel is made from the sdist, as `pip install` of an sdist does.
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    wheel = "import sys\nfrom hatchling.build import build_wheel\nprint(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", wheel, str(folder)], cwd=unpacked, check=True, capture_output=True)
    return folder


def test_the_sdist_has_the_top_level_folders(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= DATA | {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "reconciler/__main__.py",
        "tests/test_packaging.py",
    }


def test_the_wheel_has_the_package_with_its_data_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names >= {f"reconciler/{name}" for name in DATA} | {"reconciler/py.typed"} | PAGE
    assert {name.split("/")[0] for name in names} == {"reconciler", wheel.name.split("-py3")[0] + ".dist-info"}


def test_the_demo_runs_from_the_wheel_outside_the_project(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    # Python imports from a zip file as well, but the examples are read as files.
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            archive.extract(name, site)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import reconciler.__main__ as entry\n"
        "assert entry.__file__.startswith(sys.argv[1]), entry.__file__\n"
        "sys.argv[1:] = ['demo']\n"
        "sys.exit(entry.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(site)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nNo changes: " in done.stdout

"""Tests in several processes: what a run of pytest says of them, and how it ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

_MEET = """
import os
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.fixture(scope="session")
def lasting():
    mine = HERE / f"{os.getpid()}.begun"
    mine.touch()
    yield
    mine.rename(mine.with_suffix(".ended"))

def test_writes_what_another_process_reads(lasting):
    (HERE / "pipe").write_text("one")

def test_fails():
    print("said")
    assert 1 == len("two")

def test_reads_what_another_process_writes(lasting):
    assert (HERE / "pipe").read_text() == "one"

def test_skips():
    pytest.skip("why not")
"""
_TOLD = """
=================================== FAILURES ===================================
__________________________________ test_fails __________________________________

    def test_fails():
        print("said")
>       assert 1 == len("two")
E       AssertionError: assert 1 == 3
E        +  where 3 = len('two')

test_it.py:20: AssertionError
----------------------------- Captured stdout call -----------------------------
said
=========================== short test summary info ============================
FAILED test_it.py::test_fails - AssertionError: assert 1 == 3
SKIPPED [1] test_it.py:26: why not
1 failed, 2 passed, 1 skipped
"""
_DIE = """
import os

def test_dies():
    os.kill(os.getpid(), 9)

def test_is_not_run():
    pass
"""
_TOLD_OF_DEATH = """\
F
=================================== FAILURES ===================================
____________________________ test_it.py::test_dies _____________________________
the process that ran it ended with -9
=========================== short test summary info ============================
FAILED test_it.py::test_dies - the process that ran it ended with -9
!!!!!!!!!!!!!!! a process ended with -9 in test_it.py::test_dies !!!!!!!!!!!!!!!
1 failed
"""

_LEAVE = """
import pytest

@pytest.mark.parametrize("number", range(2))
def test_leaves(number):
    name = lambda: kept
    kept = [name, open(__file__)]
"""


def _run(folder: Path, text: str) -> tuple[int, str]:
    """The exit code of a run of these tests in two processes, and what it says, without its time."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "tests.workers", "-n", "2", "-q", "-rfs"],
        cwd=folder, env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "" or text is _LEAVE  # Python tells of it, too
    return done.returncode, re.sub(r" +\[100%\]| in [\d.]+s", "", done.stdout)


def test_processes_share_the_tests_and_one_tells_of_all(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    code, said = _run(tmp_path, _MEET)
    assert (code, sorted(said[:4]), said[4:]) == (1, [".", ".", "F", "s"], _TOLD)
    assert len(list(tmp_path.glob("*.ended"))) == 2


def test_a_process_that_dies_fails_its_test_and_ends_the_run(tmp_path: Path) -> None:
    assert _run(tmp_path, _DIE) == (1, _TOLD_OF_DEATH)


def test_what_was_left_open_fails_the_run(tmp_path: Path) -> None:
    code, said = _run(tmp_path, _LEAVE)
    assert code == 1
    assert "FAILED after the last test - the process that ran it ended with 1\n" in said

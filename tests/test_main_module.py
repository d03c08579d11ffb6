"""The start of the program, before anything of it can handle an interrupt."""

from __future__ import annotations

import subprocess
import sys

_INTERRUPTED_WHILE_LOADING = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "reconciler.cli.process":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from reconciler.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_while_the_program_loads_ends_it_without_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED_WHILE_LOADING], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


_WITH_GARBAGE = """
import sys
from reconciler.__main__ import run

class Garbage:
    def __init__(self):
        self.itself = self

    def __del__(self):
        print("looked at")

class Late:
    def find_spec(self, name, path=None, target=None):
        if name == "reconciler.commands.validate":
            Garbage()

sys.meta_path.insert(0, Late())
sys.argv = ["tokenctl", "validate", "none.yaml"]
run()
"""


def test_what_is_left_in_the_end_is_looked_at_by_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", _WITH_GARBAGE], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (65, b"")

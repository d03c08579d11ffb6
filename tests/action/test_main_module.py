"""The entry of the action, which any Python 3 can read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from action.__main__ import too_old


def test_an_old_python_is_told_so() -> None:
    assert too_old((3, 10)).startswith("::error::tokenctl needs Python 3.11")
    assert too_old((3, 11)) == ""


def test_the_verbs_need_nothing_that_is_installed() -> None:
    """A job that comments has only Python: `-S` leaves out what is installed beside it."""
    root = Path(__file__).parent.parent.parent
    code = f"import sys; sys.path.append({str(root)!r}); import action.verbs"
    assert subprocess.check_output([sys.executable, "-I", "-S", "-c", code], text=True) == ""

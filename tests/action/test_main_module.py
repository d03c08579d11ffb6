"""The entry of the action, which any Python 3 can read."""

from __future__ import annotations

from action.__main__ import too_old


def test_an_old_python_is_told_so() -> None:
    assert too_old((3, 10)).startswith("::error::tokenctl needs Python 3.11")
    assert too_old((3, 11)) == ""

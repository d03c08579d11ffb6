"""`demo`: plans, applies, and has nothing left to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from reconciler.commands import demo
from reconciler.errors import ExitCode
from tests.shell import Shell

ROOT = Path(__file__).parent.parent.parent


def test_the_demo_plans_applies_and_has_nothing_left_to_do(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    done = shell.call(demo.run)
    assert (done.code, done.err) == (ExitCode.OK, "Saved to plan.json\n")
    assert shell.sent() == []
    golden(Path(__file__).parent / "golden" / "demo.txt", _steady(done.out))


def _steady(output: str) -> str:
    """The output without what differs from run to run: the port, the folders, the process."""
    output = re.sub(r"http://127\.0\.0\.1:\d+", "URL", output)
    output = re.sub(r"; \S+/tokens\.yaml", "; EXAMPLE", output)
    return re.sub(r"/\S+/apply-\S+\.ndjson", "JOURNAL", output)

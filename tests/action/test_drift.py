"""The text of the issue about drift, as GitHub gets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from action.drift import describe

GOLDEN = Path(__file__).parent / "golden"


def _change(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{number:016x}", "name": None, "action": "describe", "places": {}, "marks": {},
        "before": {"status": "active", "description": "it's | `theirs`", "updatedAt": "2026-01-01T00:00:00.5Z"},
        "operation": {"method": "PATCH", "path": "/x", "body": {"description": "ours"}}, **more,
    }  # fmt: skip


def test_it_says_what_drifted_since_when_and_what_to_do(golden: Callable[[Path, str], None]) -> None:
    declared = {"name": "grafana", "places": {"": {"file": "tokens.yaml", "line": 3, "column": 5}}}
    both = {"method": "PATCH", "path": "/x", "body": {"status": "inactive", "description": ""}}
    changes = [
        _change(1, **declared, marks={"description": "drift"}),
        _change(2, operation=both, marks={"status": "pending", "description": "drift"}),
        _change(3),
    ]
    golden(GOLDEN / "drift.md", describe({"changes": changes}, "production", "### tokenctl plan: 3 to describe\n"))


def test_tokens_of_several_servers_are_told_with_their_server(golden: Callable[[Path, str], None]) -> None:
    def alike(number: int) -> dict[str, Any]:
        before = {**_change(number)["before"], "updatedAt": f"2026-01-01T00:{number % 60:02}:00Z"}
        return _change(number, name="everywhere", before=before, marks={"description": "pending"})

    fleet = {
        "servers": [
            {"name": "lyon", "plan": {"changes": [_change(1, name="grafana", marks={"description": "drift"})]}},
            {"name": "away", "reason": "unreachable"},
            {"name": "oslo", "plan": {"changes": [_change(1)]}},
            *({"name": f"edge-{each}", "plan": {"changes": [alike(each)]}} for each in range(300)),
        ]
    }
    golden(
        GOLDEN / "drift-fleet.md", describe(fleet, "production", "### tokenctl plan: 2 to describe on 2 of 3 servers\n")
    )


def test_one_token_is_one_and_a_thousand_are_cut() -> None:
    assert describe({"changes": [_change(1)]}, "eu", "").startswith("### 1 token of `eu` is not as declared\n")
    text = describe({"changes": [_change(each, name="x" * 200) for each in range(1000)]}, "eu", "")
    assert len(text.encode()) < 40_000
    assert f"\n\n**And {1000 - text.count('| `xxx'):,} more tokens**: the plan has them.\n" in text

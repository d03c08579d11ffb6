"""The text of the issue about drift: what is not as declared, since when, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from action.fates import MOST, changes_of, fitting, not_planned, servers_cell, stacked, together
from reconciler.core.text import count, shortened
from reconciler.render.markdown import cell, code

_WHY = {"drift": "changed on the server", "pending": "declared, and not applied yet"}
_NEXT = """\
*Since* is when the server last changed the token, by its own clock; it does not say what was changed then, or by whom.

What to do next:

- **The server is right**: a pull request that takes over what it has. Its plan has no change for that token then.
- **The files are right**: run the workflow that applies by hand, and its reviewers see what it would send.

The first run that finds all tokens as declared closes this issue."""

Document = Mapping[str, Any]


def describe(plan: Document, name: str, drawn: str) -> str:
    """Return the text for a saved plan, or that of a fleet, and an environment, with it as it was drawn below it."""
    changes = changes_of(plan)
    groups = together(changes, _alike)
    rows = fitting(map(_row, groups))
    more = sum(map(len, groups[len(rows) :]))
    server = " server |" if "servers" in plan else ""
    left = f"\n\n**And {count(more, 'more token')}**: the plan has them." if more else ""
    away = not_planned(plan)
    verb = "is" if len(changes) == 1 else "are"
    return "\n".join(
        [
            f"### {count(len(changes), 'token')} of {code(name)} {verb} not as declared\n",
            f"|{server} token | on the server → declared | why | since |",
            f"|{'---|' if server else ''}---|---|---|---|",
            "\n".join(rows) + left,
            *([f"\nNothing is known of {away}."] if away else []),
            f"\n{_NEXT}\n",
            f"<details><summary>The plan</summary>\n\n{drawn}\n</details>\n",
        ]
    )


def _alike(told: tuple[str, Document]) -> object:
    server, change = told
    return _cells(change, "" if server else change["id"])


def _row(group: Sequence[tuple[str, Document]]) -> str:
    changes = [change for _, change in group]
    since = sorted({change["before"]["updatedAt"] for change in changes})
    cells = _cells(changes[0], changes[0]["id"] if len(group) == 1 else "")
    dates = " to ".join(map(cell, dict.fromkeys((since[0], since[-1]))))
    return f"|{servers_cell([server for server, _ in group])} {' | '.join(cells)} | {dates} |"


def _cells(change: Document, token: str) -> tuple[str, ...]:
    """Return which token it is, how it differs, and why; what stands for the token's id may be empty."""
    shown = stacked(change["name"] or "", change["before"]["description"], token)
    place = change["places"].get("")
    where = f"<br>{cell(shortened('{file}:{line}'.format(**place), MOST))}" if place else ""
    why = "<br>".join(dict.fromkeys(_WHY.get(mark, "") for mark in change.get("marks", {}).values()))
    return f"{shown}{where}", "<br>".join(_differences(change)), why


def _differences(change: Document) -> Iterator[str]:
    for field, value in change["operation"]["body"].items():
        values = (change["before"][field], value)
        before, after = (cell(shortened(each, MOST)) if each else "(empty)" for each in values)
        yield f"{field} {before} → {after}"

"""The text of the issue about drift: what is not as declared, since when, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from action.fates import MOST, changes_of, fitting, stacked
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
    rows = fitting(_row(*each) for each in changes)
    server = " server |" if "servers" in plan else ""
    left = (
        f"\n\n**And {count(len(changes) - len(rows), 'more token')}**: the plan has them."
        if len(rows) < len(changes)
        else ""
    )
    verb = "is" if len(changes) == 1 else "are"
    return "\n".join(
        [
            f"### {count(len(changes), 'token')} of {code(name)} {verb} not as declared\n",
            f"|{server} token | on the server → declared | why | since |",
            f"|{'---|' if server else ''}---|---|---|---|",
            "\n".join(rows) + left,
            f"\n{_NEXT}\n",
            f"<details><summary>The plan</summary>\n\n{drawn}\n</details>\n",
        ]
    )


def _row(server: str, change: Document) -> str:
    before = change["before"]
    shown = stacked(change["name"] or "", before["description"], change["id"])
    place = change["places"].get("")
    where = f"<br>{cell(shortened('{file}:{line}'.format(**place), MOST))}" if place else ""
    why = "<br>".join(dict.fromkeys(_WHY.get(mark, "") for mark in change.get("marks", {}).values()))
    which = f" {code(server)} |" if server else ""
    return f"|{which} {shown}{where} | {'<br>'.join(_differences(change))} | {why} | {cell(before['updatedAt'])} |"


def _differences(change: Document) -> Iterator[str]:
    for field, value in change["operation"]["body"].items():
        values = (change["before"][field], value)
        before, after = (cell(shortened(each, MOST)) if each else "(empty)" for each in values)
        yield f"{field} {before} → {after}"

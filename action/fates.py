"""What became of each change of an apply, from its plan and its journal: as Markdown, and as lines of the log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from action import runner
from reconciler.core.text import shortened
from reconciler.render.escape import terminal
from reconciler.render.markdown import cell, code

STATUSES = ("failed", "unverified", "not attempted", "done")
"""What can be known of a change in the end, the gravest first."""

MOST = 120
"""How many characters of a value are shown."""

_IN_DOUBT = "the run ended before it was known"
_NOT_BEGUN = "nothing was sent to this server: the log says why"
_NAMED, _SHOWN = 20, 3  # servers in a line, and in a cell
_ROOM = 32_000  # bytes of a table: half of a comment
_SIDES = {"only-now": "only this plan changes it", "only-reviewed": "this plan does not change it any more"}

Document = Mapping[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One change: its token, what was to be done, what became of that and why, and where it is declared, if known.

    `server` is the name of a fleet's server, "" of a single one.
    """

    status: str
    server: str
    id: str
    name: str
    description: str
    action: str
    reason: str
    place: Mapping[str, Any]


def read(shown: Document, journal: Path | None) -> tuple[Fate, ...]:
    """Return the fate of each change of the plan, the gravest first.

    Of what has no line in the journal, nothing was sent. A line may be broken, as a run may have been killed.
    """
    known: dict[tuple[str, str], tuple[str, str]] = {}
    begun = {""}
    for server, line in _lines(journal):
        begun.add(server)
        match line.get("event"):
            case "intent":
                known[server, line["id"]] = ("unverified", _IN_DOUBT)
            case "result":
                known[server, line["id"]] = (line["status"], line["reason"])
    found = [
        _fate(server, each, *known.get((server, each["id"]), ("not attempted", "" if server in begun else _NOT_BEGUN)))
        for server, each in changes_of(shown)
    ]
    return tuple(sorted(found, key=lambda fate: STATUSES.index(fate.status)))


def changes_of(plan: Document) -> list[tuple[str, Document]]:
    """Return each change of a plan, or of the plans of a fleet, with the name of its server, "" for a single one."""
    if "servers" not in plan:
        return [("", each) for each in plan.get("changes", ())]
    return [(one["name"], each) for one in plan["servers"] for each in one.get("plan", {}).get("changes", ())]


def not_planned(plan: Document) -> str:
    """Return the servers of a fleet that have no plan, and why, in a line; "" where there are none."""
    found = [f"{code(one['name'])} ({one['reason']})" for one in plan.get("servers", ()) if "plan" not in one]
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _lines(journal: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line that is whole, with the name of the server that its journal is of."""
    for file in sorted(journal.glob("*.ndjson")) if journal else ():
        server = ""
        for line in file.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError):
                read = json.loads(line)
                server = read.get("server_name", server)
                yield server, read


def _fate(server: str, change: Document, status: str, reason: str) -> Fate:
    return Fate(
        status=status, server=server, id=change["id"], name=change["name"] or "",
        description=change["before"]["description"], action=change["action"], reason=reason,
        place=change["places"].get("", {}),
    )  # fmt: skip


def counts(fates: Iterable[Fate]) -> str:
    """Return how many have each status, the gravest first; "" if there are none."""
    found = Counter(each.status for each in fates)
    return ", ".join(f"{found[status]:,} {status}" for status in STATUSES if found[status])


def table(fates: Sequence[Fate]) -> str:
    """Return a row for each, or for those that are alike on several servers, and how many have no room."""
    groups = together(fates, _alike)
    rows = fitting(map(_row, groups))
    more = sum(map(len, groups[len(rows) :]))
    left = f"\n\n**And {more:,} more**, which the journal has." if more else ""
    head = ["| result | server | token | change | why |", "|---|---|---|---|---|"]
    if not any(each.server for each in fates):
        head = ["| result | token | change | why |", "|---|---|---|---|"]
    return "\n".join([*head, *rows]) + left


def together(values: Iterable[_T], key: Callable[[_T], object]) -> list[list[_T]]:
    """Return the values, those with an equal key together, in the order of the first of them."""
    found: dict[object, list[_T]] = {}
    for each in values:
        found.setdefault(key(each), []).append(each)
    return list(found.values())


def servers_cell(names: Sequence[str]) -> str:
    """Return a cell of a row with a few of the names and how many there are, "" for a single server without a name."""
    if not names[0]:
        return ""
    more = len(names) - _SHOWN
    head, tail = (f"{len(names):,}: ", f" and {more:,} more") if more > 0 else ("", "")
    return f" {head}{', '.join(map(code, names[:_SHOWN]))}{tail} |"


def _alike(fate: Fate) -> object:
    return fate.status, fate.name, fate.description, fate.action, fate.reason, "" if fate.server else fate.id


def _row(group: Sequence[Fate]) -> str:
    fate, server = group[0], servers_cell([each.server for each in group])
    names = stacked(fate.name, fate.description, fate.id if len(group) == 1 else "")
    status = fate.status if fate.status == "done" else f"**{fate.status}**"
    return (
        f"| {status} |{server} {names} | {fate.action} | {cell(shortened(fate.reason, MOST)) if fate.reason else ''} |"
    )


def stacked(*texts: str) -> str:
    """Return the texts that are not empty, one over the other in a cell."""
    return "<br>".join(cell(shortened(each, MOST)) for each in texts if each)


def moved(shown: Document) -> str:
    """Return how the plan differs from the one that was agreed to, as a list; "" where that is not known."""
    review = shown.get("review", {})
    lines = [f"- {_difference(each)}" for each in review.get("differences", ())]
    for token in review.get("tokens", ()):
        names = " ".join(
            code(shortened(each, MOST)) for each in (token["name"], token["description"], token["id"]) if each
        )
        side = [_SIDES[token["side"]]] if token["side"] in _SIDES else []
        differences = [each for each in token["differences"] if not side or each["what"].endswith(" after")]
        lines.append(f"- {names}: {'; '.join([*side, *map(_difference, differences)])}")
    kept = fitting(lines)
    left = [f"- and {len(lines) - len(kept):,} more like these"] if len(kept) < len(lines) else []
    return "\n".join([*kept, *left])


def _difference(difference: Document) -> str:
    values = (difference["reviewed"], difference["now"])
    before, after = ("nothing" if each is None else code(shortened(each, MOST)) for each in values)
    return f"{terminal(difference['what'])}: {before} → {after}"


def log_lines(fates: Iterable[Fate], headline: str) -> Iterator[str]:
    """Yield a line of the log for the whole, and one for each change that is not done, beside its declaration."""
    yield runner.command("error", headline)
    for each in fates:
        if each.status != "done":
            name = " ".join(terminal(part) for part in (each.name, each.description, each.id) if part)
            why = f": {terminal(each.reason)}" if each.reason else ""
            place = {key: str(each.place[field]) for key, field in _PLACE.items() if field in each.place}
            server = f"{each.server}: " if each.server else ""
            yield runner.command("error", f"{server}{each.action} {name}: {each.status}{why}", **place)


_PLACE = {"file": "file", "line": "line", "col": "column"}


def fitting(lines: Iterable[str]) -> list[str]:
    """Return as many whole lines as leave half of a comment to what else it says."""
    room, kept = _ROOM, list[str]()
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept

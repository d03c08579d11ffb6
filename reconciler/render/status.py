"""What there is in, text for people out: live tokens, the checks of a doctor, a lock, an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from reconciler.core.checkup import Check, State, exit_code
from reconciler.core.live import Server, Token
from reconciler.core.lock import LockLabel
from reconciler.core.outcome import Entry, ResultStatus, Run
from reconciler.core.text import count, name_some
from reconciler.render.escape import json_text, line, quoted, terminal, width
from reconciler.render.words import address, pad, paint, product

_HEADINGS = ("STATUS", "ID", "ORG", "USER")


def tokens(tokens: Iterable[Token], server: Server | None = None) -> str:
    """A line for each token by ascending id, the description last and in full; `*` marks the caller's own token.

    A title line names the server and the profile where one of the influx CLI is in use.
    """
    listed = sorted(tokens, key=lambda token: token.id)
    rows = [(str(token.status), token.id, terminal(token.org), terminal(token.user)) for token in listed]
    widths = [max(map(width, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    lines = [line(f"{address(server)} · {product(server)}"), ""] if server and server.profile else []
    lines += ["  " + _row(_HEADINGS, widths) + "DESCRIPTION"]
    for token, row in zip(listed, rows, strict=True):
        lines.append(("* " if token.is_own else "  ") + _row(row, widths) + quoted(token.description))
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    return "".join(pad(cell, size) + "  " for cell, size in zip(cells, widths, strict=True))


_COLOURS = {State.OK: 32, State.NOTE: 33, State.FAIL: 31}


def checks(checks: Sequence[Check], *, colour: bool) -> str:
    """A line for each check, with the way out below it, and the number of failures at the end."""
    lines = []
    for check in checks:
        state = paint(f"{check.state:<4}", _COLOURS[check.state], enabled=colour)
        lines.append(f"{state}  {check.name:<9}  {terminal(check.message)}")
        lines += [f"{'':17}hint: {terminal(check.hint)}"] if check.hint else []
    failures = sum(check.state is State.FAIL for check in checks)
    return "\n".join([*lines, "", f"{count(failures, 'problem') if failures else 'No problems'}."]) + "\n"


def checks_json(checks: Sequence[Check]) -> str:
    """The same as one JSON document."""
    shown = [
        {"name": each.name, "state": each.state.value, "message": each.message, "hint": each.hint} for each in checks
    ]
    return json_text({"format_version": 1, "reason": exit_code(checks).reason, "checks": shown}, indent=2) + "\n"


def lock(label: LockLabel, org: str, now: datetime) -> str:
    """Whose it is, since when, and whether it has expired; every value is what somebody wrote into the lock."""
    properties = label.properties
    state = " (expired: it is stale)" if properties.expired(now) else ""
    rows = {
        "holder": properties.holder or "not said: it was made by hand, or by another program",
        "run": properties.run,
        "since": properties.since,
        "expires": f"{properties.expires}{state}" if properties.expires else "",
        "label": label.id,
    }
    shown = [f"  {key:<8} {terminal(value)}" for key, value in rows.items() if value]
    return "\n".join([line(f"Organisation `{org}` is locked."), *shown]) + "\n"


def title(run: Run) -> str:
    """Which run this is."""
    undone = f", which undid {run.undoes}" if run.undoes else ""
    return line(f"{run.name} of {run.started}{undone}")


def interrupted(run: Run, path: str) -> str:
    """What a run had done when it was interrupted; `run` has the operations that were in doubt as they were then."""
    done, failed, doubtful = run.having(ResultStatus.DONE), run.having(ResultStatus.FAILED), run.in_doubt
    left = max(0, run.planned - len(run.entries))
    counts = f"{len(done)} done, {len(failed)} failed, {len(doubtful)} unknown, {left} not attempted"
    lines = [f"An earlier run was interrupted, {title(run)}: {counts}."]
    if done:
        lines.append(line(f"  done: {name_some([each.change.subject for each in done])}"))
    lines.append(line(f"  its journal: {path}"))
    return "\n".join(lines)


def settled_line(entry: Entry) -> str:
    """What a read said of an operation that was in doubt."""
    return line(f"  unknown: {entry.change.subject}; read now: {entry.reason}")


def undoing(run: Run, path: str) -> str:
    """Which run is to be undone."""
    return line(f"Undoing {title(run)}, {count(len(run.effective), 'change')}: {path}")

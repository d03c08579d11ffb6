"""An earlier run in, sentences about it for people out."""

from __future__ import annotations

from reconciler.core.guards import label
from reconciler.core.outcome import Entry, Fate, Run
from reconciler.core.text import count, name_some
from reconciler.render.escape import line


def title(run: Run) -> str:
    """Which run this is."""
    undone = f", which undid {run.undoes}" if run.undoes else ""
    return line(f"{run.name} of {run.started}{undone}")


def interrupted(run: Run, path: str) -> str:
    """What a run had done when it was interrupted; `run` has the operations that were in doubt as they were then."""
    done, failed, doubtful = run.having(Fate.DONE), run.having(Fate.FAILED), run.in_doubt
    left = max(0, run.planned - len(run.entries))
    counts = f"{len(done)} done, {len(failed)} failed, {len(doubtful)} unknown, {left} not attempted"
    lines = [f"An earlier run was interrupted, {title(run)}: {counts}."]
    if done:
        lines.append(line(f"  done: {name_some([label(each.change) for each in done])}"))
    lines.append(line(f"  its journal: {path}"))
    return "\n".join(lines)


def settled(entry: Entry) -> str:
    """What a read said of an operation that was in doubt."""
    return line(f"  unknown: {label(entry.change)}; read now: {entry.reason}")


def undoing(run: Run, path: str) -> str:
    """Which run is to be undone."""
    return line(f"Undoing {title(run)}, {count(len(run.effective), 'change')}: {path}")

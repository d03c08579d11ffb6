"""What monitoring gets of a run: text that is both OpenMetrics and the older text format of Prometheus.

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md; only gauges and no times of samples,
as node_exporter's textfile collector refuses other new types, and files with times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from reconciler import __version__
from reconciler.core.plan import Action, Mark, Plan
from reconciler.errors import ExitCode
from reconciler.render.escape import terminal

_UNKNOWN = "unknown"  # the origin of a change without a mark
_Row = tuple[str, dict[str, str], str]
"""A metric without its prefix, its labels and its value."""

_METRICS = {
    "up": "Whether the server was read and planned for in this run.",
    "reason": "The name of the exit code, which is always 1 here.",
    "changes": "Tokens that are not as declared, by what would make them so.",
    "changes_by_origin": "Tokens that are not as declared, by where the difference to the base comes from.",
    "refusals": "What the guards say against the plan.",
    "tokens": "Tokens that the files declare, and all that were listed.",
    "plan_duration_seconds": "How long reading and planning took.",
    "run_timestamp_seconds": "When this was written.",
    "build_info": "The version of tokenctl, which is always 1 here.",
}


class Sample(NamedTuple):
    """What a run knows of a server in the end: its plan, or None and the exit code that says why there is none.

    `server` is the name that people know it by, which may hold anything.
    """

    server: str
    code: ExitCode
    took_s: float
    plan: Plan | None = None


def openmetrics(samples: Sequence[Sample], now: datetime) -> str:
    """Return the metrics of these servers, each metric's lines together as the format asks for."""
    rows = [row for sample in samples for row in _rows(sample)]
    rows.append(("run_timestamp_seconds", {}, str(int(now.timestamp()))))
    rows.append(("build_info", {"version": __version__}, "1"))
    lines: list[str] = []
    for metric, about in _METRICS.items():
        found = [f"tokenctl_{metric}{_labels(labels)} {value}" for name, labels, value in rows if name == metric]
        if found:
            lines += [f"# HELP tokenctl_{metric} {about}", f"# TYPE tokenctl_{metric} gauge", *found]
    return "\n".join([*lines, "# EOF", ""])


def _rows(sample: Sample) -> Iterator[_Row]:
    server, plan = {"server": sample.server}, sample.plan
    yield "up", server, str(int(plan is not None))
    yield "reason", {**server, "reason": sample.code.reason}, "1"
    yield "plan_duration_seconds", server, f"{sample.took_s:.3f}"
    if not plan:
        return
    for action in Action:
        yield "changes", {**server, "action": action}, str(plan.count(action))
    if plan.base:
        marks = Counter(change.mark or _UNKNOWN for change in plan.changes)
        for origin in (*Mark, _UNKNOWN):
            yield "changes_by_origin", {**server, "origin": origin}, str(marks[origin])
    for guard, refusals in sorted(Counter(each.guard for each in plan.refusals).items()):
        yield "refusals", {**server, "guard": guard}, str(refusals)
    for kind, tokens in (("managed", plan.managed), ("live", plan.live)):
        if tokens is not None:  # a plan that took no list knows no total
            yield "tokens", {**server, "kind": kind}, str(tokens)


def _labels(labels: dict[str, str]) -> str:
    shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
    return f"{{{shown}}}" if shown else ""


def _escaped(text: str) -> str:
    """Return a label's value as it stands between quotes; `terminal` leaves no line break to escape."""
    return terminal(text).replace("\\", "\\\\").replace('"', '\\"')

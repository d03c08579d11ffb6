"""A plan or an outcome in, text for people out: readable without colour, 80 columns where values allow."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.baseline import Comparison
from reconciler.core.diff import explain
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Action, Change, Plan
from reconciler.core.review import Review
from reconciler.core.text import count
from reconciler.render import reviews, revisions
from reconciler.render.escape import line, terminal, width
from reconciler.render.pieces import difference, pad, paint, problem
from reconciler.render.words import deed, name_of, origins, place_of, product, subject, tallies, why

_LABELS = (18, 16, 10)  # the widest a name, an id and an owner may be before they are cut
_SIGNS = {Action.ACTIVATE: "+", Action.DESCRIBE: "~", Action.DEACTIVATE: "-"}
_COLOURS = {Action.ACTIVATE: 32, Action.DESCRIBE: 33, Action.DEACTIVATE: 31}
_YELLOW, _RED, _BOLD = 33, 31, 1


def plan(plan: Plan, review: Review | None = None, *, colour: bool = False) -> str:
    """What a plan does and what stands in its way; ends with counts, digest and review, whatever foreign text says."""
    blocks = [_title(plan)]
    if plan.changes:
        blocks.append(_changes(plan.changes, colour=colour))
    if plan.base and plan.base.revisions:
        blocks.append(_files(plan.base, colour=colour))
    blocks += [problem(each, "Warning", colour=_YELLOW if colour else 0) for each in plan.warnings]
    blocks += [
        problem(each.problem, f"Refused by guard `{each.guard}`", colour=_RED if colour else 0)
        for each in plan.refusals
    ]
    if review and (differences := reviews.differences(review)):
        blocks.append("\n".join(["Otherwise than reviewed:", *(f"  {each}" for each in differences)]))
    blocks.append(_verdict(plan) + (f"\nReview: {reviews.verdict(review)}" if review else ""))
    return "\n\n".join(blocks) + "\n"


def _files(base: Comparison, *, colour: bool) -> str:
    blocks = [
        line(f"The files since {base.ref}, beside that:"),
        revisions.rows(base.revisions, colour=colour),
        revisions.verdict(base.revisions, colour=colour),
    ]
    return "\n\n".join(blocks)


def _title(plan: Plan) -> str:
    parts = (subject(plan), ", ".join(plan.orgs), plan.server.url, product(plan.server), ", ".join(tallies(plan)))
    return line(" · ".join(part for part in parts if part))


def _verdict(plan: Plan) -> str:
    counts = ", ".join(f"{plan.count(action)} to {action}" for action in (Action.ACTIVATE, Action.DEACTIVATE))
    told = f"Plan: {counts}, {plan.count(Action.DESCRIBE)} to describe, {plan.unchanged} unchanged."
    if not plan.changes and plan.undoes:
        told = "No changes: nothing of that run is left to undo."
    elif not plan.changes:
        told = f"No changes: {count(plan.managed, 'managed token')} as declared."
    since = [line(f"Since {plan.base.ref}: {origins(plan)}.")] if plan.base else []
    return "\n".join([told, *since, f"Digest {plan.digest}"])


def _changes(changes: Sequence[Change], *, colour: bool) -> str:
    rows = [(name_of(change), change.token.id, terminal(change.token.user)) for change in changes]
    widths = [min(limit, max(width(row[i]) for row in rows)) for i, limit in enumerate(_LABELS)]
    lines = []
    for change, row in zip(changes, rows, strict=True):
        cells = "  ".join(pad(cell, size) for cell, size in zip(row, widths, strict=True))
        action = paint(f"{_SIGNS[change.action]} {deed(change):<10}", _COLOURS[change.action], enabled=colour)
        lines.append(f"  {action}  {cells}  {place_of(change)}".rstrip())
        for each in explain(change):
            lines += difference(each.field, each.before, each.after)
        if told := why(change):
            lines.append(f"      {'because':<11}  {told}")
    return "\n".join(lines)


def outcome(outcome: Outcome, *, colour: bool = False) -> str:
    """The report of an apply: each change under what became of it, by name and id, and the counts at the end."""
    lines: list[str] = []
    size = min(_LABELS[0], max((width(name_of(each.change)) for each in outcome.results), default=0))
    for fate in Fate:
        results = outcome.having(fate)
        if results:
            lines.append(paint(f"{fate.capitalize()}:", _BOLD, enabled=colour))
            lines += [_result(result, size) for result in results]
            lines.append("")
    if outcome.stopped:
        lines += [terminal(f"Stopped early: {outcome.stopped}"), ""]
    lines.append(", ".join(f"{len(outcome.having(fate))} {fate}" for fate in Fate).join(("Apply: ", ".")))
    if outcome.journal:
        lines.append(f"Journal {terminal(outcome.journal)}")
    return "\n".join(lines) + "\n"


def _result(result: Result, size: int) -> str:
    change = result.change
    row = f"  {_SIGNS[change.action]} {change.action:<10}  {pad(name_of(change), size)}  {change.token.id}"
    return row + ("\n" + line(f"      {result.reason}") if result.reason else "")

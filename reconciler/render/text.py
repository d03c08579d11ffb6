"""A plan, an outcome or problems in, text for people out: readable without colour, 80 columns where values allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.core.baseline import Comparison
from reconciler.core.diff import explain
from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Action, Change, Plan
from reconciler.core.review import Review
from reconciler.core.text import count
from reconciler.errors import Problem
from reconciler.render import reviews
from reconciler.render.escape import line, terminal, width
from reconciler.render.words import deed, name_of, origins, place_of, product, subject, tallies, value, why

_WIDTH = 80
_LABELS = (18, 16, 10)  # the widest a name, an id and an owner may be before they are cut
_SIGNS = {Action.ACTIVATE: "+", Action.DESCRIBE: "~", Action.DEACTIVATE: "-"}
_COLOURS = {Action.ACTIVATE: 32, Action.DESCRIBE: 33, Action.DEACTIVATE: 31}
_YELLOW, _RED, _BOLD = 33, 31, 1


def paint(text: str, colour: int, *, enabled: bool) -> str:
    """The text in an ANSI colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if enabled else text


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
    from reconciler.render import revisions  # which stands on this module

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


def difference(field: str, before: str | None, after: str | None) -> list[str]:
    """A field and its two values, on one line where they fit; None is what the file does not declare."""
    start = f"      {field:<11}  "
    earlier, later = value(field, before), value(field, after)
    if width(start + earlier + later) + 3 <= _WIDTH:
        return [f"{start}{earlier} → {later}"]
    indent = " " * len(start)
    return [start + earlier, f"{indent[:-2]}→ {later}"]


def pad(text: str, size: int) -> str:
    """The text in exactly so many columns: filled with blanks, or cut with an ellipsis."""
    if width(text) <= size:
        return text + " " * (size - width(text))
    while width(text) >= size:
        text = text[:-1]
    return text + "…" + " " * (size - 1 - width(text))


def problem(problem: Problem, title: str = "", *, colour: int = 0) -> str:
    """A problem in the form `title: place: message`, with its hint on a line of its own."""
    heading = paint(f"{title}:", colour, enabled=bool(colour)) + " " if title else ""
    where = f"{problem.place}: " if problem.place else ""
    hint = f"\n  hint: {terminal(problem.hint)}" if problem.hint else ""
    return heading + line(where + problem.message) + hint


def problems(problems: Iterable[Problem]) -> str:
    """Problems, one after the other, each ended by a newline."""
    return "".join(problem(each) + "\n" for each in problems)


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

"""A plan or an outcome in, text for people out: readable without colour, 80 columns where values allow."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.core.outcome import Fate, Outcome, Result
from reconciler.core.plan import Action, Change, Comparison, Plan
from reconciler.core.review import Review
from reconciler.core.text import count
from reconciler.render import reviews, revisions
from reconciler.render.escape import line, terminal, width
from reconciler.render.pieces import WIDTH, difference, fit, pad, paint, problem
from reconciler.render.words import (
    address,
    deed,
    described,
    name_of,
    org_of,
    origins,
    place_of,
    product,
    subject,
    tallies,
    why,
)

_NAME, _USER, _ORG = 18, 10, 12  # the widest that these may be before they are cut
_SIGNS = {Action.ACTIVATE: "+", Action.DESCRIBE: "~", Action.DEACTIVATE: "-"}
_COLOURS = {Action.ACTIVATE: 32, Action.DESCRIBE: 33, Action.DEACTIVATE: 31}
_YELLOW, _RED, _BOLD = 33, 31, 1


def plan(plan: Plan, review: Review | None = None, *, colour: bool = False) -> str:
    """What a plan does and what stands in its way; ends with counts, digest and review, whatever foreign text says."""
    blocks = [_title(plan)]
    if plan.changes:
        blocks.append(_changes(plan, colour=colour))
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
    parts = (subject(plan), ", ".join(plan.orgs), address(plan.server), product(plan.server), ", ".join(tallies(plan)))
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


def _changes(plan: Plan, *, colour: bool) -> str:
    changes = plan.changes
    owners = [terminal(each.token.user) for each in changes]
    orgs = [org_of(each) for each in changes]
    sizes = _names(changes), _column(owners, _USER), _column(orgs, _ORG)
    lines = []
    for change, user, org in zip(changes, owners, orgs, strict=True):
        cells = [pad(name_of(change), sizes[0]), change.token.id, pad(user, sizes[1])]
        cells += [pad(org, sizes[2])] if plan.across else []
        action = paint(f"{_SIGNS[change.action]} {deed(change):<10}", _COLOURS[change.action], enabled=colour)
        lines.append("  ".join(["", action, *cells, place_of(change)]).rstrip())
        if change.description is None and (told := _untold(change, sizes[0])):
            lines.append(_described(told))
        for each in change.differences():
            lines += difference(each.field, each.before, each.after)
        if told := why(change):
            lines.append(f"      {'because':<11}  {told}")
    return "\n".join(lines)


def _names(changes: Sequence[Change]) -> int:
    """How wide the column of names is; of a description that is cut there, more is told elsewhere."""
    names = [name_of(each) for each in changes if each.name]
    widest = max((width(name_of(each)) for each in changes if not each.name), default=0)
    return max(_column(names, _NAME), min(widest, _NAME))


def _column(cells: Collection[str], limit: int) -> int:
    """How wide a column is: no wider than its limit, unless two texts of it would look alike then."""
    alike = len({fit(each, limit) for each in cells}) < len(set(cells))
    return min(WIDTH if alike else limit, max(map(width, cells), default=0))


def _untold(change: Change, size: int) -> str:
    """The live description where a column of that size does not show it whole, "" else."""
    return described(change) or (name_of(change) if not change.name and width(name_of(change)) > size else "")


def _described(told: str) -> str:
    return fit(f"      {'described':<11}  {told}", WIDTH)


def outcome(outcome: Outcome, *, across: bool = False, colour: bool = False) -> str:
    """The report of an apply: each change under what became of it, and the counts at the end.

    Each stands there by name, id and the description that it had, and `across` organisations with its own.
    """
    lines: list[str] = []
    changes = [each.change for each in outcome.results]
    sizes = _names(changes), _column([org_of(each) for each in changes], _ORG) if across else 0
    for fate in Fate:
        results = outcome.having(fate)
        if results:
            lines.append(paint(f"{fate.capitalize()}:", _BOLD, enabled=colour))
            lines += [_result(result, *sizes) for result in results]
            lines.append("")
    if outcome.stopped:
        lines += [terminal(f"Stopped early: {outcome.stopped}"), ""]
    counts = ", ".join(f"{len(outcome.having(fate))} {fate}" for fate in Fate)
    lines.append(f"Apply: {counts}." + " Nothing was changed." * outcome.changed_nothing)
    if outcome.journal:
        lines.append(f"Journal {terminal(outcome.journal)}")
    return "\n".join(lines) + "\n"


def _result(result: Result, name: int, org: int) -> str:
    change = result.change
    row = f"  {_SIGNS[change.action]} {change.action:<10}  {pad(name_of(change), name)}  {change.token.id}"
    row += f"  {pad(org_of(change), org)}" if org else ""
    if told := _untold(change, name):
        row += f"  {told}" if width(row + told) + 2 <= WIDTH else f"\n{_described(told)}"
    return row.rstrip() + ("\n" + line(f"      {result.reason}") if result.reason else "")

"""A plan, an outcome or revised files in, text for people out: readable without colour, mostly in 80 columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.core.baseline import Baseline
from reconciler.core.outcome import Outcome, Result, ResultStatus
from reconciler.core.plan import Action, Change, Comparison, Kind, Plan, Revision
from reconciler.core.review import Review
from reconciler.core.text import count
from reconciler.render.escape import line, terminal, width
from reconciler.render.words import (
    WIDTH,
    action_words,
    address,
    described,
    difference,
    fit,
    name_of,
    org_of,
    origins,
    pad,
    paint,
    place_of,
    problem,
    product,
    review_differences,
    review_verdict,
    subject,
    tallies,
    value,
    why,
)
from reconciler.render.words import revised as revised_in_words

_NAME, _USER, _ORG = 18, 10, 12  # the widest that these may be before they are cut
_SIGNS = {Action.ACTIVATE: "+", Action.DESCRIBE: "~", Action.DEACTIVATE: "-"}
_COLOURS = {Action.ACTIVATE: 32, Action.DESCRIBE: 33, Action.DEACTIVATE: 31}
_YELLOW, _RED, _BOLD = 33, 31, 1
_KIND_SIGNS = {Kind.SETTING: "!", Kind.REMOVED: "-", Kind.ADDED: "+", Kind.CHANGED: "~"}  # all others: *
_KIND_COLOURS = {Kind.REMOVED: 31, Kind.ADDED: 32}
_LABELS = (18, 16)  # the widest a name and an id may be before they are cut
_INDENT = " " * 6


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
    if review and (differences := review_differences(review)):
        blocks.append("\n".join(["Otherwise than reviewed:", *(f"  {each}" for each in differences)]))
    blocks.append(_verdict(plan) + (f"\nReview: {review_verdict(review)}" if review else ""))
    return "\n\n".join(blocks) + "\n"


def _files(base: Comparison, *, colour: bool) -> str:
    blocks = [
        line(f"The files since {base.ref}, beside that:"),
        _rows(base.revisions, colour=colour),
        _files_verdict(base.revisions, colour=colour),
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
        action = paint(f"{_SIGNS[change.action]} {action_words(change):<10}", _COLOURS[change.action], enabled=colour)
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
    for status in ResultStatus:
        results = outcome.having(status)
        if results:
            lines.append(paint(f"{status.capitalize()}:", _BOLD, enabled=colour))
            lines += [_result(result, *sizes) for result in results]
            lines.append("")
    if outcome.stopped:
        lines += [terminal(f"Stopped early: {outcome.stopped}"), ""]
    counts = ", ".join(f"{len(outcome.having(status))} {status}" for status in ResultStatus)
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


def revised(revised: Baseline, *, colour: bool = False) -> str:
    """Every revision, and the counts at the end, whatever foreign text says."""
    blocks = [line(f"since {revised.ref} · commit {revised.commit[:12]} · no server was asked")]
    if revised.revisions:
        blocks.append(_rows(revised.revisions, colour=colour))
    blocks += [problem(each, "Warning", colour=_YELLOW if colour else 0) for each in revised.warnings]
    blocks.append(_files_verdict(revised.revisions, colour=colour))
    return "\n\n".join(blocks) + "\n"


def _files_verdict(revisions: Sequence[Revision], *, colour: bool = False) -> str:
    """How many there are of each kind, and how many guards hold less than before."""
    loosened = sum(each.loosens for each in revisions)
    warning = f"Guards: {loosened} of these would let something pass that the base does not."
    return f"Files: {revised_in_words(revisions)}." + ("\n" + paint(warning, _RED, enabled=colour) if loosened else "")


def _rows(revisions: Sequence[Revision], *, colour: bool = False) -> str:
    """A row for each revision, with the values before and after below it."""
    cells = [_cells(each) for each in revisions]
    columns = zip(*(each for each in cells if len(each) > 1), strict=True)
    widths = [min(limit, max(map(width, column))) for limit, column in zip(_LABELS, columns, strict=False)]
    lines = []
    for revision, row in zip(revisions, cells, strict=True):
        sign = f"{_KIND_SIGNS.get(revision.kind, '*')} {revision.kind:<10}"
        painted = paint(sign, _KIND_COLOURS.get(revision.kind, _YELLOW), enabled=colour)
        padded = row if len(row) == 1 else [pad(cell, size) for cell, size in zip(row, widths, strict=True) if size]
        lines.append("  ".join(["", painted, *padded, _revision_place(revision)]).rstrip())
        lines += _details(revision, colour=colour)
    return "\n".join(lines)


def _cells(revision: Revision) -> list[str]:
    """The name and the id of a declaration, or the key of a setting."""
    if revision.kind is Kind.SETTING:
        return [terminal(revision.target)]
    return [terminal(revision.name or ""), "match" if _selects(revision) else terminal(revision.target)]


def _selects(revision: Revision) -> bool:
    return revision.target.startswith("match ")


def _revision_place(revision: Revision) -> str:
    place = revision.place or revision.base_place
    return f"{terminal(place.file)}:{place.line}" if place else ""


def _details(revision: Revision, *, colour: bool) -> list[str]:
    """What stands below the row of a revision."""
    lines = []
    if _selects(revision) and all(edit.field != "target" for edit in revision.edits):
        lines.append(f"{_INDENT}{terminal(revision.target)}")
    if revision.kind is Kind.REMOVED:
        lines.append(f"{_INDENT}it will no longer be managed; the token stays as it is")
    elif revision.kind is Kind.ADDED:
        lines += [f"{_INDENT}{each.field:<11}  {value(each.field, each.after)}" for each in revision.edits]
    else:
        lines += [each for edit in revision.edits for each in difference(edit.field, edit.before, edit.after)]
    if revision.loosens:
        told = "! it was protected" if revision.kind is Kind.REMOVED else "! loosens a guard of the base"
        lines.append(_INDENT + paint(told, _RED, enabled=colour))
    return lines

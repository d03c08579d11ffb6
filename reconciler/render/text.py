"""What people read of plans, outcomes, revised files, tokens, checks, locks and runs, mostly in 80 columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from reconciler.core.baseline import Baseline
from reconciler.core.checkup import Check, State
from reconciler.core.live import Server, Token
from reconciler.core.lock import LockLabel
from reconciler.core.outcome import Entry, Outcome, Result, ResultStatus, Run
from reconciler.core.plan import Action, Change, Difference, Kind, Plan, Revision
from reconciler.core.review import Review
from reconciler.core.text import count, name_some
from reconciler.errors import Problem
from reconciler.render import words
from reconciler.render.escape import line, padded, paint, quoted, shortened, terminal, width

_WIDTH = 80  # columns of a line where values allow
_NAME, _USER, _ORG = 18, 10, 12  # the widest that these may be before they are cut
_LABELS = (18, 16)  # the same of a declaration's name and its id
_RED, _GREEN, _YELLOW, _BOLD = 31, 32, 33, 1
_SIGNS = {Action.ACTIVATE: "+", Action.DESCRIBE: "~", Action.DEACTIVATE: "-"}
_COLOURS = {Action.ACTIVATE: _GREEN, Action.DESCRIBE: _YELLOW, Action.DEACTIVATE: _RED}
_KIND_SIGNS = {Kind.SETTING: "!", Kind.REMOVED: "-", Kind.ADDED: "+", Kind.CHANGED: "~"}  # all others: *
_KIND_COLOURS = {Kind.REMOVED: _RED, Kind.ADDED: _GREEN}  # all others: yellow
_STATE_COLOURS = {State.OK: _GREEN, State.NOTE: _YELLOW, State.FAIL: _RED}
_INDENT = " " * 6
_HEADINGS = ("STATUS", "ID", "ORG", "USER")


def plan(plan: Plan, review: Review | None = None, *, colour: bool = False) -> str:
    """Return what a plan does and what stands in its way, with counts, digest and review last."""
    blocks = [line(" · ".join([*words.title_parts(plan), ", ".join(words.totals(plan))]))]
    if plan.changes:
        blocks.append(_changes(plan, colour=colour))
    if plan.base and plan.base.revisions:
        blocks.append(line(f"The files since {plan.base.ref}, beside that:"))
        blocks += [_revisions(plan.base.revisions, colour=colour), _files_verdict(plan.base.revisions, colour=colour)]
    blocks += _warnings(plan.warnings, colour=colour)
    red = _RED if colour else 0
    blocks += [words.problem(each.problem, f"Refused by guard `{each.guard}`", colour=red) for each in plan.refusals]
    if review and (differences := words.review_differences(review)):
        blocks.append("\n".join(["Otherwise than reviewed:", *(f"  {each}" for each in differences)]))
    blocks.append(_verdict(plan) + (f"\nReview: {words.review_verdict(review)}" if review else ""))
    return "\n\n".join(blocks) + "\n"


def _warnings(problems: Iterable[Problem], *, colour: bool) -> list[str]:
    return [words.problem(each, "Warning", colour=_YELLOW if colour else 0) for each in problems]


def _verdict(plan: Plan) -> str:
    counts = ", ".join(f"{plan.count(action)} to {action}" for action in (Action.ACTIVATE, Action.DEACTIVATE))
    verdict = f"Plan: {counts}, {plan.count(Action.DESCRIBE)} to describe, {plan.unchanged} unchanged."
    if not plan.changes and plan.undoes:
        verdict = "No changes: nothing of that run is left to undo."
    elif not plan.changes:
        verdict = f"No changes: {count(plan.managed, 'managed token')} as declared."
    since = [line(f"Since {plan.base.ref}: {words.mark_counts(plan)}.")] if plan.base else []
    return "\n".join([verdict, *since, f"Digest {plan.digest}"])


def _changes(plan: Plan, *, colour: bool) -> str:
    name_size, *sizes = _sizes(plan.changes, across=plan.across)
    owners = [terminal(each.token.user) for each in plan.changes]
    user_size = _column(owners, _USER)
    lines = []
    for change, user in zip(plan.changes, owners, strict=True):
        cells = [padded(words.name_of(change), name_size), change.token.id, padded(user, user_size)]
        cells += [padded(words.org_of(change), size) for size in sizes]
        action = paint(f"{_SIGNS[change.action]} {change.action:<10}", _COLOURS[change.action], enabled=colour)
        lines.append("  ".join(["", action, *cells, words.place_of(change)]).rstrip())
        if change.description is None and (description := _uncut_description(change, name_size)):
            lines.append(_described(description))
        for each in change.differences():
            lines += _difference(each)
        if marks := words.marks_of(change):
            lines.append(f"{_INDENT}{'because':<11}  {marks}")
    return "\n".join(lines)


def _difference(difference: Difference) -> list[str]:
    """Return a field and its two values, on one line where they fit."""
    start = f"{_INDENT}{difference.field:<11}  "
    before, after = words.values(difference)
    if width(start + before + after) + 3 <= _WIDTH:
        return [f"{start}{before} → {after}"]
    return [start + before, f"{' ' * (len(start) - 2)}→ {after}"]


def _sizes(changes: Sequence[Change], *, across: bool) -> list[int]:
    """Return how wide the column of names is, where descriptions may be cut, and that of organisations if any."""
    names = [words.name_of(each) for each in changes if each.name]
    widest = max((width(words.name_of(each)) for each in changes if not each.name), default=0)
    orgs = [_column([words.org_of(each) for each in changes], _ORG)] if across else []
    return [max(_column(names, _NAME), min(widest, _NAME)), *orgs]


def _column(cells: Collection[str], limit: int) -> int:
    """Return how wide a column is: no wider than its limit, unless two texts of it would look alike then."""
    alike = len({shortened(each, limit) for each in cells}) < len(set(cells))
    return min(_WIDTH if alike else limit, max(map(width, cells), default=0))


def _uncut_description(change: Change, size: int) -> str:
    """Return the live description where a column of that size does not show it whole, "" else."""
    name = words.name_of(change)
    return words.live_description(change) or (name if not change.name and width(name) > size else "")


def _described(description: str) -> str:
    return shortened(f"{_INDENT}{'described':<11}  {description}", _WIDTH)


def outcome(outcome: Outcome, *, across: bool = False, colour: bool = False) -> str:
    """Return the report of an apply: each change under what became of it, and the counts at the end.

    Each stands there by name, id and the description that it had, and `across` organisations with its own.
    """
    lines: list[str] = []
    sizes = _sizes([each.change for each in outcome.results], across=across)
    for status in ResultStatus:
        if results := outcome.having(status):
            lines.append(paint(f"{status.capitalize()}:", _BOLD, enabled=colour))
            lines += [_result(result, *sizes) for result in results]
            lines.append("")
    if outcome.stopped:
        lines += [terminal(f"Stopped early: {outcome.stopped}"), ""]
    counts = ", ".join(f"{len(outcome.having(status)):,} {status}" for status in ResultStatus)
    lines.append(f"Apply: {counts}." + (" Nothing was changed." if outcome.changed_nothing else ""))
    if outcome.journal:
        lines.append(f"Journal {terminal(outcome.journal)}")
    return "\n".join(lines) + "\n"


def _result(result: Result, name_size: int, *org_size: int) -> str:
    change = result.change
    cells = [padded(words.name_of(change), name_size), change.token.id]
    cells += [padded(words.org_of(change), size) for size in org_size]
    row = "  ".join([f"  {_SIGNS[change.action]} {change.action:<10}", *cells])
    if description := _uncut_description(change, name_size):
        row += f"  {description}" if width(row + description) + 2 <= _WIDTH else f"\n{_described(description)}"
    return row.rstrip() + (f"\n{line(_INDENT + result.reason)}" if result.reason else "")


def revised(revised: Baseline, *, colour: bool = False) -> str:
    """Return every revision, and the counts at the end, whatever foreign text says."""
    blocks = [line(f"since {revised.ref} · commit {revised.commit[:12]} · no server was asked")]
    if revised.revisions:
        blocks.append(_revisions(revised.revisions, colour=colour))
    blocks += _warnings(revised.warnings, colour=colour)
    return "\n\n".join([*blocks, _files_verdict(revised.revisions, colour=colour)]) + "\n"


def _files_verdict(revisions: Sequence[Revision], *, colour: bool) -> str:
    """Return how many revisions there are of each kind, and how many guards hold less than before."""
    loosened = sum(each.loosens for each in revisions)
    warning = f"Guards: {loosened} of these would let something pass that the base does not."
    counts = f"Files: {words.revision_counts(revisions)}."
    return f"{counts}\n{paint(warning, _RED, enabled=colour)}" if loosened else counts


def _revisions(revisions: Sequence[Revision], *, colour: bool) -> str:
    """Return a row for each revision, with the values before and after below it."""
    cells = [_cells(each) for each in revisions]
    columns = zip(*(each for each in cells if len(each) > 1), strict=True)
    widths = [min(limit, max(map(width, column))) for limit, column in zip(_LABELS, columns, strict=False)]
    lines = []
    for revision, row in zip(revisions, cells, strict=True):
        sign = f"{_KIND_SIGNS.get(revision.kind, '*')} {revision.kind:<10}"
        painted = paint(sign, _KIND_COLOURS.get(revision.kind, _YELLOW), enabled=colour)
        shown = row if len(row) == 1 else [padded(cell, size) for cell, size in zip(row, widths, strict=True) if size]
        lines.append("  ".join(["", painted, *shown, terminal(words.place_of_revision(revision))]).rstrip())
        lines += _details(revision, colour=colour)
    return "\n".join(lines)


def _cells(revision: Revision) -> list[str]:
    """Return the name and the id of a declaration, or the key of a setting."""
    if revision.kind is Kind.SETTING:
        return [terminal(revision.target)]
    return [terminal(revision.name or ""), "match" if _selects(revision) else terminal(revision.target)]


def _selects(revision: Revision) -> bool:
    return revision.target.startswith("match ")


def _details(revision: Revision, *, colour: bool) -> list[str]:
    """Return what stands below the row of a revision."""
    lines = []
    if _selects(revision) and all(edit.field != "target" for edit in revision.edits):
        lines.append(_INDENT + terminal(revision.target))
    if revision.kind is Kind.REMOVED:
        lines.append(_INDENT + words.NO_LONGER_MANAGED)
    elif revision.kind is Kind.ADDED:
        lines += [f"{_INDENT}{each.field:<11}  {words.value(each.field, each.after)}" for each in revision.edits]
    else:
        lines += [each for edit in revision.edits for each in _difference(edit)]
    if revision.loosens:
        lines.append(_INDENT + paint(f"! {words.loosened(revision)}", _RED, enabled=colour))
    return lines


def tokens(tokens: Iterable[Token], server: Server | None = None) -> str:
    """Return a line for each token by ascending id, the description last and whole; `*` marks the caller's own token.

    A title line names the server and the profile where one of the influx CLI is in use.
    """
    listed = sorted(tokens, key=lambda token: token.id)
    cells = [(str(token.status), token.id, terminal(token.org), terminal(token.user)) for token in listed]
    widths = [max(map(width, column)) for column in zip(_HEADINGS, *cells, strict=True)]
    starts = ["".join(padded(*each) + "  " for each in zip(row, widths, strict=True)) for row in (_HEADINGS, *cells)]
    lines = [line(f"{words.address(server)} · {words.product(server)}"), ""] if server and server.profile else []
    lines.append(f"  {starts[0]}DESCRIPTION")
    for token, start in zip(listed, starts[1:], strict=True):
        lines.append(("* " if token.is_own else "  ") + start + quoted(token.description))
    return "\n".join(lines) + "\n"


def checks(checks: Sequence[Check], *, colour: bool) -> str:
    """Return a line for each check, with the way out below it, and the number of failures at the end."""
    lines = []
    for check in checks:
        state = paint(f"{check.state:<4}", _STATE_COLOURS[check.state], enabled=colour)
        lines.append(f"{state}  {check.name:<9}  {terminal(check.message)}")
        lines += [f"{'':17}hint: {terminal(check.hint)}"] if check.hint else []
    failures = sum(check.state is State.FAIL for check in checks)
    return "\n".join([*lines, "", f"{count(failures, 'problem') if failures else 'No problems'}."]) + "\n"


def lock(label: LockLabel, org: str, now: datetime) -> str:
    """Return whose a lock is, since when, and whether it has expired; the values are what somebody wrote into it."""
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


def _run_title(run: Run) -> str:
    undone = f", which undid {run.undoes}" if run.undoes else ""
    return line(f"{run.name} of {run.started}{undone}")


def interrupted(run: Run, path: str) -> str:
    """Return what a run had done when it was interrupted; `run` has the operations in doubt as they were then."""
    done, failed, doubtful = run.having(ResultStatus.DONE), run.having(ResultStatus.FAILED), run.in_doubt
    left = max(0, run.planned - len(run.entries))
    counts = f"{len(done):,} done, {len(failed):,} failed, {len(doubtful):,} unknown, {left:,} not attempted"
    lines = [f"An earlier run was interrupted, {_run_title(run)}: {counts}."]
    if done:
        lines.append(line(f"  done: {name_some([each.change.subject for each in done])}"))
    lines.append(line(f"  its journal: {path}"))
    return "\n".join(lines)


def settled(entry: Entry) -> str:
    """Return what a read said of an operation that was in doubt."""
    return line(f"  unknown: {entry.change.subject}; read now: {entry.reason}")


def undoing(run: Run, path: str) -> str:
    """Return which run is to be undone."""
    return line(f"Undoing {_run_title(run)}, {count(len(run.effective), 'change')}: {path}")

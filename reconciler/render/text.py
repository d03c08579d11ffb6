"""What people read of plans, outcomes, revised files, tokens, checks, locks and runs.

Nothing is cut but on a terminal, whose width is given as `columns`, and but for the middle of a long change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.core.baseline import Baseline
from reconciler.core.checkup import Check, State
from reconciler.core.plan import Action, Change, Difference, Kind, Plan, Revision, explained
from reconciler.core.text import count, name_some
from reconciler.errors import Problem
from reconciler.render import compared, words
from reconciler.render.escape import continued, line, paint, rows, shortened, terminal, width

if TYPE_CHECKING:  # a plan does without
    from reconciler.core.lock import LockLabel
    from reconciler.core.outcome import Entry, Outcome, Result, Run
    from reconciler.core.review import Review

_WIDTH = 80  # columns in which two values stand on one line
_LONG = 160  # columns of a value that is shown whole where it changes
_RED, _GREEN, _YELLOW, _BOLD = 31, 32, 33, 1
_SIGNS = {Action.ACTIVATE: "+", Action.DESCRIBE: "~", Action.DEACTIVATE: "-"}
_COLOURS = {Action.ACTIVATE: _GREEN, Action.DESCRIBE: _YELLOW, Action.DEACTIVATE: _RED}
_KIND_SIGNS = {Kind.SETTING: "!", Kind.REMOVED: "-", Kind.ADDED: "+", Kind.CHANGED: "~"}  # all others: *
_KIND_COLOURS = {Kind.REMOVED: _RED, Kind.ADDED: _GREEN}  # all others: yellow
_STATE_COLOURS = {State.OK: _GREEN, State.NOTE: _YELLOW, State.FAIL: _RED}
_INDENT = " " * 6
_BESIDE = len("  - deactivate  ")


def plan(plan: Plan, review: Review | None = None, *, colour: bool = False, columns: int | None = None) -> str:
    """Return what a plan does and what stands in its way, with counts, digest and review last."""
    blocks = [line(" · ".join(filter(None, [*words.title_parts(plan), ", ".join(words.totals(plan))])))]
    if plan.changes:
        blocks.append(changes(plan, columns, colour=colour))
    if plan.base and plan.base.revisions:
        blocks.append(line(f"The files since {plan.base.ref}, beside that:"))
        since = plan.base.revisions
        blocks += [revisions(since, columns, colour=colour), _files_verdict(since, colour=colour)]
    blocks += _warnings(plan.warnings, colour=colour)
    red = _RED if colour else 0
    blocks += [words.problem(each.problem, f"Refused by guard `{each.guard}`", colour=red) for each in plan.refusals]
    if review and (differences := compared.differences(review)):
        blocks.append("\n".join(["Not as it was reviewed:", *(f"  {each}" for each in differences)]))
    blocks.append(_verdict(plan) + (f"\nReview: {compared.verdict(review)}" if review else ""))
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


def changes(plan: Plan, columns: int | None, *, colour: bool) -> str:
    """Return every change of a plan, in its order."""
    cells, across = [], plan.across
    for change in plan.changes:
        orgs = [words.org_of(change)] if across else []
        cells.append([_name(change), change.token.id, terminal(change.token.user), *orgs, words.place_of(change)])
    lines = []
    drawn = rows(cells, columns, beside=_BESIDE, whole=(1,))
    for change, row, differences in zip(plan.changes, drawn, explained(plan.changes), strict=True):
        lines.append(_sign(change, colour=colour) + row.rstrip())
        if change.description is None and (description := _unsaid(change, row)):
            lines.append(_within(f"{_INDENT}{'described':<11}  {description}", columns))
        for each in differences:
            lines += _difference(each, columns)
        if reasons := "; ".join(filter(None, (words.until_of(change), words.marks_of(change)))):
            lines.append(f"{_INDENT}{'because':<11}  {reasons}")
        if use := words.use_of(change):
            lines.append(_within(f"{_INDENT}{'usage':<11}  {use}", columns))
        lines += [_within(f"{_INDENT}{field:<11}  {told}", columns) for field, told in _told(change)]
        lines += [
            continued(f"{_INDENT}{'afterwards':<11}  ", told, columns)
            for told in words.consequences(change, brief=True)
        ]
    return "\n".join(lines)


def alike(change: Change, columns: int | None, *, colour: bool) -> str:
    """Return what changes that are alike have in common, of one of them."""
    (row,) = rows(
        [[_name(change), terminal(change.token.user), words.place_of(change)]], columns, beside=_BESIDE, whole=()
    )
    lines = [_sign(change, colour=colour) + row.rstrip()]
    for each in next(explained([change])):
        lines += _difference(each, columns)
    if reasons := "; ".join(filter(None, (words.until_of(change), words.marks_of(change)))):
        lines.append(f"{_INDENT}{'because':<11}  {reasons}")
    return "\n".join(lines)


def _told(change: Change) -> Iterator[tuple[str, str]]:
    """Yield what a change means, beside its values."""
    if change.labels:
        yield "labels", words.labels_of(change)
    yield "rights", words.rights_of(change.rights, change.token.org, brief=True).removeprefix("rights ")


def _sign(change: Change, *, colour: bool = False) -> str:
    action = paint(f"{_SIGNS[change.action]} {change.action:<10}", _COLOURS[change.action], enabled=colour)
    return f"  {action}  "


def _name(change: Change) -> str:
    """Return the cell of a name; a description in its place may be long, and then stands whole below it."""
    name = words.name_of(change)
    return name if change.name else shortened(name, _LONG)


def _unsaid(change: Change, row: str) -> str:
    """Return the live description where the row does not have it, "" else."""
    name = words.name_of(change)
    return words.live_description(change) if change.name else "" if name in row else name


def _within(text: str, columns: int | None) -> str:
    """Return a line as it is, or in so many columns of a terminal."""
    return shortened(text, columns) if columns else text


def _difference(difference: Difference, columns: int | None) -> list[str]:
    """Return a field and its two values, on one line where they fit, and what differs in them where they are long."""
    start = f"{_INDENT}{difference.field:<11}  "
    before, after = words.values(difference)
    if width(start + before + after) + 3 <= (columns or _WIDTH):
        return [f"{start}{before} → {after}"]
    room = max(columns - len(start), _WIDTH // 4) if columns else _LONG
    left_out = []
    compared = columns or (difference.before and difference.after)  # else a pipe gets all of what there is
    if compared and max(width(before), width(after)) > room:
        before, after, lengths = words.narrowed_values(difference, room)
        left_out = [f"{' ' * len(start)}({lengths})"]  # half a number would be another one
    return [start + before, f"{' ' * (len(start) - 2)}→ {after}", *left_out]


def outcome(
    outcome: Outcome, again: str = "", *, across: bool = False, colour: bool = False, columns: int | None = None
) -> str:
    """Return the report of an apply: each change under what became of it, the counts, and how what is left goes on.

    Each stands there by name, id and the description that it had, and `across` organisations with its own.
    """
    from reconciler.core.outcome import ResultStatus

    lines: list[str] = []
    cells = []
    for each in outcome.results:
        orgs = [words.org_of(each.change)] if across else []
        cells.append([_name(each.change), each.change.token.id, *orgs])
    drawn = dict(zip(map(id, outcome.results), rows(cells, columns, beside=_BESIDE, whole=(1,)), strict=True))
    for status in ResultStatus:
        if results := outcome.having(status):
            lines.append(paint(f"{status.capitalize()}:", _BOLD, enabled=colour))
            lines += [_result(result, drawn[id(result)], columns) for result in results]
            lines.append("")
    if outcome.stopped:
        lines += [terminal(f"Stopped early: {outcome.stopped}"), ""]
    counts = ", ".join(f"{len(outcome.having(status)):,} {status}" for status in ResultStatus)
    lines.append(f"Apply: {counts}." + (" Nothing was changed." if outcome.changed_nothing else ""))
    if outcome.journal:
        lines.append(f"Journal {terminal(outcome.journal)}")
    if again and len(outcome.having(ResultStatus.DONE)) < len(outcome.results):
        lines.append(line(again))
    return "\n".join(lines) + "\n"


def _result(result: Result, row: str, columns: int | None) -> str:
    row = _sign(result.change) + row
    if description := _unsaid(result.change, row):
        fits = width(row + description) + 2 <= (columns or _WIDTH)
        row += f"  {description}" if fits else "\n" + _within(f"{_INDENT}{'described':<11}  {description}", columns)
    return row.rstrip() + (f"\n{line(_INDENT + result.reason)}" if result.reason else "")


def revised(revised: Baseline, *, colour: bool = False, columns: int | None = None) -> str:
    """Return every revision, and the counts at the end, whatever foreign text says."""
    blocks = [line(f"since {revised.ref} · commit {revised.commit[:12]} · no server was asked")]
    if revised.revisions:
        blocks.append(revisions(revised.revisions, columns, colour=colour))
    blocks += _warnings(revised.warnings, colour=colour)
    return "\n\n".join([*blocks, _files_verdict(revised.revisions, colour=colour)]) + "\n"


def _files_verdict(revisions: Sequence[Revision], *, colour: bool) -> str:
    """Return how many revisions there are of each kind, and how many guards hold less than before."""
    loosened = sum(each.loosens for each in revisions)
    warning = f"Guards: {loosened} of these would let something pass that the base does not."
    counts = f"Files: {compared.revision_counts(revisions)}."
    return f"{counts}\n{paint(warning, _RED, enabled=colour)}" if loosened else counts


def revisions(told: Sequence[Revision], columns: int | None, *, colour: bool) -> str:
    """Return a row for each revision, with the values before and after below it."""
    named = [each for each in told if each.kind is not Kind.SETTING]
    cells = [[terminal(each.name or ""), _target(each), terminal(compared.place_of_revision(each))] for each in named]
    drawn = dict(zip(map(id, named), rows(cells, columns, beside=_BESIDE, whole=(1,)), strict=True))
    lines = []
    for revision in told:
        sign = f"{_KIND_SIGNS.get(revision.kind, '*')} {revision.kind:<10}"
        painted = paint(sign, _KIND_COLOURS.get(revision.kind, _YELLOW), enabled=colour)
        setting = f"{terminal(revision.target)}  {terminal(compared.place_of_revision(revision))}"
        lines.append(f"  {painted}  {drawn.get(id(revision), setting)}".rstrip())
        lines += _details(revision, columns, colour=colour)
    return "\n".join(lines)


def _target(revision: Revision) -> str:
    return "match" if _selects(revision) else terminal(revision.target)


def _selects(revision: Revision) -> bool:
    return revision.target.startswith("match ")


def _details(revision: Revision, columns: int | None, *, colour: bool) -> list[str]:
    """Return what stands below the row of a revision."""
    lines = []
    if _selects(revision) and all(edit.field != "target" for edit in revision.edits):
        lines.append(_within(_INDENT + terminal(revision.target), columns))
    if revision.kind is Kind.REMOVED:
        lines.append(_INDENT + compared.NO_LONGER_MANAGED)
    elif revision.kind is Kind.ADDED:
        values = [f"{_INDENT}{each.field:<11}  {words.value(each.field, each.after)}" for each in revision.edits]
        lines += [_within(each, columns) for each in values]
    else:
        lines += [each for edit in revision.edits for each in _difference(edit, columns)]
    if revision.loosens:
        lines.append(_INDENT + paint(f"! {compared.loosened(revision)}", _RED, enabled=colour))
    return lines


def checks(checks: Sequence[Check], *, colour: bool) -> str:
    """Return a line for each check, with the way out below it, and the number of failures at the end."""
    failures = sum(check.state is State.FAIL for check in checks)
    last = f"{count(failures, 'problem') if failures else 'No problems'}."
    return "\n".join([*check_lines(checks, colour=colour), "", last]) + "\n"


def check_lines(checks: Iterable[Check], *, colour: bool) -> Iterator[str]:
    """Yield a line for each check, and the way out below it."""
    for check in checks:
        yield f"{state(check.state, colour=colour)}  {check.name:<9}  {terminal(check.message)}"
        if check.hint:
            yield f"{'':17}hint: {terminal(check.hint)}"


def state(state: State, *, colour: bool) -> str:
    """Return how a check ended, in the width that every state has."""
    return paint(f"{state:<4}", _STATE_COLOURS[state], enabled=colour)


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
    from reconciler.core.outcome import ResultStatus

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

"""A plan in, Markdown for a comment or a step summary out: foreign text stands inside code and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.core.baseline import Baseline
from reconciler.core.plan import Change, Comparison, Difference, Plan, Revision
from reconciler.core.review import Review
from reconciler.core.text import common_start, count, shortened
from reconciler.errors import Problem
from reconciler.render.escape import terminal
from reconciler.render.words import (
    action_words,
    address,
    gravest_first,
    gravest_revised_first,
    headline,
    kept,
    label_of,
    made_by,
    name_of,
    org_of,
    origin_of,
    origins,
    place_of,
    product,
    review_differences,
    review_verdict,
    said,
    sent_by,
    subject,
    tallies,
    values,
)
from reconciler.render.words import revised as revised_in_words

LONGEST = 64_000
"""GitHub takes comments of less than 65,536 characters; so is the text, in bytes of UTF-8, with room for whoever puts
a line before it and one behind."""

_OPEN_ROWS = 10
_BRIEF, _PROBLEM = 120, 600  # characters of a value where not everything fits, and of a message at any time
_COLUMNS = ("| change | token | id | owner | before → after | declared at |", "|---|---|---|---|---|---|")
_RUN = re.compile("`+")


def plan(plan: Plan, longest: int = LONGEST, review: Review | None = None) -> str:
    """The verdict, what stands in the way, the table, and the digest once more, which no text in the table can fake.

    Shorter than `longest` bytes, at least 8,000: values are cut when not all fit, then whole rows are left out and
    counted. Deactivations come first.
    """
    head = [
        f"### tokenctl {made_by(plan)}: {headline(plan)}",
        f"Digest `{plan.digest}`",
        *_review(review),
        _about(plan),
    ]
    head += [_since(plan, plan.base)] if plan.base else []
    again = f"Digest `{plan.digest}`"
    if plan.changes and not plan.refusals:
        again += f": exactly this is applied by `tokenctl {sent_by(plan)} --expect {plan.digest}`"
    room = longest - _size([*head, again])
    refused = _listed(((f"Refused by guard `{each.guard}`", each.problem) for each in plan.refusals), room // 4)
    warned = _listed((("Warning", each) for each in plan.warnings), room // 4)
    files = _files(plan.base.revisions, room // 4) if plan.base else []
    moved = _moved(review, room // 8)
    room -= _size([*refused, *warned, *moved, *files])
    table = _rows(_COLUMNS, gravest_first(plan.changes), room, across=plan.across)
    return "\n\n".join([*head, *refused, *warned, *moved, *table, *files, again]) + "\n"


def _since(plan: Plan, base: Comparison) -> str:
    beside = f"; beside that {_summary(base.revisions)}" if base.revisions else ""
    return f"Since {code(_cut(base.ref))}: {origins(plan)}{beside}"


def _files(revisions: Sequence[Revision], room: int) -> list[str]:
    """What no change shows, as a list of at most so many bytes."""
    return _fitted([_file(each) for each in gravest_revised_first(revisions)], room)


def _file(revision: Revision) -> str:
    place = revision.place or revision.base_place
    where = f", {code(_cut_start(f'{place.file}:{place.line}'))}" if place else ""
    grave = "**" if revision.loosens else ""
    told = code(_cut("; ".join(said(revision)), _PROBLEM))
    return f"- {grave}{revision.kind}{grave} {code(_cut(label_of(revision)))}{where}: {told}"


def revised(revised: Baseline, longest: int = LONGEST) -> str:
    """What a change of the files means, shorter than `longest` bytes, at least 6,000; rows without room are counted."""
    found = revised.revisions
    head = [f"### tokenctl: {_summary(found)}"]
    head.append(f"Since {code(_cut(revised.ref))}, commit `{revised.commit[:12]}`. No server was asked.")
    warned = _listed((("Warning", each) for each in revised.warnings), longest // 4)
    room = longest - _size([*head, *warned])
    columns = ["| change | declaration | what it means | declared at |", "|---|---|---|---|"]
    return "\n\n".join([*head, *warned, *_rows(columns, found, room)]) + "\n"


def _summary(revisions: Sequence[Revision]) -> str:
    loosened = sum(each.loosens for each in revisions)
    return revised_in_words(revisions) + (f", **{count(loosened, 'guard')} loosened**" if loosened else "")


def _revision_row(revision: Revision, *, brief: bool) -> str:
    cut = _cut if brief else str
    place = revision.place or revision.base_place
    means = "<br>".join(cell(cut(each)) for each in said(revision))
    where = cell(_cut_start(f"{place.file}:{place.line}")) if place else ""
    return f"| {revision.kind} | {cell(cut(label_of(revision)))} | {means} | {where} |"


def code(text: str) -> str:
    """The text as a code span: no part of it is markup, a mention or an end of the span."""
    shown = terminal(text)
    fence = "`" * (max((len(run) for run in _RUN.findall(shown)), default=0) + 1)
    blank = " " if not shown.strip() or shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def cell(text: str) -> str:
    """The same within a table, where a `|` would end the cell even in code."""
    return code(text).replace("|", "\\|")


def _size(parts: Iterable[str]) -> int:
    """How many bytes the parts take, with the empty line after each."""
    return sum(len(part.encode()) + 2 for part in parts)


def _review(review: Review | None) -> list[str]:
    return [f"Review: {code(_cut(review_verdict(review), 2 * _BRIEF))}"] if review else []


def _moved(review: Review | None, room: int) -> list[str]:
    """What is not as it was reviewed, as a list of at most so many bytes, in one part or in none."""
    lines = [f"- {code(_cut(each, _PROBLEM))}" for each in review_differences(review)] if review else []
    return _fitted(["Otherwise than reviewed:", "", *lines] if lines else [], room)


def _about(plan: Plan) -> str:
    names = (subject(plan), ", ".join(plan.orgs), address(plan.server), product(plan.server))
    parts = [code(_cut(name)) for name in names if name]
    parts += [*tallies(plan), f"{plan.unchanged:,} unchanged"]
    return " · ".join(parts)


def _listed(problems: Iterable[tuple[str, Problem]], room: int) -> list[str]:
    """The problems as a list of at most so many bytes, in one part or in none."""
    return _fitted([_problem(title, problem) for title, problem in problems], room)


def _fitted(lines: Sequence[str], room: int) -> list[str]:
    """As many items of a list as fit, the rest counted."""
    kept = _fitting(lines, room)
    if len(kept) < len(lines):
        kept.append(f"- and {len(lines) - len(kept):,} more like these")
    return ["\n".join(kept)] if kept else []


def _problem(title: str, problem: Problem) -> str:
    where = f", {code(_cut_start(f'{problem.place.file}:{problem.place.line}'))}" if problem.place else ""
    hint = f"<br>hint: {code(_cut(problem.hint, _PROBLEM))}" if problem.hint else ""
    return f"- **{title}**{where}: {code(_cut(problem.message, _PROBLEM))}{hint}"


def _rows(
    head: Sequence[str], all_of: Sequence[Change] | Sequence[Revision], room: int, *, across: bool = False
) -> list[str]:
    """A table in at most so many bytes, in one part or two, or in none; folded when it is long."""
    if not all_of:
        return []
    room -= _size(head) + 200  # for what stands around the rows
    rows = _fitting((_drawn(each, brief=False, across=across) for each in all_of), room)
    if len(rows) < len(all_of):
        rows = _fitting((_drawn(each, brief=True, across=across) for each in all_of), room)
    table = "\n".join([*head, *rows])
    folded = f"<details><summary>{count(len(rows), 'change')}</summary>\n\n{table}\n\n</details>"
    left = len(all_of) - len(rows)
    rest = [f"**And {count(left, 'more change')}** without room here: `tokenctl show` has them all."] if left else []
    return [folded if len(rows) > _OPEN_ROWS else table, *rest]


def _drawn(each: Change | Revision, *, brief: bool, across: bool) -> str:
    if isinstance(each, Change):
        return _row(each, brief=brief, across=across)
    return _revision_row(each, brief=brief)


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """As many whole lines as fit into so many bytes."""
    kept = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _row(change: Change, *, brief: bool, across: bool) -> str:
    names = [name_of(change), *filter(None, [kept(change)])]
    owner = [change.token.user, *([org_of(change)] if across else [])]
    differences, place = change.differences(), place_of(change)
    if brief:
        names, owner = [shortened(each, _BRIEF) for each in names], [_cut(each) for each in owner]
        place, differences = _cut_start(place), tuple(map(_cut_around, differences))
    fields = "<br>".join(
        f"{each.field} {cell(before)} → {cell(after)}" for each in differences for before, after in [values(each)]
    )
    origin = origin_of(change)
    done = f"{action_words(change)}<br>{origin}" if origin else action_words(change)
    cells = (done, _lines(names), cell(change.token.id), _lines(owner), fields, cell(place) if place else "")
    return f"| {' | '.join(cells)} |"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(map(cell, texts))


def _cut(text: str, most: int = _BRIEF) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _cut_start(text: str) -> str:
    return text if len(text) <= _BRIEF else "…" + text[1 - _BRIEF :]


def _cut_around(difference: Difference) -> Difference:
    """The difference with both values cut so that what differs first still shows."""
    before, after = difference.before or "", difference.after or ""
    start = max(0, common_start(before, after) - _BRIEF // 4)
    return replace(difference, before=_cut_from(before, start), after=_cut_from(after, start))


def _cut_from(text: str, start: int) -> str:
    if len(text) <= _BRIEF:
        return text
    return ("…" if start else "") + _cut(text[start:])

"""A plan, problems or revised files as Markdown for a comment or a summary: foreign text stands inside code only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from urllib.parse import quote

from reconciler.core.baseline import Baseline
from reconciler.core.plan import Action, Change, Difference, Plan, Revision, Site, explained
from reconciler.core.review import Review
from reconciler.core.text import common_start, count, shortened
from reconciler.errors import Place, Problem
from reconciler.render import compared, words
from reconciler.render.escape import terminal
from reconciler.render.findings import ProblemReport

LONGEST = 64_000
"""GitHub takes comments of less than 65,536 characters; so is the text, in bytes of UTF-8, with room for whoever puts
a line before it and one behind."""

_OPEN_ROWS = 10
BRIEF, _PROBLEM = 120, 600  # characters of a value where not everything fits, and of a message at any time
_COLUMNS = ("| token | owner | what changes | what it means | declared at |", "|---|---|---|---|---|")
_REVISION_COLUMNS = ("| change | declaration | what it means | declared at |", "|---|---|---|---|")
NOWHERE = Site()
_RUN = re.compile("`+")
_NO_BRANCH = re.compile(r"HEAD(\^1?|~1?)?|[0-9a-f]{40,64}")
_FLAGS = (
    ("apply in smaller steps with `--select`, ", "change fewer tokens at once, or "),
    ("`--self-id ID` or TOKENCTL_SELF_ID", "the variable TOKENCTL_SELF_ID"),
    (", lower `guards.", ", or lower `guards."),
)
_WAIVER = re.compile(r",? or (?:use|allow it with) `--allow [a-z_]+`(?:: it is then sent last)?")


def plan(plan: Plan, longest: int = LONGEST, review: Review | None = None, site: Site = NOWHERE) -> str:
    """Return the verdict, what is grave, what stands in the way, the tables, and the digest, which nothing can fake.

    Shorter than `longest` bytes, at least 8,000: values are cut when not all fit, then whole rows are left out and
    counted. Deactivations come first.
    """
    digest = f"<sub>Digest `{plan.digest}`</sub>"
    revisions = compared.gravest_revisions_first(plan.base.revisions if plan.base else ())
    head, problem = _head(plan, review, site), partial(problem_line, site=site, ref=plan.base.ref if plan.base else "")
    room = longest - size_of([*head, digest])
    refused = fitted([problem(f"Refused by guard `{each.guard}`", each.problem) for each in plan.refusals], room // 4)
    warned = fitted([problem("Warning", each) for each in plan.warnings], room // 4)
    files = fitted([revision_line(each, site) for each in revisions], room // 4)
    differences = [f"- {code(cut_to(each, _PROBLEM))}" for each in compared.differences(review)] if review else []
    moved = fitted(["Not as it was reviewed:", "", *differences] if differences else [], room // 8)
    room -= size_of([*refused, *warned, *moved, *files])
    changes = words.gravest_first(plan.changes)
    gone, rest = (changes[: (left := plan.count(Action.DEACTIVATE))], changes[left:])
    kept = size_of(_COLUMNS) + 200 if rest else 0
    open_table = table_of(_COLUMNS, len(gone), partial(_rows, gone, site, across=plan.across), room - kept, folds=False)
    room -= size_of(open_table)
    table = table_of(_COLUMNS, len(rest), partial(_rows, rest, site, across=plan.across), room)
    return "\n\n".join([*head, *refused, *warned, *moved, *open_table, *table, *files, digest]) + "\n"


def title_of(command: str, site: Site) -> str:
    """Return the title of what a command made, with the environment."""
    return f"### tokenctl {command}" + (f", {code(cut_to(site.environment))}" if site.environment else "")


def _branch(ref: str, site: Site) -> str:
    """Return the branch that a base stands for, or what was named."""
    return site.base if site.base and _NO_BRANCH.fullmatch(ref) else ref


def base_of(ref: str, commit: str, site: Site) -> str:
    """Return the base as a branch and a short commit."""
    short = f"`{commit[:7]}`"
    branch = _branch(ref, site)
    return short if branch == commit else f"{code(cut_to(branch))} ({short})"


def alert(kind: str, text: str) -> list[str]:
    """Return an alert of GitHub, none for ""."""
    return [f"> [!{kind}]\n> {text}"] if text else []


def _grave(plan: Plan) -> str:
    """Return what a reviewer has to see first: how many tokens stop working, and how many guards hold less."""
    gone = plan.count(Action.DEACTIVATE)
    loosened = sum(each.loosens for each in plan.base.revisions) if plan.base else 0
    told = [f"**{count(gone, 'token')} deactivated**"] if gone else []
    return ", ".join([*told, *([f"**{count(loosened, 'guard')} loosened**"] if loosened else [])])


def _refused(plan: Plan) -> str:
    by = count(len({each.guard for each in plan.refusals}), "guard")
    return f"**Refused by {by}**: nothing of this can be applied" if plan.refusals else ""


def _head(plan: Plan, review: Review | None, site: Site) -> list[str]:
    names = [code(cut_to(name)) for name in words.title_parts(plan)]
    head = [
        f"{title_of(words.plan_command(plan), site)}: {words.verdict(plan)}",
        *alert("CAUTION", _grave(plan)),
        *alert("WARNING", _refused(plan)),
        *([f"Review: {code(cut_to(compared.verdict(review), 2 * BRIEF))}"] if review else []),
        " · ".join([*names, *words.totals(plan), f"{plan.unchanged:,} unchanged"]),
    ]
    if base := plan.base:
        beside = f"; beside that {_summary(base.revisions)}" if base.revisions else ""
        head.append(f"Against {base_of(base.ref, base.commit, site)}: {words.mark_counts(plan)}{beside}")
    return head


def problems(report: ProblemReport, longest: int = LONGEST, site: Site = NOWHERE) -> str:
    """Return how the command ended, and what is wrong, in less than `longest` bytes; what has no room is counted."""
    head = f"{title_of(report.command, site)}: {report.verdict}"
    wrong = fitted([problem_line("Problem", each, site) for each in report.problems], longest // 2)
    warned = fitted([problem_line("Warning", each, site) for each in report.warnings], longest // 4)
    return "\n\n".join([head, *wrong, *warned]) + "\n"


def revised(revised: Baseline, longest: int = LONGEST, site: Site = NOWHERE) -> str:
    """Return what a change of the files means in less than `longest` bytes (6,000 or more); left rows are counted."""
    title = title_of("plan", site) if site.environment else "### tokenctl"
    head = [f"{title}: {_summary(revised.revisions)}"]
    head.append(f"Since {base_of(revised.ref, revised.commit, site)}. No server was asked.")
    head += fitted([problem_line("Warning", each, site, revised.ref) for each in revised.warnings], longest // 4)
    revisions = revised.revisions
    rows = partial(_revision_rows, revisions, site)
    table = table_of(_REVISION_COLUMNS, len(revisions), rows, longest - size_of(head))
    return "\n\n".join([*head, *table]) + "\n"


def _summary(revisions: Sequence[Revision]) -> str:
    loosened = sum(each.loosens for each in revisions)
    return compared.revision_counts(revisions) + (f", **{count(loosened, 'guard')} loosened**" if loosened else "")


def revision_line(revision: Revision, site: Site) -> str:
    """Return what a revision means, as an item of a list."""
    grave = "**" if revision.loosens else ""
    place = _place_of_revision(revision, code, site)
    what = code(cut_to(compared.label_of(revision))) + (f", {place}" if place else "")
    return f"- {grave}{revision.kind}{grave} {what}: {code(cut_to('; '.join(compared.meaning(revision)), _PROBLEM))}"


def problem_line(title: str, problem: Problem, site: Site, ref: str = "") -> str:
    """Return a problem with its place and its hint, as an item of a list."""
    message, told = problem.message, problem.hint
    if site.environment:  # which gives no choice of options
        told = _WAIVER.sub("", told)
        for flags, instead in _FLAGS:
            told = told.replace(flags, instead)
    if ref:
        message, told = (each.replace(f"`{ref}`", f"`{_branch(ref, site)}`") for each in (message, told))
    hint = f"<br>hint: {code(cut_to(told, _PROBLEM))}" if told else ""
    where = f", {linked(problem.place, code(cut_start(str(problem.place))), site)}" if problem.place else ""
    return f"- **{title}**{where}: {code(cut_to(message, _PROBLEM))}{hint}"


def linked(place: Place, shown: str, site: Site) -> str:
    """Return what is shown of a place, as a link to its line where the site has the file."""
    if not site.source or place.file.startswith(("/", "<")):
        return shown
    return f"[{shown}]({site.source}{quote(place.file)}#L{place.line})"


def _place_of_revision(revision: Revision, draw: Callable[[str], str], site: Site) -> str:
    """Return where it stands, as a link, or where it stood before it was removed, which the commit does not have."""
    shown = draw(cut_start(compared.place_of_revision(revision)))
    if revision.place:
        return linked(revision.place, shown, site)
    return shown if revision.base_place else ""


def code(text: str) -> str:
    """Return the text as a code span: no part of it is markup, a mention or an end of the span."""
    shown = terminal(text)
    fence = "`" * (max((len(run) for run in _RUN.findall(shown)), default=0) + 1)
    blank = " " if not shown.strip() or shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def cell(text: str) -> str:
    """Return the text as a code span within a table, where a `|` would end the cell even in code."""
    return code(text).replace("|", "\\|")


def cells(texts: Iterable[str]) -> str:
    """Return the texts as lines of one cell."""
    return "<br>".join(map(cell, texts))


def size_of(parts: Iterable[str]) -> int:
    """Return how many bytes the parts take, with the empty line after each."""
    return sum(len(part.encode()) + 2 for part in parts)


def fitted(lines: Sequence[str], room: int) -> list[str]:
    """Return as many items of a list as fit into so many bytes, the rest counted, in one part or in none."""
    kept = _fitting(lines, room)
    if len(kept) < len(lines):
        kept.append(f"- and {len(lines) - len(kept):,} more like these")
    return ["\n".join(kept)] if kept else []


def table_of(
    head: Sequence[str],
    size: int,
    made: Callable[[bool], Iterator[str]],
    room: int,
    *,
    folds: bool = True,
    what: str = "change",
) -> list[str]:
    """Return a table in at most so many bytes, in up to two parts, folded when it is long.

    `made` gives its rows, `size` of them, with values cut if it is told so; `what` is what a row is about.
    """
    if not size:
        return []
    room -= size_of(head) + 200  # for what stands around the rows
    rows = _fitting(made(False), room)
    if len(rows) < size:
        rows = _fitting(made(True), room)
    table = "\n".join([*head, *rows])
    folded = f"<details><summary>{count(len(rows), what)}</summary>\n\n{table}\n\n</details>"
    left = size - len(rows)
    rest = [f"**And {count(left, f'more {what}')}** without room here: other formats have them all."] if left else []
    if not rows:
        return rest
    return [folded if folds and len(rows) > _OPEN_ROWS else table, *rest]


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """Return as many whole lines as fit into so many bytes."""
    kept = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _rows(changes: Sequence[Change], site: Site, brief: bool, *, across: bool) -> Iterator[str]:
    for change, differences in zip(changes, explained(changes), strict=True):
        yield _row(change, differences, site, brief=brief, across=across)


def _row(change: Change, differences: Iterable[Difference], site: Site, *, brief: bool, across: bool) -> str:
    names = [each for each in (words.name_of(change), words.kept_description(change)) if each]
    owner = [change.token.user, *([words.org_of(change)] if across else [])]
    place = change.places.get("")
    if brief:
        names, owner = [shortened(each, BRIEF) for each in names], [cut_to(each) for each in owner]
        differences = map(_cut_around, differences)
    used = cell(words.use_of(change)) if change.use else ""
    fields = "<br>".join(field_line(change, each) for each in differences)
    done = "<br>".join(filter(None, (change.action, words.until_of(change), used)))
    means = "<br>".join(meaning_lines(change, brief=brief))
    shown = (
        cells([*names, change.token.id]),
        cells(owner),
        f"{done}<br>{fields}",
        means,
        linked(place, cell(cut_start(words.file_and_line(place))), site) if place else "",
    )
    return f"| {' | '.join(shown)} |"


def field_line(change: Change, difference: Difference) -> str:
    """Return a field with its values before and after, and where the difference comes from."""
    mark = words.mark_of(change, difference.field)
    values = " → ".join(map(cell, words.values(difference)))
    return f"{difference.field} {values}" + (f" ({mark})" if mark else "")


def meaning_lines(change: Change, *, brief: bool) -> Iterator[str]:
    """Yield what a reviewer wants to know of the token beside its values, a line each."""
    if change.labels:
        yield words.labels_of(change, _named)
    yield words.rights_of(change.rights, change.token.org, _named, brief=brief)
    yield from (f"after this, {each}" for each in words.consequences(change, _named, brief=brief))
    if dates := words.dates_of(change.token):
        yield ", ".join(dates)


def _named(name: str) -> str:
    return cell(cut_to(name))


def _revision_rows(revisions: Sequence[Revision], site: Site, brief: bool) -> Iterator[str]:
    return (_revision_row(each, site, brief=brief) for each in revisions)


def _revision_row(revision: Revision, site: Site, *, brief: bool) -> str:
    cut = cut_to if brief else str
    meaning = cells(map(cut, compared.meaning(revision)))
    place = _place_of_revision(revision, cell, site)
    return f"| {revision.kind} | {cell(cut(compared.label_of(revision)))} | {meaning} | {place} |"


def cut_to(text: str, most: int = BRIEF) -> str:
    """Return the text, cut to so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def cut_start(text: str) -> str:
    """Return the text, which loses its start where it is long."""
    return text if len(text) <= BRIEF else "…" + text[1 - BRIEF :]


def _cut_around(difference: Difference) -> Difference:
    """Return the difference with both values cut so that what differs first still shows."""
    before, after = difference.before or "", difference.after or ""
    start = max(0, common_start(before, after) - BRIEF // 4)
    return difference._replace(before=_cut_from(before, start), after=_cut_from(after, start))


def _cut_from(text: str, start: int) -> str:
    if len(text) <= BRIEF:
        return text
    return ("…" if start else "") + cut_to(text[start:])

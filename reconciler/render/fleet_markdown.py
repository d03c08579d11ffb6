"""Plans of a fleet as Markdown for a comment: the gravest first, equal changes together, foreign text in code only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from reconciler.core.fleet import Fleet, Group, Member, Planned, grouped
from reconciler.core.plan import Action, Revision, Site, explained
from reconciler.core.text import count, shortened
from reconciler.errors import ExitCode, Problem
from reconciler.render import compared, words
from reconciler.render.fleet import headline
from reconciler.render.markdown import (
    BRIEF,
    LONGEST,
    NOWHERE,
    alert,
    base_of,
    cell,
    cells,
    cut_start,
    cut_to,
    field_line,
    fitted,
    linked,
    meaning_lines,
    problem_line,
    revision_line,
    size_of,
    table_of,
    title_of,
)

_NAMED = 3  # servers of a group, problems of a server
_WRONG = ("| server | | why |", "|---|---|---|")
_COLUMNS = ("| token | owner | what changes | what it means | servers | declared at |", "|---|---|---|---|---|---|")


def plan(fleet: Fleet, longest: int = LONGEST, site: Site = NOWHERE) -> str:
    """Return the verdict, the servers that are not fine, the changes, what the files change beside that, the digest.

    Shorter than `longest` bytes, at least 16,000: each part has its share, and what has no room is counted.
    """
    digest = f"<sub>Digest `{fleet.digest}`</sub>"
    groups = grouped(fleet.planned)
    gone = [each for each in groups if each.changes[0].action is Action.DEACTIVATE]
    rest = groups[len(gone) :]
    head, wrong = _head(fleet, site), _wrong(fleet)
    room = longest - size_of([*head, digest])
    not_fine = table_of(_WRONG, len(wrong), lambda _: iter(wrong), room // 4, folds=False, what="server")
    warned = fitted(list(_warnings(fleet, site)), room // 8)
    files = fitted(list(_revisions(fleet, site)), room // 8)
    room -= size_of([*not_fine, *warned, *files])
    kept = room // 4 if rest else 0
    open_table = table_of(_COLUMNS, len(gone), partial(_rows, gone, site), room - kept, folds=False)
    table = table_of(_COLUMNS, len(rest), partial(_rows, rest, site), room - size_of(open_table))
    return "\n\n".join([*head, *not_fine, *warned, *open_table, *table, *files, digest]) + "\n"


def _head(fleet: Fleet, site: Site) -> list[str]:
    gone = sum(bool(each.plan.count(Action.DEACTIVATE)) for each in fleet.planned)
    loosened = sum(each.loosens for one in fleet.planned if one.plan.base for each in one.plan.base.revisions)
    told = (
        [f"**{count(fleet.count(Action.DEACTIVATE), 'token')} deactivated** on {count(gone, 'server')}"] if gone else []
    )
    told += [f"**{count(loosened, 'guard')} loosened**"] if loosened else []
    if fleet.removed:
        removed = count(len(fleet.removed), "server")
        told.append(f"**{removed} removed** ({_some(fleet.removed)}), of which no guard holds any more")
    keep = count(len(fleet.blocking), "server")
    left_out = [f"{fleet.left_out:,} left out"] if fleet.left_out else []
    bases = {(each.plan.base.ref, each.plan.base.commit) for each in fleet.planned if each.plan.base}
    against = [f"against {base_of(*each, site)}" for each in sorted(bases)[:1]]
    return [
        f"{title_of('plan', site)}: {headline(fleet)}",
        *alert("CAUTION", ", ".join(told)),
        *alert("WARNING", f"**{keep} refused or not planned**: nothing is applied anywhere" if fleet.blocking else ""),
        " · ".join([f"{len(fleet.planned):,} planned", f"{fleet.as_declared:,} as declared", *left_out, *against]),
    ]


def _wrong(fleet: Fleet) -> list[str]:
    """Return a row for each server that is not fine, the refused ones first and then the gravest."""
    codes = [ExitCode.REFUSED, *(code for code in ExitCode if code is not ExitCode.REFUSED)]
    members = sorted((each for each in fleet.members if each.code), key=lambda each: codes.index(each.code))
    return [f"| {cell(each.name)} | **{each.code.reason}** | {'<br>'.join(_why(each))} |" for each in members]


def _why(member: Member) -> Iterator[str]:
    """Yield why a server is not planned, or its plan not applied: a few problems, and how many more there are."""
    if isinstance(member, Planned):
        told = [f"guard `{each.guard}`: {_told(each.problem)}" for each in member.plan.refusals]
    else:
        told = [_told(each) for each in member.problems]
    yield from told[:_NAMED]
    if len(told) > _NAMED:
        yield f"and {len(told) - _NAMED:,} more"


def _told(problem: Problem) -> str:
    where = f"{problem.place}: " if problem.place else ""
    return cell(cut_to(f"{where}{problem.message}", 2 * BRIEF))


def _warnings(fleet: Fleet, site: Site) -> Iterator[str]:
    warnings = fleet.warnings.items()
    yield from (problem_line(f"Warning on {_some(names)}", problem, site) for problem, names in warnings)


def _revisions(fleet: Fleet, site: Site) -> Iterator[str]:
    """Yield what the files change beside the changes, the gravest first, equal ones once with their servers."""
    found: dict[str, list[str]] = {}
    told: list[tuple[Revision, str]] = [
        (revision, each.name) for each in fleet.planned if each.plan.base for revision in each.plan.base.revisions
    ]
    order = {id(each): number for number, each in enumerate(compared.gravest_revisions_first(one for one, _ in told))}
    for revision, name in sorted(told, key=lambda pair: order[id(pair[0])]):
        found.setdefault(revision_line(revision, site), []).append(name)
    yield from (f"{text} on {_some(names)}" for text, names in found.items())


def _rows(groups: Sequence[Group], site: Site, brief: bool) -> Iterator[str]:
    firsts = [each.changes[0] for each in groups]
    for group, change, differences in zip(groups, firsts, explained(firsts), strict=True):
        names = list(filter(None, (words.name_of(change), words.kept_description(change))))
        if brief:
            names = [shortened(each, BRIEF) for each in names]
        single, place = len(group.servers) == 1, change.places.get("")
        undated = change if single else change._replace(token=change.token._replace(updated_at="", created_at=""))
        alike = all((each.rights, each.buckets) == (change.rights, change.buckets) for each in group.changes)
        fields = "<br>".join(field_line(change, each) for each in differences)
        shown = (
            cells([*names, *([change.token.id] if single else [])]),
            cell(cut_to(change.token.user)),
            "<br>".join(filter(None, (change.action, words.until_of(change), fields))),
            "<br>".join(meaning_lines(undated, brief=brief)) if alike else "differs by server",
            _some(group.servers),
            linked(place, cell(cut_start(words.file_and_line(place))), site) if place else "",
        )
        yield f"| {' | '.join(shown)} |"


def _some(names: Iterable[str]) -> str:
    """Return the first few of these names, and how many more there are."""
    known = list(names)
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    return (f"{len(known):,}: " if more else "") + ", ".join(map(cell, known[:_NAMED])) + more

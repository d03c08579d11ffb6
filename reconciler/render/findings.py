"""What a reviewer is to see of a plan, or of why there is none, beside the lines that cause it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from reconciler.core.baseline import Baseline
from reconciler.core.plan import Action, Change, Difference, Kind, Plan, Revision
from reconciler.core.text import count, shortened
from reconciler.errors import ExitCode, Place, Problem
from reconciler.render import compared, words

if TYPE_CHECKING:  # a run about one server has none
    from reconciler.core.fleet import Fleet

Shown: TypeAlias = "Plan | Fleet | ProblemReport"
"""What findings are made of."""
_DESCRIBED = 200  # characters of a description that only tells which token it is
WARNING = "warning"
"""The rule of findings that are warnings."""


class Level(StrEnum):
    """How grave a finding is, in GitHub's words: a guard that refuses, a warning, a change."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Finding(NamedTuple):
    """One thing to look at; `message`, `hint` and `place` may hold foreign text as it came.

    `rule` is the guard, the name of the exit code, `warning`, or the action; `place` that of the declaration's field,
    if there is one, its file without a leading `./`, as reports know files. No two findings of a plan have the same
    `rule` and `key`.
    """

    level: Level
    rule: str
    title: str
    message: str
    key: str
    place: Place | None
    hint: str = ""

    @property
    def fingerprint(self) -> str:
        """Return what tells that two runs found the same: SHA-256, in hex, of what stays the same when lines move."""
        named = "\0".join((self.place.file if self.place else "", self.rule, self.key))
        return hashlib.sha256(named.encode("utf-8", "backslashreplace")).hexdigest()


class ProblemReport(NamedTuple):
    """What a command shows where there is no plan: how it ends, and what is wrong.

    `files` are those that it is about, as programs know them, and so are those of places.
    """

    command: str
    code: ExitCode
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """How the command ended, and how many problems and warnings there are, in words of ours."""
        counts = [count(len(self.problems), "problem") if self.problems else "no problems"]
        counts += [count(len(self.warnings), "warning")] if self.warnings else []
        return f"{self.code.reason} ({', '.join(counts)})"


def findings(shown: Shown) -> tuple[Finding, ...]:
    """Return problems, or refusals, warnings, changes with deactivations first, and what else the files mean.

    Who stops early has seen the worst. Those of a fleet are by server, with its name in message and key, and so in the
    fingerprint.
    """
    if isinstance(shown, ProblemReport):
        found = _report_findings(shown)
    elif isinstance(shown, Plan):
        found = _plan_findings(shown)
    else:
        found = [
            one._replace(message=f"{name}: {one.message}", key=f"{name} {one.key}")
            for name, each in by_server(shown)
            for one in (_plan_findings(each) if isinstance(each, Plan) else _report_findings(each))
        ]
        found.sort(key=lambda each: (list(Level).index(each.level), each.rule != Action.DEACTIVATE))
    return tuple(_with_unique_keys(found))


def by_server(fleet: Fleet) -> Iterator[tuple[str, Plan | ProblemReport]]:
    """Yield the name of each server with its plan, or with why there is none."""
    from reconciler.core.fleet import Planned

    for each in fleet.members:
        if isinstance(each, Planned):
            yield each.name, each.plan
        else:
            yield each.name, ProblemReport("plan", each.code, each.problems)


def _report_findings(report: ProblemReport) -> list[Finding]:
    rule = report.code.reason
    return [
        *(_problem(Level.ERROR, rule, f"{report.command}: {rule}", each) for each in report.problems),
        *(_problem(Level.WARNING, WARNING, WARNING, each) for each in report.warnings),
    ]


def _plan_findings(plan: Plan) -> list[Finding]:
    files = [*map(_revision, plan.base.revisions if plan.base else ())]
    return [
        *(_problem(Level.ERROR, each.guard, f"refused by guard {each.guard}", each.problem) for each in plan.refusals),
        *(_problem(Level.WARNING, WARNING, WARNING, each) for each in plan.warnings),
        *(each for each in files if each.level is Level.WARNING),
        *(_change(each, across=plan.across) for each in words.gravest_first(plan.changes)),
        *(each for each in files if each.level is Level.NOTICE),
    ]


def revision_findings(revised: Baseline) -> tuple[Finding, ...]:
    """Return what a change of the files means: warnings, then what loosens a guard, then all else."""
    found = [
        *(_problem(Level.WARNING, WARNING, WARNING, each) for each in revised.warnings),
        *map(_revision, compared.gravest_revisions_first(revised.revisions)),
    ]
    return tuple(_with_unique_keys(found))


def revision_rule(kind: Kind) -> str:
    """Return the rule of a finding about what the files mean; a guard or an action may be called like a kind."""
    return f"files-{kind}"


def _revision(revision: Revision) -> Finding:
    return Finding(
        level=Level.WARNING if revision.loosens else Level.NOTICE,
        rule=revision_rule(revision.kind),
        title=f"{revision.kind} {compared.label_of(revision)}",
        message="; ".join(compared.meaning(revision)),
        key=revision.target,
        place=_placed(revision.place),
    )


def default_place(shown: Shown) -> Place:
    """Return where to show what has no place of its own, for the formats that want one: the top of a file of it."""
    if not isinstance(shown, Plan | ProblemReport):
        return next((default_place(each.plan) for each in shown.planned), Place("tokens.yaml", 1, 1))
    if isinstance(shown, ProblemReport):
        places, problems = [], [*shown.problems, *shown.warnings]
    else:
        places = [place for change in shown.changes for place in change.places.values()]
        problems = [*shown.warnings, *(each.problem for each in shown.refusals)]
    places += [each.place for each in problems if each.place]
    first = next(iter([*(place.file for place in places), *shown.files]), "tokens.yaml")
    return Place(first.removeprefix("./"), 1, 1)


def _problem(level: Level, rule: str, title: str, problem: Problem) -> Finding:
    return Finding(
        level=level, rule=str(rule), title=title, message=problem.message, hint=problem.hint, key=problem.message,
        place=_placed(problem.place),
    )  # fmt: skip


def _change(change: Change, *, across: bool) -> Finding:
    token = change.token
    earlier = token.values
    fields = []
    for name, value in change.body.items():
        mark = words.mark_of(change, name)
        shown = words.field_and_values(Difference(name, earlier[name], value))
        fields.append(shown + (f" ({mark})" if mark else ""))
    field, until = next(iter(change.body)), words.until_of(change)
    which = f" {shortened(description, _DESCRIBED)}" if (description := words.kept_description(change)) else ""
    return Finding(
        level=Level.NOTICE,
        rule=change.action.value,
        title=f"{change.action} {words.name_of(change)}",
        message=f"{token.id}{which} of {words.owner_of(change, across=across)}: {', '.join(fields)}"
        + (f" ({until})" if until else "")
        + (f"; {words.use_of(change)}" if change.use else ""),
        key=token.id,
        place=_placed(change.places.get(field) or change.places.get("")),
    )


def _placed(place: Place | None) -> Place | None:
    return place._replace(file=place.file.removeprefix("./")) if place else None


def _with_unique_keys(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings, with keys that differ where two of a rule say the same."""
    seen: set[tuple[str, str]] = set()
    for each in found:
        key = each.key
        while (each.rule, key) in seen:
            key += " again"
        seen.add((each.rule, key))
        yield each._replace(key=key)

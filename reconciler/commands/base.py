"""Files and the name of a commit in, a plan that is compared with what the files declared there out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler.commands import planning
from reconciler.commands.connect import Connection
from reconciler.commands.context import Context
from reconciler.commands.history import History, manifest_at
from reconciler.commands.planning import Sources
from reconciler.commands.reading import DEFAULT, read_manifest
from reconciler.core import marks
from reconciler.core.baseline import Baseline
from reconciler.core.guard import Guard
from reconciler.core.manifest import Manifest
from reconciler.core.plan import Plan
from reconciler.core.resolve import select, selected
from reconciler.core.revise import about, revise
from reconciler.core.text import count
from reconciler.errors import InvalidError, Problem, UsageError
from reconciler.manifest.disk import Disk
from reconciler.repository.repository import opened
from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class Declared:
    """What the files declare, as far as it is selected, the files, and what they are compared with, if anything."""

    manifest: Manifest
    files: tuple[str, ...]
    baseline: Baseline | None
    paths: Sequence[str]


def read(sources: Sources, context: Context) -> Declared:
    """Read the files, and with --base those of that commit. Says the warnings.

    Raises InvalidError with every problem of every file, UsageError when there is nothing to read, nothing is selected
    or the commit cannot be found, LocalError when git cannot be used.
    """
    paths = sources.files or [DEFAULT]
    if sources.base is None:
        manifest, files = read_manifest(sources.files, context)
        return Declared(select(manifest, sources.select), files, None, paths)
    manifest, files, baseline = _compared(sources.base, sources.files, context)
    before = selected(baseline.manifest, sources.select)
    now = selected(manifest, sources.select) if before.tokens else select(manifest, sources.select)
    if sources.select:
        revisions = about(baseline.revisions, (*before.tokens, *now.tokens))
        # Other declarations of the base stay: they may be what protects a token that is selected now.
        rest = replace(baseline.manifest, unmanaged=before.unmanaged)
        baseline = replace(baseline, manifest=rest, revisions=revisions)
    return Declared(now, files, baseline, paths)


def check(declared: Declared, settings: Settings) -> None:
    """Hold the files, and the `server:` block of the base too, against the settings, before anything is sent.

    Raises RefusedError and InvalidError.
    """
    planning.check_server(declared.manifest, settings)
    planning.check_secret(declared.manifest, settings)
    if declared.baseline:
        planning.check_server(declared.baseline.manifest, settings, declared.baseline.ref)


def draft(
    declared: Declared, connection: Connection, waivers: Iterable[Guard], context: Context, *, reviewed: bool
) -> Plan:
    """Read the live tokens and plan, and mark where each change comes from.

    Raises the errors of reading and of `core.planner.draft`.
    """
    baseline = declared.baseline
    plan, live = planning.draft(declared.manifest, connection, waivers, reviewed=reviewed, baseline=baseline)
    wanted = marks.moments(plan.changes) if baseline else ()
    if not baseline or not wanted:
        return plan
    then = History(baseline.commit, declared.paths, declared.files).declared(wanted, live, context)
    changes = marks.settled(plan.changes, then)
    unknown = [change for change in changes if change.marks.keys() < change.body.keys()]
    warnings = (*plan.warnings, *([_untold(len(unknown), baseline)] if unknown else ()))
    return replace(plan, changes=changes, warnings=warnings)


def _compared(ref: str, files: Sequence[str], context: Context) -> tuple[Manifest, tuple[str, ...], Baseline]:
    """The files as they are, what they are called, and what they were at the base."""
    paths = files or [DEFAULT]
    if "-" in paths:
        raise UsageError(Problem("--base cannot be used with standard input", "name files that git knows"))
    with opened(paths, context.environment, context.home) as repository:
        if problems := repository.misplaced([name for path in paths for name in _named(path, context)]):
            raise InvalidError(problems)
        head, names = read_manifest(files, context)
        commit = repository.commit(ref)
        ref = commit.ref  # as it may be shown
        manifest, refused = manifest_at(commit, paths)
    warnings = [_unread(ref, refused)] if refused else []
    revisions = revise(manifest, head, ref)
    baseline = Baseline(ref=ref, commit=commit.oid, manifest=manifest, revisions=revisions, warnings=tuple(warnings))
    return head, names, baseline


def _named(path: str, context: Context) -> Sequence[str]:
    try:
        return Disk(context.stdin).names(path)
    except InvalidError:
        return [path]  # reading it says why


def _untold(number: int, baseline: Baseline) -> Problem:
    return Problem(
        f"{count(number, 'change')} cannot be told apart as drift or pending: the history of `{baseline.ref}` that is "
        "here does not reach back to when the tokens were last changed",
        "fetch all of it, with `fetch-depth: 0` in actions/checkout",
    )


def _unread(ref: str, problems: Sequence[Problem]) -> Problem:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Problem(
        f"the files of {ref} are refused, so they count as empty: {first.message}{more}",
        "their guards are not known: those that hold by themselves are enforced",
        first.place,
    )

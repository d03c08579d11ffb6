"""Files and the name of a commit in, the manifest that they make now and the one that they made there out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.commands.context import Context
from reconciler.commands.planning import Sources
from reconciler.commands.reading import DEFAULT, read_manifest
from reconciler.core.baseline import Baseline
from reconciler.core.manifest import Manifest
from reconciler.core.resolve import select, selected
from reconciler.core.revise import about, revise
from reconciler.errors import InvalidError, Problem, UsageError
from reconciler.manifest.load import load_from
from reconciler.repository.commit import Commit
from reconciler.repository.repository import opened


@dataclass(frozen=True, slots=True)
class Declared:
    """What the files declare, as far as it is selected, the files, and what they are compared with, if anything."""

    manifest: Manifest
    files: tuple[str, ...]
    baseline: Baseline | None


def read(sources: Sources, context: Context) -> Declared:
    """Read the files, and with --base those of that commit. Says the warnings.

    Raises InvalidError with every problem of every file, UsageError when there is nothing to read, nothing is selected
    or the commit cannot be found, LocalError when git cannot be used.
    """
    manifest, files = read_manifest(sources.files, context)
    if sources.base is None:
        return Declared(select(manifest, sources.select), files, None)
    baseline = _baseline(sources.base, sources.files or [DEFAULT], manifest, context)
    before = selected(baseline.manifest, sources.select)
    now = selected(manifest, sources.select) if before.tokens else select(manifest, sources.select)
    if sources.select:
        revisions = about(baseline.revisions, (*before.tokens, *now.tokens))
        # Other declarations of the base stay: they may be what protects a token that is selected now.
        rest = replace(baseline.manifest, unmanaged=before.unmanaged)
        baseline = replace(baseline, manifest=rest, revisions=revisions)
    return Declared(now, files, baseline)


def _baseline(ref: str, paths: Sequence[str], head: Manifest, context: Context) -> Baseline:
    if "-" in paths:
        raise UsageError(Problem("--base cannot be used with standard input", "name files that git knows"))
    with opened(paths, context.environment, context.home) as repository:
        commit = repository.commit(ref)
        manifest, problems = manifest_at(commit, paths)
    warnings = [_unread(ref, problems)] if problems else []
    revisions = revise(manifest, head, ref)
    return Baseline(ref=ref, commit=commit.oid, manifest=manifest, revisions=revisions, warnings=tuple(warnings))


def manifest_at(commit: Commit, paths: Sequence[str]) -> tuple[Manifest, Sequence[Problem]]:
    """The manifest at a commit; an empty one when the files are not there yet, or are refused, with the problems."""
    try:
        there = [path for path in paths if commit.exists(path)]
        return load_from(commit, there).manifest, ()
    except InvalidError as error:
        return Manifest(), error.problems


def _unread(ref: str, problems: Sequence[Problem]) -> Problem:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Problem(
        f"the files of {ref} are refused, so they count as empty: {first.message}{more}",
        "their guards are not known: those that hold by themselves are enforced",
        first.place,
    )

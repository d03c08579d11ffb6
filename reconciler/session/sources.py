"""File names and the name of a commit in, what the files declare out, and what they declared before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.baseline import Baseline
from reconciler.core.guard import Guard
from reconciler.core.live import Live
from reconciler.core.manifest import Manifest, is_manifest
from reconciler.core.marks import Stood
from reconciler.core.resolve import means, select, selected
from reconciler.core.revise import about, revise
from reconciler.errors import InvalidError, LocalError, Problem, UsageError
from reconciler.manifest.disk import Disk
from reconciler.manifest.load import load, load_from
from reconciler.session.context import Context

if TYPE_CHECKING:  # only --base needs git
    from reconciler.repository.commit import Commit

DEFAULT = "tokens.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What to plan.

    That is manifest files and folders as typed, the terms of `--select`, the guards of `--allow`, and the commit that
    the files are compared with, None for none.
    """

    files: Sequence[str] = ()
    select: Sequence[str] = ()
    allow: Sequence[Guard] = ()
    base: str | None = None


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


def read_manifest(files: Sequence[str], context: Context) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest and the files it was read from; without files, `tokens.yaml` of this folder. Says the warnings.

    Raises InvalidError with every problem of every file, UsageError when there is nothing to read.
    """
    beside = [] if files else beside_default(context)
    if not files and not Path(DEFAULT).exists():
        hint = "name the files or folders to read, or `-` for standard input"
        but = f", but {' and '.join(beside)}" if beside else ""
        raise UsageError(Problem(f"no file was named and there is no {DEFAULT} here{but}", hint))
    loaded = load(files or [DEFAULT], context.stdin)
    others = [
        Problem(f"{name} is not read, only {DEFAULT}: no file was named", "name all that are meant") for name in beside
    ]
    for warning in (*others, *loaded.warnings):
        from reconciler.render import pieces  # most files have none, and it costs as much as reading a small one

        context.say(pieces.problem(warning, "Warning"))
    return loaded.manifest, loaded.files


def beside_default(context: Context) -> list[str]:
    """What lies in this folder and could be taken for the default: the same in other letters, and a folder `tokens`."""
    disk = Disk(context.stdin)
    near = [name for name in _listed(".") if name.lower() in ("tokens.yaml", "tokens.yml", "tokens")]
    return [
        name
        for name in near
        if disk.identity(name) != disk.identity(DEFAULT) and ("." in name or any(map(is_manifest, _listed(name))))
    ]


def _listed(folder: str) -> list[str]:
    """The names in a folder, sorted; none where it is none."""
    with suppress(OSError):
        return sorted(each.name for each in Path(folder).iterdir())
    return []


def _compared(ref: str, files: Sequence[str], context: Context) -> tuple[Manifest, tuple[str, ...], Baseline]:
    """The files as they are, what they are called, and what they were at the base."""
    from reconciler.repository.repository import opened

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


def _unread(ref: str, problems: Sequence[Problem]) -> Problem:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Problem(
        f"the files of {ref} are refused, so they count as empty: {first.message}{more}",
        "their guards are not known: those that hold by themselves are enforced",
        first.place,
    )


@dataclass(frozen=True, slots=True)
class History:
    """The history of the paths at a commit, and of the `files` that stand there now.

    No more `versions` of them are read than that, the newest: of large files each takes a good part of a second.
    """

    commit: str
    paths: Sequence[str]
    files: Sequence[str]
    versions: int = 50

    def declared(self, moments: Collection[float], live: Live, context: Context) -> Mapping[float, Stood]:
        """What was declared of each token at each moment, as far as that is known."""
        from reconciler.repository.repository import opened

        read: dict[str, Stood] = {}
        then: dict[float, Stood] = {}
        with opened(self.paths, context.environment, context.home) as repository, suppress(LocalError):
            # An object that the clone left out ends the search: what was not found by then is not known.
            found = repository.in_effect(repository.commit(self.commit), (*self.paths, *self.files), moments)
            for moment, at in sorted(found.items(), reverse=True):
                if at is None:
                    then[moment] = {}
                elif at.oid in read:
                    then[moment] = read[at.oid]
                elif len(read) < self.versions:
                    then[moment] = read[at.oid] = means(manifest_at(at, self.paths)[0], live)
        return then


def manifest_at(commit: Commit, paths: Sequence[str]) -> tuple[Manifest, Sequence[Problem]]:
    """The manifest at a commit; an empty one when the files are not there yet, or are refused, with the problems."""
    try:
        there = [path for path in paths if commit.exists(path)]
        return load_from(commit, there).manifest, ()
    except InvalidError as error:
        return Manifest(), error.problems

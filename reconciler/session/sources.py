"""What the files declare, and what they declared at a commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.baseline import Baseline, Declarations, about, locked, moments, revise, with_history
from reconciler.core.live import Live
from reconciler.core.manifest import Manifest
from reconciler.core.plan import Guard, Plan
from reconciler.core.resolve import declared_tokens, suggests_others
from reconciler.core.text import count
from reconciler.errors import InvalidError, LocalError, Problem, UsageError
from reconciler.files import nearest_repository
from reconciler.manifest.load import Disk, Parsed, load_from
from reconciler.session.context import Context
from reconciler.session.reading import DEFAULT, read_manifest

if TYPE_CHECKING:  # only --base needs git, and only a plan a server
    from reconciler.core.usage import Evidence
    from reconciler.repository.git import Commit
    from reconciler.repository.repository import Repository
    from reconciler.session.planning import Source

_LINKS = 40  # as many as a system follows


class Sources(NamedTuple):
    """What the command line says about the plan to make.

    `files` are files and folders as typed, `select` the terms of `--select`, `allow` the guards of `--allow`, and
    `base` the commit to compare the files with, None for none. `usage` is a file with evidence, "" for none.
    """

    files: Sequence[str] = ()
    select: Sequence[str] = ()
    allow: Sequence[Guard] = ()
    base: str | None = None
    usage: str = ""

    @property
    def read_too(self) -> Sequence[str]:
        """The files that are read beside those that declare something."""
        return [self.usage] if self.usage else []


class Own(NamedTuple):
    """The files of one server: `path` is its manifest in the folder now."""

    folder: str
    name: str
    path: str

    @property
    def places(self) -> Sequence[str]:
        """Wherever its manifest may have been."""
        return [str(Path(self.folder, each)) for each in self._forms]

    @property
    def _forms(self) -> Sequence[str]:
        from reconciler.core.fleet import forms  # most runs are of one server

        return forms(self.name)

    def at(self, commit: Commit) -> Sequence[str]:
        """Return its manifests at a commit: whatever is of that name, so that no other form hides one."""
        there = commit.listing(self.folder)
        found = [(str(Path(self.folder, each)), each == self.name) for each in self._forms if each in there]
        return [path for path, is_folder in found if commit.is_folder(path) is is_folder]


class Declared(NamedTuple):
    """What the files declare, limited to what is selected, and the baseline it is compared with, if any.

    `reviewed` is False for a run that sends a plan that no person saw. `evidence` is of what tokens were used.
    """

    manifest: Manifest
    files: tuple[str, ...]
    baseline: Baseline | None = None
    history: History | None = None
    waivers: Sequence[Guard] = ()
    reviewed: bool = True
    evidence: Evidence | None = None

    @property
    def source(self) -> Source:
        """These declarations as a source of plans."""
        from reconciler.core import planner  # files are read by commands that plan nothing, too
        from reconciler.session.planning import Source

        return Source(
            files=self.files,
            locks=locked(self.manifest, self.baseline),
            orgs=lambda read: planner.organisations(self.manifest, read()),
            ids=self.manifest.ids | (self.baseline.manifest.ids if self.baseline else frozenset()),
            needs_list=self.evidence is not None or planner.needs_list(self.manifest, self.baseline),
            plan=self._plan,
            asks_others=lambda live: suggests_others(self.manifest, live),
            explained=self._explained,
        )

    def _plan(self, live: Live) -> Plan:
        from reconciler.core import planner

        plan = planner.make_plan(self.manifest, live, self.waivers, reviewed=self.reviewed, baseline=self.baseline)
        if self.evidence is None:
            return plan
        from reconciler.core.usage import with_evidence

        return with_evidence(plan, live, self.evidence)

    def _explained(self, plan: Plan, about: Callable[[Manifest], Live]) -> Plan:
        """Return the plan with a mark on each change that the history of the files explains."""
        wanted = moments(plan.changes) if self.history else ()
        if not self.history or not wanted:
            return plan
        changes = with_history(plan.changes, self.history.declared(wanted, about))
        unknown = [change for change in changes if change.marks.keys() < change.body.keys()]
        warnings = (*plan.warnings, *([_untold(len(unknown), self.history.ref)] if unknown else ()))
        return plan._replace(changes=changes, warnings=warnings)


def read(sources: Sources, context: Context, *, reviewed: bool = True) -> Declared:
    """Read the files, and with --base those of that commit; return what they declare. Shows the warnings.

    Raises InvalidError with every problem of every file, UsageError when there is nothing to read, nothing is selected
    or the commit cannot be found, LocalError when git cannot be used.
    """
    if sources.base is None:
        manifest, files = read_manifest(sources.files, context)
        return declared(sources, manifest, files, None, context, reviewed=reviewed)
    with repository_of(sources.files or [DEFAULT], context) as repository:
        manifest, files = read_manifest(sources.files, context)
        commit = repository.commit(sources.base)
        return declared(sources, manifest, files, commit, context, reviewed=reviewed)


def declared(
    sources: Sources,
    manifest: Manifest,
    files: tuple[str, ...],
    commit: Commit | None,
    context: Context,
    *,
    reviewed: bool,
    own: Own | None = None,
    known: MutableMapping[str, Parsed] | None = None,
) -> Declared:
    """Return what the manifest of the files declares beside what they declared at the commit, None for no such.

    `own` is the part of the files that is of one server of a fleet, and `known` what was parsed of others before.
    Raises UsageError when nothing is selected.
    """
    baseline, history = None, None
    if commit is None:
        now = _selected(manifest, sources)
    else:
        paths = sources.files or ([] if own else [DEFAULT])
        baseline = _baseline(commit, manifest, paths, context, own, known)
        before = _selected(baseline.manifest, sources, required=False)
        now = _selected(manifest, sources, required=not before.tokens)
        if sources.select:
            revisions = about(baseline.revisions, (*before.tokens, *now.tokens))
            # Other declarations of the base stay: they may be what protects a token that is selected now.
            rest = baseline.manifest._replace(unmanaged=before.unmanaged)
            baseline = baseline._replace(manifest=rest, revisions=revisions)
        history = History(commit=baseline.commit, ref=baseline.ref, paths=paths, files=files, context=context, own=own)
    return Declared(
        manifest=now,
        files=files,
        baseline=baseline,
        history=history,
        waivers=sources.allow,
        reviewed=reviewed,
        evidence=_evidence(sources) if sources.usage else None,
    )


def _selected(manifest: Manifest, sources: Sources, *, required: bool = True) -> Manifest:
    """Return the part of the manifest that is asked for; raises UsageError as `select` does."""
    if not sources.select:
        return manifest
    from reconciler.core.select import select  # most runs are about all of it

    return select(manifest, sources.select, required=required)


def _evidence(sources: Sources) -> Evidence:
    """Read the evidence. Raises UsageError for a file of the checkout with --base: a pull request could bring it."""
    from reconciler.documents.usage import load_evidence

    path = Path(sources.usage)
    if sources.base is not None:
        near = [Path.cwd(), *(Path(os.path.realpath(each)) for each in sources.files or [DEFAULT])]
        roots = {root for each in near if (root := nearest_repository(each))}
        if any(way.is_relative_to(root) for way in _ways(path) for root in roots):
            message = f"--usage names a file of the repository that --base is about: {path}"
            raise UsageError(message, "a change could bring its own evidence: keep that outside of the checkout")
    return load_evidence(path)


def _ways(path: Path) -> Iterator[Path]:
    """Where a path leads by and by: every link on the way, and its end, without links in the folders before them."""
    for _ in range(_LINKS):
        yield Path(os.path.normpath(Path.cwd() / path))
        path = Path(os.path.realpath(path.parent), path.name)
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


@contextmanager
def repository_of(paths: Sequence[str], context: Context) -> Iterator[Repository]:
    """Give the repository of the paths for the time of the block, after a look at where their files stand.

    Raises InvalidError for files that are not the repository's own, UsageError and LocalError as `opened` does.
    """
    from reconciler.repository.repository import opened

    if "-" in paths:
        raise UsageError("--base cannot be used with standard input", "name files that git knows")
    with opened(paths, context.environment, context.home) as repository:
        if problems := repository.misplaced([name for path in paths for name in _named(path, context)]):
            raise InvalidError(problems)
        yield repository


def _baseline(
    commit: Commit,
    head: Manifest,
    paths: Sequence[str],
    context: Context,
    own: Own | None,
    known: MutableMapping[str, Parsed] | None,
) -> Baseline:
    """Return what the paths declared at the commit, and how what they declare now differs from it."""
    ref = context.streams.masked(commit.ref)  # as it may be shown
    manifest, refused = manifest_at(commit, paths, own, known)
    warnings = (_unread(ref, refused),) if refused else ()
    revisions = revise(manifest, head, ref)
    return Baseline(ref=ref, commit=commit.oid, revisions=revisions, warnings=warnings, manifest=manifest)


def _named(path: str, context: Context) -> Sequence[str]:
    try:
        return Disk(context.streams.stdin).names(path)
    except InvalidError:
        return [path]  # reading it says why


def _untold(number: int, ref: str) -> Problem:
    return Problem(
        f"{count(number, 'change')} cannot be told apart as drift or pending: the history of `{ref}` that is "
        "here does not reach back to when the tokens were last changed",
        "fetch all of it, with `fetch-depth: 0` in actions/checkout",
    )


def _unread(ref: str, problems: Sequence[Problem]) -> Problem:
    first = problems[0]
    more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
    return Problem(
        f"the files of {ref} are refused, so they count as empty: {first.message}{more}",
        "their guards are not known: the default ones are enforced",
        first.place,
    )


class History(NamedTuple):
    """The history of the paths up to a commit, which is shown as `ref`, and of the `files` that they lead to now.

    Only the newest `versions` of the files are read, as reading a large one takes a good part of a second. `own` is
    what else belongs to one server of a fleet.
    """

    commit: str
    ref: str
    paths: Sequence[str]
    files: Sequence[str]
    context: Context
    versions: int = 50
    own: Own | None = None

    def declared(self, moments: Collection[float], about: Callable[[Manifest], Live]) -> Mapping[float, Declarations]:
        """Return the declarations by token at each of these moments, without moments of which nothing is known."""
        from reconciler.repository.repository import opened

        read: dict[str, Declarations] = {}
        then: dict[float, Declarations] = {}
        environment, home = self.context.environment, self.context.home
        places = (*self.paths, *self.files, *(self.own.places if self.own else ()))
        with opened(places, environment, home) as repository, suppress(LocalError):
            # An object that the clone left out ends the search: what was not found by then is not known.
            found = repository.in_effect(repository.commit(self.commit), places, moments)
            for moment, at in sorted(found.items(), reverse=True):
                if at is None:
                    then[moment] = {}
                elif at.oid in read:
                    then[moment] = read[at.oid]
                elif len(read) < self.versions:
                    manifest, _ = manifest_at(at, self.paths, self.own)
                    then[moment] = read[at.oid] = declared_tokens(manifest, about(manifest))
        return then


def manifest_at(
    commit: Commit,
    paths: Sequence[str],
    own: Own | None = None,
    known: MutableMapping[str, Parsed] | None = None,
) -> tuple[Manifest, Sequence[Problem]]:
    """Return the manifest at a commit, empty where there are no such files or they are refused, and the problems."""
    try:
        there = [*(path for path in paths if commit.exists(path)), *(own.at(commit) if own else ())]
        return load_from(commit, there, known=known).manifest, ()
    except InvalidError as error:
        return Manifest(), error.problems

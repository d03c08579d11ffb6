"""A commit and moments in, what the files declared of each token at each moment out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from reconciler.commands.context import Context
from reconciler.core.live import Live
from reconciler.core.manifest import Manifest
from reconciler.core.marks import Stood
from reconciler.core.resolve import means
from reconciler.errors import InvalidError, LocalError, Problem
from reconciler.manifest.load import load_from
from reconciler.repository.commit import Commit
from reconciler.repository.repository import opened


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

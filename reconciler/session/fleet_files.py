"""What files declare for each server of a fleet, and what they declared at a commit: the base belongs to the name."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core import fleet as core
from reconciler.errors import InvalidError, Problem, UsageError, reason
from reconciler.manifest.load import Parsed, load
from reconciler.render import words
from reconciler.session import sources
from reconciler.session.context import Context
from reconciler.session.sources import Declared, Own, Sources

if TYPE_CHECKING:  # only --base needs git
    from reconciler.repository.git import Commit


class Which(NamedTuple):
    """The servers that are meant: a folder with a manifest of each, globs of their names, and a part of them."""

    folder: str
    globs: Sequence[str] = ()
    shard: tuple[int, int] | None = None


class Declarations(NamedTuple):
    """What is declared for each server, in their order, how many are left out, and those that only the base has.

    `owned` are all that the folder has.
    """

    servers: dict[str, Declared]
    left_out: int
    removed: tuple[str, ...]
    warnings: tuple[Problem, ...]
    owned: frozenset[str] = frozenset()

    @property
    def files(self) -> Sequence[str]:
        """The files that were read."""
        return [*dict.fromkeys(file for each in self.servers.values() for file in each.files)]


def read(which: Which, given: Sources, context: Context, *, reviewed: bool = True) -> Declarations:
    """Read the files of `given`, which are for all servers, and each server's own. Shows the warnings.

    Raises InvalidError with every problem of every file, and what `session.sources.read` raises.
    """
    _check(which, given)
    entries = _entries(which.folder)
    owned = core.servers(entries, which.folder)
    with _commit(which, given, owned.values(), context) as commit:
        before = _names_at(commit, which.folder) if commit else ()
        meant = core.selected({*owned, *before}, which.globs, which.shard)
        here = Path(which.folder)
        owns = [Own(which.folder, name, str(here / owned[name])) for name in meant if name in owned]
        found, warnings = _all(owns, given, commit, context, reviewed=reviewed)
    removed = tuple(name for name in meant if name not in owned)
    if given.select and owns and not found:
        raise UsageError("--select finds nothing on any server", "name what the files of a server declare")
    return Declarations(found, len(owned) - len(found), removed, warnings, frozenset(owned))


def names(which: Which) -> tuple[str, ...]:
    """Return the servers that are meant, in their order, without a look at their files.

    Raises InvalidError and UsageError.
    """
    return core.selected(core.servers(_entries(which.folder), which.folder), which.globs, which.shard)


def _check(which: Which, given: Sources) -> None:
    """Raise UsageError for what is about one server."""
    if "-" in given.files:
        raise UsageError("--fleet cannot be used with standard input", "name files")
    if given.usage:
        raise UsageError("--usage is about one server", "plan that server alone, with --profile")
    if given.allow and (not which.globs or any(set("*?[!") & set(glob) for glob in which.globs)):
        hint = "name the servers, each with --server NAME"
        raise UsageError("--allow waives a guard, and with --fleet it has to be said for which servers", hint)


def _entries(folder: str) -> dict[str, bool]:
    try:
        with os.scandir(Path(folder)) as entries:
            return {each.name: Path(each).is_dir() if each.is_symlink() else each.is_dir() for each in entries}
    except OSError as error:
        raise InvalidError(f"{folder}: {reason(error)}") from None


@contextmanager
def _commit(which: Which, given: Sources, owned: Iterable[str], context: Context) -> Iterator[Commit | None]:
    """Give the commit of --base for the time of the block, None without it."""
    if given.base is None:
        yield None
        return
    paths = [*given.files, *(str(Path(which.folder, entry)) for entry in owned)]
    with sources.repository_of(paths, context) as repository:
        yield repository.commit(given.base)


def _names_at(commit: Commit, folder: str) -> Sequence[str]:
    """Return the names of the servers at a commit; none where the folder was none of the repository."""
    with suppress(InvalidError):
        entries = {each: commit.is_folder(str(Path(folder, each))) for each in commit.listing(folder)}
        return [name for name, _ in core.named(entries)]
    return ()


def _all(
    owns: Sequence[Own], given: Sources, commit: Commit | None, context: Context, *, reviewed: bool
) -> tuple[dict[str, Declared], tuple[Problem, ...]]:
    """Return what is declared for each server on which something is selected, and what to warn about.

    Files for all servers are parsed once. Raises InvalidError and UsageError.
    """
    problems: dict[Problem, None] = {}
    warnings: dict[Problem, None] = {}
    shared: dict[str, Parsed] = {}
    found: dict[str, Declared] = {}
    with suppress(InvalidError):  # each server tells of it
        load(given.files, context.streams.stdin, known=shared)
    if commit:
        sources.manifest_at(commit, given.files, known=shared)
    for own in owns:
        known = ChainMap[str, Parsed]({}, shared)
        try:
            loaded = load([*given.files, own.path], context.streams.stdin, known=known)
            found[own.name] = sources.declared(
                given, loaded.manifest, loaded.files, commit, context, reviewed=reviewed, own=own, known=known
            )
            warnings |= dict.fromkeys(loaded.warnings)
        except InvalidError as error:
            problems |= dict.fromkeys(error.problems)
        except UsageError:  # nothing of this server is selected
            continue
    for warning in warnings:
        context.streams.say(words.problem(warning, "Warning"))
    if problems:
        raise InvalidError(sorted(problems, key=lambda problem: problem.position))
    return found, tuple(warnings)

"""The repository that holds paths, the commit in it that a REF names, and the commits that came before that."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reconciler.core.secrets import masked
from reconciler.core.text import is_plain
from reconciler.errors import LocalError, Problem, UsageError
from reconciler.files import nearest_repository
from reconciler.repository.git import Commit, Git, Objects, pipe, reading, within

_SHALLOW = "this clone has only a part of the history: fetch the rest, with `fetch-depth: 0` in actions/checkout"
_KEEP = "the base has no such file: keep manifests inside of the repository"
_ITS_OWN = "the base would be of another history: keep manifests in the repository itself, or use a clone of that one"
_HEAD = re.compile(r"HEAD(?![^~^])")
_BLOCK = 64 * 1024
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAMES = "write a branch such as `origin/main`, a tag, or a hash"


class Repository(NamedTuple):
    """The repository of a working tree, read through git. `shallow` says that its history ends early."""

    git: Git
    objects: Objects
    shallow: bool

    def commit(self, ref: str) -> Commit:
        """Return the commit that a REF means. Raises UsageError when it means none, or two."""
        if not ref or ref.startswith("-") or not is_plain(ref):
            raise UsageError(f"--base {ref}: this is no name of a commit", _NAMES)
        answer = self.git.ask("rev-parse", "--verify", f"{ref}^{{commit}}")
        oid = answer.stdout.strip()
        if answer.returncode:
            hint = _SHALLOW if self.shallow else f"fetch it, or correct the name: {_NAMES}"
            raise UsageError(f"--base {ref}: there is no such commit in {self.git.top}", hint)
        # Of all names only HEAD cannot be taken: git knows it before it looks at branches and tags.
        if "is ambiguous" in answer.stderr and oid != ref and not _HEAD.match(ref):
            message = f"--base {ref}: this is the name of a branch and of a tag"
            raise UsageError(message, f"write which one, such as `refs/remotes/{ref}`, or its hash")
        return Commit(masked(ref), oid, self.git.top, self.objects)

    def in_effect(
        self, commit: Commit, paths: Sequence[str], moments: Iterable[float]
    ) -> Mapping[float, Commit | None]:
        """Return the commit that each moment, in seconds since 1970, found the files at, None before there were any.

        Only first parents count: what a branch held before it was merged was not in effect. A moment is left out where
        the history ends too early to tell. Where a path is a link, what it leads to today counts as well.
        """
        left = sorted(set(moments))
        if not left:
            return {}
        top = self.git.top.resolve()
        targets = [target for path in paths if (target := Path(path).resolve()).is_relative_to(top)]
        places = {within(self.git.top, path) for path in paths} | {each.relative_to(top).as_posix() for each in targets}
        found: dict[float, Commit | None] = {}
        arguments = ("rev-list", "--first-parent", "--timestamp", commit.oid, "--", *sorted(places))
        with self.git.running(*arguments) as process:
            for line in pipe(process.stdout):  # newest first; git is stopped when no more is needed
                seconds, oid = line.decode().split()
                while left and left[-1] >= int(seconds):
                    found[left.pop()] = commit._replace(oid=oid)
                if not left:
                    return found
            whole = process.wait() == 0 and not self.shallow
        return {**dict.fromkeys(left), **found} if whole else found

    def misplaced(self, names: Sequence[str]) -> list[Problem]:
        """Return what is wrong with where files stand; none is read, for it may be anything on this machine.

        These are links out of the repository or into git's own folders, and submodules, also of repositories around
        this one: a file would be compared with the submodule's history, which whoever moved it there chose.
        """
        folders = [self.git.ask("rev-parse", each).stdout for each in ("--git-dir", "--git-common-dir")]
        own = {_identity(self.git.top / each.removesuffix("\n")) for each in folders}
        return [
            *(Problem(f"{name}: {why}", _KEEP) for name in names if (why := self._astray(name, own))),
            *(Problem(f"{name}: {why}", _ITS_OWN) for name, why in self._borrowed(names).items()),
        ]

    def _astray(self, name: str, own: AbstractSet[object]) -> str:
        """Return why a file is none of the working tree, "" if it is one; `own` are git's folders."""
        real, top = Path(os.path.realpath(name)), self.git.top.resolve()
        if not real.is_relative_to(top):
            return "a link leads out of the repository"
        inside = any(part.lower() == ".git" for part in real.relative_to(top).parts)
        return "this is in a folder of git's own" if inside or own & set(map(_identity, real.parents)) else ""

    def _borrowed(self, names: Iterable[str]) -> dict[str, str]:
        """Return the files below a submodule, or below a link from another repository to this one, and why."""
        ways: dict[Path, str] = {}
        for name in names:
            for path in (os.path.abspath(name), os.path.realpath(name)):  # noqa: PTH100  # as typed, and as it is
                ways |= dict.fromkeys(set(Path(path).parents) - ways.keys(), name)
        known: dict[object, str] = {identity: name for folder, name in ways.items() if (identity := _identity(folder))}
        found: dict[str, str] = {}
        for outer in sorted(folder for folder in ways if os.path.lexists(folder / ".git")):
            git = self.git._replace(top=outer)
            around = not outer.samefile(self.git.top)
            if around and not _is_used(git):
                continue
            for path, is_link in _tracked(git, ways):
                if (around or not is_link) and (borrowed := known.get(_identity(outer / path))):
                    what = "a link to another repository" if is_link else "a submodule"
                    found.setdefault(borrowed, f"{outer / path} is {what} in the repository {outer}")
        return found


@contextmanager
def opened(paths: Sequence[str], environment: Mapping[str, str], home: Path) -> Iterator[Repository]:
    """Give the repository that holds all the paths, for the time of the block.

    Raises UsageError when there is none, LocalError when git cannot be run.
    """
    top, *others = dict.fromkeys(map(nearest_repository, paths))
    if top is None or others:
        where = f"{', '.join(paths)}: these are not of one repository" if top else f"{paths[0]} is in no git repository"
        raise UsageError(f"--base: {where}", "name files of one repository")
    git = Git(top, environment, home)
    answer = git.ask("rev-parse", "--show-toplevel", "--is-shallow-repository")
    shown, _, shallow = answer.stdout.rstrip("\n").rpartition("\n")
    if answer.returncode or not top.samefile(shown):
        raise UsageError(_unusable(top, answer.stderr))
    with reading(git) as objects:
        yield Repository(git, objects, shallow == "true")


def head(top: Path, environment: Mapping[str, str], home: Path) -> str:
    """Return the hash of the commit that is checked out in the folder, "" when there is none or git does not say."""
    try:
        answer = Git(top, environment, home, patience_s=5.0).ask("rev-parse", "--verify", "HEAD^{commit}")
    except LocalError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 and _HASH.fullmatch(answer.stdout.strip()) else ""


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what two names of one thing have in common, of a link itself; None for what is not there."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_used(git: Git) -> bool:
    """Return whether the folder is the top of a repository as git sees it. Raises UsageError when git does not say."""
    answer = git.ask("rev-parse", "--show-toplevel")
    if answer.returncode and "not a git repository" not in answer.stderr:
        raise UsageError(_unusable(git.top, answer.stderr))
    return answer.returncode == 0 and git.top.samefile(answer.stdout.removesuffix("\n"))


def _tracked(git: Git, folders: Iterable[Path]) -> Iterator[tuple[str, bool]]:
    """Yield the submodules and links that the index has, and those at these folders that HEAD has; True for a link.

    Raises LocalError when the index cannot be read.
    """
    below = sorted(each.relative_to(git.top).as_posix() for each in folders if git.top in each.parents)
    asked = [["ls-files", "--stage", "-z"], *([["ls-tree", "-z", "HEAD", "--", *below]] if below else [])]
    for arguments in asked:
        with git.running(*arguments, stdin=subprocess.DEVNULL) as process:
            rest = b""
            while block := pipe(process.stdout).read(_BLOCK):
                *entries, rest = (rest + block).split(b"\0")
                for entry in entries:
                    if entry.startswith((b"160000 ", b"120000 ")):
                        yield os.fsdecode(entry.partition(b"\t")[2]), entry.startswith(b"12")
            if process.wait() and arguments[0] == "ls-files":  # without a commit there is no HEAD
                raise LocalError(f"git cannot read the index of {git.top}", "see `git status` there")


def _unusable(top: Path, message: str) -> Problem:
    if "dubious ownership" in message:
        return Problem(
            f"--base: git does not trust the repository {top}, which belongs to another user",
            f"if you do, run `git config --global --add safe.directory {top}`",
        )
    reason = message.splitlines()[0] if message else "its working tree is another one"
    return Problem(f"--base: git cannot use the repository {top}: {reason}", "see `git status` there")

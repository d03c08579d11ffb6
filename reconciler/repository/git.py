"""The `git` program, the objects that it reads, and the files of a commit; nothing of a repository is run.

A repository's own configuration, which git always reads, may name programs for what is asked of it. Those that belong
to what is asked here are switched off, and no transport is allowed, so that git never fetches either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from reconciler.core.manifest import is_manifest
from reconciler.errors import InvalidError, LocalError, reason

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.warnAmbiguousRefs=true",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_TRUST = "safe.directory"
# What git needs of the user: where it is, and what says whose repositories are trusted. Nothing else
# of the environment reaches it: no credentials, and none of the variables that point git at another repository.
_KEPT = ("PATH", "XDG_CONFIG_HOME", "SUDO_UID")

_KINDS = {b"40000": "tree", b"120000": "link", b"160000": "commit"}  # all other modes are files
_BLOCK = 64 * 1024
_LARGEST_TREE = 32 * 1024 * 1024
_LINKS = 40  # followed on one path, as Linux does
_LONGEST = 4096  # bytes of a link


class Git(NamedTuple):
    """The `git` program in the folder `top`; `environment` and `home` are those of the user."""

    top: Path
    environment: Mapping[str, str]
    home: Path
    patience_s: float = 60.0

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run git to its end. Raises LocalError when it cannot be run or does not end."""
        with self.running(*arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=self.patience_s)
            except subprocess.TimeoutExpired:
                message = f"`git {arguments[0]}` did not end in {self.patience_s:g} s"
                raise LocalError(message, "see what git waits for in this repository") from None
        return subprocess.CompletedProcess(process.args, process.returncode, os.fsdecode(out), os.fsdecode(err).strip())

    @contextmanager
    def running(
        self, *arguments: str, stdin: int = subprocess.PIPE, stderr: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Give a git that runs for the time of the block, and is ended with it; its stdout is a pipe.

        Raises LocalError when there is none.
        """
        surroundings = self._surroundings()
        program = shutil.which("git", path=surroundings["PATH"])
        if program is None:
            raise LocalError("the program `git` is not in PATH", "--base needs it: install git")
        try:
            process = subprocess.Popen(  # noqa: S603  # a list of arguments, and no shell
                [program, "--no-pager", *(word for each in _SETTINGS for word in ("-c", each)), *arguments],
                cwd=self.top,
                env=surroundings,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except OSError as error:
            hint = "look at the program, and at the limits on processes and memory (`ulimit -a`)"
            raise LocalError(f"`{program}` cannot be started: {reason(error)}", hint) from error
        with process:
            try:
                yield process
            finally:
                process.kill()

    def _surroundings(self) -> dict[str, str]:
        kept = {name: self.environment[name] for name in _KEPT if name in self.environment}
        # A relative folder would be one of the checkout: whoever wrote it must not choose the program.
        folders = kept.get("PATH", os.defpath).split(os.pathsep)
        path = os.pathsep.join(each for each in folders if each.startswith("/"))
        return {**kept, "PATH": path, "HOME": str(self.home), **_ENVIRONMENT, **_trusted(self.environment)}


def _trusted(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of GIT_CONFIG_COUNT that say which repositories are trusted, and none of its others.

    Other keys name programs and carry credentials.
    """
    text = environment.get("GIT_CONFIG_COUNT", "")
    most = min(int(text), len(environment)) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    values = [
        environment.get(f"GIT_CONFIG_VALUE_{number}", "")
        for number in range(most)
        if environment.get(f"GIT_CONFIG_KEY_{number}", "").lower() == _TRUST
    ]
    kept = {f"GIT_CONFIG_KEY_{number}": _TRUST for number in range(len(values))}
    kept |= {f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(values)}
    return {"GIT_CONFIG_COUNT": str(len(values)), **kept} if values else {}


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream of a process that was started with a pipe for it."""
    assert stream is not None  # noqa: S101  # the type cannot say so
    return stream


class Item(NamedTuple):
    """An entry of a tree: what it is (`blob`, `tree`, `link` or `commit`) and the object's hash."""

    kind: str
    oid: str


@dataclass(slots=True)
class Objects:
    """Reads objects by their hashes; a name never reaches git."""

    _requests: int
    _answers: IO[bytes]
    _trees: dict[str, dict[str, Item]] = field(default_factory=dict)

    def tree(self, oid: str) -> dict[str, Item]:
        """Return the entries of a tree, or of a commit's tree, by name."""
        if oid not in self._trees:
            self._trees[oid] = _entries(self.read(f"{oid}^{{tree}}", _LARGEST_TREE), len(oid) // 2)
        return self._trees[oid]

    def read(self, oid: str, most: int) -> bytes:
        """Return the object's bytes, at most so many of them.

        Raises LocalError when it is not here, which is so in a clone that left it out.
        """
        words: list[bytes] = []
        with suppress(BrokenPipeError):  # git is gone: it could not read what was asked for before
            os.write(self._requests, f"{oid}\n".encode())
            words = self._answers.readline().split()
        if len(words) != 3:
            raise LocalError(
                f"git cannot read {oid[:12]} of this repository",
                "a clone that leaves objects out cannot be used here: clone it without `filter`",
            )
        size = int(words[2])
        content = self._answers.read(min(size, most))
        left = size + 1 - len(content)  # with the newline after it
        while left > 0:
            left -= len(self._answers.read(min(left, _BLOCK))) or left
        return content


@contextmanager
def reading(git: Git) -> Iterator[Objects]:
    """Give the objects of the repository, for the time of the block."""
    with git.running("cat-file", "--batch") as process:
        yield Objects(pipe(process.stdin).fileno(), pipe(process.stdout))


def _entries(content: bytes, size: int) -> dict[str, Item]:
    """Return the entries of a tree as git stores it: mode, blank, name, NUL, and the hash in so many bytes."""
    entries: dict[str, Item] = {}
    at = 0
    while at < len(content):
        blank = content.index(b" ", at)
        end = content.index(b"\0", blank)
        oid = content[end + 1 : end + 1 + size].hex()
        entries[os.fsdecode(content[blank + 1 : end])] = Item(_KINDS.get(content[at:blank], "blob"), oid)
        at = end + 1 + size
    return entries


class Commit(NamedTuple):
    """The files of one commit of the working tree `top`.

    A file's name is its path as typed, after a colon and the commit's own name, `ref`, as the user wrote it.
    """

    ref: str
    oid: str
    top: Path
    objects: Objects

    def exists(self, path: str) -> bool:
        """Return whether there is anything at the path. Raises InvalidError when that leads out of the repository."""
        return self._find(path) is not None

    def listing(self, folder: str) -> Collection[str]:
        """Return the names in a folder; none where there is no folder. Raises InvalidError as `exists` does."""
        item = self._find(folder)
        return self.objects.tree(item.oid).keys() if item and item.kind == "tree" else ()

    def is_folder(self, path: str) -> bool:
        """Return whether there is a folder of the repository at the path."""
        with suppress(InvalidError):  # a link that leads out of the repository
            item = self._find(path)
            return item is not None and item.kind == "tree"
        return False

    def names(self, path: str) -> Sequence[str]:
        """Return the file, or the manifests of the folder, sorted."""
        item = self._find(path)
        if item is None or item.kind != "tree":
            return [f"{self.ref}:{path}"]
        found = filter(is_manifest, self.objects.tree(item.oid))
        return sorted(f"{self.ref}:{Path(path, each)}" for each in found)

    def identity(self, name: str) -> object:
        """Return what two names of one file have in common."""
        return within(self.top, self._path(name))

    def read(self, name: str, most: int) -> bytes:
        """Return the file's bytes, at most so many of them. Raises InvalidError when it is no file."""
        item = self._find(self._path(name))
        if item is None or item.kind != "blob":
            raise InvalidError(f"{name}: this is no file")
        return self.objects.read(item.oid, most)

    def _path(self, name: str) -> str:
        return name.removeprefix(f"{self.ref}:")

    def _find(self, path: str) -> Item | None:
        """Return what stands at the path, with symbolic links followed inside of the repository."""
        parts = within(self.top, path).split("/")[::-1]
        folders = [Item("tree", self.oid)]
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                folders.pop()
            elif part not in ("", "."):
                item = self.objects.tree(folders[-1].oid).get(part)
                if item is None or (item.kind == "blob" and parts):
                    return None
                if item.kind == "blob":
                    return item
                if item.kind == "tree":
                    folders.append(item)
                else:
                    links += 1
                    parts += self._target(item, path, links).split("/")[::-1]
            if not folders:
                raise self._unreadable(path, "a link leads out of the repository")
        return folders[-1]

    def _target(self, link: Item, path: str, links: int) -> str:
        if link.kind != "link":
            raise self._unreadable(path, "it is in a submodule")
        target = os.fsdecode(self.objects.read(link.oid, _LONGEST))
        if target.startswith("/"):
            raise self._unreadable(path, "a link leads out of the repository")
        if links > _LINKS:
            raise self._unreadable(path, "links lead in a circle")
        return target

    def _unreadable(self, path: str, why: str) -> InvalidError:
        return InvalidError(f"{self.ref}:{path}: {why}")


def within(top: Path, path: str) -> str:
    """Return the path below the working tree, as text: a link on it may be another one in another commit."""
    return Path(os.path.abspath(path)).relative_to(top).as_posix()  # noqa: PTH100  # resolve() would follow links

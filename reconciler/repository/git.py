"""Arguments and hashes of objects in, what `git` prints out: plumbing only, where nothing of a repository can run.

A repository's own configuration, which git always reads, may name programs for what is asked of it. Those that belong
to what is asked here are switched off, and no transport is allowed, so that git never fetches either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from reconciler.errors import LocalError

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
# What git needs of the user: where it is, and the configuration that says whose repositories are trusted. Nothing else
# of the environment reaches it: no credentials, and none of the variables that point git at another repository.
_KEPT = ("PATH", "XDG_CONFIG_HOME", "SUDO_UID")


@dataclass(frozen=True, slots=True)
class GitOutput:
    """How a run of git ended: its exit code and its two streams."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Git:
    """The `git` program in the folder `top`; `environment` and `home` are those of the user."""

    top: Path
    environment: Mapping[str, str]
    home: Path
    patience_s: float = 60.0

    def ask(self, *arguments: str) -> GitOutput:
        """Run git to its end. Raises LocalError when it cannot be run or does not end."""
        with self.running(*arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=self.patience_s)
            except subprocess.TimeoutExpired:
                message = f"`git {arguments[0]}` did not end in {self.patience_s:g} s"
                raise LocalError(message, "see what git waits for in this repository") from None
        return GitOutput(process.returncode, os.fsdecode(out), os.fsdecode(err).strip())

    @contextmanager
    def running(
        self, *arguments: str, stdin: int = subprocess.PIPE, stderr: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A git that runs for the time of the block, and is ended with it; its stdout is a pipe.

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
            raise LocalError(f"`{program}` cannot be started: {str(error.strerror).lower()}", hint) from error
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
        return {**kept, "PATH": path, "HOME": str(self.home), **_ENVIRONMENT}


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream of a process that was started with a pipe for it."""
    assert stream is not None  # noqa: S101  # the type cannot say so
    return stream


_BLOCK = 64 * 1024
_LARGEST_TREE = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a tree: what it is (`blob`, `tree`, `link` or `commit`) and the object's hash."""

    kind: str
    oid: str


_KINDS = {b"40000": "tree", b"120000": "link", b"160000": "commit"}


@dataclass(slots=True)
class Objects:
    """Reads objects by their hashes; a name never reaches git."""

    _requests: int
    _answers: IO[bytes]
    _trees: dict[str, dict[str, Item]] = field(default_factory=dict)

    def tree(self, oid: str) -> dict[str, Item]:
        """The entries of a tree, or of a commit's tree, by name."""
        if oid not in self._trees:
            self._trees[oid] = _entries(self.read(f"{oid}^{{tree}}", _LARGEST_TREE), len(oid) // 2)
        return self._trees[oid]

    def read(self, oid: str, most: int) -> bytes:
        """The object's bytes, at most so many of them.

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
    """The objects of the repository, for the time of the block."""
    with git.running("cat-file", "--batch") as process:
        yield Objects(pipe(process.stdin).fileno(), pipe(process.stdout))


def _entries(content: bytes, size: int) -> dict[str, Item]:
    """The entries of a tree as git stores it: mode, blank, name, NUL, and the hash in so many bytes."""
    entries: dict[str, Item] = {}
    at = 0
    while at < len(content):
        blank = content.index(b" ", at)
        end = content.index(b"\0", blank)
        oid = content[end + 1 : end + 1 + size].hex()
        entries[os.fsdecode(content[blank + 1 : end])] = Item(_KINDS.get(content[at:blank], "blob"), oid)
        at = end + 1 + size
    return entries

"""The hashes of objects in, their bytes out: one `git cat-file` for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from reconciler.errors import LocalError, Problem
from reconciler.repository.git import Git, pipe

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
                Problem(
                    f"git cannot read {oid[:12]} of this repository",
                    "a clone that leaves objects out cannot be used here: clone it without `filter`",
                )
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

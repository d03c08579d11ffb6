"""Paths as they are typed in, the files that one commit has under them out; nothing is checked out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.manifest import is_manifest
from reconciler.errors import InvalidError
from reconciler.repository.git import Item, Objects

_LINKS = 40  # followed on one path, as Linux does
_LONGEST = 4096  # bytes of a link


@dataclass(frozen=True, slots=True)
class Commit:
    """The files of one commit of the working tree `top`.

    A file's name is its path as typed, after a colon and the commit's own name, `ref`, as the user wrote it.
    """

    ref: str
    oid: str
    top: Path
    objects: Objects

    def exists(self, path: str) -> bool:
        """Whether there is anything at the path. Raises InvalidError when that leads out of the repository."""
        return self._find(path) is not None

    def names(self, path: str) -> Sequence[str]:
        """The file, or the manifests of the folder, sorted."""
        item = self._find(path)
        if item is None or item.kind != "tree":
            return [f"{self.ref}:{path}"]
        found = filter(is_manifest, self.objects.tree(item.oid))
        return sorted(f"{self.ref}:{Path(path, each)}" for each in found)

    def identity(self, name: str) -> object:
        """What two names of one file have in common."""
        return within(self.top, self._path(name))

    def read(self, name: str, most: int) -> bytes:
        """The file's bytes, at most so many of them. Raises InvalidError when it is no file."""
        item = self._find(self._path(name))
        if item is None or item.kind != "blob":
            raise InvalidError(f"{name}: this is no file")
        return self.objects.read(item.oid, most)

    def _path(self, name: str) -> str:
        return name.removeprefix(f"{self.ref}:")

    def _find(self, path: str) -> Item | None:
        """What stands at the path, with symbolic links followed inside of the repository."""
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
    """The path below the working tree, in the way of the text: a link on it may be another one in another commit."""
    return Path(os.path.abspath(path)).relative_to(top).as_posix()  # noqa: PTH100  # resolve() would follow links

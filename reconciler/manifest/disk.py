"""Names of files and folders in, their bytes out: from this machine's disk, and from standard input for `-`."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from reconciler.core.manifest import is_manifest
from reconciler.errors import InvalidError, Problem

_STDIN = "<stdin>"
_LOOKED_AT = 10_000  # entries of a folder and those below it: a whole repository may be there
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Disk:
    """Files as they are now."""

    stdin: BinaryIO

    def names(self, path: str) -> Sequence[str]:
        """The file, or the manifests of the folder, sorted; raises InvalidError when it has none."""
        if path == "-":
            return [_STDIN]
        if not Path(path).is_dir():
            return [path]
        with _reading(path):
            found = [each for each in Path(path).iterdir() if is_manifest(each.name)]
        if not found:
            deeper = _deeper(path)
            only = f", only in {_named(deeper)}" if deeper else ""
            hint = "subfolders are not read: name each that is meant" if deeper else ""
            raise InvalidError(Problem(f"{path}: there is no *.yaml and no *.yml in this folder{only}", hint))
        return sorted(map(str, found))

    def passed_over(self, path: str) -> Sequence[Problem]:
        """What to warn of, as it could be taken for a part of the path and is not read: manifests in subfolders."""
        if path == "-" or not (deeper := _deeper(path)):
            return ()
        message = f"{path}: subfolders are not read, and there are manifests in {_named(deeper)}"
        return (Problem(message, "name each that is meant, or run tokenctl for each"),)

    def identity(self, name: str) -> object:
        """What two names of one file have in common."""
        if name == _STDIN:
            return name
        try:
            found = Path(name).stat()
        except (OSError, ValueError):
            return name  # reading it says why
        return found.st_dev, found.st_ino

    def read(self, name: str, most: int) -> bytes:
        """The file's bytes, at most so many of them; raises InvalidError when they cannot be read."""
        if name == _STDIN:
            return self.stdin.read(most)
        with _reading(name):
            # Without O_NONBLOCK a FIFO would wait for somebody to write.
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    hint = "give it to standard input, and name that with `-`"
                    raise InvalidError(Problem(f"{name}: this is no file", hint))
                return file.read(most)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "this is no file name").lower()
        raise InvalidError(Problem(f"{name}: {why}")) from None


def _deeper(path: str) -> list[str]:
    """The folders below the path that have manifests, as far as they are soon found; hidden ones are none."""
    found: list[str] = []
    seen: set[object] = set()
    waiting, left = deque([Path(path)]), _LOOKED_AT
    while waiting and left > 0:
        here = waiting.popleft()
        with suppress(OSError, ValueError), os.scandir(here) as entries:
            identity = here.stat().st_dev, here.stat().st_ino
            if identity in seen:  # a link leads back
                continue
            seen.add(identity)
            looked_at = sorted(islice(entries, left), key=lambda entry: entry.name)
            left -= len(looked_at)
            below = len(seen) > 1
            deeper = () if below and here.is_symlink() else looked_at  # what is below a link is none of this folder
            waiting.extend(
                here / each.name for each in deeper if each.is_dir() and not each.name.startswith((".", "node_modules"))
            )
            if below and any(is_manifest(each.name) and each.is_file() for each in looked_at):
                found.append(str(here))
    return found


def _named(folders: Sequence[str]) -> str:
    more = f" and {len(folders) - _SHOWN} more" if len(folders) > _SHOWN else ""
    return f"{', '.join(folders[:_SHOWN])}{more}"

"""Names of files and folders in, their bytes out: from this machine's disk, and from standard input for `-`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reconciler.core.manifest import is_manifest
from reconciler.errors import InvalidError, Problem

_STDIN = "<stdin>"


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
            raise InvalidError(Problem(f"{path}: there is no *.yaml and no *.yml in this folder"))
        return sorted(map(str, found))

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

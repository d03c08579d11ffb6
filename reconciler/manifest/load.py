"""Names of files and folders in, the manifest that they make together out; every problem of every file is reported."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.core.manifest import Manifest
from reconciler.errors import InvalidError, Place, Problem
from reconciler.manifest import check, source
from reconciler.manifest.build import build
from reconciler.manifest.source import Entry, Source

_LARGEST = 32 * 1024 * 1024  # bytes of one file
_STDIN = "<stdin>"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest, what to warn about, and the files it was read from, as they were named or found."""

    manifest: Manifest
    warnings: tuple[Problem, ...]
    files: tuple[str, ...]


def load(paths: Sequence[str], stdin: BinaryIO, loader: Any = None) -> Loaded:
    """Read the files, the `*.yaml` and `*.yml` of the folders in the order of their names, and `-` from `stdin`.

    `loader` chooses PyYAML's C or pure loader. Raises InvalidError with the problems of all files, sorted by place.
    """
    problems: list[Problem] = []
    roots: list[Entry] = []
    files = tuple(_files(paths, problems))
    for name in files:
        try:
            roots.append(_root(Source(name, _decoded(name, _bytes(name, stdin))), loader))
        except InvalidError as error:
            problems += error.problems
    if not problems:
        try:
            manifest, warnings = build(roots)
            return Loaded(manifest, warnings, files)
        except InvalidError as error:
            problems += error.problems
    raise InvalidError(sorted(problems, key=lambda problem: problem.position))


def _root(file: Source, loader: Any) -> Entry:
    root = source.read(file, loader)
    entries = root.get("tokens") if isinstance(root, Entry) else None
    good = check.head(root) and all(map(check.token, entries or ()))
    if not good or not isinstance(root, Entry):
        from reconciler.manifest.explain import explain  # good files do without

        raise InvalidError(explain(file, root))
    return root


def _files(paths: Sequence[str], problems: list[Problem]) -> Iterator[str]:
    """The files to read, each once."""
    seen: dict[object, str] = {}
    for path in paths:
        try:
            names = _names(path)
        except InvalidError as error:
            problems += error.problems
            continue
        for name in names:
            key = _identity(name)
            if key in seen:
                problems.append(Problem(f"{name}: this file is read already, as {seen[key]}", "name it once"))
                continue
            seen[key] = name
            yield name


def _names(path: str) -> list[str]:
    """The file, or the files of the folder; raises InvalidError when it has none."""
    if path == "-":
        return [_STDIN]
    if not Path(path).is_dir():
        return [path]
    with _reading(path):
        found = [each for each in Path(path).iterdir() if each.suffix in (".yaml", ".yml") and each.name[0] != "."]
    if not found:
        raise InvalidError(Problem(f"{path}: there is no *.yaml and no *.yml in this folder"))
    return sorted(map(str, found))


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "this is no file name").lower()
        raise InvalidError(Problem(f"{name}: {why}")) from None


def _identity(name: str) -> object:
    if name == _STDIN:
        return name
    try:
        found = Path(name).stat()
    except (OSError, ValueError):
        return name  # reading it says why
    return found.st_dev, found.st_ino


def _bytes(name: str, stdin: BinaryIO) -> bytes:
    if name == _STDIN:
        data = stdin.read(_LARGEST + 1)
    else:
        with _reading(name):
            # Without O_NONBLOCK a FIFO would wait for somebody to write.
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    hint = "give it to standard input, and name that with `-`"
                    raise InvalidError(Problem(f"{name}: this is no file", hint))
                data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise InvalidError(Problem(f"{name}: a file may have 32 MiB, and this has more", "divide it"))
    return data


def _decoded(name: str, data: bytes) -> str:
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        place = Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InvalidError(Problem("this is not UTF-8 text", "save the file as UTF-8", place)) from None
    return text.replace("\r\n", "\n") if "\r" in text else text

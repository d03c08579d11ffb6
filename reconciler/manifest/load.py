"""Names of files and folders in, the manifest that they make together out; every problem of every file is reported."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
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
    raise InvalidError(sorted(problems, key=_position))


def _position(problem: Problem) -> tuple[str, int, int, str]:
    place = problem.place or Place("", 0, 0)
    return place.file, place.line, place.column, problem.message


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
            names = _in_folder(path) if path != "-" and Path(path).is_dir() else [_STDIN if path == "-" else path]
        except OSError as error:
            problems.append(_unreadable(path, error))
            continue
        if not names:
            problems.append(Problem(f"{path}: there is no *.yaml and no *.yml in this folder"))
        for name in names:
            key = _identity(name)
            if key in seen:
                problems.append(Problem(f"{name}: this file is read already, as {seen[key]}", "name it once"))
                continue
            seen[key] = name
            yield name


def _in_folder(path: str) -> list[str]:
    return sorted(
        str(each) for each in Path(path).iterdir() if each.suffix in (".yaml", ".yml") and not each.name.startswith(".")
    )


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
        try:
            # Without O_NONBLOCK a FIFO would wait for somebody to write.
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise InvalidError(
                        Problem(f"{name}: this is no file", "give it to standard input, and name that with `-`")
                    )
                data = file.read(_LARGEST + 1)
        except (OSError, ValueError) as error:
            raise InvalidError(_unreadable(name, error)) from None
    if len(data) > _LARGEST:
        raise InvalidError(Problem(f"{name}: a file may have 32 MiB, and this has more", "divide it"))
    return data


def _unreadable(name: str, error: Exception) -> Problem:
    return Problem(f"{name}: {(getattr(error, 'strerror', None) or 'this is no file name').lower()}")


def _decoded(name: str, data: bytes) -> str:
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        place = Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InvalidError(Problem("this is not UTF-8 text", "save the file as UTF-8", place)) from None
    return text.replace("\r\n", "\n") if "\r" in text else text

"""Names of files and folders in, the manifest that they make together out; every problem of every file is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Protocol

from reconciler.core.manifest import Manifest
from reconciler.errors import InvalidError, Place, Problem
from reconciler.manifest import check, source
from reconciler.manifest.build import build
from reconciler.manifest.disk import Disk
from reconciler.manifest.source import Entry, Source

_LARGEST = 32 * 1024 * 1024  # bytes of one file
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest, what to warn about, and the files it was read from, as they were named or found."""

    manifest: Manifest
    warnings: tuple[Problem, ...]
    files: tuple[str, ...]


class Files(Protocol):
    """Where files are read from: this machine's disk, or a commit."""

    def names(self, path: str) -> Sequence[str]:
        """The file, or the manifests of the folder, as they are to be called; raises InvalidError."""

    def identity(self, name: str) -> object:
        """What two names of one file have in common."""

    def read(self, name: str, most: int) -> bytes:
        """The file's bytes, at most so many of them; raises InvalidError."""


def load(paths: Sequence[str], stdin: BinaryIO, loader: Any = None) -> Loaded:
    """Read the files, the `*.yaml` and `*.yml` of the folders in the order of their names, and `-` from `stdin`.

    `loader` chooses PyYAML's C or pure loader. Raises InvalidError with the problems of all files, sorted by place.
    """
    disk = Disk(stdin)
    loaded = load_from(disk, paths, loader)
    beside = [warning for path in paths for warning in disk.passed_over(path)]
    return replace(loaded, warnings=(*beside, *loaded.warnings))


def load_from(files: Files, paths: Sequence[str], loader: Any = None) -> Loaded:
    """The same from wherever the files are."""
    problems: list[Problem] = []
    roots: list[Entry] = []
    names = tuple(_names(files, paths, problems))
    for name in names:
        try:
            roots.append(_root(Source(name, _text(files, name)), loader))
        except InvalidError as error:
            problems += error.problems
    if not problems:
        try:
            manifest, warnings = build(roots)
            return Loaded(manifest, warnings, names)
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


def _names(files: Files, paths: Sequence[str], problems: list[Problem]) -> Iterator[str]:
    """The files to read, each once."""
    seen: dict[object, str] = {}
    for path in paths:
        try:
            names = files.names(path)
        except InvalidError as error:
            problems += error.problems
            continue
        for name in names:
            key = files.identity(name)
            if key in seen:
                problems.append(Problem(f"{name}: this file is read already, as {seen[key]}", "name it once"))
                continue
            seen[key] = name
            yield name


def _text(files: Files, name: str) -> str:
    data = files.read(name, _LARGEST + 1)
    if len(data) > _LARGEST:
        raise InvalidError(Problem(f"{name}: a file may have 32 MiB, and this has more", "divide it"))
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        place = Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InvalidError(Problem("this is not UTF-8 text", "save the file as UTF-8", place)) from None
    return text.replace("\r\n", "\n") if "\r" in text else text

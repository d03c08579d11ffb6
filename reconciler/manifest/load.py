"""From the names of files and folders to the manifest that they make together, or every problem of every file.

Bytes become text here, text a document (`document`), which is checked (`check`) and made a manifest (`build`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from reconciler.core.manifest import Manifest, is_manifest
from reconciler.core.text import name_some
from reconciler.errors import InvalidError, Place, Problem, reason
from reconciler.files import STDIN, IrregularError, regular
from reconciler.manifest import check, plain, syntax
from reconciler.manifest.build import build
from reconciler.manifest.plain import Entry, Value
from reconciler.manifest.syntax import TextFile, place

_LOOKED_AT = 10_000  # entries of a folder and those below it: a whole repository may be there
_LARGEST = 32 * 1024 * 1024  # bytes of one file
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")  # with which UTF-16 begins, and the UTF-32 of most machines
_SAMPLE = 4096  # bytes in which UTF-16 without a mark is seen


class Loaded(NamedTuple):
    """A manifest, what to warn about, and the files it was read from, as they were named or found.

    `roots` are the documents in the order of the files.
    """

    manifest: Manifest
    warnings: tuple[Problem, ...]
    files: tuple[str, ...]
    roots: tuple[Entry, ...] = ()


class Parsed(NamedTuple):
    """One file: its text, its document, and its problems."""

    text: str
    root: Entry
    problems: Sequence[Problem]


class Files(Protocol):
    """Where files are read from: this machine's disk, or a commit."""

    def names(self, path: str) -> Sequence[str]:
        """Return the file, or the manifests of the folder, as they are to be called; raises InvalidError."""

    def identity(self, name: str) -> object:
        """Return what two names of one file have in common."""

    def read(self, name: str, most: int) -> bytes:
        """Return the file's bytes, at most so many of them; raises InvalidError."""


def load(
    paths: Sequence[str],
    stdin: BinaryIO,
    loader: Any = None,
    *,
    seen: dict[str, bytes] | None = None,
    known: MutableMapping[str, Parsed] | None = None,
) -> Loaded:
    """Read the files, the `*.yaml` and `*.yml` of the folders in the order of their names, and `-` from `stdin`.

    `loader` chooses PyYAML's C or pure loader; `seen` gets the bytes of each file, for who edits it and so needs each
    item as an entry; `known` has files that were read
    before, which are not read again, and gets those that are. Raises InvalidError with the problems of all files,
    sorted by place.
    """
    disk = Disk(stdin, seen)
    loaded = load_from(disk, paths, loader, known, rows=seen is None)
    files = frozenset(loaded.files)
    beside = [warning for path in paths if path not in files for warning in disk.skipped(path)]
    return loaded._replace(warnings=(*beside, *loaded.warnings)) if beside else loaded


def load_from(
    files: Files,
    paths: Sequence[str],
    loader: Any = None,
    known: MutableMapping[str, Parsed] | None = None,
    *,
    rows: bool = True,
) -> Loaded:
    """Read the files from wherever they are; raises InvalidError with the problems of all, sorted by place.

    With `rows`, most items of the documents may be these.
    """
    rows = rows and not loader
    known = {} if known is None else known
    problems: list[Problem] = []
    roots: list[Entry] = []
    names = tuple(_names(files, paths, problems))
    texts: dict[str, str] = {}
    for name in names:
        try:
            parsed = known.get(name) or _parsed(files, name, loader, rows=rows)
        except InvalidError as error:
            problems += error.problems
            continue
        known[name] = parsed
        texts[name] = parsed.text
        roots.append(parsed.root)
        problems += parsed.problems
    try:
        # What two declarations or two files have wrong together is told with all else.
        manifest, warnings = build([check.sound(root) for root in roots] if problems else roots)
        if not problems:
            return Loaded(manifest._replace(texts=texts), warnings, names, tuple(roots))
    except InvalidError as error:
        problems += error.problems
    raise InvalidError(sorted(problems, key=lambda problem: problem.position))


def checked(root: Entry) -> None:
    """Raise InvalidError with all of its problems when the document of one file is no manifest."""
    if not check.accepts(root):
        from reconciler.manifest.explain import find_problems

        raise InvalidError(find_problems(root.file, root))


def _parsed(files: Files, name: str, loader: Any, *, rows: bool) -> Parsed:
    """Read one file; raises InvalidError when it is no text."""
    text = _text(files, name)
    return Parsed(text, *_document(TextFile(name, text), loader, rows=rows))


def read(file: TextFile, loader: Any = None) -> tuple[Value, list[Problem]]:
    """Return the document in the file and its problems, as `document.read` does, without a parser where that will do.

    `loader` asks for that parser.
    """
    simple = None if loader else plain.read(file)
    return _by_parser(file, loader) if simple is None else (simple, syntax.secrets(file))


def _by_parser(file: TextFile, loader: Any) -> tuple[Value, list[Problem]]:
    from reconciler.manifest import document  # with PyYAML, which takes 40 ms; plain files do without

    return document.read(file, loader)


def _document(file: TextFile, loader: Any, *, rows: bool) -> tuple[Entry, list[Problem]]:
    """Return what can be read of the document, and its problems; with `rows`, most of its items may be these."""
    quick = plain.read(file, usual=check.USUAL) if rows else None
    if check.accepts(quick):
        return quick, syntax.secrets(file)
    root, problems = _by_parser(file, loader) if rows and quick is None else read(file, loader)
    if check.accepts(root):
        return root, problems
    if root is not None or not problems:
        from reconciler.manifest.explain import find_problems  # good files do without

        known = {problem.place for problem in problems}
        problems += [problem for problem in find_problems(file, root) if problem.place not in known]
    problems = _mistaken(file) or problems
    telling = any(problem.message == syntax.SECRET_WORDS[0] for problem in problems)  # of it nothing may be repeated
    return root if isinstance(root, Entry) and not telling else Entry(file, None), problems


def _mistaken(file: TextFile) -> list[Problem]:
    """Return what to say of a file that is something else of ours, and no manifest at all."""
    if '"format_version"' not in file.text and '"$schema"' not in file.text:
        return []
    from reconciler.documents.kinds import Kind, kind_of

    kind = kind_of(file.text.encode())
    if kind in (None, Kind.MANIFEST):
        return []
    return [Problem(f"this is {kind.what} and no manifest", kind.way, Place(file.name, 1, 1))]


def _names(files: Files, paths: Sequence[str], problems: list[Problem]) -> Iterator[str]:
    """Yield the names of the files to read, each once."""
    seen: dict[object, str] = {}
    for path in paths:
        try:
            syntax.check_name(path)
            names = files.names(path)
            is_file = list(names) == [path]
            for name in () if is_file else names:
                syntax.check_name(name)
        except InvalidError as error:
            problems += error.problems
            continue
        if is_file and len(paths) == 1:  # nothing that it could be the same as
            yield path
            return
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
        raise InvalidError(f"{name}: a file may have 32 MiB, and this has more", "divide it")
    if _is_wide(data):
        raise InvalidError("this is UTF-16 or UTF-32 text, and not UTF-8", "save the file as UTF-8", Place(name, 1, 1))
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise InvalidError(
            "this is not UTF-8 text", "save the file as UTF-8", place(name, before, len(before))
        ) from None
    if "\r" not in text:
        return text
    text = text.replace("\r\n", "\n")
    if text.count("\r") >= text.count("\n"):
        words = (
            "the lines end in a carriage return (U+000D) alone",
            "save the file with the line ends of Unix or Windows",
        )
        raise InvalidError(*words, place(name, text, text.find("\r")))
    return text


def _is_wide(data: bytes) -> bool:
    """Return whether these are texts of two or four bytes a character: every other byte of what is usual is zero."""
    if data.startswith(_WIDE_MARKS):
        return True
    begin = data[:_SAMPLE]
    return len(begin) > 1 and max(begin[::2].count(0), begin[1::2].count(0)) * 2 > len(begin) // 2


class Disk(NamedTuple):
    """Files as they are now; `seen` keeps the bytes of each that is read."""

    stdin: BinaryIO
    seen: dict[str, bytes] | None = None

    def names(self, path: str) -> Sequence[str]:
        """Return the file, or the manifests of the folder, sorted; raises InvalidError when it has none."""
        if path == "-":
            return [STDIN]
        if not Path(path).is_dir():
            return [path]
        with _reading(path):
            found = [each for each in Path(path).iterdir() if is_manifest(each.name)]
        if not found:
            deeper = _folders_below(path)
            only = f", only in {name_some(deeper)}" if deeper else ""
            hint = "subfolders are not read: name each that is meant" if deeper else ""
            raise InvalidError(f"{path}: there is no *.yaml and no *.yml in this folder{only}", hint)
        return sorted(map(str, found))

    def skipped(self, path: str) -> Sequence[Problem]:
        """Return a warning of manifests in subfolders, which could be taken for a part of the path and are not read."""
        if path == "-" or not (deeper := _folders_below(path)):
            return ()
        message = f"{path}: subfolders are not read, and there are manifests in {name_some(deeper)}"
        return (Problem(message, "name each that is meant, or run tokenctl for each"),)

    def identity(self, name: str) -> object:
        """Return what two names of one file have in common."""
        if name == STDIN:
            return name
        try:
            found = Path(name).stat()
        except (OSError, ValueError):
            return name  # reading it says why
        return found.st_dev, found.st_ino

    def read(self, name: str, most: int) -> bytes:
        """Return the file's bytes, at most so many of them; raises InvalidError when they cannot be read."""
        if name == STDIN:
            data = self.stdin.read(most)
        else:
            with _reading(name), regular(Path(name)) as file:
                data = file.read(most)
        if self.seen is not None:
            self.seen[name] = data
        return data


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except IrregularError:
        hint = "give it to standard input, and name that with `-`"
        raise InvalidError(f"{name}: this is no file", hint) from None
    except (OSError, ValueError) as error:
        raise InvalidError(f"{name}: {reason(error) or 'this is no file name'}") from None


def _folders_below(path: str) -> list[str]:
    """Return the folders below the path that have manifests, as far as they are soon found; hidden ones are none."""
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

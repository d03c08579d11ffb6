"""Journals: what a run is about to do and what came of it, in an NDJSON file that survives the run.

Anything but a regular file is refused at once: opening a pipe, for instance, would wait for ever.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple, Self

from reconciler import files
from reconciler.core.outcome import ResultStatus, Run
from reconciler.core.text import moment
from reconciler.documents.decode import DecodeError, Document
from reconciler.documents.journal import Line, is_last, parse_line, read_run
from reconciler.documents.kinds import Kind, refused
from reconciler.errors import InvalidError, LocalError, reason

SUFFIX = ".ndjson"
_LARGEST = 256 * 1024 * 1024  # bytes: 100,000 changes with long descriptions
_TAIL = 4096  # bytes: more than a summary has
_HEAD = 16 * 1024 * 1024  # bytes: a header names all files of its run
_LATEST = 64 * 1024  # bytes: the end of a journal, which has the latest `updatedAt` of the server
_LEEWAY = timedelta(minutes=5)  # between two clocks, and for one that is set right
_NEVER = datetime.min.replace(tzinfo=UTC)
_NOTHING_DONE = (ResultStatus.FAILED.value, ResultStatus.NOT_ATTEMPTED.value)
_LOOKED_AT = 100  # journals for each server: of more interrupted runs only the latest are reported
_ORIGIN = "the report of a run names its journal; `apply` and `undo` write them"


class Journal:
    """A write-ahead log of one run, in the lines of schemas/journal.v1.json.

    Each line is on the disk when `write` returns or, within `together`, when that block ends. It holds no secret. The
    file is locked while it is open, and the kernel releases the lock however the process ends: that tells a run that
    still goes on from an interrupted one. Every method raises LocalError when a line cannot be written.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._held: list[bytes] | None = None

    @classmethod
    def create(cls, folder: Path, name: str) -> Self:
        """Create the journal `name` in the folder, for this user alone; follows no link and replaces no file."""
        path = folder / f"{name}{SUFFIX}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with _made(folder) as place:
                descriptor = os.open(path.name, flags, 0o600, dir_fd=place)
                # Nobody asks for the lock of an empty file, so it cannot be taken.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.fsync(place)
        except OSError as error:
            raise _unwritable(path, reason(error)) from error
        return cls(path, descriptor)

    def write(self, line: Document) -> None:
        """Add a line. A later result for the same token replaces the earlier one when the journal is read."""
        text = json.dumps(line).encode("ascii") + b"\n"
        if self._held is None:
            self._append(text)
        else:
            self._held.append(text)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the lines of the block together at its end: syncing many lines takes a disk as long as syncing one."""
        held: list[bytes] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            if held:
                self._append(b"".join(held))

    def _append(self, text: bytes) -> None:
        written = 0
        try:
            while written < len(text):
                written += os.write(self._descriptor, text[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            whole = text.rfind(b"\n", 0, written) + 1
            with suppress(OSError):
                size = os.fstat(self._descriptor).st_size - written
                os.ftruncate(self._descriptor, size + whole)  # the next line must not end up behind half of one
            raise _unwritable(self.path, reason(error)) from error


@contextmanager
def _made(folder: Path) -> Iterator[int]:
    """Yield a descriptor of the folder, which is made first, for this user alone, where it is missing.

    What is made is synced, so that it survives a crash of the machine. Raises LocalError when everybody may remove
    files from the folder.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        with _opened(each.parent) as parent:
            os.fsync(parent)
    with _opened(folder) as place:
        _refuse_everybodys(folder, place)
        yield place


def probe(folder: Path) -> bool:
    """Find out, by trying, whether a run could keep a journal in the folder, and leave nothing behind.

    Returns whether the folder exists already. Raises LocalError.
    """
    try:
        there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
        with _opened(there) as place:
            if there == folder:
                _refuse_everybodys(folder, place)
            name = f".tokenctl-{os.urandom(8).hex()}"
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=place))
            os.unlink(name, dir_fd=place)
    except OSError as error:
        raise _unwritable(folder, reason(error)) from error
    return there == folder


def _refuse_everybodys(folder: Path, place: int) -> None:
    mode = os.fstat(place).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise _unwritable(folder, "everybody may write to this folder, and remove what is not theirs")


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unwritable(path: Path, why: str) -> LocalError:
    return LocalError(
        f"cannot write the journal {path}: {why}",
        "name a folder that can be written with `--journal DIR`; without a journal nothing is sent",
    )


class LoadedJournal(NamedTuple):
    """A journal that was read: its file, its run, and whether that run still goes on."""

    path: Path
    run: Run
    running: bool


class RunTimes(NamedTuple):
    """The times of a run: `started` by its own clock, `changed` (its last change of a token) by the server's.

    Each is None where the journal does not say it. `unknown` means that the run may have changed tokens and no answer
    of the server says when; `after` is then a time of the server before which it was not, if one is known.
    """

    path: Path
    started: datetime | None = None
    changed: datetime | None = None
    after: datetime | None = None
    unknown: bool = True

    def ahead(self, now: Callable[[], datetime]) -> bool:
        """Return whether the run began in the future by its clock, which was also ahead of the server's."""
        started, changed = self.started, self.changed
        return bool(started and changed and started > changed + _LEEWAY and started > now() + _LEEWAY)


def load(path: Path, *, most_lines: int = 500_000) -> LoadedJournal:
    """Read a journal, whose last line may be cut off.

    Raises LocalError when the file cannot be read, InvalidError when it is no journal.
    """
    try:
        with files.regular(path, follow=False) as stream:
            running = _is_locked(stream)
            content = files.whole(stream, _LARGEST)
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else reason(error)
        raise LocalError(f"cannot read the journal {path}: {why}") from error
    if content is None:
        raise InvalidError(f"{path} is no journal: it is larger than {_LARGEST // 1024**2} MiB")
    try:
        return LoadedJournal(path, read_run(BytesIO(content), most_lines), running)
    except DecodeError as error:
        raise refused(path, "journal", Kind.JOURNAL, _ORIGIN, error, content) from None


def newest_first(folder: Path, owner: int) -> list[Path]:
    """Return the user's journals in a folder, newest first by the time in their names; none without such a folder."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False)
            if ours and entry.stat(follow_symlinks=False).st_uid == owner:
                found.append(Path(entry.path))
    return sorted(found, key=lambda path: path.name.partition("-")[2], reverse=True)


def latest_first(folder: Path, owner: int, url: str) -> list[RunTimes]:
    """Return the user's runs against this server that may have changed something, the latest first.

    They are sorted by the server's times, as a run's own clock may be wrong, and then by the names of their files. Runs
    whose time is unknown come first. Reads only the two ends of each file.
    """
    seen = [_run_times(path, url) for path in newest_first(folder, owner)]
    found = [each for each in seen if each and (each.unknown or each.changed)]
    return sorted(found, key=lambda each: (each.unknown, each.changed or _NEVER), reverse=True)


def _run_times(path: Path, url: str) -> RunTimes | None:
    """Return the times that the two ends of a journal tell, None for a run against another server."""
    found = RunTimes(path)
    with suppress(OSError), files.regular(path, follow=False) as stream:
        header = parse_line(stream.readline(_HEAD))
        if header is None:
            return found
        if isinstance(server := header.get("server"), dict) and server.get("url") != url:
            return None
        begun, end = stream.tell(), os.fstat(stream.fileno()).st_size - _LATEST
        stream.seek(max(begun, end))
        rest = [parse_line(text) or {} for text in stream]
        told = [each for line in rest for each in _entries(line)]
        changed = _last(each.get("updatedAt") for each in told)
        after = _last(was.get("updatedAt") for line in rest if isinstance(was := line.get("before"), dict))
        # What the last line says of a token holds: an intent has no status, and may have changed it.
        statuses = {str(each["id"]): each.get("status") for each in told}
        unknown = not changed and (end > begun or any(status not in _NOTHING_DONE for status in statuses.values()))
        found = RunTimes(path, moment(str(header.get("started"))), changed, after, unknown)
    return found


def _entries(line: Line) -> list[dict[str, object]]:
    """Return the parts of a line that are about one token each: the line that a later run adds has several."""
    results = line.get("results")
    return [
        each for each in (results if isinstance(results, list) else [line]) if isinstance(each, dict) and "id" in each
    ]


def _last(times: Iterable[object]) -> datetime | None:
    return max(filter(None, (moment(str(each)) for each in times)), default=None)


def interrupted(folder: Path, urls: Collection[str]) -> list[LoadedJournal]:
    """Return the user's runs against these servers that began a change and were interrupted, the oldest first.

    A file that is no journal or cannot be read is left out.
    """
    found = []
    for path in newest_first(folder, os.geteuid())[: _LOOKED_AT * len(urls)]:
        with suppress(OSError, LocalError, InvalidError):
            if _is_open(path, urls):
                loaded = load(path)
                if not (loaded.running or loaded.run.ended) and loaded.run.entries:
                    found.append(loaded)
    return found[::-1]


def close(path: Path, line: Document) -> None:
    """End the journal of an interrupted run with this line, so that the run is not reported again.

    Raises nothing: where the line cannot be written, the run is reported once more, which does no harm.
    """
    with suppress(OSError), files.regular(path, "ab", follow=False) as stream:
        # The run may have been killed in the middle of a line.
        stream.write(b"\n" + json.dumps(line).encode("ascii") + b"\n")


def _is_open(path: Path, urls: Collection[str]) -> bool:
    """Return whether the run was against one of these servers, wrote more than its header, and did not end its journal.

    Reads only the two ends of the file, as most journals in a folder were ended.
    """
    with files.regular(path, follow=False) as stream:
        header = parse_line(stream.readline(_HEAD))
        server = header.get("server") if header else None
        if not (isinstance(server, dict) and str(server.get("url")) in urls and stream.read(1)):
            return False
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
        *_, last = [b"", *stream.read().splitlines()]
    line = parse_line(last)
    return line is None or not is_last(line)


def _is_locked(stream: IO[bytes]) -> bool:
    """Return whether the run that writes this goes on. An empty file is not tried: its run is about to lock it."""
    if not os.fstat(stream.fileno()).st_size:
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(stream, fcntl.LOCK_UN)
    return False

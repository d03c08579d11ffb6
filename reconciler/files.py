"""Reads regular files and pipes, and writes files whole or leaves them as they were."""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

from reconciler.errors import LocalError, reason

PROFILES = ".influxdbv2/configs"
"""Where the influx CLI has its profiles, in the user's folder."""
STDIN = "<stdin>"
"""What standard input is called where files are named."""

_IRREGULAR = "it is not a regular file"


def probe(path: Path) -> None:
    """Raise LocalError when no file can be written at the path; that is tried, and leaves nothing behind."""
    with _replacement(path, 0o600) as (descriptor, temporary):
        os.close(descriptor)
        temporary.unlink()


def write(text: str, path: Path, *, private: bool = False) -> None:
    """Write the text as UTF-8, with escapes for lone surrogates, so that the path has all of it or is as before.

    A private file is readable by its user alone; for others the umask decides. A link is replaced, not followed. Raises
    LocalError.
    """
    with _replacement(path, 0o600 if private else 0o666) as (descriptor, temporary):
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            if private:
                os.fchmod(descriptor, 0o600)  # less would be a user's own umask at work, and would lock out the user
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(path)


def replace(path: Path, data: bytes, seen: bytes | None) -> None:
    """Put these bytes into the file, whose mode stays, if it still has the bytes that were `seen`; None for no file.

    A link is followed. The path has all of the bytes or is as before. Raises LocalError, also when it has changed.
    """
    target = Path(os.path.realpath(path))
    with _replacement(target, 0o666 if seen is None else 0o600) as (descriptor, temporary):
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            if seen is not None:
                os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
            os.fsync(descriptor)
        if seen != _bytes(target, 0 if seen is None else len(seen) + 1):
            raise LocalError(f"{path} has changed since it was read, and stays as it is", "run the command again")
        temporary.replace(target)


def _bytes(path: Path, most: int) -> bytes | None:
    """Return at most so many bytes of the file, None where there is none."""
    try:
        with regular(path) as file:
            return file.read(most)
    except FileNotFoundError:
        return None


class IrregularError(OSError):
    """The path leads to something else than a regular file."""


@contextmanager
def regular(path: Path, mode: Literal["rb", "ab"] = "rb", *, follow: bool = True) -> Iterator[IO[bytes]]:
    """Open an existing regular file for the time of the block; `follow` says whether a link to one is accepted.

    Raises OSError, and IrregularError for anything else, at once.
    """
    # Without O_NONBLOCK it would wait for ever until somebody opens the other end of a pipe.
    flags = os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags | (os.O_RDONLY if mode == "rb" else os.O_WRONLY | os.O_APPEND))
    except OSError as error:
        if error.errno != errno.ENXIO:  # a socket, or a pipe to write into that nobody reads
            raise
        raise IrregularError(error.errno, _IRREGULAR) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise IrregularError(errno.EINVAL, _IRREGULAR)
        with os.fdopen(descriptor, mode, closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


def whole(stream: IO[bytes], most: int) -> bytes | None:
    """Return what is in a regular file, None when it has more than so many bytes, which are not read then."""
    if os.fstat(stream.fileno()).st_size > most:
        return None
    content = stream.read(most + 1)  # it may have grown
    return content if len(content) <= most else None


def read(path: Path, most: int, patience_s: float) -> bytes:
    """Return at most `most` bytes of a file or a pipe.

    Raises OSError, and TimeoutError when a pipe brings nothing for `patience_s`.
    """
    # Without O_NONBLOCK it would wait for ever until somebody opens the other end.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        found = b""
        while len(found) < most:
            if not select.select([file], [], [], patience_s)[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"nothing came through it for {patience_s:g} s")
            chunk = file.read(most - len(found))
            if not chunk:
                break
            found += chunk
    return found


def nearest_repository(path: str | Path) -> Path | None:
    """The nearest folder that holds a git repository, from this path upwards as it is written: no link is followed.

    Looked for here, as git would also take a folder that only looks like one: a pull request may bring such a folder
    and with it another history, but nothing that is called `.git`.
    """
    here = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow links
    return next((folder for folder in (here, *here.parents) if os.path.lexists(folder / ".git")), None)


@contextmanager
def _replacement(path: Path, mode: int) -> Iterator[tuple[int, Path]]:
    """Yield a new file beside the path, open, and its path; it is removed when the block raises."""
    temporary = path.parent / f".tokenctl-{os.urandom(8).hex()}"
    try:
        _refuse_what_is_no_file(path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            yield descriptor, temporary
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise LocalError(f"cannot write to {path}: {reason(error)}") from error


def _refuse_what_is_no_file(path: Path) -> None:
    """Raise LocalError or OSError for a folder, a device, a pipe or a standard stream, which no file may replace."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    # /dev/stdout leads to a regular file when that is where standard output goes.
    if not stat.S_ISREG(mode) or path.parent.resolve() == Path("/dev"):
        raise LocalError(f"cannot write to {path}: {_IRREGULAR}")

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

from reconciler.errors import LocalError

_IRREGULAR = "it is not a regular file"


def probe(path: Path) -> None:
    """Find out, by trying, whether a file could be written there, and leave nothing behind. Raises LocalError."""
    with _replacement(path, 0o600) as (descriptor, temporary):
        os.close(descriptor)
        temporary.unlink()


def write(text: str, path: Path, *, private: bool = False) -> None:
    """Write the text in UTF-8, with escapes for what has no place there, so that the path holds all of it or nothing.

    A private file is readable by its user alone; who may read others is for the umask. A link is replaced, not
    followed. Raises LocalError.
    """
    with _replacement(path, 0o600 if private else 0o666) as (descriptor, temporary):
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            if private:
                os.fchmod(descriptor, 0o600)  # less would be a user's own umask at work, and would lock out the user
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(path)


class IrregularError(OSError):
    """What is there is no regular file."""


@contextmanager
def regular(path: Path, mode: Literal["rb", "ab"] = "rb", *, follow: bool = True) -> Iterator[IO[bytes]]:
    """A file that is there, open, if it is a regular one; `follow` says whether a link to one will do.

    Raises OSError, IrregularError among them.
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


def read(path: Path, most: int, patience_s: float) -> bytes:
    """What a file or a pipe has, at most so many bytes; waits so long at a time for whoever writes into the pipe.

    Raises OSError, TimeoutError when nothing comes.
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


@contextmanager
def _replacement(path: Path, mode: int) -> Iterator[tuple[int, Path]]:
    """An open file beside the path, which is removed if it cannot take the path's place."""
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
        raise LocalError(f"cannot write to {path}: {error.strerror}") from error


def _refuse_what_is_no_file(path: Path) -> None:
    """Raise for what a file must not replace: a folder, a device, a pipe, or a name of the standard streams."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    # /dev/stdout leads to a regular file when that is where standard output goes.
    if not stat.S_ISREG(mode) or path.parent.resolve() == Path("/dev"):
        raise LocalError(f"cannot write to {path}: {_IRREGULAR}")

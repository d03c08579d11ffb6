"""What a run is about to do and what came of it, in; one NDJSON file that survives the run, out."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from reconciler.core.outcome import Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.core.record import Provenance
from reconciler.documents.decode import Document
from reconciler.documents.journal import header_line, intent_line, result_line, summary_line
from reconciler.errors import LocalError, Problem

SUFFIX = ".ndjson"


class Journal:
    """A write-ahead log of one run, in the lines of schemas/journal.v1.json.

    Each line is on the disk before the method that wrote it returns, or else when the block of `together` ends. It
    holds no secret. While it is open the file is locked, which ends with the process, however that ends: this tells a
    run that goes on from one that was interrupted. Every method raises LocalError when the line cannot be written.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._held: list[bytes] | None = None

    @classmethod
    def create(cls, folder: Path, name: str) -> Self:
        """Make a new file of that name in the folder, for this user alone; follows no link and replaces nothing."""
        path = folder / f"{name}{SUFFIX}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with _made(folder) as place:
                descriptor = os.open(path.name, flags, 0o600, dir_fd=place)
                # Nobody asks for the lock of an empty file, so it cannot be taken.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.fsync(place)
        except OSError as error:
            raise _unwritable(path, str(error.strerror)) from error
        return cls(path, descriptor)

    def header(self, plan: Plan, provenance: Provenance) -> None:
        """Say what run this is."""
        self._write(header_line(plan, provenance))

    def intent(self, change: Change, attempt: int = 1) -> None:
        """Say that a PATCH is about to be sent; `attempt` counts from 1."""
        self._write(intent_line(change, attempt))

    def result(self, result: Result) -> None:
        """Say what came of an operation; a later line about the same id is the better informed one."""
        self._write(result_line(result))

    def summary(self, outcome: Outcome) -> None:
        """Say how the run ended."""
        self._write(summary_line(outcome))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let the lines of the block be written by its end, all at once: a disk takes as long for one as for many."""
        held: list[bytes] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            if held:
                self._append(b"".join(held))

    def _write(self, line: Document) -> None:
        text = json.dumps(line).encode("ascii") + b"\n"
        if self._held is None:
            self._append(text)
        else:
            self._held.append(text)

    def _append(self, text: bytes) -> None:
        size, written = os.fstat(self._descriptor).st_size, 0
        try:
            while written < len(text):
                written += os.write(self._descriptor, text[written:])
            os.fsync(self._descriptor)
        except OSError as error:
            whole = text.rfind(b"\n", 0, written) + 1
            with suppress(OSError):
                os.ftruncate(self._descriptor, size + whole)  # the next line must not end up behind half of one
            raise _unwritable(self.path, str(error.strerror)) from error


@contextmanager
def _made(folder: Path) -> Iterator[int]:
    """The folder, open; made for this user alone where it is not there, so that it survives a crash of the machine.

    Raises LocalError when anybody may take files out of it.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in missing:
        with _opened(each.parent) as parent:
            os.fsync(parent)
    with _opened(folder) as place:
        mode = os.fstat(place).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise _unwritable(folder, "everybody may write to this folder, and remove what is not theirs")
        yield place


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unwritable(path: Path, why: str) -> LocalError:
    return LocalError(
        Problem(
            f"cannot write the journal {path}: {why}",
            "name a folder that can be written with `--journal DIR`; without a journal nothing is sent",
        )
    )

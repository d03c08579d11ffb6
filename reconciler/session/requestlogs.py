"""Reads logs line by line, plain or packed by gzip, in memory that does not depend on their size."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from reconciler.core.requestlog import MOST_OF_A_LINE, Tally
from reconciler.errors import LocalError, reason
from reconciler.files import STDIN
from reconciler.render import words
from reconciler.session.context import Context
from reconciler.session.report import progress_of

_CHUNK = 256 * 1024
_GZIP = b"\x1f\x8b"
_WITH_HEADER = 31  # zlib's word for gzip


def read_logs(names: Sequence[str], tally: Tally, context: Context) -> None:
    """Let the tally read these files and pipes, each once, `-` being standard input; shows progress.

    Raises LocalError for what cannot be read or unpacked.
    """
    told = _told(sum(map(_size, names)), context)
    for name in _distinct(names):
        try:
            if name == "-":
                _read(context.streams.stdin, tally, told)
            else:
                with Path(name).open("rb", buffering=0) as stream:
                    _read(stream, tally, told)
        except (OSError, zlib.error, EOFError) as error:
            why = reason(error) if isinstance(error, OSError) else "it is packed by gzip, and broken or cut"
            raise LocalError(f"cannot read the log {STDIN if name == '-' else name}: {why}") from None


def _read(stream: BinaryIO, tally: Tally, told: Callable[[int], None]) -> None:
    tally.read(lines(_unpacked(_chunks(stream, told))))


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """The names without those that lead to a file that was named already, whose requests would count twice."""
    seen: set[object] = set()
    for name in names:
        status = _status(name)
        key = (status.st_dev, status.st_ino) if status else name
        if key not in seen:
            seen.add(key)
            yield name


def _size(name: str) -> int:
    status = _status(name)
    return status.st_size if status else 0


def _status(name: str) -> os.stat_result | None:
    """What the system says of a file, None for pipes and what is not there."""
    with suppress(OSError):
        status = Path(name).stat()
        return status if name != "-" and stat.S_ISREG(status.st_mode) else None
    return None


def _told(total: int, context: Context) -> Callable[[int], None]:
    """What is called with the number of bytes that were read, to show progress."""
    progress, read = progress_of(context), 0

    def tell(size: int) -> None:
        """Draw how much was read so far."""
        nonlocal read
        read += size
        if progress:
            progress.draw(lambda after_s: words.reading_logs(read, total, after_s), read / total if total else None)

    return tell


def _chunks(stream: BinaryIO, told: Callable[[int], None]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        told(len(chunk))
        yield chunk


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, unpacked where they are gzip's, of which one may follow another; raises zlib.error and EOFError."""
    start = b""
    source = iter(chunks)
    while len(start) < len(_GZIP) and (chunk := next(source, b"")):
        start += chunk
    if not start.startswith(_GZIP):
        yield start
        yield from source
        return
    packed, unpacker = start, zlib.decompressobj(_WITH_HEADER)
    while packed:
        while True:
            unpacked = unpacker.decompress(packed, _CHUNK)
            yield unpacked
            if unpacker.eof:
                break
            packed = unpacker.unconsumed_tail
            if not (packed or unpacked or (packed := next(source, b""))):
                raise EOFError
        packed = (unpacker.unused_data or next(source, b"")).lstrip(b"\0")
        unpacker = zlib.decompressobj(_WITH_HEADER)


def lines(chunks: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    """The lines of the chunks, some at a time, without their ends; of each no more than is looked at."""
    rest = b""
    for chunk in chunks:
        whole = chunk.split(b"\n")
        whole[0] = rest + whole[0][: MOST_OF_A_LINE - len(rest)]
        rest = whole.pop()
        yield whole
    yield [rest]

"""What a file seems to be that is not what it was taken for, and what is done with such a file."""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum
from pathlib import Path

from reconciler import files
from reconciler.documents.decode import DecodeError, parse
from reconciler.errors import InvalidError

_HEAD = 4096  # bytes
_MANIFEST = re.compile(rb"^[\"']?(?:version|tokens|server|guards)[\"']?[ \t]*:", re.MULTILINE)
_FLEET = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"format_version"\s*:\s*1\s*,\s*"fleet"\s*:')
_KEYS = ("version", "tokens", "server", "guards", "unmanaged", "absent", "lock")


class Kind(Enum):
    """A kind of file that tokenctl reads or prints: what it is, and what to do with it."""

    MANIFEST = "a manifest", "`tokenctl plan FILE` shows what it would change, `tokenctl apply FILE` sends that"
    PLAN = "a saved plan", "`tokenctl apply FILE` sends it, `tokenctl show FILE` draws it"
    FLEET = "the saved plans of a fleet", "`tokenctl show FILE` draws them, `--server NAME` that of one server"
    JOURNAL = "the journal of a run", "`tokenctl undo FILE` plans to undo that run"
    EVENTS = "the events of a run", "the last of them names the run's journal: `tokenctl undo JOURNAL`"
    REVISIONS = "what `tokenctl plan --offline` prints", "`tokenctl plan -o FILE` saves a plan, which needs a server"
    LIST = "what `tokenctl list` prints", "it is an inventory; a manifest begins with `version: 1`"
    CHECKS = (
        "what `tokenctl doctor` prints",
        "a manifest begins with `version: 1`, and `tokenctl plan -o FILE` saves a plan",
    )

    PROBLEMS = "a report of problems", "it says why there is nothing else: fix them, and run that command again"
    USAGE = "what `tokenctl usage` saves", "`tokenctl plan --usage FILE` shows it beside each change"
    SARIF = "a SARIF report", "a manifest begins with `version: 1`, and `tokenctl plan -o FILE` saves a plan"
    SCHEMA = "a JSON Schema", "it says what such a file may hold; a manifest begins with `version: 1`"

    @property
    def what(self) -> str:
        """What such a file is."""
        return self.value[0]

    @property
    def way(self) -> str:
        """What is done with it."""
        return self.value[1]


_MARKS = {
    "fleet": Kind.FLEET,
    "changes": Kind.PLAN,
    "revisions": Kind.REVISIONS,
    "tokens": Kind.LIST,
    "checks": Kind.CHECKS,
    "problems": Kind.PROBLEMS,
    "usage": Kind.USAGE,
}
_FOREIGN = {"runs": Kind.SARIF, "properties": Kind.SCHEMA}


def refused(path: Path, noun: str, own: Kind, way: str, error: DecodeError, content: bytes) -> InvalidError:
    """Return the error for a file that is no `noun`, whose kind is `own`: what it seems to be, or else what is wrong.

    `way` is how to get one.
    """
    kind = kind_of(content)
    if kind in (None, own):
        return InvalidError(f"{path} is no {noun}: {error}", way)
    return InvalidError(f"{path} is no {noun}: it seems to be {kind.what}", kind.way)


def kind_of(content: bytes) -> Kind | None:
    """What the content of a file seems to be, by the keys of its JSON or of its first line; None when that is open."""
    document: dict[str, object] = {}
    for part in (content, content.partition(b"\n")[0]):
        with suppress(DecodeError):
            document = document or parse(part)
    if not document:
        return Kind.MANIFEST if _MANIFEST.search(content[:_HEAD]) else None
    if "format_version" not in document or "version" in document:
        if "$schema" in document and (foreign := [kind for key, kind in _FOREIGN.items() if key in document]):
            return foreign[0]
        return Kind.MANIFEST if document.keys() & set(_KEYS) else None
    if "event" in document:
        return Kind.JOURNAL if document["event"] == "header" else Kind.EVENTS
    return next((kind for key, kind in _MARKS.items() if key in document), Kind.PLAN)


def is_fleet(path: Path) -> bool:
    """Whether the file has plans of a fleet, by how it begins."""
    with suppress(OSError, ValueError), files.regular(path) as stream:
        return _FLEET.match(stream.read(_HEAD)) is not None
    return False

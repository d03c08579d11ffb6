"""A plan to a file and back: written whole or not at all, and read back only when it is exactly what was written."""

from __future__ import annotations

import json
import re
import stat
from contextlib import suppress
from pathlib import Path

from reconciler import files, schema
from reconciler.core.document import from_document, to_document
from reconciler.core.plan import Plan
from reconciler.errors import InvalidError, LocalError, Problem, StaleError

_LARGEST = 256 * 1024 * 1024  # bytes: 100,000 changes with long descriptions


def dumps(plan: Plan) -> str:
    """The plan as JSON in ASCII, with a newline at the end; equal plans give equal text."""
    return json.dumps(to_document(plan), indent=2) + "\n"


def save(plan: Plan, path: Path) -> None:
    """Write the plan so that the path holds all of it or what it held before; only the user may read it.

    Raises LocalError when that cannot be done.
    """
    files.write(dumps(plan), path, private=True)


def load(path: Path, largest: int = _LARGEST) -> Plan:
    """Read a plan that `save` wrote, of at most so many bytes. A review beside it is no part of it and passed over.

    Raises LocalError when the file cannot be read, InvalidError when it is no plan, StaleError when it is a plan but
    not as it was written: its digest or anything else that it says twice does not fit.
    """
    text = _read(path, largest)
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidError(Problem(f"{path} is no plan: it is not JSON", _REMAKE)) from error
    violations = schema.explain(document, schema.load_schema("plan"))
    if violations:
        raise InvalidError([Problem(f"{path} is no plan: {violation}", _REMAKE) for violation in violations[:5]])
    document.pop("review", None)
    plan = from_document(document)
    if document != to_document(plan):
        raise StaleError(Problem(f"{path} was changed after it was made: its parts do not fit together", _REMAKE))
    return plan


def is_plan(path: Path) -> bool:
    """Whether the file is a saved plan, or was one, by what is in it and not by its name: nothing else has to be right.

    What says nothing of either kind, or cannot be read, is one when its name ends in `.json`.
    """
    keys: frozenset[str] = frozenset()
    with suppress(OSError, ValueError, RecursionError):
        if path.is_file():  # asked before opening: opening a FIFO waits for its writer
            with path.open("rb") as stream:
                if _WRITTEN.match(head := stream.read(_HEAD)):
                    return True
                if _BRACE.match(head):
                    keys = frozenset(json.loads(head + stream.read(_LARGEST)))
    return "format_version" in keys or (path.suffix == ".json" and "version" not in keys)


_HEAD = 4096  # bytes: a manifest is most often known by its first one
_BRACE = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
_WRITTEN = re.compile(rb'\s*\{\s*"format_version"\s*:')
_REMAKE = "make it anew with `tokenctl plan -o FILE`"


def _read(path: Path, largest: int) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # asked before opening: opening a FIFO waits for its writer
            raise LocalError(Problem(f"cannot read the plan {path}: it is not a regular file"))
        with path.open("rb") as stream:
            content = stream.read(largest + 1)
    except OSError as error:
        raise LocalError(Problem(f"cannot read the plan {path}: {error.strerror}")) from error
    if len(content) > largest:
        raise InvalidError(Problem(f"{path} is no plan: it is larger than {largest // 1024**2} MiB"))
    return content.decode("utf-8-sig", "replace")


def _refuse(constant: str) -> None:
    raise ValueError(constant)

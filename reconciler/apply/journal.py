"""What a run is about to do and what came of it, in; one NDJSON file that survives the run, out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.core.document import before_document
from reconciler.core.outcome import Outcome, Result
from reconciler.core.plan import Change, Plan
from reconciler.errors import LocalError, Problem

FORMAT_VERSION = 1


class Journal:
    """A write-ahead log of one run: a header, then an intent and a result for each operation, then a summary.

    Each line is on the disk before the method that wrote it returns. It holds no secret. Every method raises
    LocalError when the line cannot be written.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def create(cls, folder: Path, name: str) -> Journal:
        """Make a new file of that name in the folder, for this user alone; follows no link and replaces nothing."""
        path = folder / f"{name}.ndjson"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return cls(path, os.open(path, flags, 0o600))
        except OSError as error:
            raise _unwritable(path, error) from error

    def header(self, plan: Plan, *, tool: str, files: Sequence[str], started: str) -> None:
        """Say what run this is: `files` as named on the command line, `started` in ISO 8601."""
        self._write(
            {
                "event": "header",
                "format_version": FORMAT_VERSION,
                "tokenctl": tool,
                "started": started,
                "server": plan.server.url,
                "server_version": plan.server.version,
                "org_ids": list(plan.org_ids),
                "digest": plan.digest,
                "files": list(files),
            }
        )

    def intent(self, change: Change) -> None:
        """Say that a PATCH is about to be sent."""
        self._write(
            {
                "event": "intent",
                "id": change.token.id,
                "name": change.name,
                "before": before_document(change.token),
                "after": change.body,
            }
        )

    def result(self, result: Result) -> None:
        """Say what came of an operation; a later line about the same id is the better informed one."""
        self._write(
            {"event": "result", "id": result.change.token.id, "fate": result.fate.value, "reason": result.reason}
        )

    def summary(self, outcome: Outcome) -> None:
        """Say how the run ended."""
        self._write({"event": "summary", "reason": outcome.exit_code.reason, "stopped": outcome.stopped})

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, record: Mapping[str, object]) -> None:
        line = json.dumps(record).encode("ascii") + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise _unwritable(self.path, error) from error


def _unwritable(path: Path, error: OSError) -> LocalError:
    return LocalError(
        Problem(
            f"cannot write the journal {path}: {error.strerror}",
            "name a folder that can be written with `--journal DIR`; without a journal nothing is sent",
        )
    )

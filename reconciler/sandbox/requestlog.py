"""Lines as InfluxDB writes them at `--log-level debug` for what it answers: logfmt, as its encoder quotes and escapes.

Follows jsternberg/zap-logfmt and http/platform_handler.go of InfluxDB.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from reconciler.errors import LocalError, reason
from reconciler.sandbox.api import parse_query
from reconciler.sandbox.exchange import Answer, Request

_QUOTED = re.compile('[\x00- ="\ufffd]')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\ufffd": "\\ufffd"}
_ESCAPED = re.compile('[\x00-\x1f\\\\"\ufffd]')
_UNTOLD = re.compile("/(?:api/v2/)?(?:write|signin|setup)")  # whose bodies are not logged


def value(text: str) -> str:
    """The text as logfmt has it: in quotes, with escapes, where it could be taken for something else."""
    if not _QUOTED.search(text):
        return text
    return '"' + _ESCAPED.sub(lambda found: _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}", text) + '"'


def line(message: str, level: str, now: datetime, **fields: object) -> str:
    """One line of the log."""
    ts = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    given = {"ts": ts, "lvl": level, "msg": message, "log_id": "0sandbox000", **fields}
    return " ".join(f"{name}={value(str(each))}" for name, each in given.items()) + "\n"


class RequestLog:
    """Writes such lines to a file, for requests that threads answer at once."""

    def __init__(self, path: Path, version: str, now: Callable[[], datetime]) -> None:
        """Begin a log as a server does that is started; raises LocalError."""
        try:
            self._file: BinaryIO = path.open("ab", buffering=0)
        except OSError as error:
            raise LocalError(f"cannot write the request log {path}: {reason(error)}") from None
        self._now = now
        self._lock = threading.Lock()
        self._write(line("Welcome to InfluxDB", "info", now(), version=version, log_level="debug"))

    def answered(self, request: Request, answer: Answer, remote: str) -> None:
        """Write the line for a request from this address that gets this answer."""
        self._write(request_line(request, answer, remote, self._now()))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, text: str) -> None:
        with self._lock:
            self._file.write(text.encode("utf-8", "replace"))


def request_line(request: Request, answer: Answer, remote: str, now: datetime) -> str:
    """The line for a request, whose answer tells who asked."""
    path, _, query = request.target.partition("?")
    code = answer.headers.get("X-Platform-Error-Code", "")
    agent = request.headers.get("user-agent", "").partition("/")[0]
    body = request.body.decode("utf-8", "replace")
    return line(
        "Request", "debug", now,
        service="http", method=request.method, host=request.headers.get("host", ""), path=path,
        query=urlencode(sorted(parse_query(query).items()), errors="surrogateescape"), proto="HTTP/1.1",
        status_code=answer.status, response_size=len(answer.body), content_length=len(request.body),
        referrer=request.headers.get("referer", ""), remote=remote, user_agent=agent or "unknown",
        authenticated_id=answer.asked_by[0], user_id=answer.asked_by[1], took="0.100ms",
        **({"error": code, "error_code": code} if code else {}),
        **({} if _UNTOLD.fullmatch(path) else {"body": body}),
    )  # fmt: skip

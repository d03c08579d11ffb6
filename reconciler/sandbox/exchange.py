"""A request as it came, an answer as it goes, its JSON as Go writes it, and the errors that become answers.

Follows kit/transport/http of InfluxDB and encoding/json of Go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from json.encoder import encode_basestring

JSON = "application/json; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
_STATUS = {
    "internal error": 500,
    "invalid": 400,
    "conflict": 422,
    "not found": 404,
    "forbidden": 403,
    "unauthorized": 401,
}
# Go escapes these for the sake of HTML and JavaScript.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_ESCAPED = re.compile("[<>&\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: the target as it stood on the request line, headers by lower-case name, first value each."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Delivery(StrEnum):
    """How an answer reaches the client: whole, byte by byte, half of its body, not at all, or as the last one."""

    WHOLE = "whole"
    SLOW = "slow"
    TRUNCATED = "truncated"
    RESET = "reset"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `kind` is the Content-Type, "" for none, `asked_by` the ids of the token and its owner, if known."""

    status: int
    body: bytes = b""
    kind: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE
    asked_by: tuple[str, str] = ("", "")


class ApiError(Exception):
    """An error that InfluxDB answers with: its code and its message.

    It is indented by the handlers, and on one line by the middleware that asks who you are.
    """

    def __init__(self, code: str, message: str, *, by_middleware: bool = False) -> None:
        super().__init__(message)
        self._code = code
        self._by_middleware = by_middleware

    def answer(self) -> Answer:
        """What is sent."""
        content = {"code": self._code, "message": str(self)}
        text = compact(content) if self._by_middleware else indented(content)
        return Answer(_STATUS[self._code], text.encode(), JSON, {"X-Platform-Error-Code": self._code})


def content(status: int, value: object) -> Answer:
    """An answer with JSON."""
    return Answer(status, indented(value).encode(), JSON)


def indented(value: object) -> str:
    """The text of mappings, sequences, texts and truth values, without a line break at the end."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], _indented(value, "\n"))


def _indented(value: object, indent: str) -> str:
    # Lists have thousands of permissions: what is most frequent comes first, and no abstract class is asked.
    if isinstance(value, str):
        return encode_basestring(value)
    inner = indent + "\t"
    if isinstance(value, dict):
        members = [f"{encode_basestring(key)}: {_indented(each, inner)}" for key, each in value.items()]
        return "{" + inner + ("," + inner).join(members) + indent + "}" if members else "{}"
    if isinstance(value, list | tuple):
        items = [_indented(each, inner) for each in value]
        return "[" + inner + ("," + inner).join(items) + indent + "]" if items else "[]"
    if isinstance(value, bool):
        return "true" if value else "false"
    raise TypeError(type(value).__name__)


def compact(value: Mapping[str, str]) -> str:
    """The text of a flat mapping on one line without blanks."""
    return "{" + ",".join(f"{indented(key)}:{indented(each)}" for key, each in value.items()) + "}"


def timestamp(moment: datetime) -> str:
    """RFC 3339 as Go writes it: no more digits than needed, `Z` for UTC."""
    text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head, dot, tail = text.partition(".")
    digits, zone = tail[:6].rstrip("0"), tail[6:]
    return f"{head}{dot if digits else ''}{digits}{zone}"

"""A request as it came, an answer as it goes, and the errors that become answers; follows kit/transport/http."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.sandbox.go_encode import compact, indented

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
    """One answer; `kind` is the Content-Type, "" for none."""

    status: int
    body: bytes = b""
    kind: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE


class ApiError(Exception):
    """An error that InfluxDB answers with: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def answer(self, *, by_middleware: bool = False) -> Answer:
        """What is sent: indented by the handlers, compact by the middleware that asks who you are."""
        content = {"code": self.code, "message": self.message}
        text = compact(content) if by_middleware else indented(content)
        return Answer(_STATUS[self.code], text.encode(), JSON, {"X-Platform-Error-Code": self.code})


def content(status: int, value: object) -> Answer:
    """An answer with JSON."""
    return Answer(status, indented(value).encode(), JSON)

"""What can go wrong with a server, as named values, each with its place in the life of a request.

before    something happens, or the request is answered, and no handler sees it
between   a PATCH has read its token and not yet written it
after     the handler has stored what it was asked to, and another answer is given
writing   the answer is right, and does not arrive as it should
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from reconciler.errors import UsageError
from reconciler.sandbox.exchange import JSON, Answer, ApiError, Delivery, Request
from reconciler.sandbox.seed import Authorization
from reconciler.sandbox.store import Store

_LATE_S = 0.1
_OVERLAP_S = 0.2  # how long a PATCH waits for another one to overlap with


def _error() -> Answer:
    return ApiError("internal error", "unexpected error writing points to database").answer()


def _page(status: int, title: str) -> Answer:
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Answer(status, page.encode(), "text/html")


def _retry_later(status: int, code: str, message: str) -> Answer:
    body = json.dumps({"code": code, "message": message}).encode()
    return Answer(status, body, JSON, {"Retry-After": "1", "X-Platform-Error-Code": code})


_BEFORE: dict[str, Callable[[], Answer]] = {
    "too-many-requests": lambda: _retry_later(429, "too many requests", "org has exceeded its rate limit"),
    "overloaded": lambda: _retry_later(503, "unavailable", "the server is overloaded"),
    "error-before": _error,
    "bad-gateway": lambda: _page(502, "Bad Gateway"),
    "unavailable": lambda: _page(503, "Service Unavailable"),
    "reset-before": lambda: Answer(0, delivery=Delivery.RESET),
}
_LATE = ("late-before", "late-after")
_MEANWHILE = ("changed-meanwhile", "deleted-meanwhile")
_AFTER: dict[str, Callable[[Answer], Answer]] = {
    "error-after": lambda _: _error(),
    "reset-after": lambda answer: replace(answer, delivery=Delivery.RESET),
    "slow-body": lambda answer: replace(answer, delivery=Delivery.SLOW),
    "truncated-body": lambda answer: replace(answer, delivery=Delivery.TRUNCATED),
    "closed-after": lambda answer: replace(answer, delivery=Delivery.CLOSED),
}
NAMES = (*_BEFORE, *_LATE, *_MEANWHILE, "lost-update", *_AFTER)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its name; it strikes the first `count` requests with this method, "" for any."""

    name: str
    method: str = ""
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault of `NAME[:METHOD[:COUNT]]`; raises UsageError."""
        name, _, rest = text.partition(":")
        method, _, count = rest.partition(":")
        number = int(count) if count.isascii() and count.isdigit() else 0
        if name not in NAMES or (count and not number) or not (method.isalpha() or not method):
            hint = f"write NAME, NAME:METHOD or NAME:METHOD:COUNT; the names are {', '.join(NAMES)}"
            raise UsageError(f"there is no fault `{text}`", hint)
        return cls(name, method.upper(), number or 1)


class Faults:
    """The faults of a running server, and how often each has struck."""

    def __init__(self, faults: Iterable[Fault], store: Store, touch: Callable[[Authorization], Authorization]) -> None:
        self._left = [(fault, threading.Semaphore(fault.count)) for fault in faults]
        self._store = store
        self._touch = touch
        self._overlap, self._written = threading.Barrier(2), threading.Barrier(2)
        self._apart = threading.local()

    def answer(self, request: Request, handle: Callable[[Request], Answer]) -> Answer:
        """The answer to a request that `handle` would answer rightly."""
        meeting = (each for each in self._left if each[0].method in ("", request.method))
        met = {fault.name for fault, left in meeting if left.acquire(blocking=False)}
        for name in (each for each in _MEANWHILE if each in met):
            self._meddle(name, request.target.partition("?")[0].rpartition("/")[2])
        if before := next((each for each in _BEFORE if each in met), ""):
            return _BEFORE[before]()
        if "late-before" in met:
            time.sleep(_LATE_S)
        self._apart.wanted = "lost-update" in met
        given = handle(request)
        if self._apart.wanted:  # whoever reads the token after either answer sees what both have made of it
            self._meet(self._written)
        if "late-after" in met:
            time.sleep(_LATE_S)
        for name in (each for each in _AFTER if each in met):
            given = _AFTER[name](given)
        return given

    def add(self, fault: Fault) -> None:
        """Let one more fault strike."""
        self._left = [*self._left, (fault, threading.Semaphore(fault.count))]

    def clear(self) -> None:
        """Let no fault strike any more."""
        self._left = []

    def between(self, store: Store) -> None:
        """Let another request in, where a fault wants it: a real server always reads and writes apart."""
        if getattr(self._apart, "wanted", False):
            store.interlude(lambda: self._meet(self._overlap))

    def _meet(self, there: threading.Barrier) -> None:
        try:
            there.wait(_OVERLAP_S)
        except threading.BrokenBarrierError:
            there.reset()
            self._apart.wanted = False  # nobody came

    def _meddle(self, name: str, token_id: str) -> None:
        with self._store.transaction() as store:
            found = store.by_id(token_id)
            if found is None:
                return
            if name == "deleted-meanwhile":
                store.remove(found.id)
            else:
                store.put(self._touch(replace(found, description=f"{found.description} (changed meanwhile)")))

"""The answer that InfluxDB would give to a request: who asks, which route, which handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote_from_bytes, unquote_to_bytes

from reconciler.sandbox import authorizations, labels, tenant
from reconciler.sandbox.call import Call
from reconciler.sandbox.exchange import JSON, PLAIN, Answer, ApiError, Request, content, indented, timestamp
from reconciler.sandbox.profiles import Profile
from reconciler.sandbox.seed import Authorization
from reconciler.sandbox.store import Store

_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"(?:token|bearer) (.+)", re.IGNORECASE | re.DOTALL)
_NO_METHOD = Answer(405)
_CLOSED = ("/api/v2", "/v1", "/private/")  # what is not the web interface
_PAGE = b"<!doctype html><title>tokenctl sandbox</title><p>InfluxDB's web page would be here.\n"
_CORS = {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE, PATCH",
    "Access-Control-Allow-Headers": "Accept, Content-Type, Content-Length, Accept-Encoding, Authorization, User-Agent",
}
_OnAll = Mapping[str, Callable[[Call], Answer]]
_OnOne = Mapping[str, Callable[[Call, str], Answer]]
# The handlers of each resource by method: of the collection, and of one by its id.
_RESOURCES: Mapping[str, tuple[_OnAll, _OnOne]] = {
    "authorizations": (
        {"GET": authorizations.index, "POST": authorizations.create},
        {"GET": authorizations.show, "PATCH": authorizations.update, "DELETE": authorizations.delete},
    ),
    "labels": (
        {"GET": labels.index, "POST": labels.create},
        {"GET": labels.show, "PATCH": labels.update, "DELETE": labels.delete},
    ),
    "me": ({"GET": tenant.me}, {}),
    "users": ({"GET": tenant.users, "POST": tenant.create_user}, {"GET": tenant.user, "DELETE": tenant.delete_user}),
    "orgs": ({"GET": tenant.orgs}, {}),
    "resources": ({"GET": tenant.resources}, {}),
}


class Api:
    """Answers requests over a store, as servers of the profile do; `now` tells the time for `updatedAt` and for `Date`.

    `between` runs when a PATCH has read its token and has not yet written it.
    """

    def __init__(
        self, store: Store, profile: Profile, now: Callable[[], datetime], between: Callable[[Store], None]
    ) -> None:
        self._store = store
        self._profile = profile
        self._now = now
        self._between = between
        self._started = now()

    def answer(self, request: Request) -> Answer:
        """Return the answer to one request: of the first stage that has one."""
        origin = request.headers.get("origin", "")
        preflight = request.method == "OPTIONS" and origin
        now = self._now()
        given = Answer(204, headers=_CORS) if preflight else self._answer(request, now)
        date = format_datetime(now.astimezone(UTC), usegmt=True)
        stamped = {**self._profile.headers, **given.headers, "Date": date}
        return replace(given, headers=stamped | ({"Access-Control-Allow-Origin": origin} if origin else {}))

    def _answer(self, request: Request, now: datetime) -> Answer:
        path, _, query = request.target.partition("?")
        if _ESCAPE.search(path):
            return Answer(400, b"400 Bad Request", PLAIN)
        if answer := self._open(request.method, path):
            return answer
        asked_by = ("", "")
        with self._store.transaction() as store:
            try:
                caller = _authenticate(request.headers.get("authorization", ""), store)
                asked_by = caller.id, caller.user_id
                call = Call(
                    request=request,
                    caller=caller,
                    query=parse_query(query),
                    store=store,
                    profile=self._profile,
                    now=now,
                    between=self._between,
                )
                answer = _handle(call, path)
            except ApiError as error:  # what was stored until then stays
                answer = error.answer()
        return replace(answer, asked_by=asked_by)

    def _open(self, method: str, path: str) -> Answer | None:
        """Return the answer to a request that needs no credentials, None for all others."""
        profile = self._profile
        match path:
            case "/ping":
                return Answer(204)
            case "/health":
                text = (
                    '{"name":"influxdb", "message":"ready for queries and writes", "status":"pass", "checks":[], '
                    f'"version": "{profile.version}", "commit": "{profile.commit}"}}\n'
                )
                return Answer(200, text.encode(), JSON)
            case "/ready":
                ready = {"status": "ready", "started": timestamp(self._started), "up": "1s"}
                return Answer(200, indented(ready).replace("\t", "    ").encode(), JSON)
            case "/api/v2/setup":
                return content(200, {"allowed": False}) if method == "GET" else _NO_METHOD
        return None if path.startswith(_CLOSED) else Answer(200, _PAGE, "text/html; charset=utf-8")


def _authenticate(header: str, store: Store) -> Authorization:
    scheme = _SCHEME.fullmatch(header)
    caller = store.by_secret(scheme[1]) if scheme else None
    if caller is None:
        raise ApiError("unauthorized", "unauthorized access", by_middleware=True)
    user = store.user(caller.user_id)
    if user is None or user.status != "active":
        raise ApiError("forbidden", "User is inactive", by_middleware=True)
    return caller


def _handle(call: Call, path: str) -> Answer:
    method = call.request.method
    name, _, below = path.removeprefix("/api/v2/").partition("/")
    if name not in _RESOURCES or not path.startswith("/api/v2/"):
        raise ApiError("not found", "path not found")
    on_all, on_one = _RESOURCES[name]
    if not below:
        return on_all[method](call) if method in on_all else _NO_METHOD
    one, _, deeper = below.partition("/")
    if deeper or not one or not on_one:
        return Answer(404, b"404 page not found\n", PLAIN, {"X-Content-Type-Options": "nosniff"})
    return on_one[method](call, _segment(one)) if method in on_one else _NO_METHOD


def _segment(raw: str) -> str:
    """A part of the path as Go's router sees it: decoded only if encoding it again would give the same."""
    decoded = unquote_to_bytes(raw)
    text = decoded.decode("utf-8", "surrogateescape")
    return text if quote_from_bytes(decoded, safe="$&+,/:;=@") == raw else raw


def parse_query(query: str) -> dict[str, str]:
    """The first value of each parameter; a pair that is not well-formed is dropped without a word, as in Go."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        if ";" in pair or _ESCAPE.search(pair):
            continue
        key, _, value = (
            unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in pair.replace("+", " ").partition("=")
        )
        found.setdefault(key, value)
    return found

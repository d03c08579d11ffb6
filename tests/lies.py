"""What a server, or a proxy, says that knows secrets and wants to see them in a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.canary import CALLER, ECHO, LISTED, PASSWORD
from tests.influx.raw_server import answer
from tests.liar import Exchange
from tests.session.test_locking import ACME
from tests.shell import GRAFANA

KINDS = {
    400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not found", 422: "conflict", 429: "too many requests",
    500: "internal error", 502: "bad gateway", 503: "unavailable",
}  # fmt: skip


def error(status: int, message: str, code: str = "") -> Callable[[Exchange], bytes]:
    """An error of InfluxDB's, which shows the secrets in its headers too."""
    return lambda exchange: exchange.answer(
        status=status,
        body={"code": code or KINDS[status], "message": message},
        Content_Type="application/json",
        X_Platform_Error_Code=ECHO,
        X_Influxdb_Version="v2.7.12",
        Retry_After=CALLER,
        Set_Cookie=f"session={LISTED[0]}",
    )


def echoed(value: Any) -> Any:
    """The document, with the secrets in every text that is no id and no word of the API."""
    if isinstance(value, dict):
        kept = ("id", "status", "type", "action", "name") if "type" not in value else tuple(value)
        return {key: each if key in kept else echoed(each) for key, each in value.items()} | {CALLER: ECHO}
    if isinstance(value, list):
        return [echoed(each) for each in value]
    return ECHO if isinstance(value, str) else value


def document(exchange: Exchange) -> Any:
    """The answer's JSON, or a token where it has none."""
    return exchange.document if exchange.body.startswith(b"{") else {"id": GRAFANA, "status": "active"}


def raw(text: str) -> bytes:
    """Bytes that may be no HTTP."""
    return text.encode("latin-1")


LIES: dict[str, Callable[[Exchange], bytes]] = {
    **{f"{status}": error(status, f"no: {ECHO}") for status in KINDS},
    **{f"{status} with a code": error(status, ECHO, code=ECHO) for status in (401, 404, 500)},
    "a right": error(403, f"read:orgs/{ACME}/authorizations{CALLER} is unauthorized"),
    "a user": error(401, f"read:users/{CALLER} is unauthorized"),
    "an organisation": error(404, f"organization name {ECHO} not found"),
    "a long message": error(500, "x" * 190 + CALLER + "x" * 100),
    "a page": lambda _: answer(200, f"<title>{ECHO}</title>", Content_Type="text/html"),
    "a page of a proxy": lambda _: answer(502, f"<title>{ECHO}</title>", Content_Type="text/html"),
    "a redirect": lambda _: answer(302, Location=f"https://{LISTED[0]}.example/{CALLER}?{LISTED[1]}#{PASSWORD}"),
    "a redirect in a URL's words": lambda _: answer(307, Location=f"//{LISTED[0].replace('=', '%3D')}/"),
    "a redirect to no place": lambda _: answer(308, Location=f"http://[{CALLER}"),
    "a version": lambda exchange: exchange.answer(X_Influxdb_Version=f"v2.7 {ECHO}", X_Influxdb_Build=ECHO),
    "version 1": lambda exchange: exchange.answer(X_Influxdb_Version=f"1.8 {ECHO}"),
    "an encoding": lambda exchange: exchange.answer(Content_Encoding=ECHO),
    "a reason": lambda _: raw(f"HTTP/1.1 500 {ECHO}\r\nContent-Length: 0\r\n\r\n"),
    "no status": lambda _: raw(f"HTTP/1.1 {CALLER} {ECHO}\r\n\r\n"),
    "no header": lambda _: raw(f"HTTP/1.1 200 OK\r\n{CALLER} {ECHO}\r\n\r\n"),
    "a bad length": lambda _: raw(f"HTTP/1.1 200 OK\r\nContent-Length: {CALLER}\r\n\r\n"),
    "no HTTP": lambda _: raw(f"{CALLER}\r\n{ECHO}\r\n\r\n"),
    "no JSON": lambda exchange: exchange.answer(status=200, body=f'{{"authorizations": {ECHO}'),
    "a text": lambda exchange: exchange.answer(status=200, body=json.dumps(ECHO)),
    "every text": lambda exchange: exchange.answer(body=echoed(document(exchange))),
    "an id": lambda exchange: exchange.answer(body={"authorizations": [{"id": CALLER}], "id": CALLER, "label": {"name": ECHO}}),
    "a status": lambda exchange: exchange.answer(body=document(exchange) | {"status": ECHO, "authorizations": [{"id": GRAFANA, "status": ECHO}]}),
    "a next page": lambda exchange: exchange.answer(body=document(exchange) | {"links": {"next": f"/api/v2/authorizations?{ECHO}"}}),
    "a key twice": lambda exchange: exchange.answer(body='{"authorizations": [], %s: 1, %s: 2}' % ((json.dumps(CALLER),) * 2)),
}  # fmt: skip

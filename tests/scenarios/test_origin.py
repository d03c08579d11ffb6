"""Two listeners: the configured server, which says everything to lead a client away, and the one it leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests.influx.raw_server import RawServer, answer, raw_server
from tests.liar import Exchange, liar
from tests.scenarios.test_no_secret import IN_TROUBLE, aim, cli, prepare
from tests.session.test_locking import locked
from tests.shell import BACKUP_2023, GRAFANA, Shell

pytestmark = pytest.mark.no_cover

Leads = Callable[[Exchange, str], bytes]
"""An answer to a request that leads to the server at that URL."""


def redirect(status: int) -> Leads:
    """A redirect to the same path there."""
    return lambda exchange, other: exchange.answer(status=status, Location=other + exchange.path)


def linked(exchange: Exchange, other: str) -> bytes:
    """The right answer, in which every link is absolute; one to a next page would be refused, which is a lie of its own."""
    links = {"self": other, "prev": f"{other}/prev", "org": f"{other}/org", "user": f"{other}/user"}
    body = (
        {**exchange.document, "links": links, "first": f"{other}/first"} if exchange.body[:1] == b"{" else exchange.body
    )
    return exchange.answer(
        body=body,
        Link=f'<{other}/first>; rel="first"',
        Refresh=f"0; url={other}",
        Location=other,
        Content_Location=other,
        Alt_Svc=f'h2="{urlsplit(other).netloc}"; persist=1',
        Set_Cookie=f"to={other}",
    )


LEADS: dict[str, Leads] = {
    **{f"{status}": redirect(status) for status in (301, 302, 303, 307, 308)},
    "links": linked,
    "300 with a link": lambda exchange, other: exchange.answer(status=300, Link=f"<{other}>", Location=other),
    "401 elsewhere": lambda exchange, other: exchange.answer(status=401, Location=other, WWW_Authenticate=f'Basic realm="{other}"'),
    "503 elsewhere": lambda exchange, other: exchange.answer(status=503, Location=other, Retry_After="0"),
}  # fmt: skip


ASKED = {b"/ping", b"/api/v2/authorizations", f"/api/v2/authorizations/{GRAFANA}".encode(), b"/api/v2/labels"}


@contextmanager
def listeners(shell: Shell, leads: Leads, *, away: bool) -> Iterator[tuple[RawServer, RawServer]]:
    """The configured server, which leads to the other one or to itself, and that other one."""
    with raw_server(answer(200, '{"authorizations": []}')) as other:

        def lie(exchange: Exchange) -> list[bytes]:
            return [leads(exchange, other.url if away else server.url)]

        with liar(shell.sandbox.url, lie) as server:
            yield server, other


WAYS = {"away": (True, False), "in a circle": (False, False), "by a proxy": (True, True)}
ALIKE = ("301", "302", "303", "308")  # as 307 is
REFUSED = (
    "300 with a link",
    "401 elsewhere",
    "503 elsewhere",
)  # wherever they lead, which matters for what is followed


@pytest.mark.parametrize(
    ("leads", "away", "by_proxy"),
    [
        pytest.param(leads, *WAYS[way], id=f"{name} {way}", marks=pytest.mark.soak if is_rare else ())
        for name, leads in LEADS.items()
        for way in WAYS
        for is_rare in [(name in ALIKE and way != "away") or (name in REFUSED and way == "in a circle")]
    ],
)
def test_nobody_but_the_configured_server_is_ever_called(
    shell: Shell, leads: Leads, away: bool, by_proxy: bool
) -> None:
    prepare(shell)
    with listeners(shell, leads, away=away) as (server, other):
        environment = {"INFLUX_HOST": server.url}
        if by_proxy:
            environment = {"INFLUX_HOST": "http://influx.example", "HTTP_PROXY": server.url}
        aim(shell, environment["INFLUX_HOST"])
        for line in IN_TROUBLE.values():
            for token_id in (GRAFANA, BACKUP_2023):
                shell.sandbox.change(token_id, status="active", description="by hand")
            if line.startswith("unlock") and not shell.sandbox.labels:
                locked(shell)
            before = len(server.requests)
            done = cli(shell, f"{line} --allow-insecure-http", environment=environment)
            asked = server.requests[before:]
            if leads is linked:
                assert done.code == 0, done.err
            else:  # asked about the tokens or the lock, once or as often as such a failure is asked for again
                assert 1 <= len(asked) <= 12
                assert {urlsplit(request.split(b" ")[1]).path for request in asked} <= ASKED
        secret = shell.environment["INFLUX_TOKEN"].encode()
        assert all(b"\r\nAuthorization: Token " + secret in request for request in server.requests)
        assert (other.calls, other.requests) == (0, [])

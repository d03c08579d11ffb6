"""The options that say which servers a command is about, and as whom it talks to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.options import Group, duration, switch, text
from reconciler.errors import UsageError
from reconciler.session.context import Context

if TYPE_CHECKING:
    from reconciler.session.fleet_files import Which
    from reconciler.settings import Flags

_AT_ONCE_S = 0.001  # a timer that is set to 0 never rings

Globs = Annotated[
    list[str] | None,
    typer.Option("--server", metavar="GLOB", help="Only these servers of a fleet, '!GLOB' for all but; repeatable."),
]


def _flags(context: Context, *, timeout: str, **named: Any) -> Flags:
    """Return the server and credentials that were typed; starts the time of --timeout, and switches core dumps off."""
    from reconciler.cli import process
    from reconciler.settings import Flags

    process.leave_no_core()
    if timeout:
        context.end_after(max(duration("--timeout", timeout), _AT_ONCE_S))
    return Flags(**named)


SERVER = Group(
    "flags",
    "Server and credentials",
    (
        text("--url", "URL", "The server; else INFLUX_HOST, else http://localhost:8086."),
        text("--org", "NAME", "Only this organisation's tokens; else INFLUX_ORG."),
        text("--token-file", "PATH", "The caller's token, - for stdin; else INFLUX_TOKEN_FILE, INFLUX_TOKEN."),
        text("--profile", "NAME", "A profile of the influx CLI; else INFLUX_ACTIVE_CONFIG, else its active one."),
        text("--self-id", "ID", "The id of the caller's own token; else TOKENCTL_SELF_ID."),
        text("--ca-file", "PATH", "Trust only these certificates; else SSL_CERT_FILE."),
        text("--client-cert", "PATH", "A client certificate (PEM)."),
        text("--client-key", "PATH", "The client certificate's key (PEM)."),
        switch("--allow-insecure-http", "Send the token over plain http to another machine."),
        text("--timeout", "DURATION", "End the run after this time: 90s, 10m."),
    ),
    _flags,
)
"""Which server to use and as whom, and how long that may take."""


def _which(_: Context, *, fleet: str, server: list[str] | None, shard: str) -> Which | None:
    """Return the servers of a fleet that were typed, None without --fleet."""
    if not fleet:
        if server or shard:
            raise UsageError(
                f"{'--server' if server else '--shard'} chooses servers of a fleet", "name it: --fleet DIR"
            )
        return None
    from reconciler.core.fleet import shard as part
    from reconciler.session.fleet_files import Which

    return Which(folder=fleet, globs=server or (), shard=part(shard) if shard else None)


FLEET = Group(
    "which",
    "Many servers",
    (
        text("--fleet", "DIR", "A folder with NAME.yaml or NAME/ for each server; NAME is its influx CLI profile."),
        ("server", Globs, None),
        text("--shard", "I/N", "Only this part of the servers of a fleet."),
    ),
    _which,
)
"""Which servers of a fleet."""

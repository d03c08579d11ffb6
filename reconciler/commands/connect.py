"""Flags and the environment in, a reader of the configured server out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reconciler import settings
from reconciler.commands import progress
from reconciler.commands.context import Context
from reconciler.influx.reader import Listing, Reader
from reconciler.influx.retry import Retries
from reconciler.influx.transport import Transport
from reconciler.render.escape import line
from reconciler.settings import Flags, Settings


@dataclass(frozen=True, slots=True)
class Connection:
    """An open transport, what it was opened with, the run's retries, and a reader on it. Nothing here can write.

    `sends` says that what is planned is sent in this very run, with these very credentials.
    """

    settings: Settings
    transport: Transport
    retries: Retries
    reader: Reader
    sends: bool = False

    def listing(self) -> Listing:
        """The tokens that the run is about: those of the only organisation, if it is limited to one.

        Raises the errors of `Reader.list_tokens`.
        """
        resolved = self.settings
        found = self.reader.list_tokens(resolved.org, by_id=resolved.org_is_id)
        return replace(found, server=replace(found.server, profile=resolved.profile))


@contextmanager
def connected(
    resolved: Settings, context: Context, *, patient: bool = True, sends: bool = False
) -> Iterator[Connection]:
    """A connection for the time of the block; opening it sends nothing.

    Warns of what a proxy would see, and reads again what failed; one that is not `patient` does neither. What progress
    is shown meanwhile is gone in the end.
    """
    with (
        _tidied(context),
        Transport(
            resolved.endpoint,
            trace=context.trace,
            clock=context.clock,
            check=context.interrupt.check,
            environment=context.environment,
        ) as transport,
    ):
        for secret in transport.endpoint.secrets:
            context.hide(secret)
        retries = Retries(
            chance=context.chance, now=context.now, sleep=context.sleep, say=lambda text: context.say(line(text))
        )
        reader = Reader(
            transport,
            own_id=resolved.self_id,
            retries=retries if patient else None,
            heard=progress.reading(context),
        )
        if words := transport.proxy.shows(resolved.endpoint.url) if transport.proxy and patient else "":
            context.say(line(f"Warning: {words}"))
        yield Connection(resolved, transport, retries, reader, sends)


@contextmanager
def _tidied(context: Context) -> Iterator[None]:
    try:
        yield
    finally:
        with context.aside():
            pass


def resolve(flags: Flags, context: Context) -> Settings:
    """Which server to use and as whom; raises UsageError and AuthError as `settings.resolve` does."""
    resolved = settings.resolve(flags, context.environment, context.home, context.stdin)
    context.hide(resolved.endpoint.secret.reveal())
    return resolved

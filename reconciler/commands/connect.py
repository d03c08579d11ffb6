"""Flags and the environment in, a reader of the configured server out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler import settings
from reconciler.commands.context import Context
from reconciler.influx.reader import Reader
from reconciler.influx.transport import Transport
from reconciler.settings import Flags, Settings


@dataclass(frozen=True, slots=True)
class Connection:
    """An open transport, what it was opened with, and a reader on it. Nothing here can write."""

    settings: Settings
    transport: Transport
    reader: Reader


@contextmanager
def connected(resolved: Settings, context: Context) -> Iterator[Connection]:
    """A connection for the time of the block; opening it sends nothing."""
    with Transport(resolved.endpoint, trace=context.trace, clock=context.clock) as transport:
        yield Connection(resolved, transport, Reader(transport, own_id=resolved.self_id))


def resolve(flags: Flags, context: Context) -> Settings:
    """Which server to use and as whom; raises UsageError and AuthError as `settings.resolve` does."""
    return settings.resolve(flags, context.environment, context.home, context.stdin)

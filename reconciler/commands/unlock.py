"""`tokenctl unlock`: shows who holds a lock, and removes that very lock once the user agrees."""

from __future__ import annotations

from reconciler.core.live import OrgId
from reconciler.core.lock import LockLabel
from reconciler.errors import ExitCode, UsageError
from reconciler.render import text
from reconciler.render.escape import terminal
from reconciler.session import locking
from reconciler.session.connection import Connection, connected, resolve
from reconciler.session.context import Context
from reconciler.settings import Flags


def run(flags: Flags, context: Context, *, yes: bool = False) -> ExitCode:
    """Show the lock, ask unless `yes`, and remove it.

    Raises UsageError when there are several, CancelledError without agreement, StaleError when the lock has changed.
    """
    settings = resolve(flags, context)
    with connected(settings, context) as connection:
        found = _found_locks(connection)
        if not found and not context.streams.terse:
            context.streams.show("No organisation is locked, as far as these credentials may see.\n")
        for label, org in found:
            context.streams.show(text.lock(label, org, context.now()), needed=True)
        if len(found) > 1:
            raise UsageError("several organisations are locked", "name one of them with --org or INFLUX_ORG")
        for label, org in found:
            if not yes:
                context.streams.confirm(
                    "Remove it? A run that still holds it may be changing tokens.", "nothing was removed"
                )
            context.interrupt.so_far = "the lock may have been removed"
            locking.lock_of(connection, context).remove(label, org)
            context.streams.show(f"Removed the lock of organisation `{terminal(org)}`.\n")
    return ExitCode.OK


def _found_locks(connection: Connection) -> list[tuple[LockLabel, str]]:
    """Return the locks that the run is about, each with its organisation's name, which its label does not have."""
    listing = connection.listing()
    names: dict[OrgId, str] = {token.org_id: token.org for token in listing.tokens.values()}
    locks = connection.reader.locks()
    return [
        (label, names.get(label.org_id, label.org_id)) for label in locks if not listing.org or label.org_id in names
    ]

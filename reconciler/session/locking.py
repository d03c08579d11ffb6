"""Holds the locks of organisations while a run sends.

The only module that makes a Lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from reconciler.core import lock
from reconciler.core.live import OrgId
from reconciler.core.lock import LockLabel, LockProperties
from reconciler.core.plan import Plan
from reconciler.errors import Problem, StaleError, TokenctlError, UnreachableError
from reconciler.influx.lock import Lock
from reconciler.render import words
from reconciler.render.escape import line
from reconciler.session.connection import Connection
from reconciler.session.context import Context
from reconciler.session.journals import run_url

_PAUSE_S = 2.0  # between two reads of another run's lock, on average
_RELEASE_S = 3.0  # for releasing a lock: a pipeline that was cancelled is killed soon


@contextmanager
def held(
    orgs: Mapping[OrgId, str] | None, timeout_s: float, connection: Connection, context: Context
) -> Iterator[Locks]:
    """Hold the locks of these organisations, given with their names, until the block ends; None takes no locks.

    Waits up to `timeout_s` for the locks of others. Raises LockedError when another run has one, AuthError and
    UnreachableError when it is not known who has it.
    """
    locks = Locks(orgs, connection, context)
    try:
        locks.take(timeout_s)
        yield locks
    finally:
        locks.release()


def lock_of(connection: Connection, context: Context) -> Lock:
    """Return what locks and unlocks organisations over the connection; it says so on stderr before it does."""
    return Lock(connection.transport, connection.reader, connection.retries, say=lambda words: _say(words, context))


class Locks:
    """The locks of one run, taken in the order of the organisations' ids, so that no two runs wait for each other."""

    def __init__(self, orgs: Mapping[OrgId, str] | None, connection: Connection, context: Context) -> None:
        self._reader = connection.reader
        self._context = context
        self._lock = lock_of(connection, context)
        self._properties = LockProperties()
        self._names = orgs or {}
        self._wanted = orgs is not None
        self._taken: dict[OrgId, bool] = {}  # those asked for, and whether the server granted them

    def take(self, timeout_s: float) -> None:
        """Lock all organisations, as `held` says."""
        context = self._context
        if not self._names:
            return
        # Everybody who may read labels can read it.
        holder, run = context.streams.masked(context.who), run_url(context)
        self._properties = lock.properties_of(nonce=context.nonce(), holder=holder, run=run, now=context.now())
        ends = context.clock() + timeout_s
        for org_id in sorted(self._names):
            self._taken[org_id] = False
            try:
                self._take(org_id, ends)
            except TokenctlError:
                del self._taken[org_id]  # the error itself says what is known of this one
                raise
            self._taken[org_id] = True

    def check(self, plan: Plan) -> None:
        """Raise StaleError when locks are wanted and the plan changes a token of an organisation that is not locked."""
        unlocked = sorted({each.token.org for each in plan.changes if each.token.org_id not in self._names})
        if self._wanted and unlocked:
            names = ", ".join(f"`{org}`" for org in unlocked)
            hint = "the declared tokens were other ones when the lock was taken: run it again"
            raise StaleError(f"nothing was sent: the plan changes tokens of {names}, not locked", hint)

    def release(self) -> None:
        """Release the locks that are still held; a failure becomes a warning and does not keep others locked."""
        with suppress(KeyboardInterrupt):  # a signal that came before is noted already
            self._context.interrupt.defer()
        for org_id, taken in reversed(self._taken.items()):
            try:
                gone = not self._release(org_id) and taken
                why = "somebody removed it meanwhile" if gone else ""
            except TokenctlError as error:
                why = error.problems[0].message
            if why:
                hint = "look with `tokenctl unlock`: while it is there, every run that wants it is refused"
                problem = Problem(f"the lock of organisation `{self._names[org_id]}` was not given back: {why}", hint)
                self._context.streams.warn(words.problem(problem, "Warning"))
        self._taken = {}

    def _take(self, org_id: OrgId, ends: float) -> None:
        """Take the lock, after waiting for another run's if there is one."""
        while True:
            standing = self._lock.take(org_id, self._names[org_id], self._properties)
            if standing and standing.properties.nonce == self._properties.nonce:
                return
            self._wait(org_id, standing, ends)

    def _wait(self, org_id: OrgId, theirs: LockLabel | None, ends: float) -> None:
        """Wait until another run's lock is gone; raises LockedError when the time is over or the lock has expired."""
        context, org = self._context, self._names[org_id]
        told: LockProperties | None = None
        while True:
            left, now = ends - context.clock(), context.now()
            if left <= 0 or (theirs and theirs.properties.expired(now)):
                raise lock.refusal(org, theirs, now)
            if theirs and theirs.properties != told:
                told = theirs.properties
                _say(f"lock: waiting for that of organisation `{org}`, held by {told.told(now)} {told.run}", context)
            context.sleep(min(left, _PAUSE_S * (0.5 + context.chance())))
            standing = self._reader.locks(org_id)
            if not standing:
                return
            theirs = standing[0]

    def _release(self, org_id: OrgId) -> bool:
        """Release one lock; return False when there was none, True also when an answer about it was lost."""
        clock, org = self._context.clock, self._names[org_id]
        ends = clock() + _RELEASE_S
        try:
            return self._lock.release(org_id, org, self._properties, _RELEASE_S)
        except UnreachableError:
            left = ends - clock()
            if left <= 0:
                raise
        self._lock.release(org_id, org, self._properties, left)
        return True


def _say(words: str, context: Context) -> None:
    context.streams.say(line(words.rstrip()))

"""Takes and releases the locks of organisations.

A lock is a label: when several runs make one of that name in an organisation at once, the server accepts one. Who holds
the lock is found out by reading; where that is not possible, no lock counts as taken.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.live import OrgId
from reconciler.core.lock import NAME, RIGHTS, LockLabel, LockProperties
from reconciler.errors import AuthError, Problem, StaleError, TokenctlError, TransientError, UnreachableError, attempt
from reconciler.influx import answers, labels, wire
from reconciler.influx.reader import Reader
from reconciler.influx.retry import Retries
from reconciler.influx.transport import Transport


class Lock:
    """Makes and deletes locks on the server of the transport. Only `session/locking` makes one.

    `say` is called with a line before each request that writes.
    """

    def __init__(self, transport: Transport, reader: Reader, retries: Retries, *, say: Callable[[str], None]) -> None:
        self._transport = transport
        self._reader = reader
        self._retries = retries
        self._say = say

    def take(self, org_id: OrgId, org: str, properties: LockProperties) -> LockLabel | None:
        """Try to lock the organisation; return the lock that it has then, this run's or another's.

        Returns None when another run has a lock that these credentials may not read. Raises AuthError and
        UnreachableError when it cannot be found out who has the lock.
        """
        failures: list[TransientError] = []
        missed = False
        while True:
            self._say(f"lock: making the label `{NAME}` in organisation `{org}`")
            made = attempt(lambda: self._make(org_id, properties))
            standing = attempt(lambda: self._reader.locks(org_id))
            if isinstance(standing, tuple) and standing:
                return next((label for label in standing if label.properties.nonce == properties.nonce), standing[0])
            if made is None and standing == ():
                # Somebody's lock was there and is not: it was given back in between, or cannot be seen.
                if missed:
                    return None
                missed = True
            elif isinstance(made, TransientError) and standing == ():
                # It may still come through: then the next one meets it, and finds that it is this run's.
                failures.append(made)
                if why := self._retries.wait(failures):
                    raise _undecided(org, made, why)
            else:
                raise self._unclear(org, made, standing)

    def release(self, org_id: OrgId, org: str, properties: LockProperties, within_s: float) -> bool:
        """Delete the lock with the nonce of these properties and no other; return whether there was one.

        Raises AuthError and UnreachableError when that cannot be done.
        """
        standing = self._reader.locks(org_id, within_s=within_s)
        mine = [label for label in standing if label.properties.nonce == properties.nonce]
        for label in mine:
            self._delete(label, org, within_s)
        return bool(mine)

    def remove(self, label: LockLabel, org: str) -> None:
        """Delete exactly this lock, after reading it once more.

        Raises StaleError when it has changed or is gone, AuthError and UnreachableError when that cannot be done.
        """
        if self._reader.lock(label.id) != label:
            message = f"the lock of organisation `{org}` is gone or another's by now"
            raise StaleError(message, "look again: `tokenctl unlock`")
        self._delete(label, org)

    def _make(self, org_id: OrgId, properties: LockProperties) -> LockLabel | None:
        """Make the label and return the lock; None where there is one already."""
        body = {"orgID": org_id, "name": NAME, "properties": properties.as_mapping}
        answer = self._transport.send("POST", labels.LABELS, body=body)
        if answers.conflict(answer):
            return None
        return answers.decoded(answer, labels.lock, status=201)

    def _delete(self, label: LockLabel, org: str, within_s: float | None = None) -> None:
        """Delete the label, which may be gone already; `within_s` limits the time and rules out retries."""
        failures: list[TransientError] = []
        while True:
            self._say(f"lock: deleting the label `{NAME}` {label.id} of organisation `{org}`")
            try:
                answer = self._transport.send("DELETE", wire.path(labels.LABELS, label.id), within_s=within_s)
                if answer.status != 204 and not answers.not_found(answer):
                    raise answers.error(answer)
            except TransientError as error:
                failures.append(error)
                if within_s or self._retries.wait(failures):
                    raise
            else:
                return

    def _unclear(
        self, org: str, made: LockLabel | TokenctlError | None, standing: tuple[LockLabel, ...] | TokenctlError
    ) -> TokenctlError:
        """Return the error for a lock that was made and cannot be read, or that may have been made."""
        if isinstance(made, LockLabel):
            attempt(lambda: self._delete(made, org))  # what is not known to be held is not held
        if isinstance(standing, TokenctlError):
            return _undecided(org, standing, "`tokenctl unlock` shows whether the lock was taken all the same")
        if isinstance(made, TokenctlError):
            return _undecided(org, made, "")
        return AuthError(f"nothing was sent: the lock of organisation `{org}` cannot be read", RIGHTS)


def _undecided(org: str, error: TokenctlError, more: str) -> TokenctlError:
    """Return the error for a lock that cannot be taken because of `error`, with `more` added to its hint."""
    problem = error.problems[0]
    hint = RIGHTS if isinstance(error, AuthError) else problem.hint
    message = f"nothing was sent: the lock of organisation `{org}` cannot be taken: {problem.message}"
    kind = AuthError if isinstance(error, AuthError) else UnreachableError
    return kind(Problem(message, "; ".join(filter(None, (hint, more)))))

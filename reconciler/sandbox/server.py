"""Runs a sandbox with a world and a version on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.errors import LocalError, reason
from reconciler.sandbox.api import Api
from reconciler.sandbox.exchange import timestamp
from reconciler.sandbox.faults import Fault, Faults
from reconciler.sandbox.listener import Listener, RequestSeen
from reconciler.sandbox.profiles import Profile
from reconciler.sandbox.profiles import profile as profile_of
from reconciler.sandbox.requestlog import RequestLog
from reconciler.sandbox.seed import Authorization, Seed
from reconciler.sandbox.store import Label, Store


class Sandbox:
    """A running server; `start` makes one, `close` ends it and may be called again."""

    def __init__(
        self, server: Listener, store: Store, now: Callable[[], datetime], faults: Faults, log: RequestLog | None
    ) -> None:
        self._server = server
        self._log = log
        self._faults = faults
        self._store = store
        self._now = now
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # a limit of the user, the container or the memory
            server.server_close()
            self._close_state()
            hint = "look at the limits on processes and memory: `ulimit -a`, or those of the container"
            raise LocalError("the sandbox cannot run: the system lets no thread be started", hint) from error

    @classmethod
    def start(
        cls,
        *,
        seed: Seed,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        data: Path | None = None,
        profile: Profile | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        faults: Iterable[Fault] = (),
        request_log: Path | None = None,
    ) -> Self:
        """Serve the seed, or the state that the file `data` already has; `now` tells the time of day.

        Each request is told in the file `request_log`. Raises LocalError when the address, a file or a thread cannot be
        had, InvalidError for a seed that contradicts itself.
        """
        profile = profile or profile_of("2.7.12")
        log = RequestLog(request_log, profile.version, now) if request_log else None
        store = Store(seed, data, hides_secrets=profile.hides_secrets)
        broken = Faults(faults, store, lambda token: replace(token, updated_at=timestamp(now())))
        api = Api(store, profile, now, broken.between)
        try:
            answered = [log.answered] if log else []
            server = Listener(listen, lambda request: broken.answer(request, api.answer), *answered)
        except (OSError, OverflowError) as error:
            store.close()
            why = reason(error) or "there is no such port"
            hint = "`--listen 127.0.0.1:0` takes a free port"
            raise LocalError(f"cannot listen on {listen[0]}:{listen[1]}: {why}", hint) from None
        return cls(server, store, now, broken, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it is served."""
        host, port = self._server.server_address[:2]
        name = f"[{host!s}]" if self._server.address_family == socket.AF_INET6 else str(host)
        return f"http://{name}:{port}"

    @property
    def fresh(self) -> bool:
        """Whether it began with the seed."""
        return self._store.fresh

    @property
    def requests(self) -> tuple[RequestSeen, ...]:
        """What it has answered so far, in order."""
        return tuple(self._server.seen)

    @property
    def tokens(self) -> tuple[Authorization, ...]:
        """Every token as it is now, without asking for rights."""
        with self._store.transaction() as store:
            return tuple(store.authorizations())

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every label as it is now, without asking for rights."""
        with self._store.transaction() as store:
            return tuple(store.labels())

    def change(self, token_id: str, *, status: str | None = None, description: str | None = None) -> None:
        """Let somebody else change a token."""
        with self._store.transaction() as store:
            found = store.by_id(token_id)
            if found is None:
                raise KeyError(token_id)
            given = {"status": status, "description": description}
            fields: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
            store.put(replace(found, updated_at=timestamp(self._now()), **fields))

    def fail(self, fault: Fault) -> None:
        """Break requests from now on."""
        self._faults.add(fault)

    def mend(self) -> None:
        """Break nothing from now on."""
        self._faults.clear()

    def delete(self, token_id: str) -> None:
        """Let somebody else delete a token."""
        with self._store.transaction() as store:
            store.remove(token_id)

    def close(self) -> None:
        """End every connection and thread, and close the state."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.closing.set()
        self._server.wake()
        self._thread.join()
        self._server.server_close()
        self._server.end_connections()
        self._close_state()

    def _close_state(self) -> None:
        self._store.close()
        if self._log:
            self._log.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._server.handle_request()

"""Sends the PATCH of an authorization; only this and `influx/lock` send requests that change anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.core.live import Token, TokenId
from reconciler.errors import StaleError
from reconciler.influx import answers, wire
from reconciler.influx.retry import Retries
from reconciler.influx.shared import Shared
from reconciler.influx.transport import Transport


class Writer:
    """Changes tokens on the server of the transport. Only `session/sending` makes one.

    It never sends a request again; `retries` only counts the requests.
    """

    def __init__(self, transport: Transport, retries: Retries) -> None:
        self._transport = transport
        self._retries = retries
        self._shared = Shared(*transport.endpoint.secrets)

    def patch(self, token_id: TokenId, body: Mapping[str, str], ready: Callable[[], None]) -> Token:
        """Send `PATCH /api/v2/authorizations/{id}` once; return the token in the answer, which may be another one.

        `ready` is called right before anything goes out; what it raises is raised, and nothing is changed. Raises
        AuthError, StaleError when the token is gone, and UnreachableError when the change may have been applied.
        """
        self._retries.count()
        found = wire.OneToken(self._shared)
        path = wire.path(wire.AUTHORIZATIONS, token_id)
        answer = self._transport.send("PATCH", path, body=body, sink=found, ready=ready)
        if gone := answers.not_found(answer):
            raise StaleError(f"the server says: 404 {gone}", "make a new plan")
        return answers.decoded(answer, lambda *_: found.finish())

"""Reads authorizations and locks from an InfluxDB v2 server. Nothing here can write."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from reconciler.core import lock
from reconciler.core.endpoint import Speed
from reconciler.core.live import HEX_ID, Absence, Missing, OrgId, Owner, Server, Token, TokenId, UserId, is_id
from reconciler.core.lock import LabelId, LockLabel
from reconciler.core.secrets import masked
from reconciler.core.text import count, trimmed
from reconciler.errors import TokenctlError, UsageError, attempt
from reconciler.influx import answers, labels, wire
from reconciler.influx.body import Single, Sink
from reconciler.influx.retry import Retries
from reconciler.influx.shared import Shared
from reconciler.influx.transport import Answer, Transport

_AT_ONCE = 8  # reads: on more connections a server answers no more of them in a second
_NO_USER = "user not found"
_NO_REQUEST = (404, 405, 501)  # what says that a server has no request of that kind
_ORPHANED = (_NO_USER, "organization not found")
_NO_ORG = re.compile(r"organization name .* not found", re.DOTALL)
_OWN_USER = re.compile(rf"read:users/({HEX_ID}) is unauthorized")


class Listing(NamedTuple):
    """What one list showed: the server that answered, the tokens by id, and those that cannot be read.

    `org` and `org_id` are set when the list was limited to an organisation, the id only if it has a token.
    """

    server: Server
    tokens: dict[TokenId, Token]
    unreadable: dict[TokenId, Missing]
    org: str = ""
    org_id: OrgId | None = None


class Reader:
    """Reads tokens, each without its secret; `own_id` names the caller's own token where it is known.

    `retries` decides whether a failed request is sent again; with None none is. `progress` is called while a list
    comes: see `wire.TokenList`, which also says what `memory` is. `meanwhile` is called while the server
    thinks over a list. `speed` says what was seen of the server so far. Every method may raise AuthError and
    UnreachableError.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        own_id: TokenId | None = None,
        retries: Retries | None = None,
        progress: Callable[[int], object] = lambda _: None,
        memory: int | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        self._meanwhile = meanwhile
        self._transport = transport
        self._memory = memory or wire.MEMORY
        self._progress = progress
        self._retries = retries
        self._endpoint = transport.endpoint
        self._own_id = own_id
        self._shared = Shared(*transport.endpoint.secrets)
        self.speed = Speed()
        self.tells_owners = False  # whether it has told of one: then the server has that request
        self.answered: Server | None = None  # the server that answered first

    def list_tokens(self, org: str = "", *, by_id: bool = False) -> Listing:
        """Read every token that the credentials may read, with `org` only those of that organisation: one request.

        `org` is a name, or an id if no organisation has that name, which takes another request; with `by_id` it is an
        id. The list silently leaves out what the credentials may not read. Raises UsageError when there is no such
        organisation, or when none of the tokens in the answer is of it.
        """
        found = wire.TokenList(*self._endpoint.secrets, progress=self._progress, memory=self._memory)
        query = {"orgID": org.lower()} if by_id else {"org": org} if org else None
        began = self._transport.clock()
        answer = self._get(wire.AUTHORIZATIONS, query, sink=found, meanwhile=self._prepare)
        if org and not by_id and _NO_ORG.fullmatch(answers.not_found(answer)):
            if is_id(org.lower()):
                return self.list_tokens(org, by_id=True)
            hint = "check --org and INFLUX_ORG: a name counts exactly as it is written, upper and lower case too"
            raise UsageError(f"{self._endpoint.url} has no organisation `{org}`", hint)
        tokens = answers.decoded(answer, lambda *_: found.finish())
        self.speed = self.speed.after_list(len(tokens), self._transport.clock() - began)
        unreadable = {token_id: Missing(Absence.UNREADABLE, why) for token_id, why in found.unreadable.items()}
        if org:
            tokens = self._inside(org, tokens, by_id=by_id)
        if self._own_id in tokens:
            tokens[self._own_id] = tokens[self._own_id]._replace(is_own=True)
        first = next(iter(tokens.values()), None) if org else None
        name = first.org if first else masked(org, *self._endpoint.secrets)
        return Listing(self._server(answer), tokens, unreadable, name, first.org_id if first else None)

    def server(self) -> Server:
        """Return the server that answers, which needs no credentials: one request."""
        answer = self._get("/ping")
        answers.check_product(answer)
        return self._server(answer)

    def get(self, token_id: TokenId) -> Token | Missing:
        """Read one token, or why it cannot be read: one request."""
        found = wire.OneToken(self._shared)
        began = self._transport.clock()
        answer = self._get(wire.path(wire.AUTHORIZATIONS, token_id), sink=found)
        self.speed = self.speed.after_read(self._transport.clock() - began)
        message = answers.not_found(answer)
        if message:
            return Missing(Absence.ORPHANED if message in _ORPHANED else Absence.ABSENT, message)
        if right := answers.missing_right(answer):
            return Missing(Absence.HIDDEN, right)
        token = answers.decoded(answer, lambda *_: found.finish())
        if token.id != token_id:
            raise answers.unusable(answer, "it is for another token")
        return token._replace(is_own=True) if token_id == self._own_id else token

    def get_each(self, token_ids: Sequence[TokenId]) -> dict[TokenId, Token | Missing]:
        """Read these tokens, or why each cannot be read, a few side by side: one request for each.

        The first is read alone, so that what keeps every request from an answer is met once. Raises the error of the
        first that has one; no more are asked for by then.
        """
        first, *others = token_ids
        found = {first: self.get(first)}
        if others:
            found.update(self._side_by_side(others))
        return found

    def _side_by_side(self, token_ids: Sequence[TokenId]) -> dict[TokenId, Token | Missing]:
        found: dict[TokenId, Token | Missing | TokenctlError] = {}
        todo, over = iter(token_ids), threading.Event()
        ended: SimpleQueue[BaseException | None] = SimpleQueue()

        def read() -> None:
            while not over.is_set() and (token_id := next(todo, None)):
                answer = found[token_id] = attempt(partial(self.get, token_id))
                if isinstance(answer, TokenctlError):
                    over.set()

        def help_along() -> None:
            try:
                read()
                ended.put(None)
            except BaseException as error:  # noqa: BLE001  raised below
                ended.put(error)

        helpers = 0
        try:
            for _ in token_ids[1:_AT_ONCE]:
                with suppress(RuntimeError):  # the system lets no more threads be started
                    threading.Thread(target=help_along, daemon=True).start()
                    helpers += 1
            read()
            for failure in [self._transport.taken(ended) for _ in range(helpers)]:
                if failure:
                    raise failure
        finally:
            over.set()
        return {token_id: _raised(found[token_id]) for token_id in token_ids}

    def own_user(self) -> UserId | None:
        """Return the user of these credentials, None when the server does not tell: one request."""
        answer = self._get("/api/v2/me")
        if right := answers.missing_right(answer):
            # The refusal itself names the user.
            known = _OWN_USER.fullmatch(right)
            return UserId(known[1]) if known else None
        return answers.decoded(answer, answers.user)

    def owner(self, user_id: UserId) -> Owner:
        """Return whether a user is active, as far as the server tells; one who cannot be read counts as inactive.

        At most one request.
        """
        if not is_id(user_id):  # a list says what it likes of a token's owner
            return Owner.INACTIVE
        answer = self._get(wire.path(wire.USERS, user_id))
        if answer.status in (401, 403) or answers.not_found(answer) == _NO_USER:
            return Owner.INACTIVE
        if answer.status in _NO_REQUEST:
            return Owner.UNTOLD
        if answers.decoded(answer, answers.user) != user_id:
            raise answers.unusable(answer, "it is for another user")
        self.tells_owners = True
        return Owner.ACTIVE if answers.decoded(answer, answers.is_active) else Owner.INACTIVE

    def locks(self, org_id: OrgId | None = None, *, within_s: float | None = None) -> tuple[LockLabel, ...]:
        """Return the locks of an organisation, by default of all, that the credentials may read: one request.

        The list silently leaves out what they may not read. `within_s` limits the time and rules out retries.
        """
        query = {"name": lock.NAME, **({"orgID": org_id} if org_id else {})}
        answer = self._get(labels.LABELS, query, within_s=within_s)
        found = answers.decoded(answer, labels.locks)
        return tuple(label for label in found if org_id in (None, label.org_id))

    def lockable(self, token_id: TokenId) -> tuple[OrgId, ...]:
        """Return the organisations that a token's rights let it lock, EVERY_ORG for all: one request."""
        found = Single(("permissions",))
        answer = self._get(wire.path(wire.AUTHORIZATIONS, token_id), sink=found)
        return answers.decoded(answer, lambda _, *secrets: labels.lockable(found.entry(), *secrets))

    def lock(self, label_id: LabelId) -> LockLabel | None:
        """Return the lock with that id, None when it is gone: one request."""
        answer = self._get(wire.path(labels.LABELS, label_id))
        if answers.not_found(answer):
            return None
        return answers.decoded(answer, labels.lock)

    def _prepare(self) -> None:
        wire.plainest()
        self._meanwhile()

    def _get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        sink: Sink | None = None,
        within_s: float | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Answer:
        send = partial(self._transport.send, "GET", path, query, sink=sink, within_s=within_s, meanwhile=meanwhile)
        answer = self._retries.read(send) if self._retries and not within_s else send()
        self.answered = self.answered or self._server(answer)
        return answer

    def _inside(self, org: str, tokens: dict[TokenId, Token], *, by_id: bool) -> dict[TokenId, Token]:
        """Return the tokens of the organisation: servers before 2.1 list those of all. Raises UsageError for none."""
        name = trimmed(masked(org, *self._endpoint.secrets))
        inside = {
            token_id: token
            for token_id, token in tokens.items()
            if (token.org_id == org.lower() if by_id else trimmed(token.org) == name)
        }
        if not inside and (tokens or by_id):
            what = "with the id" if by_id else "called"
            but = f", but {count(len(tokens), 'other')}" if tokens else ""
            hint = "check --org, INFLUX_ORG and INFLUX_ORG_ID; a list shows only what these credentials may read"
            raise UsageError(f"{self._endpoint.url} lists no token of an organisation {what} `{org}`{but}", hint)
        return inside

    def _server(self, answer: Answer) -> Server:
        build, version = (answer.headers.get(f"x-influxdb-{each}", "") for each in ("build", "version"))
        return Server(url=self._endpoint.url, build=build, version=version)


def _raised(found: Token | Missing | TokenctlError) -> Token | Missing:
    """What was found; raises it where it is an error."""
    if isinstance(found, TokenctlError):
        raise found
    return found

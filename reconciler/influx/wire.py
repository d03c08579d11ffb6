"""Reads bodies of InfluxDB v2 answers as core values. A token's secret does not leave this module.

Follows the `Authorization` and `Authorizations` schemas of the InfluxDB v2 OpenAPI document, and servers 2.7 to 2.9.
"""

from __future__ import annotations

import hmac
import marshal
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from hashlib import blake2b
from itertools import chain
from sys import getsizeof
from typing import Any, TypeVar

from reconciler.core.live import (
    EVERY_ORG,
    EVERY_USER,
    LARGEST_TEXT,
    NO_RIGHTS,
    Elided,
    Grant,
    OrgId,
    Reach,
    Rights,
    Status,
    Token,
    TokenId,
    UserId,
    is_id,
    kept,
)
from reconciler.core.secrets import holds_secret, masked
from reconciler.influx.body import Elements, Single
from reconciler.influx.decoding import OMITTED, WireError, decode

AUTHORIZATIONS = "/api/v2/authorizations"
USERS = "/api/v2/users"
_STATUS = {status.value: status for status in Status}
_OTHER = re.compile("[^a-z]")
_MORE = re.compile(
    "(?:x|has)?(?:more|next)(?:page|link|url|uri|cursor|token|pagetoken|offset)?|cursor|continuation(?:token)?|(?:is)?truncated"
)
_TOTAL = re.compile("count|total(?:count|items|results|elements)?")
_NEXT = re.compile(r"\brel *= *\"?[^\",;]*\bnext\b", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII).fullmatch
_MESSAGE_LENGTH = 200
FULL = "the list does not fit into memory"
"""What is wrong with a list of more than may be kept."""
MEMORY = 80 * 1024 * 1024
"""The bytes that the tokens of a list may take: room for more than 100,000."""
_TOKEN_SIZE = 350  # in bytes: a token, its id and its place in a dict
_ENTRY_SIZE = 100  # in bytes: a place in a dict
_MOST_RIGHTS = 4096
_MOST_LATEST = 4096  # values that are made only once for several tokens
_Value = TypeVar("_Value")
_Permissions = tuple[Rights, tuple[Grant, ...] | None]
_PLACE, _TIMES = ("orgID", "org", "userID", "user"), ("updatedAt", "createdAt")
_KEYS = ("id", "token", "status", "description", *_PLACE, "permissions", *_TIMES)


class _TooLargeError(WireError):
    """What cannot be left out is too large to be kept."""


def path(collection: str, one: str) -> str:
    """The path of one of a collection, by its id: anything else could lead anywhere, such as `../users/1`."""
    if not is_id(one):
        raise AssertionError("not an id")
    return f"{collection}/{one}"


class TokenList:
    """Takes the body of an authorization list as it comes and keeps its tokens.

    `own` is the caller's secret, and no text that is kept holds it or one of the `others`. `progress` is
    called with the number of tokens that have come: 0 when an answer begins, then after each piece of it. `unreadable`
    says why a token cannot be known although its id is: something is too large that cannot be left out. `memory` is
    what the tokens may take, in bytes.
    """

    def __init__(
        self, own: str, *others: str, progress: Callable[[int], object] = lambda _: None, memory: int = MEMORY
    ) -> None:
        self._secrets = own, *others
        self._progress = progress
        self._memory = memory
        self.begin()

    def begin(self) -> None:
        """Forget what came so far: an answer begins."""
        self.unreadable: dict[TokenId, str] = {}
        self._tokens: dict[TokenId, Token] = {}
        self._shared = _Shared(*self._secrets)
        self._elements = Elements("authorizations", self._take, _KEYS)
        self._progress(0)

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; return whether more are wanted."""
        more = self._elements.feed(chunk)
        if self._tokens:
            self._progress(len(self._tokens))
        return more

    def finish(self) -> dict[TokenId, Token]:
        """The tokens by id, in the order of the list.

        Raises WireError when it was no such list, a page of one, names a token twice, or has more tokens than fit into
        memory.
        """
        check_whole(self._elements.finish(), len(self._tokens))
        return self._tokens

    def _take(self, entry: Any) -> None:
        number = len(self._tokens) + len(self.unreadable) + 1
        try:
            self._keep(entry)
        except WireError as error:
            raise WireError(f"authorization {number}: {error}") from None

    def _keep(self, entry: Any) -> None:
        token_id = _id(entry)
        if token_id in self._tokens or token_id in self.unreadable:
            raise WireError("its `id` was listed before")
        self._shared.size += _TOKEN_SIZE
        try:
            token = _token(token_id, entry, self._shared)
            self._shared.size += sum(map(getsizeof, (token.description, token.updated_at, token.created_at)))
        except _TooLargeError as error:
            self.unreadable[token_id] = str(error)
        else:
            self._tokens[token_id] = token
        if self._shared.size > self._memory:
            raise WireError(FULL)


class _Shared:
    """What many tokens have, each kept once and without the secrets; `size` is what is kept of them all, in bytes."""

    def __init__(self, own: str, *others: str) -> None:
        self.size = 0
        self._own = own.encode()
        self._secrets = own, *others
        self._texts: dict[str, str] = {}
        self._values: dict[Any, Any] = {}
        self._latest: dict[bytes, Any] = {}

    def is_own(self, secret: str) -> bool:
        """Whether this is the caller's secret."""
        return hmac.compare_digest(secret.encode("utf-8", "replace"), self._own)

    def masked(self, text: str) -> str:
        """The text without the secrets; a time as servers write it has none, and each token has two."""
        return text if _TIME(text) else masked(text, *self._secrets)

    def latest(self, key: bytes, make: Callable[[], _Value]) -> _Value:
        """What `make` gives for this key, which is asked only once while no more than some others were asked for."""
        key = blake2b(key, digest_size=16).digest()  # a long key is not kept
        known: _Value | None = self._latest.get(key)
        if known is None:
            known = make()
            if len(self._latest) >= _MOST_LATEST:
                self._latest.clear()
            self._latest[key] = known
        return known

    def grant(self, *values: Any) -> Grant:
        """The grant with these values as texts, as it is kept; raises TypeError for lists and objects."""
        known = self._values.get(values)  # equal to the grant, unless a secret was in it
        if known is None:
            known = self.value(Grant(*(self.text(kept(str(each))) for each in values)))
        return known

    def text(self, text: str) -> str:
        """The text as it is kept."""
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = masked(text, *self._secrets)
            self.size += _ENTRY_SIZE + getsizeof(known)
        return known

    def value(self, value: _Value) -> _Value:
        """The value, or the equal one that is kept."""
        if value not in self._values:
            self._values[value] = value
            self.size += _ENTRY_SIZE + getsizeof(value)
        known: _Value = self._values[value]
        return known

    def reach(self, orgs: set[str], tokens: set[str], users: set[str]) -> Reach:
        """The reach as it is kept, without what the rest of it covers."""
        if EVERY_ORG in orgs:
            orgs, tokens = {EVERY_ORG}, set()
        if EVERY_USER in users:
            users = {EVERY_USER}
        return self.value(
            Reach(
                orgs=self.value(frozenset(OrgId(self.text(each)) for each in orgs)),
                tokens=self.value(frozenset(TokenId(self.text(each)) for each in tokens)),
                users=self.value(frozenset(UserId(self.text(each)) for each in users)),
            )
        )


class OneToken(Single):
    """Takes the body of a single authorization as it comes, however large; the secrets are those of a TokenList."""

    def __init__(self, own: str, *others: str) -> None:
        super().__init__(_KEYS)
        self._secrets = own, *others

    def finish(self) -> Token:
        """Its token; raises WireError when it is none."""
        entry = self.entry()
        return _token(_id(entry), entry, _Shared(*self._secrets))


def check_whole(beside: Mapping[str, Any], listed: float = math.inf) -> None:
    """Raise WireError when what stands beside a list of so many, or in an answer's headers, says that there is more.

    InfluxDB v2 lists tokens and labels at once. What a page leaves out would look as if it were not there.
    """
    within = [each.items() for each in beside.values() if isinstance(each, dict)]
    links = [each for some in beside.values() if isinstance(some, list) for each in some if isinstance(each, dict)]
    for name, value in chain(beside.items(), *within, ((str(each.get("rel")), each.get("href")) for each in links)):
        word = _OTHER.sub("", name.lower())
        more = bool(value) if _MORE.fullmatch(word) else word == "link" and _NEXT.search(str(value))
        if more or (_TOTAL.fullmatch(word) and type(value) is int and value > listed):
            raise WireError(f"it is one page of a list (`{word}`): what is on others would look absent")


def user(body: bytes, *secrets: str) -> UserId:
    """The id of a user; raises WireError when it is none."""
    return UserId(masked(_text(decode(body), "id"), *secrets))


def is_active(body: bytes, *secrets: str) -> bool:
    """Whether a user is active, as it is where nothing is said of that; raises WireError when it is no user."""
    user(body, *secrets)
    return _text(decode(body), "status", Status.ACTIVE.value) == Status.ACTIVE.value


def failure(body: bytes, *secrets: str) -> tuple[str, str]:
    """Code and message of an error answer, both empty when it is no InfluxDB v2 error; the message is cut short."""
    try:
        document = decode(body)
    except WireError:
        return "", ""
    code, message = document.get("code"), document.get("message")
    if type(code) is not str or type(message) is not str:
        return "", ""
    message = masked(message, *secrets)
    return code, message if len(message) <= _MESSAGE_LENGTH else message[: _MESSAGE_LENGTH - 1] + "…"


def _token(token_id: TokenId, entry: dict[str, Any], shared: _Shared) -> Token:
    """The token of an entry."""
    status = _STATUS.get(_text(entry, "status"))
    if status is None:
        raise WireError("its `status` is neither active nor inactive")
    secret = _kept(entry, "token", str)
    is_own = shared.is_own(secret)
    rights, grants = _permissions(entry.get("permissions"), shared)
    return Token(
        id=token_id,
        status=status,
        description=_kept(entry, "description", shared.masked),
        org_id=OrgId(shared.text(_text(entry, "orgID"))),
        org=str(_kept(entry, "org", shared.text)),
        user_id=UserId(shared.text(_text(entry, "userID"))),
        user=str(_kept(entry, "user", shared.text)),
        updated_at=shared.masked(_text(entry, "updatedAt", "")),
        created_at=shared.masked(_text(entry, "createdAt", "")),
        rights=rights,
        grants=grants,
        is_own=is_own,
        # What looks like no secret may be a word that stands for one, `redacted` say, and tells nothing.
        proven=True if is_own else False if holds_secret(secret) else None,
    )


def _id(entry: Any) -> TokenId:
    if type(entry) is not dict:
        raise WireError("it is no JSON object")
    token_id = _text(entry, "id")
    if not is_id(token_id):
        raise WireError("its `id` is not 16 hex digits")
    return TokenId(token_id)


def _kept(entry: dict[str, Any], key: str, share: Callable[[str], str]) -> str:
    """What `share` makes of the text, or what stands for it where it is too large to be kept."""
    value = entry.get(key, "")
    if type(value) is str and len(value) <= LARGEST_TEXT:
        return share(value)
    value = kept(value) if isinstance(value, str) else value
    return value if isinstance(value, Elided) else _text(entry, key)


def _text(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if type(value) is str and len(value) <= LARGEST_TEXT:
        return value
    if not isinstance(value, str):
        raise WireError(f"its `{key}` is no text")
    raise _TooLargeError(f"its `{key}` has {value.length if isinstance(value, Elided) else len(value):,} characters")


def _permissions(permissions: Any, shared: _Shared) -> _Permissions:
    """What these permissions let somebody do with authorizations, and all of them, None where they are not known."""
    if permissions is OMITTED or (type(permissions) is list and len(permissions) > _MOST_RIGHTS):
        return Rights(unknown=True), None
    if type(permissions) is not list:
        return NO_RIGHTS, ()
    # The quickest key for a value of JSON: equal values have equal bytes without references, which version 2 lacks.
    return shared.latest(marshal.dumps(permissions, 2), lambda: _all_permissions(permissions, shared))


def _all_permissions(permissions: list[Any], shared: _Shared) -> _Permissions:
    """The rights that these permissions are, and all of them.

    An id counts whatever the organisation beside it. A permission for users that is limited to an organisation never
    matches; one for `instance` matches everything, whatever stands beside it.
    """
    found: tuple[defaultdict[str, set[str]], ...] = defaultdict(set), defaultdict(set), defaultdict(set)
    orgs, tokens, users = found
    grants = []
    try:
        for entry in permissions:
            resource = entry["resource"]
            kind, action, one, org = resource["type"], entry["action"], resource.get("id"), resource.get("orgID")
            names = resource.get("name") or "", resource.get("org") or ""
            grants.append(shared.grant(action, kind, one or "", org or "", *names))
            if kind == "instance":
                orgs[action].add(EVERY_ORG)
                users[action].add(EVERY_USER)
            elif kind == "users" and (one or not org):
                users[action].add(str(one or EVERY_USER))
            elif kind == "authorizations":
                (tokens if one else orgs)[action].add(str(one or org or EVERY_ORG))
    except (KeyError, TypeError, AttributeError):
        raise WireError("its `permissions` are none") from None
    if not orgs and not tokens:
        return NO_RIGHTS, shared.value(tuple(grants))
    read, write = (shared.reach(orgs[action], tokens[action], users[action]) for action in ("read", "write"))
    return shared.value(Rights(read=read, write=write)), shared.value(tuple(grants))

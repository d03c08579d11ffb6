"""Reads bodies of InfluxDB v2 answers as core values. A token's secret does not leave this module.

Follows the `Authorization` and `Authorizations` schemas of the InfluxDB v2 OpenAPI document, and servers 2.7 to 2.9.
"""

from __future__ import annotations

import hmac
import marshal
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from sys import getsizeof
from typing import Any, TypeVar

from reconciler.core.live import (
    EVERY_ORG,
    EVERY_USER,
    HEX_ID,
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
from reconciler.core.secrets import holds_secret, masking
from reconciler.influx.body import Elements, Single, check_whole
from reconciler.influx.decoding import BLANKS, JSON, OMITTED, WireError

AUTHORIZATIONS = "/api/v2/authorizations"
USERS = "/api/v2/users"
_STATUS = {status.value: status for status in Status}
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z"
_TIME = re.compile(_MOMENT, re.ASCII).fullmatch
FULL = "the list does not fit into memory"
"""What is wrong with a list of more than may be kept."""
MEMORY = 80 * 1024 * 1024
"""The bytes that the tokens of a list may take: room for more than 100,000."""
_TOKEN_SIZE = 350  # in bytes: a token, its id and its place in a dict
_ENTRY_SIZE = 100  # in bytes: a place in a dict
_MOST_RIGHTS, _LARGEST_PLAIN = 4096, 5 * LARGEST_TEXT  # rights of a token, and the bytes of a plain one
_LONG = 1000  # bytes: what is longer is not kept as a key
_MOST_LATEST = 4096  # values that are made only once for several tokens
_Value = TypeVar("_Value")
_Permissions = tuple[Rights, tuple[Grant, ...] | None]
_PLACE, _TIMES = ("orgID", "org", "userID", "user"), ("updatedAt", "createdAt")
_KEYS = ("id", "token", "status", "description", *_PLACE, "permissions", *_TIMES)


@cache
def plainest() -> re.Pattern[str]:
    """An authorization of the plainest form, with groups for all but its links and for the `,` or `]` behind it."""
    blank, text = rf"[{BLANKS}]*+", r'[^"\\\x00-\x1f]*+'
    values = {
        "id": f'"((?!0{{16}}){HEX_ID})"',
        "token": f'"({text})"',
        "status": '"(active|inactive)"',
        **dict.fromkeys(("description", *_PLACE), f'"({text})"'),
        "permissions": rf'(\[[^"\[\]]*+(?:"{text}"[^"\[\]]*+)*+\])',
        "links": rf'\{{{blank}"self"{blank}:{blank}"{text}"{blank},{blank}"user"{blank}:{blank}"{text}"{blank}\}}',
        **dict.fromkeys(("createdAt", "updatedAt"), f'"({_MOMENT})"'),
    }
    members = f"{blank},{blank}".join(f'"{key}"{blank}:{blank}{value}' for key, value in values.items())
    return re.compile(rf"(?a)\{{{blank}{members}{blank}\}}{blank}([,\]]){blank}")


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
        self._elements = Elements("authorizations", self._take, _KEYS, self._plain)
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
        try:
            self._add(_token(token_id, entry, self._shared))
        except _TooLargeError as error:
            self.unreadable[token_id] = str(error)
            self._shared.size += _TOKEN_SIZE
        if self._shared.size > self._memory:
            raise WireError(FULL)

    def _plain(self, text: str, at: int) -> re.Match[str] | None:
        """Take the entry that begins there in a third of the time, if it is written as most are: without escapes."""
        found = plainest().match(text, at)
        if not found or found.end() - at > LARGEST_TEXT or self._shared.size > self._memory - _LARGEST_PLAIN:
            return None
        token_id, secret, status, description, *place, permissions, created, updated, _ = found.groups()
        shared = self._shared
        rights = shared.rights(permissions)
        if not rights or token_id in self._tokens or token_id in self.unreadable:
            return None
        (org_id, org, user_id, user), (is_own, proven) = map(shared.text, place), shared.proof(secret)
        token = Token(
            TokenId(token_id), _STATUS[status], shared.masked(description), OrgId(org_id), org, UserId(user_id), user,
            updated, rights[0], is_own, rights[1], proven, created,
        )  # fmt: skip
        self._add(token)
        return found

    def _add(self, token: Token) -> None:
        self._tokens[token.id] = token
        self._shared.size += _TOKEN_SIZE + sum(map(getsizeof, (token.description, token.updated_at, token.created_at)))


class _Shared:
    """What many tokens have, each kept once and without the secrets; `size` is what is kept of them all, in bytes."""

    def __init__(self, own: str, *others: str) -> None:
        self.size = 0
        self._own = own.encode()
        self.masked = masking(own, *others)
        self._texts: dict[str, str] = {}
        self._values: dict[Any, Any] = {}
        self._latest: dict[bytes, Any] = {}

    def proof(self, secret: str) -> tuple[bool, bool | None]:
        """Whether this is the caller's secret, and what it proves of that: see Token."""
        is_own = hmac.compare_digest(secret.encode("utf-8", "replace"), self._own)
        # What looks like no secret may be a word that stands for one, `redacted` say, and tells nothing.
        return is_own, True if is_own else False if holds_secret(secret) else None

    def moment(self, text: str) -> str:
        """A time without the secrets, which one as servers write it has none of."""
        return text if _TIME(text) else self.masked(text)

    def latest(self, key: bytes, make: Callable[[], _Value]) -> _Value:
        """What `make` gives for this key, which is asked only once while no more than some others were asked for."""
        key = key if len(key) <= _LONG else blake2b(key, digest_size=16).digest()
        known: _Value | None = self._latest.get(key)
        if known is None:
            known = make()
            if len(self._latest) >= _MOST_LATEST:
                self._latest.clear()
            self._latest[key] = known
        return known

    def rights(self, text: str) -> _Permissions | None:
        """What these permissions of an answer are, None where nothing is."""
        try:
            return self.latest(b"=" + text.encode(), lambda: _permissions(JSON.decode(text), self))
        except (ValueError, WireError):
            return None

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
            known = self._texts[text] = self.masked(text)
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


def _token(token_id: TokenId, entry: dict[str, Any], shared: _Shared) -> Token:
    """The token of an entry."""
    status = _STATUS.get(text_of(entry, "status"))
    if status is None:
        raise WireError("its `status` is neither active nor inactive")
    is_own, proven = shared.proof(_kept(entry, "token", str))
    rights, grants = _permissions(entry.get("permissions"), shared)
    return Token(
        id=token_id,
        status=status,
        description=_kept(entry, "description", shared.masked),
        org_id=OrgId(shared.text(text_of(entry, "orgID"))),
        org=str(_kept(entry, "org", shared.text)),
        user_id=UserId(shared.text(text_of(entry, "userID"))),
        user=str(_kept(entry, "user", shared.text)),
        updated_at=shared.moment(text_of(entry, "updatedAt", "")),
        created_at=shared.moment(text_of(entry, "createdAt", "")),
        rights=rights,
        grants=grants,
        is_own=is_own,
        proven=proven,
    )


def _id(entry: Any) -> TokenId:
    if type(entry) is not dict:
        raise WireError("it is no JSON object")
    token_id = text_of(entry, "id")
    if not is_id(token_id):
        raise WireError("its `id` is not 16 hex digits")
    return TokenId(token_id)


def _kept(entry: dict[str, Any], key: str, share: Callable[[str], str]) -> str:
    """What `share` makes of the text, or what stands for it where it is too large to be kept."""
    value = entry.get(key, "")
    if type(value) is str and len(value) <= LARGEST_TEXT:
        return share(value)
    value = kept(value) if isinstance(value, str) else value
    return value if isinstance(value, Elided) else text_of(entry, key)


def text_of(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    """The text at that key; raises WireError when it is none."""
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

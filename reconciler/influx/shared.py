"""What many tokens of an answer have, and what their permissions let them do with authorizations."""

from __future__ import annotations

import hmac
import marshal
import re
from collections import defaultdict
from collections.abc import Callable
from hashlib import blake2b
from sys import getsizeof
from typing import Any, NamedTuple, TypeVar

from reconciler.core.live import EVERY_ORG, EVERY_USER, NO_RIGHTS, Grant, OrgId, Reach, Rights, TokenId, UserId, kept
from reconciler.core.secrets import holds_secret, masking
from reconciler.influx.decoding import JSON, OMITTED, WireError

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z"
"""A time as servers write it, as a regular expression for ASCII."""
_TIME = re.compile(MOMENT, re.ASCII).fullmatch
_ENTRY_SIZE = 100  # in bytes: a place in a dict
_MOST_RIGHTS = 4096  # of a token
_LONG = 1000  # bytes: what is longer is not kept as a key
_MOST_LATEST = 4096  # values that are made only once for several tokens
_Value = TypeVar("_Value")
_Permissions = tuple[Rights, tuple[Grant, ...] | None]


class Common(NamedTuple):
    """What one token says just as others do: the text, and organisation, owner, rights and grants of it."""

    text: str
    place: tuple[OrgId, str, UserId, str]
    rights: Rights
    grants: tuple[Grant, ...] | None


class Shared:
    """What many tokens have, each kept once and without the secrets; `size` is what is kept of them all, in bytes.

    `common` is what the latest token that had something else than the one before it says.

    Several threads may use it, and one of them may `forget` at any time.
    """

    def __init__(self, own: str, *others: str) -> None:
        self._own = own.encode()
        self.masked = masking(own, *others)
        self.forget()

    def forget(self) -> None:
        """Keep nothing of what came so far."""
        self.size = 0
        self._texts: dict[str, str] = {}
        self._values: dict[Any, Any] = {}
        self._latest: dict[bytes, Any] = {}
        self.common: Common | None = None

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
            return self.latest(b"=" + text.encode(), lambda: rights_of(JSON.decode(text), self))
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
        known: _Value | None = self._values.get(value)
        if known is None:
            known = self._values[value] = value
            self.size += _ENTRY_SIZE + getsizeof(value)
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


def rights_of(permissions: Any, shared: Shared) -> _Permissions:
    """What these permissions let somebody do with authorizations, and all of them, None where they are not known."""
    if permissions is OMITTED or (type(permissions) is list and len(permissions) > _MOST_RIGHTS):
        return Rights(unknown=True), None
    if type(permissions) is not list:
        return NO_RIGHTS, ()
    # The quickest key for a value of JSON: equal values have equal bytes without references, which version 2 lacks.
    return shared.latest(marshal.dumps(permissions, 2), lambda: _all_permissions(permissions, shared))


def _all_permissions(permissions: list[Any], shared: Shared) -> _Permissions:
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

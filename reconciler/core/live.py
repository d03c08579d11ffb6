"""The live tokens: what the server says of each, without its secret, and all that was read of it for one plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, NewType, Self, TypeVar

from reconciler.core.text import quoted, trimmed

TokenId = NewType("TokenId", str)  # 16 lower-case hex digits, not all zero
OrgId = NewType("OrgId", str)
UserId = NewType("UserId", str)

_EVERY = "*"
EVERY_ORG = OrgId(_EVERY)
EVERY_USER = UserId(_EVERY)

RIGHTS = (
    "these credentials need read on `authorizations` and on `users`, to apply also write on both "
    "(`users` limited to an organisation grants nothing)"
)
"""What it takes to see a token and to change it, as a hint."""

HEX_ID = "[0-9a-f]{16}"
"""A pattern for what ids look like in a text; `is_id` says whether a text is one."""

_IS_ID = re.compile(f"(?!0{{16}}){HEX_ID}").fullmatch

LARGEST_TEXT = 64 * 1024
"""How many characters of a live text are kept: more than a manifest can declare."""


def is_id(text: str) -> bool:
    """Whether the text is an id, as servers write them: in lower case."""
    return _IS_ID(text) is not None


class Status(StrEnum):
    """The two states of a token."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class Elided(str):
    """Stands for a text that is too large to be kept: reads as its length and its SHA-256, and equals no text.

    It equals only what stands for a text of the same length with the same hash.
    """

    length: int
    sha256: str

    def __new__(cls, length: int, sha256: str) -> Self:
        """For a text of so many characters, whose UTF-8 has this SHA-256 in hex."""
        self = super().__new__(cls, f"({length:,} characters, too large to be kept, SHA-256 {sha256})")
        self.length, self.sha256 = length, sha256
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Elided) and (self.length, self.sha256) == (other.length, other.sha256)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.length, self.sha256))


def kept(text: str) -> str:
    """The text, or what stands for it where it is too large to be kept."""
    if len(text) <= LARGEST_TEXT or isinstance(text, Elided):
        return text
    import hashlib  # which no usual text needs

    return Elided(len(text), hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


class Reach(NamedTuple):
    """What one action, to read or to write, is allowed on.

    That is the authorizations of the organisations `orgs` (EVERY_ORG: of all), those that `tokens` names by id, and the
    users `users` (EVERY_USER: all). A server asks for the authorization and for its owner, both.
    """

    orgs: frozenset[OrgId] = frozenset()
    tokens: frozenset[TokenId] = frozenset()
    users: frozenset[UserId] = frozenset()

    def covers(self, token: Token) -> bool:
        """Whether the action is allowed on that token."""
        named = token.id in self.tokens or _has(self.orgs, token.org_id)
        return named and _has(self.users, token.user_id)


_NOTHING = Reach()


class Rights(NamedTuple):
    """What a token may do with authorizations while it and its owner are active.

    To manage is to read and to write, which takes four rights: either action on the authorization, and on its owner.
    `unknown` stands for rights that could not be kept: they may be any, nobody may count on them, and
    somebody may miss them.
    """

    read: Reach = _NOTHING
    write: Reach = _NOTHING
    unknown: bool = False

    @property
    def orgs(self) -> frozenset[OrgId]:
        """The organisations in which it manages the tokens of the `users`: none if it manages those of nobody."""
        return _both(self.read.orgs, self.write.orgs) if self.users else frozenset()

    @property
    def users(self) -> frozenset[UserId]:
        """The users whose tokens it manages in the `orgs`, and whose `named` ones."""
        return _both(self.read.users, self.write.users)

    @property
    def named(self) -> frozenset[TokenId]:
        """The ids of tokens that it may change because it has a right on that very id."""
        read, write = self.read, self.write
        named = write.tokens & read.tokens
        named |= write.tokens if read.orgs else _NONE
        named |= read.tokens if write.orgs else _NONE
        return named if self.users else _NONE

    @property
    def may_manage(self) -> bool:
        """Whether it might change some authorization, in whatever form it has the right."""
        return self.unknown or bool(self.write.orgs or self.write.tokens)

    @property
    def possible(self) -> Rights:
        """All that these may be: themselves, or every right where they are not known."""
        return Rights(read=_EVERYTHING, write=_EVERYTHING) if self.unknown else self

    @property
    def manages_any(self) -> bool:
        """Whether it manages anything, as far as it is known, or may as it is not."""
        return self.unknown or bool(self.orgs or self.named)

    def manages(self, org_id: OrgId, user_id: UserId) -> bool:
        """Whether it may change every token of that owner in that organisation."""
        return _has(self.orgs, org_id) and _has(self.users, user_id)

    def can_change(self, token: Token) -> bool:
        """Whether it may read and change that token."""
        return self.read.covers(token) and self.write.covers(token)

    def covers(self, others: Rights) -> bool:
        """Whether it may change whatever those with the other rights may change."""
        named = EVERY_ORG in self.orgs or others.named <= self.read.tokens & self.write.tokens
        return named and _within(others.orgs, self.orgs) and _within(others.users, self.users)

    def shows(self, others: Rights, listed: AbstractSet[TokenId]) -> bool:
        """Whether a list, which has the ids `listed`, has all that those with the other rights may change."""
        named = EVERY_ORG in self.read.orgs or others.named <= listed
        return named and _within(others.orgs, self.read.orgs) and _within(others.users, self.read.users)


NO_RIGHTS = Rights()
_EVERYTHING = Reach(orgs=frozenset({EVERY_ORG}), users=frozenset({EVERY_USER}))
_NONE: frozenset[TokenId] = frozenset()
_Id = TypeVar("_Id", OrgId, UserId)


def _has(some: frozenset[_Id], one: _Id) -> bool:
    return one in some or _EVERY in some


def _within(some: frozenset[_Id], others: frozenset[_Id]) -> bool:
    return _EVERY in others or some <= others


def _both(some: frozenset[_Id], others: frozenset[_Id]) -> frozenset[_Id]:
    if _EVERY in some:
        return others
    return some if _EVERY in others else some & others


class Grant(NamedTuple):
    """One permission, on one resource, on those of an organisation or on all; "" for what the server does not say."""

    action: str
    kind: str
    id: str = ""
    org_id: str = ""
    name: str = ""
    org: str = ""


class Token(NamedTuple):
    """One live authorization.

    `updated_at` is the server's text, compared as text only with the same server's; `created_at` is only shown. A
    description that is too large to be kept is an Elided. `rights` is what of its `grants` lets it manage tokens; the
    grants are None where they are not known. `is_own` says that the caller signed in with this token (known only where
    the server shows secrets, or from `--self-id`). `proven` is what the secret that the server showed says of that,
    None where it showed none. Equality leaves out the last three.
    """

    id: TokenId
    status: Status
    description: str
    org_id: OrgId
    org: str
    user_id: UserId
    user: str
    updated_at: str
    rights: Rights = NO_RIGHTS
    is_own: bool = False
    grants: tuple[Grant, ...] | None = ()
    proven: bool | None = None
    created_at: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and self[:-3] == other[:-3]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-3])

    @property
    def values(self) -> dict[str, str]:
        """The values that must still hold when a change is sent, under their names in the InfluxDB API."""
        return {"status": self.status.value, "description": self.description, "updatedAt": self.updated_at}

    @property
    def subject(self) -> str:
        """The token in words: its description and its id."""
        return f"{quoted(self.description)} {self.id}".lstrip()


class Absence(StrEnum):
    """Why a declared id is not in the list, as a GET of that id tells."""

    ABSENT = "absent"  # no such authorization
    ORPHANED = "orphaned"  # it exists, but its owner or organisation was deleted: the server lists it no more
    HIDDEN = "hidden"  # it exists, but these credentials may not read it
    UNREADABLE = "unreadable"  # it exists, but something of it that has to be known is too large to be kept


class Missing(NamedTuple):
    """A declared id that is not among the tokens that could be read; `detail` is the server's own message, or ours."""

    kind: Absence
    detail: str


class Owner(StrEnum):
    """What is known of a user whose tokens manage others: nobody signs in with those of an inactive one."""

    ACTIVE = "active"
    INACTIVE = "inactive"  # or gone, or these credentials may not know
    UNTOLD = "untold"  # the server has no such request


class Server(NamedTuple):
    """The server that answered: its configured URL, and build and version as its headers say them ("" if none).

    `profile` is the influx CLI's profile that the URL or the credentials come from, "" for none: how this run found the
    server, and no part of what it is.
    """

    url: str
    build: str = ""
    version: str = ""
    profile: str = ""


class Live(NamedTuple):
    """Everything that was read for one plan.

    `tokens` is by id, and `unlisted` are those that the list lacked and a GET found. `missing` tells what a GET said of
    each other declared id that it lacked, and which tokens of it cannot be read. `listed` is False where
    there was no list, and `tokens` are only those that were asked for by their ids. `org` is the name of the only
    organisation that was listed ("": all), and `org_id` its id, as far as a token of it was listed; `others` are the
    tokens of all others where these were asked for. `own_id` is the caller's own token where it is known, `own_user`
    the caller's user where it was asked for and answered, and `owners` what was answered of users. `tells_owners` says
    that the server told of one before. `clocks` are the time here and the one that the server told, if it did, in
    seconds since 1970, both from the beginning of the run.
    """

    server: Server
    tokens: Mapping[TokenId, Token]
    unlisted: frozenset[TokenId] = frozenset()
    missing: Mapping[TokenId, Missing] = MappingProxyType({})
    listed: bool = True
    org: str = ""
    org_id: OrgId | None = None
    own_id: TokenId | None = None
    own_user: UserId | None = None
    others: Mapping[TokenId, Token] | None = None
    owners: Mapping[UserId, Owner] = MappingProxyType({})
    tells_owners: bool = False
    clocks: tuple[float, ...] = ()

    @property
    def now(self) -> float:
        """The moment that decides what has passed: the earliest of the clocks, so that nothing ends too soon."""
        return min(self.clocks, default=float("-inf"))

    def includes(self, token: Token) -> bool:
        """Whether the token is of the only organisation that the run is about, if there is one."""
        if self.org_id:
            return token.org_id == self.org_id
        return not self.org or trimmed(token.org) == trimmed(self.org)

    def orgs_called(self, org: str) -> frozenset[OrgId]:
        """The ids of the organisation that is called so, else of the one with this id; empty when no token is of it."""
        name, tokens = trimmed(org), self.tokens.values()
        named = frozenset(token.org_id for token in tokens if trimmed(token.org) == name)
        return named or frozenset(token.org_id for token in tokens if token.org_id == name.lower())

    @property
    def total(self) -> int | None:
        """How many tokens the server listed, None where it was not asked for a list."""
        return len(self.tokens) if self.listed else None

    @property
    def untold(self) -> bool:
        """Whether the server never told of an owner who was asked for whether he is active."""
        told = self.tells_owners or any(each is not Owner.UNTOLD for each in self.owners.values())
        return bool(self.owners) and not told

    @property
    def everyone(self) -> Mapping[TokenId, Token]:
        """Every token that was read, whatever its organisation."""
        return {**self.others, **self.tokens} if self.others else self.tokens


def own_id(tokens: Mapping[TokenId, Token], self_id: TokenId | None) -> TokenId | None:
    """The id of the caller's own token: the one with the caller's secret, else the one that --self-id names.

    That one is not his where the server shows another secret for it.
    """
    named = tokens.get(self_id) if self_id else None
    believed = None if named and named.proven is False else self_id
    return next((token.id for token in tokens.values() if token.proven), believed)

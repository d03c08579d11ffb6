"""A live token: what the server says of one authorization, without its secret."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, Self, TypeVar

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
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
        if not self.users:
            return frozenset()
        return (
            (write.tokens & read.tokens)
            | (write.tokens if read.orgs else _NONE)
            | (read.tokens if write.orgs else _NONE)
        )

    @property
    def may_manage(self) -> bool:
        """Whether it might change some authorization, in whatever form it has the right."""
        return self.unknown or bool(self.write.orgs or self.write.tokens)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One live authorization.

    `updated_at` is the server's text, compared as text only with the same server's. A description that is too large to
    be kept is an Elided. `is_own` says that the caller signed in with this token (known only where the server shows
    secrets, or from `--self-id`). `proven` is what the secret that the server showed says of that, None where it showed
    none.
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
    proven: bool | None = field(default=None, compare=False)

    @property
    def values(self) -> dict[str, str]:
        """The values that must still hold when a change is sent, under their names in the InfluxDB API."""
        return {"status": self.status.value, "description": self.description, "updatedAt": self.updated_at}

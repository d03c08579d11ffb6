"""A live token: what the server says of one authorization, without its secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, TypeVar

TokenId = NewType("TokenId", str)  # 16 lower-case hex digits, not all zero
OrgId = NewType("OrgId", str)
UserId = NewType("UserId", str)

EVERY_ORG = OrgId("*")
EVERY_USER = UserId("*")

RIGHTS = (
    "these credentials need read on `authorizations` and on `users`, to apply also write on both "
    "(`users` limited to an organisation grants nothing)"
)
"""What it takes to see a token and to change it, as a hint."""


class Status(StrEnum):
    """The two states of a token."""

    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What one action, read or write, is allowed on.

    That is the authorizations of the organisations `orgs` (EVERY_ORG: of all), those that `tokens` names by id, and the
    users `users` (EVERY_USER: all). A server asks for the authorization and for its owner, both.
    """

    orgs: frozenset[OrgId] = frozenset()
    tokens: frozenset[TokenId] = frozenset()
    users: frozenset[UserId] = frozenset()


_NOTHING = Reach()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a token may do with authorizations while it and its owner are active.

    To manage is to read and to write, which takes four rights: either action on the authorization, and on its owner.
    `unknown` stands for rights that could not be kept: they may be any, and nothing counts on them.
    """

    read: Reach = _NOTHING
    write: Reach = _NOTHING
    unknown: bool = False

    @property
    def orgs(self) -> frozenset[OrgId]:
        """The organisations in which it manages the tokens of the `users`: none if it manages those of nobody."""
        return _both(self.read.orgs, self.write.orgs, EVERY_ORG) if self.users else frozenset()

    @property
    def users(self) -> frozenset[UserId]:
        """The users whose tokens it manages in the `orgs`, and whose tokens that it may change by their ids."""
        return _both(self.read.users, self.write.users, EVERY_USER)

    @property
    def may_manage(self) -> bool:
        """Whether it might change some authorization, in whatever form it has the right."""
        return self.unknown or bool(self.write.orgs or self.write.tokens)

    @property
    def sees_all(self) -> bool:
        """Whether a list that is asked for with it has every token of the server."""
        return EVERY_ORG in self.read.orgs and EVERY_USER in self.read.users

    def manages(self, org_id: OrgId, user_id: UserId) -> bool:
        """Whether it manages every token of that owner in that organisation."""
        return not self.orgs.isdisjoint((EVERY_ORG, org_id)) and not self.users.isdisjoint((EVERY_USER, user_id))


NO_RIGHTS = Rights()
_Id = TypeVar("_Id", OrgId, UserId)


def _both(some: frozenset[_Id], others: frozenset[_Id], every: _Id) -> frozenset[_Id]:
    if every in some:
        return others
    return some if every in others else some & others


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One live authorization.

    `updated_at` is the server's text, compared as text only with the same server's. `is_own` says that the caller
    signed in with this token (known only where the server shows secrets, or from `--self-id`). `proven` is what the
    secret that the server showed says of that, None where it showed none.
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

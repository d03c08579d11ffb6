"""A live token: what the server says of one authorization, without its secret."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

TokenId = NewType("TokenId", str)  # 16 lower-case hex digits, not all zero
OrgId = NewType("OrgId", str)
UserId = NewType("UserId", str)

EVERY_ORG = OrgId("*")

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
class Token:
    """One live authorization.

    `updated_at` is the server's text, compared as text only with the same server's. `manages` names the
    organisations whose authorizations this token may read and write (EVERY_ORG: all of them); it needs read
    and write on `authorizations` and on `users` for that. `is_own` says that the caller signed in with this token
    (known only where the server shows secrets, or from `--self-id`).
    """

    id: TokenId
    status: Status
    description: str
    org_id: OrgId
    org: str
    user_id: UserId
    user: str
    updated_at: str
    manages: tuple[OrgId, ...] = ()
    is_own: bool = False

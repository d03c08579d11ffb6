"""What was read of a server for one plan: its tokens, and why declared ones are not among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.core.token import Token, TokenId, UserId


class Absence(StrEnum):
    """Why a declared id is not in the list, as a GET of that id tells."""

    ABSENT = "absent"  # no such authorization
    ORPHANED = "orphaned"  # it exists, but its owner or organisation was deleted: the server lists it no more
    HIDDEN = "hidden"  # it exists, but these credentials may not read it


@dataclass(frozen=True, slots=True)
class Missing:
    """A declared id that the server's list lacks; `detail` is the server's own message."""

    kind: Absence
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server that answered: its configured URL, and build and version as its headers say them ("" if none)."""

    url: str
    build: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Everything that was read for one plan.

    `tokens` is by id. `missing` tells what a GET said of each declared id that the list lacked. `org` is the name of
    the only organisation that was listed ("": all). `own_id` is the caller's own token where it is known, and
    `own_user` the caller's user where it was asked for and answered.
    """

    server: Server
    tokens: Mapping[TokenId, Token]
    missing: Mapping[TokenId, Missing] = field(default_factory=dict)
    org: str = ""
    own_id: TokenId | None = None
    own_user: UserId | None = None

"""What was read of a server for one plan: its tokens, and why declared ones are not among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.core.text import trimmed
from reconciler.core.token import OrgId, Token, TokenId, UserId


class Absence(StrEnum):
    """Why a declared id is not in the list, as a GET of that id tells."""

    ABSENT = "absent"  # no such authorization
    ORPHANED = "orphaned"  # it exists, but its owner or organisation was deleted: the server lists it no more
    HIDDEN = "hidden"  # it exists, but these credentials may not read it
    UNREADABLE = "unreadable"  # it exists, but something of it that has to be known is too large to be kept


@dataclass(frozen=True, slots=True)
class Missing:
    """A declared id that is not among the tokens that could be read; `detail` is the server's own message, or ours."""

    kind: Absence
    detail: str


class Owner(StrEnum):
    """What is known of a user whose tokens manage others: nobody signs in with those of an inactive one."""

    ACTIVE = "active"
    INACTIVE = "inactive"  # or gone, or these credentials may not know
    UNTOLD = "untold"  # the server has no such request


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server that answered: its configured URL, and build and version as its headers say them ("" if none).

    `profile` is the influx CLI's profile that the URL or the credentials come from, "" for none: how this run found the
    server, and no part of what it is.
    """

    url: str
    build: str = ""
    version: str = ""
    profile: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Everything that was read for one plan.

    `tokens` is by id, and `unlisted` are those that the list lacked and a GET found. `missing` tells what a GET said of
    each other declared id that it lacked, and which tokens of it cannot be read. `org` is the name of the only
    organisation that was listed ("": all), and `org_id` its id, as far as a token of it was listed; `others` are the
    tokens of all others where these were asked for. `own_id` is the caller's own token where it is known, `own_user`
    the caller's user where it was asked for and answered, and `owners` what was answered of users. `tells_owners` says
    that the server told of one before.
    """

    server: Server
    tokens: Mapping[TokenId, Token]
    unlisted: frozenset[TokenId] = frozenset()
    missing: Mapping[TokenId, Missing] = field(default_factory=dict)
    org: str = ""
    org_id: OrgId | None = None
    own_id: TokenId | None = None
    own_user: UserId | None = None
    others: Mapping[TokenId, Token] | None = None
    owners: Mapping[UserId, Owner] = field(default_factory=dict)
    tells_owners: bool = False

    def includes(self, token: Token) -> bool:
        """Whether the token is of the only organisation that the run is about, if there is one."""
        if self.org_id:
            return token.org_id == self.org_id
        return not self.org or trimmed(token.org) == trimmed(self.org)

    def orgs_called(self, org: str) -> frozenset[OrgId]:
        """The ids of the organisation that is called so, or that has this id where none is called so.

        Empty when no token is of it.
        """
        name, tokens = trimmed(org), self.tokens.values()
        named = frozenset(token.org_id for token in tokens if trimmed(token.org) == name)
        return named or frozenset(token.org_id for token in tokens if token.org_id == name.lower())

    @property
    def untold(self) -> bool:
        """Whether the server never told of an owner who was asked for whether he is active."""
        return (
            not self.tells_owners and bool(self.owners) and all(each is Owner.UNTOLD for each in self.owners.values())
        )

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

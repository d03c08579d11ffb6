"""Tokens, declarations and plans for tests: everything has a default, and a test names what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reconciler.core.live import (
    EVERY_ORG,
    EVERY_USER,
    Grant,
    Live,
    OrgId,
    Owner,
    Reach,
    Rights,
    Server,
    Status,
    Token,
    TokenId,
    UserId,
)
from reconciler.core.manifest import Declaration, Manifest, Match, Until, end_of
from reconciler.core.plan import Change, Guard, Plan
from reconciler.core.planner import make_plan, with_rights
from reconciler.errors import Place

ACME, EDGE = OrgId("a" * 16), OrgId("e" * 16)
NAMES = {ACME: "acme", EDGE: "edge"}
ACTIVE, INACTIVE = Status.ACTIVE, Status.INACTIVE
SERVER = Server(url="https://influx.example", build="OSS", version="v2.7.12")


@dataclass(frozen=True)
class Line:
    """An origin: everything of the declaration stands in this line of tokens.yaml."""

    line: int
    file: str = "tokens.yaml"

    def place(self, key: str) -> Place:
        """The line, at a column that tells the key."""
        return Place(self.file, self.line, 5 + len(key))


def token_id(number: int) -> TokenId:
    """The id of the number-th token."""
    return TokenId(f"{0x0D3A5F0C1BE4E000 + number:016x}")


def token(number: int, **others: Any) -> Token:
    """The number-th token: active, of acme and ci-bot, described as `token NUMBER`."""
    org_id = others.get("org_id", ACME)
    plain = Token(
        id=token_id(number),
        status=ACTIVE,
        description=f"token {number}",
        org_id=org_id,
        org=NAMES[org_id],
        user_id=UserId("c" * 16),
        user="ci-bot",
        updated_at="2026-01-02T03:04:05Z",
        created_at="2025-06-07T08:09:10Z",
        grants=(Grant("write", "buckets", "b" * 16, org_id, "telemetry", NAMES[org_id]),),
    )
    return plain._replace(**others)


def managing(*orgs: OrgId, users: Iterable[UserId] = (EVERY_USER,)) -> Rights:
    """The rights to manage the tokens of these users, all by default, in these organisations, all by default."""
    reach = Reach(orgs=frozenset(orgs or (EVERY_ORG,)), users=frozenset(users))
    return Rights(read=reach, write=reach)


def manager(number: int, *orgs: OrgId, **others: Any) -> Token:
    """A token that can manage every token of these organisations, by default of all."""
    return token(number, rights=managing(*orgs), **others)


def watcher(number: int, **others: Any) -> Token:
    """The caller's own token, which reads everything and changes nothing."""
    everything = managing().read
    return token(number, rights=Rights(read=everything), is_own=True, **others)


def declared(target: int | Match, **others: Any) -> Declaration:
    """A declaration of the number-th token or of a selection; it stands in line 10 times its number."""
    if isinstance(target, int):
        return Declaration(target=token_id(target), origin=others.pop("origin", Line(10 * target)), **others)
    return Declaration(target=target, origin=others.pop("origin", Line(1)), **others)


def until(text: str) -> Until:
    """An `until` of this text, which has to be one."""
    end = end_of(text)
    assert isinstance(end, float)
    return Until(text, end)


def manifest(*declarations: Declaration, **others: Any) -> Manifest:
    """A manifest with these declarations."""
    return Manifest(tokens=declarations, **others)


def live(*tokens: Token, **others: Any) -> Live:
    """A server with these tokens, whose owners are active."""
    owners = {each.user_id: Owner.ACTIVE for each in tokens}
    own_id = next((each.id for each in tokens if each.is_own), None)
    return Live(
        server=SERVER, tokens={each.id: each for each in tokens}, **{"owners": owners, "own_id": own_id, **others}
    )


def planned(
    declarations: Iterable[Declaration], tokens: Iterable[Token], *waivers: Guard, reviewed: bool = True, **others: Any
) -> Plan:
    """The plan for these declarations on a server with these tokens."""
    found = live(*tokens)
    return with_rights(make_plan(manifest(*declarations, **others), found, waivers, reviewed=reviewed), found)


def journaled(change: Change) -> Change:
    """The change as a journal tells of it: without where it comes from and what its token may do."""
    return Change(**{name: getattr(change, name) for name in Change._fields[: Change._fields.index("places")]})

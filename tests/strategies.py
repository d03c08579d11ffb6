"""Worlds and manifests for hypothesis: live tokens, and declarations of some of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from reconciler.core.live import EVERY_ORG, NO_RIGHTS, Live, OrgId, Rights, Status, Token, TokenId, UserId
from reconciler.core.manifest import Asserted, Declaration, Limits, Manifest, Match, Pick, Severity, Share
from reconciler.core.plan import Plan
from reconciler.core.planner import make_plan
from reconciler.errors import InvalidError
from reconciler.influx import wire
from reconciler.influx.shared import Shared
from reconciler.sandbox.permissions import Permission, covered
from tests.builders import ACME, EDGE, NAMES, Line, declared, live, managing, manifest, token, token_id, until

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x9b1m",
    "\x1b]8;;https://evil.example\x07ok\x1b]8;;\x07",
    "\x1b]52;c;QQ==\x07",
    "a\rb",
    "a\bb\x7f",
    "##[error]x",
    "##vso[task.complete]",
    "##teamcity[x]",
    "::error::x",
    " ::stop-commands::x",
    "\u2003::warning::x",
    "a\n::set-output name=x::y",
    "\u202eabc\u2066",
    "zero\u200bwidth",
    "tag\U000e0041",
    "half\ud800",
    "line\u2028sep\u0085end",
    "`tick` | pipe <b>&amp;",
    "[/red] [link=http://x]y[/link]",
    "'; rm -rf / #",
    '$(touch x) `touch y` "',
    "\\",
    "日本語🚰",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</details></table> <!-- -->",
    "![x](https://evil.example/x.png) [y](javascript:alert(1))",
    "@octocat #1 https://evil.example www.evil.example",
    "a | b \\| c",
    "%0A::error::x%25",
    "``` ]]> {0} &lt;",
    "",
]
TEXT = st.sampled_from(HOSTILE) | st.text(max_size=12)
STATUS = st.sampled_from(Status)
ANY_STATUS = st.sampled_from([None, *Status])
ORGS = st.sampled_from([ACME, EDGE])
RIGHTS = st.sampled_from(
    [NO_RIGHTS, NO_RIGHTS, NO_RIGHTS, *map(managing, (EVERY_ORG, ACME, EDGE)), managing(ACME, EDGE)]
)
USERS = ("ci-bot", "mira", *HOSTILE)


@dataclass(frozen=True)
class World:
    """A server and a manifest for it."""

    live: Live
    manifest: Manifest


@st.composite
def tokens(
    draw: st.DrawFn, text: st.SearchStrategy[str] = TEXT, least: int = 0, users: Sequence[str] = USERS
) -> tuple[Token, ...]:
    """Up to eight live tokens with distinct ids."""
    found = []
    owners = st.sampled_from(users)
    for number in draw(st.lists(st.integers(1, 30), min_size=least, max_size=8, unique=True)):
        org: OrgId = draw(ORGS)
        found.append(
            token(
                number,
                org_id=org,
                status=draw(STATUS),
                description=draw(text),
                user=draw(owners),
                rights=draw(RIGHTS),
            )
        )
    return tuple(found)


UNTIL = [until("2026-12-31"), until("2027-01-02T00:00Z")]
ANY_UNTIL = st.sampled_from([None, *UNTIL])
CLOCKS = st.lists(st.sampled_from([UNTIL[0].end - 1, UNTIL[0].end, UNTIL[1].end]), max_size=2).map(tuple)
LIMITS = st.builds(
    Limits, max_deactivations=st.integers(0, 5) | st.integers(0, 100).map(Share), min_managers=st.integers(0, 2)
)


@st.composite
def worlds(draw: st.DrawFn, text: st.SearchStrategy[str] = TEXT, least: int = 0, users: Sequence[str] = USERS) -> World:
    """A server and declarations, by id and by match, of some of its tokens: as many as fit together."""
    listed = draw(tokens(text, least, users))
    declarations = []
    described = st.none() | text
    some = (
        st.lists(st.sampled_from(listed), min_size=least, unique_by=lambda token: token.id) if listed else st.just([])
    )
    for each in draw(some):
        wanted: dict[str, Any] = {
            "description": draw(described) if draw(st.booleans()) else each.description,
            "status": draw(ANY_STATUS),
            "until": draw(ANY_UNTIL),
            "protected": draw(st.booleans()),
            "name": f"name-{each.id[-2:]}" if draw(st.booleans()) else None,
        }
        declarations.append(declared(int(each.id[-2:], 16))._replace(target=TokenId(each.id), **wanted))
    matches = draw(st.lists(matching(listed, text), max_size=2, unique_by=lambda each: each.target)) if listed else []
    declarations = draw(st.permutations([*declarations, *matches]))
    world = World(live(*listed, clocks=draw(CLOCKS)), manifest(limits=draw(LIMITS)))
    for one in declarations:
        with suppress(InvalidError):
            draft_of(more := World(world.live, world.manifest._replace(tokens=(*world.manifest.tokens, one))))
            world = more
    return world


KEYS = st.lists(st.sampled_from(["user", "org", "description", "description"]), min_size=1, max_size=3)
PICKS = st.sampled_from(Pick)


@st.composite
def matching(draw: st.DrawFn, listed: tuple[Token, ...], text: st.SearchStrategy[str]) -> Declaration:
    """A declaration that selects by anything that one of the tokens has, or that none has."""
    token = draw(st.sampled_from(listed))
    keys = draw(KEYS)
    given = {key: getattr(token, key) if draw(st.booleans()) else "nobody's" for key in keys}
    described = draw(st.none() | text | st.sampled_from([each.description for each in listed]))
    return declared(
        Match(**given, pick=draw(PICKS)),
        description=None if described == "" and given.get("description") else described,
        status=draw(ANY_STATUS),
        protected=draw(st.booleans()),
    )


def apply(changes: Any, listed: dict[TokenId, Token]) -> dict[TokenId, Token]:
    """The tokens after every change was sent."""
    after = dict(listed)
    for change in changes:
        now = after[change.token.id]
        after[now.id] = now._replace(updated_at="later", **{**change.body, **_status(change.body)})
    return after


def _status(body: dict[str, str]) -> dict[str, Status]:
    return {"status": Status(body["status"])} if "status" in body else {}


def draft_of(world: World) -> Plan:
    """The plan of a world."""
    return make_plan(world.manifest, world.live)


def shuffled(declarations: tuple[Declaration, ...]) -> st.SearchStrategy[tuple[Declaration, ...]]:
    """Return a strategy of these declarations in any order."""
    return st.permutations(declarations).map(tuple)


TARGETS: list[TokenId | Match] = [
    *map(token_id, range(1, 5)), *(Match(user="u", pick=pick) for pick in Pick), Match(user="v"),
]  # fmt: skip
SAID: list[dict[str, Any]] = [
    {}, {"status": Status.ACTIVE}, {"status": Status.INACTIVE, "description": ""}, {"protected": True, "description": "x"},
    {"labels": {"team": "a"}},
]  # fmt: skip
DECLARATIONS = [
    Declaration(target=target, origin=Line(5), name=name, **said)
    for target in TARGETS for name in (None, "a", "b", "c") for said in SAID
]  # fmt: skip
SET: list[dict[str, Any]] = [
    {}, {"limits": Limits(max_deactivations=0)}, {"limits": Limits(min_managers=2), "server": Asserted(org="acme")},
    {"unmanaged": Severity.WARN, "absent": Severity.WARN, "lock": True},
    {"unmanaged": Severity.FAIL, "excepted": (Match(user="u"),), "limits": Limits(max_deactivations=Share(90))},
]  # fmt: skip


def manifests() -> st.SearchStrategy[Manifest]:
    """Declarations with distinct targets and names, all of one file, and settings."""
    distinct = (lambda each: each.target, lambda each: each.name or object())
    some = st.lists(st.sampled_from(DECLARATIONS), max_size=6, unique_by=distinct)
    return st.builds(lambda tokens, others: manifest(*tokens, **others), some, st.sampled_from(SET))


OWNERS = {"ci-bot": UserId("c" * 16), "mira": UserId("d" * 16), "ada": UserId("1" * 16)}
FOUND = [token_id(number) for number in range(1, 7)]


@dataclass(frozen=True)
class Realm:
    """Tokens by id with the permissions of each, the users who are active, and the token that the caller has."""

    tokens: dict[TokenId, Token]
    permissions: dict[TokenId, tuple[Permission, ...]]
    active: frozenset[UserId]
    caller: TokenId

    def may(self, one: TokenId, action: str, other: Token) -> bool:
        """Whether a server lets the token do that to the other, asked of its own rules."""
        token = self.tokens[one]
        held = self.permissions[one] if token.status is Status.ACTIVE and token.user_id in self.active else ()
        asked = Permission(action, "authorizations", other.id, other.org_id), Permission(action, "users", other.user_id)
        return all(covered(each, held) for each in asked)

    def changeable(self) -> set[TokenId]:
        """The tokens that somebody can change: who reads and writes them."""
        return {
            other.id
            for other in self.tokens.values()
            if any(self.may(one, "read", other) and self.may(one, "write", other) for one in self.tokens)
        }


def _places() -> list[tuple[tuple[str, str, str], ...]]:
    """Type, id and organisation of what one action may be allowed on."""
    authorizations = [
        ("authorizations", one, org)
        for one, org in [("", ""), ("", ACME), ("", EDGE), *((each, "") for each in FOUND[:3])]
    ]
    users = [("users", one, "") for one in ("", *OWNERS.values())]
    odd: list[tuple[tuple[str, str, str], ...]] = [
        (("users", "", ACME),), (("instance", "", ""),), (("instance", "", EDGE),), (("authorizations", FOUND[0], EDGE),), (),
    ]  # fmt: skip
    return [*((one, other) for one in authorizations for other in users), *odd]


PLACES = st.sampled_from(_places())
ALIKE = PLACES.map(lambda place: (place, place))  # to read and to write
RIGHTS_OF_ANY_SHAPE = st.lists(ALIKE | ALIKE | st.tuples(PLACES, PLACES), min_size=1, max_size=2).map(
    lambda pairs: tuple(
        Permission(action, *each)
        for pair in pairs
        for action, place in zip(("read", "write"), pair, strict=True)
        for each in place
    )
)

SEES_ALL = Permission("read", "authorizations"), Permission("read", "users")
SEES_ONE = Permission("read", "authorizations", "", ACME), Permission("read", "users")
CALLERS_RIGHTS = st.tuples(RIGHTS_OF_ANY_SHAPE, st.sampled_from([SEES_ALL, SEES_ONE, ()])).map(
    lambda two: two[0] + two[1]
)


NAMES_OF_OWNERS = st.sampled_from(sorted(OWNERS))
INACTIVE = st.sampled_from([None, *sorted(OWNERS.values())])
OFTEN = st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.ACTIVE, Status.INACTIVE])


@st.composite
def realms(draw: st.DrawFn) -> Realm:
    """Three to six tokens of three users, not all of whom need be active; the caller has the first, which is."""
    found, rights = {}, {}
    for number in range(1, draw(st.integers(3, 6)) + 1):
        org, name = draw(ORGS), draw(NAMES_OF_OWNERS)
        status = draw(OFTEN) if number > 1 else Status.ACTIVE
        one = token(number, org_id=org, org=NAMES[org], user=name, user_id=OWNERS[name], status=status)
        rights[one.id] = draw(RIGHTS_OF_ANY_SHAPE if number > 1 else CALLERS_RIGHTS)
        found[one.id] = one._replace(rights=rights_of(rights[one.id]))
    caller = found[FOUND[0]]
    inactive = draw(INACTIVE)
    return Realm(found, rights, frozenset({*OWNERS.values()} - {inactive} | {caller.user_id}), caller.id)


def rights_of(permissions: Iterable[Permission]) -> Rights:
    """What the client makes of these."""
    listed = [
        {
            "action": each.action,
            "resource": {
                "type": each.type,
                **({"id": each.id} if each.id else {}),
                **({"orgID": each.org_id} if each.org_id else {}),
            },
        }
        for each in permissions
    ]
    body = wire.OneToken(Shared("own"))
    entry = {"id": FOUND[0], "status": "active", "orgID": ACME, "userID": "u", "permissions": listed}
    body.feed(json.dumps(entry).encode())
    return body.finish().rights

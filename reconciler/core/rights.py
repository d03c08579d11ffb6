"""What a token may do, in few values, and who else writes its buckets once it is off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from reconciler.core.live import Grant, OrgId, Status, Token, TokenId
from reconciler.core.text import shortened

_MOST = 20
_MOST_WRITERS = 3
_LONGEST = 200  # characters of a name
_BOTH = ("write", "read")
# What every all-access and every operator token has rights on, whichever InfluxDB 2 made it.
_COMMON = {
    *("authorizations", "buckets", "checks", "dashboards", "documents", "labels", "notificationEndpoints"),
    *("notificationRules", "scrapers", "secrets", "sources", "tasks", "telegrafs", "variables", "views"),
}
_Thing = TypeVar("_Thing")


class Some(NamedTuple, Generic[_Thing]):
    """The first of many things, in order, and how many more there are."""

    shown: tuple[_Thing, ...] = ()
    more: int = 0


class Right(NamedTuple):
    """An action that is allowed on resources of a kind.

    `action` is as the server calls it, `read` or `write`, or `all` for both on everything. `kind` is the type of the
    resources, "" for every type. `org` is the name of the organisation, its id where the server does not name it, and
    None for every organisation. `names` are those of the resources, or their ids; without any it is all of the kind.
    """

    action: str
    kind: str = ""
    org: str | None = None
    names: Some[str] = Some()


class Bucket(NamedTuple):
    """A bucket that a token writes which the plan deactivates, and who else writes it after the plan.

    `writers` are active tokens with the right to write this very bucket: their descriptions, or ids where there is
    none. `wider` counts other active tokens that may write it because they may write every bucket.
    """

    name: str
    writers: Some[str]
    wider: int = 0


def rights_of(token: Token) -> Some[Right] | None:
    """Return what the token may do: everything first, then to write before to read, buckets before other types.

    None where its rights are not known.
    """
    if token.grants is None:
        return None
    whole = {action: _whole(action, token.grants) for action in _BOTH}
    found: defaultdict[tuple[str, str, str | None], set[str]] = defaultdict(set)
    for grant in token.grants:
        if not _is_covered(grant, whole.get(grant.action, frozenset()), token):
            org = grant.org or grant.org_id if grant.org_id else token.org if grant.id else None
            found[grant.action, grant.kind, org].add(grant.name or grant.id)
    rights = [*_everything(whole, token.grants), *(_right(*key, names) for key, names in found.items())]
    return _first(sorted(rights, key=_order))


def buckets_after(
    leaving: Iterable[Token], after: Mapping[TokenId, Status], everyone: Iterable[Token]
) -> dict[TokenId, Some[Bucket]]:
    """Return, by token, the buckets that those leaving may write one by one; those that nobody else writes come first.

    `after` has the status of each token whose status the plan changes. A token whose rights are not known writes none.
    """
    mine = {token.id: {grant.id: grant for grant in _writes(token) if grant.id} for token in leaving}
    wanted = {bucket for grants in mine.values() for bucket in grants}
    writers: defaultdict[str, dict[TokenId, str]] = defaultdict(dict)
    wider: defaultdict[str, set[TokenId]] = defaultdict(set)
    for token in everyone if wanted else ():
        if after.get(token.id, token.status) is Status.ACTIVE:
            for grant in _writes(token):
                if not grant.id:
                    wider[grant.org_id].add(token.id)
                elif grant.id in wanted:
                    writers[grant.id][token.id] = token.description or token.id
    found = {}
    for token_id, grants in mine.items():
        buckets = [_bucket(grant, writers[grant.id], wider[grant.org_id] | wider[""]) for grant in grants.values()]
        if buckets:
            found[token_id] = _first(sorted(buckets, key=lambda each: (bool(each.writers.shown), each.name)))
    return found


def _whole(action: str, grants: Iterable[Grant]) -> frozenset[OrgId]:
    """Return the organisations, "" for all of them, in which the action is allowed on everything."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for grant in grants:
        if grant.action == action and grant.kind == "instance":
            kinds[""] |= _COMMON
        elif grant.action == action and not grant.id:
            kinds[grant.org_id].add(grant.kind)
    return frozenset(OrgId(org) for org, some in kinds.items() if some >= _COMMON)


def _is_covered(grant: Grant, whole: frozenset[OrgId], token: Token) -> bool:
    """Whether the grant says nothing beside everything in those organisations.

    Those tokens that an organisation's owner makes may also read it, and change their own user.
    """
    of = grant.id if grant.kind == "orgs" and not grant.org_id else grant.org_id
    return "" in whole or of in whole or bool(whole and grant.kind == "users" and grant.id == token.user_id)


def _everything(whole: Mapping[str, frozenset[OrgId]], grants: Iterable[Grant]) -> list[Right]:
    names = {grant.org_id: grant.org for grant in grants if grant.org}
    write, read = (whole[action] for action in _BOTH)
    scopes = {"all": write & read, "write": write - read, "read": read - write}
    return [Right(action=action, org=names.get(org, org) or None) for action, orgs in scopes.items() for org in orgs]


def _right(action: str, kind: str, org: str | None, names: set[str]) -> Right:
    """The right on these names, where "" stands for all of the kind."""
    some: Some[str] = Some() if "" in names else _first(sorted(map(_short, names)))
    return Right(action=_short(action), kind=_short(kind), org=None if org is None else _short(org), names=some)


def _order(right: Right) -> tuple[bool, bool, bool, str, str]:
    return bool(right.kind), right.action == "read", right.kind != "buckets", right.kind, right.org or ""


def _writes(token: Token) -> Iterable[Grant]:
    """The grants to write buckets; an `instance` one is for every bucket."""
    for grant in token.grants or ():
        if grant.action == "write" and grant.kind in ("buckets", "instance"):
            yield grant if grant.kind == "buckets" else Grant("write", "buckets")


def _bucket(grant: Grant, writers: Mapping[TokenId, str], wider: set[TokenId]) -> Bucket:
    names = [_short(writers[each]) for each in sorted(writers)]
    return Bucket(
        name=_short(grant.name or grant.id), writers=_first(names, _MOST_WRITERS), wider=len(wider - writers.keys())
    )


def _short(name: str) -> str:
    return shortened(name, _LONGEST)


def _first(things: list[_Thing], most: int = _MOST) -> Some[_Thing]:
    return Some(tuple(things[:most]), max(0, len(things) - most))

"""The problems of declarations without a live token: one by one, or together when they are most of all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from reconciler.core.live import Absence, Live, Missing
from reconciler.core.manifest import Declaration, Manifest, Match, Severity
from reconciler.core.text import SHOWN, name_some
from reconciler.core.token import HEX_ID
from reconciler.errors import Problem

Unseen = tuple[Declaration, Missing]
"""A declaration and why it means no live token."""

_MANY = 3  # of a kind, from which on they are told together
_LACKED = re.compile(f":((orgs|users)/({HEX_ID}))")
_RIGHTS = "use a token that may read and write authorizations and users"


def explain_all(unseen: Sequence[Unseen], manifest: Manifest, live: Live) -> tuple[list[Problem], list[Problem]]:
    """The problems of the declarations whose token is not there, and of those whose token is hidden.

    Each has its own, unless they are most of what is declared: then the server may be another one than was meant.
    """
    gone = [each for each in unseen if each[1].kind is not Absence.HIDDEN]
    hidden = [each for each in unseen if each[1].kind is Absence.HIDDEN]
    lost = [each for each in unseen if each[1].kind is not Absence.ORPHANED]
    most = len(lost) >= _MANY and 2 * len(lost) > len(manifest.tokens)
    told = [explain_missing(*each) for each in gone if not most or each[1].kind is Absence.ORPHANED]
    return ([_nowhere(lost, manifest, live)] if most else []) + told, _lacking(hidden, live, most=most)


def _nowhere(lost: Sequence[Unseen], manifest: Manifest, live: Live) -> Problem:
    """That most declarations find nothing on this server."""
    hidden = sum(missing.kind is Absence.HIDDEN for _, missing in lost)
    absent = len(lost) - hidden
    counts = {"absent": absent, "hidden from these credentials": hidden}
    told = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
    where = live.server.url + (f" (profile `{live.server.profile}`)" if live.server.profile else "")
    listed = f", organisation `{live.org}`," if live.org else ""
    warn = "" if manifest.absent is Severity.WARN else ", or write `absent: warn` at the top of the file"
    remove = f"; if so, remove those that are absent{warn}" if absent else f"; if so: {_RIGHTS}"
    return Problem(
        f"{len(lost):,} of {len(manifest.tokens):,} declarations find no token on {where}{listed} "
        f"({told}): {_called(lost)}",
        f"is that the right server? If not, correct --url, INFLUX_HOST or --profile{remove}",
        lost[0][0].origin.place(""),
    )


def _called(some: Sequence[Unseen]) -> str:
    """The first few of these declarations by what they declare, and how many more there are."""
    names = [
        f"`match` of {each.origin.place('')}" if isinstance(each.target, Match) else each.target
        for each, _ in some[:SHOWN]
    ]
    return name_some(names, len(some))


def _lacking(hidden: Sequence[Unseen], live: Live, *, most: bool) -> list[Problem]:
    """What is said of tokens that are hidden: a problem for each organisation and owner that many of them have."""
    groups: defaultdict[str, list[Unseen]] = defaultdict(list)
    tokens = live.tokens.values()
    names = {f"orgs/{each.org_id}": each.org for each in tokens} | {
        f"users/{each.user_id}": each.user for each in tokens
    }
    for each in hidden:
        groups[_whose(each[1].detail, names)].append(each)
    for whose in sorted(groups, key=lambda whose: -len(groups[whose]))[SHOWN:] if most else ():
        groups["others"] += groups.pop(whose)
    return [
        problem
        for whose, some in groups.items()
        for problem in ([_lacks(whose, some)] if len(some) >= _MANY else [explain_missing(*each) for each in some])
    ]


def _lacks(whose: str, some: Sequence[Unseen]) -> Problem:
    first = some[0][0]
    message = f"{len(some):,} tokens of {whose} exist, but these credentials may not read them: {_called(some)}"
    return Problem(f"{message} ({some[0][1].detail})", _RIGHTS, first.origin.place("id"))


def _whose(lacked: str, names: Mapping[str, str]) -> str:
    """Whose tokens a right is about, in the server's words for it."""
    if not (found := _LACKED.search(lacked)):
        return "others"
    name = names.get(found[1], "")
    return f"{'organisation' if found[2] == 'orgs' else 'owner'} {f'`{name}` ' if name else ''}{found[3]}"


def explain_missing(declaration: Declaration, missing: Missing) -> Problem:
    """The problem of one declaration whose token is missing."""
    target = declaration.target
    if isinstance(target, Match):
        return Problem(
            "`match` finds no live token",
            "compare it with `tokenctl list`; a list shows only what these credentials may read",
            declaration.origin.place("match"),
        )
    message, hint = {
        Absence.ABSENT: (
            f"the server has no token {target}",
            "remove the declaration, or write `absent: warn` at the top of the file",
        ),
        Absence.ORPHANED: (
            f"token {target} is orphaned: its owner or its organisation was deleted ({missing.detail})",
            "remove the declaration; the server lists such a token no more and accepts no changes worth reading back",
        ),
        Absence.HIDDEN: (f"token {target} exists, but these credentials may not read it ({missing.detail})", _RIGHTS),
        Absence.UNREADABLE: (
            f"token {target} cannot be read: {missing.detail}",
            "look at it on the server; nothing can be declared of a token that cannot be read",
        ),
    }[missing.kind]
    return Problem(message, hint, declaration.origin.place("id"))

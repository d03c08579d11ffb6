"""Which live tokens the declarations of a manifest mean, and what is wrong when they mean none or too many."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from reconciler.core.contrast import apart
from reconciler.core.live import HEX_ID, Absence, Live, Missing, Token, TokenId
from reconciler.core.manifest import Declaration, Manifest, Match, Pick, Severity
from reconciler.core.plan import Change
from reconciler.core.text import SHOWN, name_some, trimmed
from reconciler.errors import AuthError, InvalidError, Problem, RefusedError

Unseen = tuple[Declaration, Missing]
"""A declaration and why it means no live token."""

_MANY = 3  # of a kind, from which on they are told together
_COMPARED = 20  # absent ids that are compared with every live one
_LACKED = re.compile(f":((orgs|users)/({HEX_ID}))")
_RIGHTS = "use a token that may read and write authorizations and users"


class Index:
    """Live tokens by the values that a match may name, so that many matches cost no more than many ids."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = list(tokens)
        self._by: dict[str, dict[str, list[Token]]] = {}

    def _lookup(self, attribute: str, value: str) -> list[Token]:
        if not self._by:  # most manifests match nothing
            self._tokens.sort(key=lambda token: token.id)
        if attribute not in self._by:
            table: defaultdict[str, list[Token]] = defaultdict(list)
            for token in self._tokens:
                table[trimmed(token.org) if attribute == "org" else getattr(token, attribute)].append(token)
            self._by[attribute] = table
        return self._by[attribute].get(value, [])

    def picked(self, match: Match, declared_description: str | None) -> list[Token]:
        """Return the tokens that the match means, by ascending id; for `pick: only`, all that it finds."""
        candidates: list[list[Token]] = []
        if match.user is not None:
            candidates.append(self._lookup("user", match.user))
        if match.org is not None:
            name = trimmed(match.org)
            candidates.append(self._lookup("org", name) or self._lookup("org_id", name.lower()))
        if match.description is not None:
            # The declared description counts too: after the first apply it is the live one.
            # It is never empty: then every token without a description would be meant.
            texts = dict.fromkeys((match.description, declared_description or match.description))
            both = [token for text in texts for token in self._lookup("description", text)]
            candidates.append(sorted(both, key=lambda token: token.id))
        fewest, *rest = sorted(candidates, key=len)
        ids = [{token.id for token in each} for each in rest] if fewest else []
        found = [token for token in fewest if all(token.id in each for each in ids)]
        return found[:1] if match.pick is Pick.FIRST else found


class Wanted(NamedTuple):
    """A live token and the declaration that names it."""

    declaration: Declaration
    token: Token


class Resolution(NamedTuple):
    """The declared tokens that can be managed, in the order of the manifest, and warnings about the others."""

    wanted: tuple[Wanted, ...]
    warnings: tuple[Problem, ...]


def resolve(manifest: Manifest, live: Live) -> Resolution:
    """Find the live token of each declaration.

    Raises AuthError when a declared token is hidden from the caller, else InvalidError when one is absent or orphaned
    (unless `absent: warn`), a match is ambiguous or two declarations mean one token, else RefusedError when a token is
    outside the organisation that the file asserts. Each error holds every problem of the run.
    """
    index = Index(live.tokens.values())
    wanted: list[Wanted] = []
    wrong: list[Problem] = []
    elsewhere: list[Problem] = []
    unseen: list[Unseen] = []
    for declaration in manifest.tokens:
        token = None if isinstance(declaration.target, Match) else live.tokens.get(declaration.target)
        if token and live.includes(token):  # as most are
            wanted.append(Wanted(declaration, token))
            continue
        found = _find(declaration, live, index)
        if isinstance(found, Problem):
            wrong.append(found)
        elif isinstance(found, Missing) and found.kind is Absence.UNREADABLE:
            wrong.append(_explain_missing(declaration, found))
        elif isinstance(found, Missing):
            unseen.append((declaration, found))
        else:
            inside = [token for token in found if live.includes(token)]
            if not inside:
                message = f"left out: not a token of organisation `{live.org}`"
                elsewhere.append(Problem(message, place=declaration.origin.place("")))
            wanted += [Wanted(declaration, token) for token in inside]
    gone, hidden = _explain_all(unseen, manifest, live)
    wrong += hidden + _twice(wanted)
    if manifest.absent is Severity.FAIL:
        wrong += gone
        gone = []
    if wrong:
        raise (AuthError if hidden else InvalidError)(_by_place(wrong))
    _check_limit(manifest, live, wanted, elsewhere)
    assert_org(manifest, live, wanted, "the file's `server.org` says that every declared token belongs to it")
    return Resolution(tuple(wanted), tuple(_by_place(gone + elsewhere)))


def assert_stable(manifest: Manifest, live: Live, changes: Iterable[Change]) -> None:
    """Raise InvalidError when a `match` would mean other tokens after the changes.

    Each run would then plan changes again, or find too many tokens.
    """
    matches = [(each, each.target) for each in manifest.tokens if isinstance(each.target, Match)]
    looking = [(each, match) for each, match in matches if match.description is not None]
    described = {each.token.id: each.description for each in changes if each.description is not None}
    if not described or not looking:
        return
    tokens = live.tokens.values()
    now = Index(tokens)
    then = Index(each._replace(description=described.get(each.id, each.description)) for each in tokens)
    problems = []
    for each, match in looking:
        before, after = ([token.id for token in index.picked(match, each.description)] for index in (now, then))
        if before != after:
            now_found, then_found = (
                name_some([live.tokens[found].subject for found in some]) or "nothing" for some in (before, after)
            )
            message = f"`match` finds {now_found} now and would find {then_found} after this plan"
            hint = "name tokens by `id`, or give no token a description that this `match` looks for"
            problems.append(Problem(message, hint, each.origin.place("match")))
    if problems:
        raise InvalidError(problems)


def declared_tokens(manifest: Manifest, live: Live) -> dict[TokenId, Declaration]:
    """Return the declaration of each live token in a manifest that may no longer fit these tokens.

    Declarations without a token are left out, and an ambiguous `match` means every token that it finds. Of two
    declarations of one token the first counts, but either can protect it.
    """
    index = Index(live.tokens.values())
    said: dict[TokenId, Declaration] = {}
    for declaration in manifest.tokens:
        for token in _meant(declaration, live, index):
            if live.includes(token):
                first = said.setdefault(token.id, declaration)
                if declaration.protected and not first.protected:
                    said[token.id] = first._replace(protected=True)
    return said


def suggests_others(manifest: Manifest, live: Live) -> bool:
    """Whether a token that is not declared may be suggested in place of one that is absent."""
    absent = [each for each in manifest.ids & live.missing.keys() if live.missing[each].kind is Absence.ABSENT]
    return 0 < len(absent) <= _COMPARED and not _are_most(absent, manifest)


def _meant(declaration: Declaration, live: Live, index: Index) -> list[Token]:
    target = declaration.target
    if isinstance(target, Match):
        return index.picked(target, declaration.description)
    return [live.tokens[target]] if target in live.tokens else []


def _find(declaration: Declaration, live: Live, index: Index) -> list[Token] | Missing | Problem:
    target, found = declaration.target, _meant(declaration, live, index)
    if not found:
        return Missing(Absence.ABSENT, "") if isinstance(target, Match) else live.missing[target]
    if isinstance(target, Match) and target.pick is Pick.ONLY and len(found) > 1:
        message = f"`match` finds {len(found):,} tokens: {name_some([token.subject for token in found])}"
        hint = "name one by `id`, or write `pick: first` or `pick: all`"
        return Problem(message, hint, declaration.origin.place("match"))
    return found


def _check_limit(manifest: Manifest, live: Live, wanted: Sequence[Wanted], elsewhere: Sequence[Problem]) -> None:
    """Raise InvalidError when no declared token is of the organisation to which the run is limited.

    A `match` that finds nothing may mean a token of another organisation, which was not listed.
    """
    if wanted or not live.org:
        return
    if elsewhere or any(isinstance(each.target, Match) for each in manifest.tokens):
        message = f"nothing of what is declared is a token of organisation `{live.org}`, to which this run is limited"
        hint = "correct --org, INFLUX_ORG or INFLUX_ORG_ID, or leave it out"
        raise InvalidError([Problem(message, hint), *elsewhere])


def _twice(wanted: Sequence[Wanted]) -> list[Problem]:
    if len({each.token.id for each in wanted}) == len(wanted):
        return []
    first: dict[TokenId, Declaration] = {}
    problems = []
    for each in wanted:
        earlier = first.setdefault(each.token.id, each.declaration)
        if earlier is not each.declaration:
            message = f"token {each.token.id} is declared twice: first at {earlier.origin.place('')}"
            problems.append(Problem(message, "keep one of the two declarations", each.declaration.origin.place("")))
    return problems


def assert_org(manifest: Manifest, live: Live, wanted: Sequence[Wanted], hint: str) -> None:
    """Raise RefusedError for the tokens that are outside the organisation that the manifest asserts.

    Also when no token at all is of it, although some were listed.
    """
    asserted = manifest.server.org
    if not asserted or not live.tokens:
        return
    inside = live.orgs_called(asserted)
    if not inside and not wanted:
        raise RefusedError(f"no live token belongs to organisation `{asserted}`", hint)
    outside = []
    for each in wanted:
        if each.token.org_id not in inside:
            org, other = apart(each.token.org, asserted)
            message = f"token {each.token.id} belongs to organisation `{org}`, not to `{other}`"
            outside.append(Problem(message, hint, each.declaration.origin.place("")))
    if outside:
        raise RefusedError(outside)


def _by_place(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.position)


def _explain_all(unseen: Sequence[Unseen], manifest: Manifest, live: Live) -> tuple[list[Problem], list[Problem]]:
    """Return the problems of declarations whose token is gone, and of those whose token is hidden.

    When they are most of what is declared, one problem says so: this may be the wrong server.
    """
    gone = [each for each in unseen if each[1].kind is not Absence.HIDDEN]
    hidden = [each for each in unseen if each[1].kind is Absence.HIDDEN]
    most = _are_most(lost := [each for each in unseen if each[1].kind is not Absence.ORPHANED], manifest)
    told = [each for each in gone if not most or each[1].kind is Absence.ORPHANED]
    others = live.tokens.keys() - manifest.ids if 0 < len(told) <= _COMPARED else ()
    problems = [_explain_missing(*each, _meant_id(each[0], others, live)) for each in told]
    return ([_nowhere(lost, manifest, live)] if most else []) + problems, _lacking(hidden, live, most=most)


def _are_most(lost: Collection[object], manifest: Manifest) -> bool:
    return len(lost) >= max(_MANY, len(manifest.tokens) // 2 + 1)


def _meant_id(declaration: Declaration, undeclared: Collection[TokenId], live: Live) -> str:
    """Return the question whether another token was meant by a declared id that differs in a slip; "" for none."""
    from reconciler.core.select import did_you_mean, nearest  # only for who mistyped

    meant = None if isinstance(declaration.target, Match) else nearest(declaration.target, undeclared)
    return f"{did_you_mean(meant, live.tokens[meant].description)} Else " if meant else ""


def _nowhere(lost: Sequence[Unseen], manifest: Manifest, live: Live) -> Problem:
    """Return the problem that most declarations find nothing on this server."""
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
    """Return the first few of these declarations by their ids or places, and how many more there are."""
    names = [
        f"`match` of {each.origin.place('')}" if isinstance(each.target, Match) else each.target
        for each, _ in some[:SHOWN]
    ]
    return name_some(names, len(some))


def _lacking(hidden: Sequence[Unseen], live: Live, *, most: bool) -> list[Problem]:
    """Return the problems of hidden tokens, one for all of an organisation or owner that has many of them."""
    if not hidden:
        return []
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
        for problem in ([_lacks(whose, some)] if len(some) >= _MANY else [_explain_missing(*each) for each in some])
    ]


def _lacks(whose: str, some: Sequence[Unseen]) -> Problem:
    first = some[0][0]
    message = f"{len(some):,} tokens of {whose} exist, but these credentials may not read them: {_called(some)}"
    return Problem(f"{message} ({some[0][1].detail})", _RIGHTS, first.origin.place("id"))


def _whose(lacked: str, names: Mapping[str, str]) -> str:
    """Return the organisation or owner that a missing right is about, from the server's message."""
    if not (found := _LACKED.search(lacked)):
        return "others"
    name = names.get(found[1], "")
    return f"{'organisation' if found[2] == 'orgs' else 'owner'} {f'`{name}` ' if name else ''}{found[3]}"


def _explain_missing(declaration: Declaration, missing: Missing, meant: str = "") -> Problem:
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
            f"{meant}remove the declaration, or write `absent: warn` at the top of the file",
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

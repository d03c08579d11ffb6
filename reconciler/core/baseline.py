"""How the files differ from those of the base: the revisions, and the marks of a plan's changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

from reconciler.core.live import TokenId
from reconciler.core.manifest import Declaration, Manifest, Match, Pick, Severity
from reconciler.core.plan import Change, Kind, Mark, Revision, between
from reconciler.core.resolve import Wanted
from reconciler.core.text import moment, trimmed
from reconciler.errors import Place, Problem


class Baseline(NamedTuple):
    """The manifest at the commit of `ref`, which `--base` names, and how the files differ from it now.

    When that manifest cannot be read, `warnings` say why; it then declares nothing, and the default guards hold.
    """

    ref: str
    commit: str
    revisions: tuple[Revision, ...]
    warnings: tuple[Problem, ...] = ()
    manifest: Manifest = Manifest()


def locked(manifest: Manifest, baseline: Baseline | None) -> bool:
    """Return whether the files or those of the base ask to lock the organisations while a run sends."""
    return manifest.lock or (baseline is not None and baseline.manifest.lock)


_Key = Callable[[Declaration], Hashable | None]
_Pair = tuple[Declaration | None, Declaration | None]

# The fields of a declaration, by what a difference in them makes of it; the gravest first.
_KINDS = {
    "target": Kind.RETARGETED,
    "status": Kind.CHANGED,
    "until": Kind.CHANGED,
    "description": Kind.CHANGED,
    "protected": Kind.CHANGED,
    "labels": Kind.CHANGED,
    "name": Kind.RENAMED,
    "file": Kind.MOVED,
}
_DECLARED = ("status", "until", "description", "protected", "labels")  # what a declaration says of its token


def revise(base: Manifest, head: Manifest, ref: str) -> tuple[Revision, ...]:
    """Return how `head` differs from `base`, in whose places each file's name stands after `ref` and a colon."""
    pairs = [_revision(before, after, ref) for before, after in _pairs(base.tokens, head.tokens)]
    found = [*_settings(base, head), *(each for each in pairs if each)]
    kinds = list(Kind)
    return tuple(sorted(found, key=lambda each: (kinds.index(each.kind), each.name or "", each.target)))


def about(revisions: Iterable[Revision], declarations: Iterable[Declaration]) -> tuple[Revision, ...]:
    """Return the revisions of these declarations, before or after, and those of settings."""
    targets = {target_text(each.target) for each in declarations}
    return tuple(
        each
        for each in revisions
        if each.kind is Kind.SETTING
        or each.target in targets
        or any(edit.field == "target" and edit.before in targets for edit in each.edits)
    )


def _pairs(before: Iterable[Declaration], after: Iterable[Declaration]) -> Iterator[_Pair]:
    """Yield each declaration with its earlier one; one of the two is None where there is no counterpart.

    Two belong together that name the same token, else have the same name, else select the same but for `pick`.
    """
    left, right = list(before), list(after)
    keys: tuple[_Key, ...] = (lambda each: each.target, lambda each: each.name, _selected)
    for key in keys:
        ones, others = _unique(left, key), _unique(right, key)
        both = ones.keys() & others.keys()
        yield from ((ones[each], others[each]) for each in both)
        left = [each for each in left if key(each) not in both]
        right = [each for each in right if key(each) not in both]
    yield from ((each, None) for each in left)
    yield from ((None, each) for each in right)


def _selected(declaration: Declaration) -> Match | None:
    target = declaration.target
    return target._replace(pick=Pick.ONLY) if isinstance(target, Match) else None


def _unique(declarations: Iterable[Declaration], key: _Key) -> dict[Hashable, Declaration]:
    """Return the declarations by their keys, without those that share a key or have none."""
    keyed = [(found, each) for each in declarations if (found := key(each)) is not None]
    counted = Counter(found for found, _ in keyed)
    return {found: each for found, each in keyed if counted[found] == 1}


def _revision(before: Declaration | None, after: Declaration | None, ref: str) -> Revision | None:
    earlier = _values(before, ref) if before else {}
    later = _values(after, ref) if after else {}
    told = _KINDS if before and after else _DECLARED
    edits = tuple(each for each in between(earlier, later) if each.field in told)
    if before and after and not edits:
        return None
    field = edits[0].field if before and after else ""
    return Revision(
        kind=Kind.ADDED if before is None else Kind.REMOVED if after is None else _KINDS[field],
        target=(later or earlier)["target"] or "",
        name=(later or earlier)["name"],
        edits=edits,
        loosens=bool(earlier.get("protected")) and (not later.get("protected") or field == "target"),
        place=_place(after, field) if after else None,
        base_place=_place(before, field) if before else None,
    )


def _values(declaration: Declaration, ref: str) -> dict[str, str | None]:
    return {
        "target": target_text(declaration.target),
        "status": declaration.status.value if declaration.status else None,
        "until": declaration.until.text if declaration.until else None,
        "description": declaration.description,
        "protected": "true" if declaration.protected else None,
        "labels": ", ".join(f"{key}={value}" for key, value in sorted(declaration.labels.items())) or None,
        "name": declaration.name,
        "file": declaration.origin.place("").file.removeprefix(f"{ref}:"),
    }


def target_text(target: TokenId | Match) -> str:
    """Return the id, or the selection in words."""
    if not isinstance(target, Match):
        return target
    return f"match {selection_text(target)}" + ("" if target.pick is Pick.ONLY else f", pick {target.pick}")


def selection_text(match: Match) -> str:
    """Return what a selection looks for in words."""
    given = {"user": match.user, "org": match.org, "description": match.description}
    return ", ".join(f"{key} `{value}`" for key, value in given.items() if value is not None)


def _place(declaration: Declaration, field: str) -> Place:
    key = {"target": "match" if isinstance(declaration.target, Match) else "id", "file": ""}.get(field, field)
    return declaration.origin.place(key)


def _settings(base: Manifest, head: Manifest) -> Iterator[Revision]:
    for each in between(_set(base), _set(head)):
        key = each.field
        yield Revision(
            kind=Kind.SETTING,
            target=key,
            edits=(each._replace(field=key.rpartition(".")[2]),),
            loosens=excepts_more(head, base) if key == "unmanaged.except" else _loosens(key, each.before, each.after),
            place=head.places.get(key),
            base_place=base.places.get(key),
        )


def _set(manifest: Manifest) -> dict[str, str | None]:
    """Return the settings of a manifest as text, defaults included."""
    return {
        "server.url": manifest.server.url,
        "server.org": manifest.server.org,
        "guards.max_deactivations": str(manifest.limits.max_deactivations),
        "guards.min_managers": str(manifest.limits.min_managers),
        "unmanaged": manifest.unmanaged.value,
        "unmanaged.except": "; ".join(sorted(set(map(selection_text, manifest.excepted)))) or None,
        "absent": manifest.absent.value,
        "lock": str(manifest.lock).lower(),
    }


def excepts_more(head: Manifest, base: Manifest) -> bool:
    """Return whether `head` excepts tokens from `unmanaged` of which the base would say something."""
    known = {_values_of(each) for each in base.excepted}
    return base.unmanaged is not Severity.IGNORE and any(known.isdisjoint(_wider(each)) for each in head.excepted)


_Values = tuple[str | None, str | None, str | None]


def _values_of(match: Match) -> _Values:
    return match.user, None if match.org is None else trimmed(match.org), match.description


def _wider(match: Match) -> Iterator[_Values]:
    """Yield the match's values, and those of each match with fewer of them, which finds whatever this one does."""
    user, org, description = _values_of(match)
    yield from ((one, two, three) for one in {user, None} for two in {org, None} for three in {description, None})


def _loosens(key: str, before: str | None, after: str | None) -> bool:
    """Return whether the new value of a setting may allow something that the old one did not."""
    if before is None or after is None:
        return after is None
    if key.startswith("server."):
        return True
    if key == "lock":
        return after == "false"
    if not key.startswith("guards."):
        return Severity(after).rank < Severity(before).rank
    if before.endswith("%") is not after.endswith("%"):
        return after != "0"  # a share and a number: which is more depends on how many tokens are managed
    less = int(after.rstrip("%")) < int(before.rstrip("%"))
    return less if key == "guards.min_managers" else not less


Declarations = Mapping[TokenId, Declaration]
"""The declaration of each token at some commit."""


def with_base(changes: Iterable[Change], declarations: Declarations) -> tuple[Change, ...]:
    """Return the changes, with `this-change` on each field that the base declares differently or not at all."""
    return tuple(
        change._replace(
            marks={field: Mark.THIS_CHANGE for field in change.body if not _declares(declarations, change, field)},
        )
        for change in changes
    )


def moments(changes: Iterable[Change]) -> frozenset[float]:
    """Return when the tokens of changes with unmarked fields were last changed, in seconds since 1970."""
    found = {changed_at(change) for change in changes if change.marks.keys() < change.body.keys()}
    return frozenset(each for each in found if each is not None)


def with_history(changes: Iterable[Change], then: Mapping[float, Declarations]) -> tuple[Change, ...]:
    """Return the changes with `drift` and `pending` marks; `then` has the declarations at each known moment."""
    return tuple(_marked(change, then) for change in changes)


def _marked(change: Change, then: Mapping[float, Declarations]) -> Change:
    at = changed_at(change)
    if at is None or at not in then:
        return change
    told = {
        field: Mark.DRIFT if _declares(then[at], change, field, at) else Mark.PENDING
        for field in change.body
        if field not in change.marks
    }
    return change._replace(marks={**change.marks, **told})


def _declares(declarations: Declarations, change: Change, field: str, moment: float = float("-inf")) -> bool:
    """Return whether a field is declared as the change sets it, with what `until` made of it by then."""
    declaration = declarations.get(change.token.id)
    return declaration is not None and getattr(declaration.at(moment), field) == change.body[field]


def changed_at(change: Change) -> float | None:
    """Return when the token was last changed on the server, in seconds since 1970; None where it does not say."""
    found = moment(change.token.updated_at)
    return found.timestamp() if found else None


def unshown(revisions: Iterable[Revision], changes: Iterable[Change], wanted: Iterable[Wanted]) -> tuple[Revision, ...]:
    """Return the revisions that no change of the plan shows in full, by sending what the files newly declare."""
    shown: dict[str, set[str]] = {}
    marked = {change.token.id: change for change in changes}
    for each in wanted:
        change = marked.get(each.token.id)
        marks = change.marks if change else {}
        fields = {field for field, mark in marks.items() if mark is Mark.THIS_CHANGE}
        if change and change.until and "status" in fields:
            fields = {*fields, "until"} - {"status"}
        shown.setdefault(target_text(each.declaration.target), set()).update(fields)
    return tuple(each for each in revisions if not _is_shown(each, shown.get(each.target, set())))


def _is_shown(revision: Revision, shown: Container[str]) -> bool:
    if revision.kind not in (Kind.ADDED, Kind.CHANGED):
        return False
    told = {edit.field for edit in revision.edits} - ({"protected", "labels"} if revision.kind is Kind.ADDED else set())
    return bool(told) and all(field in shown for field in told)

"""Changes and what the base declares in, out each change's marks, and which revisions no change shows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from reconciler.core import text
from reconciler.core.manifest import Declaration
from reconciler.core.plan import Change, Mark
from reconciler.core.resolve import Wanted
from reconciler.core.revise import Kind, Revision, target_text
from reconciler.core.token import TokenId

Declarations = Mapping[TokenId, Declaration]
"""The declaration of each token at some commit."""


def since(changes: Iterable[Change], declarations: Declarations) -> tuple[Change, ...]:
    """The changes with a mark on each field that the base declares otherwise, or not at all."""
    return tuple(
        replace(
            change,
            marks={field: Mark.THIS_CHANGE for field in change.body if not _declares(declarations, change, field)},
        )
        for change in changes
    )


def moments(changes: Iterable[Change]) -> frozenset[float]:
    """When the tokens were last changed, in seconds since 1970, whose marks need to know what was declared then."""
    found = {moment(change) for change in changes if change.marks.keys() < change.body.keys()}
    return frozenset(each for each in found if each is not None)


def with_history(changes: Iterable[Change], then: Mapping[float, Declarations]) -> tuple[Change, ...]:
    """The changes with every mark that can be told; `then` has what was declared at a moment, where that is known."""
    return tuple(_with_history(change, then) for change in changes)


def _with_history(change: Change, then: Mapping[float, Declarations]) -> Change:
    at = moment(change)
    declarations = None if at is None else then.get(at)
    if declarations is None:
        return change
    told = {
        field: Mark.DRIFT if _declares(declarations, change, field) else Mark.PENDING
        for field in change.body
        if field not in change.marks
    }
    return replace(change, marks={**change.marks, **told})


def _declares(declarations: Declarations, change: Change, field: str) -> bool:
    declaration = declarations.get(change.token.id)
    return declaration is not None and getattr(declaration, field) == change.body[field]


def moment(change: Change) -> float | None:
    """When the token was last changed on the server, in seconds since 1970; None where it does not say so.

    As InfluxDB writes it: RFC 3339 with any offset and up to nine digits of a second.
    """
    found = text.moment(change.token.updated_at)
    return found.timestamp() if found else None


def unshown(revisions: Iterable[Revision], changes: Iterable[Change], wanted: Iterable[Wanted]) -> tuple[Revision, ...]:
    """The revisions of which no change shows everything: it sends what this change of the files declares."""
    shown: dict[str, set[str]] = {}
    marked = {change.token.id: change.marks for change in changes}
    for each in wanted:
        marks = marked.get(each.token.id, {})
        fields = {field for field, mark in marks.items() if mark is Mark.THIS_CHANGE}
        shown.setdefault(target_text(each.declaration.target), set()).update(fields)
    return tuple(each for each in revisions if not _is_shown(each, shown.get(each.target, set())))


def _is_shown(revision: Revision, shown: Container[str]) -> bool:
    if revision.kind not in (Kind.ADDED, Kind.CHANGED):
        return False
    told = {edit.field for edit in revision.edits} - ({"protected", "labels"} if revision.kind is Kind.ADDED else set())
    return bool(told) and all(field in shown for field in told)

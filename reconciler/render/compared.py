"""How files compare with a commit and a plan with a reviewed one, in words; foreign text is escaped and on one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.core.plan import Difference, Kind, Revision
from reconciler.core.text import count
from reconciler.render import words
from reconciler.render.escape import quoted, terminal

if TYPE_CHECKING:  # most plans are compared with none
    from reconciler.core.review import Review, TokenDifference

NO_LONGER_MANAGED = "it will no longer be managed; the token stays as it is"
"""What it means that a declaration was removed."""


def revision_counts(revisions: Iterable[Revision]) -> str:
    """Return how many revisions there are of each kind."""
    kinds = [each.kind for each in revisions]
    counted = {kind: kinds.count(kind) for kind in Kind if kind in kinds}
    told = [count(number, kind) if kind is Kind.SETTING else f"{number:,} {kind}" for kind, number in counted.items()]
    return ", ".join(told) or "nothing is declared otherwise"


def gravest_revisions_first(revisions: Iterable[Revision]) -> list[Revision]:
    """Return the revisions with those that loosen a guard first."""
    return sorted(revisions, key=lambda each: not each.loosens)


def label_of(revision: Revision) -> str:
    """Return what a reader knows a declaration or setting by: its name and what it selects, or its key."""
    return terminal(f"{revision.name} ({revision.target})" if revision.name else revision.target)


def place_of_revision(revision: Revision) -> str:
    """Return the file and the line where it stands, or stood before it was removed, as the file is called."""
    return words.file_and_line(revision.place or revision.base_place)


def loosened(revision: Revision, subject: str = "") -> str:
    """Return how a revision loosens a guard; `subject` begins the sentence where that needs one."""
    return "it was protected" if revision.kind is Kind.REMOVED else f"{subject}loosens a guard of the base"


def meaning(revision: Revision) -> list[str]:
    """Return what a revision means, a sentence or a field each."""
    if revision.kind is Kind.REMOVED:
        parts = [NO_LONGER_MANAGED]
    elif revision.kind is Kind.ADDED:
        parts = [f"{each.field} {words.value(each.field, each.after)}" for each in revision.edits]
    else:
        parts = list(map(words.field_and_values, revision.edits))
    return [*parts, *([loosened(revision, "this ")] if revision.loosens else [])]


def verdict(review: Review) -> str:
    """Return what the plan is beside the reviewed one."""
    from reconciler.core.review import Verdict

    if review.verdict is Verdict.AS_REVIEWED:
        return "as reviewed"
    if review.verdict is Verdict.DIFFERS:
        return f"differs from what was reviewed, whose digest is {review.digest}"
    return f"unknown: {terminal(review.reason)}"


def differences(review: Review) -> list[str]:
    """Return a line for each value of the whole plan and for each token that is not as it was reviewed."""
    whole = [f"{each.field}: {_values(each)}" for each in review.differences]
    return whole + [_token_difference(each) for each in review.tokens]


def _token_difference(token: TokenDifference) -> str:
    from reconciler.core.review import Side

    sides = {
        Side.NOW: "only in this plan",
        Side.REVIEWED: "only in the reviewed plan",
        Side.BOTH: "in both, with other values",
    }
    differences = [each for each in token.differences if token.side is Side.BOTH or each.field.endswith(" after")]
    values = "; ".join(f"{each.field} {_values(each)}" for each in differences)
    named = quoted(token.name) + (f" ({quoted(token.description)})" if token.description else "")
    return f"{token.id} {named}, {sides[token.side]}: {values}"


def _values(difference: Difference) -> str:
    show = quoted if difference.field.startswith("description") else terminal
    shown = words.apart(*("" if each is None else show(each) for each in (difference.before, difference.after)))
    return " → ".join(filter(None, shown))

"""Revisions as values of JSON, as schemas/revisions.v1.json and plan.v1.json have them, and back."""

from __future__ import annotations

from typing import TypedDict

from reconciler.core.problem_document import PlaceDocument, ProblemDocument, place_from, place_to, problem_to
from reconciler.core.revision import Edit, Kind, Revised, Revision

FORMAT_VERSION = 1


class EditDocument(TypedDict):
    """A value before and after."""

    field: str
    before: str | None
    after: str | None


class RevisionDocument(TypedDict):
    """What became of one declaration or setting."""

    kind: str
    target: str
    name: str | None
    edits: list[EditDocument]
    loosens: bool
    place: PlaceDocument | None
    base_place: PlaceDocument | None


class BaseDocument(TypedDict):
    """The commit that the files are compared with."""

    ref: str
    commit: str


class RevisedDocument(TypedDict):
    """All that a change of the files means."""

    format_version: int
    base: BaseDocument
    revisions: list[RevisionDocument]
    warnings: list[ProblemDocument]


def to_document(revised: Revised) -> RevisedDocument:
    """The value of schemas/revisions.v1.json."""
    return {
        "format_version": FORMAT_VERSION,
        "base": {"ref": revised.ref, "commit": revised.commit},
        "revisions": [revision_to(each) for each in revised.revisions],
        "warnings": [problem_to(each) for each in revised.warnings],
    }


def revision_to(revision: Revision) -> RevisionDocument:
    """One revision."""
    return {
        "kind": revision.kind.value,
        "target": revision.target,
        "name": revision.name,
        "edits": [{"field": each.field, "before": each.before, "after": each.after} for each in revision.edits],
        "loosens": revision.loosens,
        "place": place_to(revision.place),
        "base_place": place_to(revision.base_place),
    }


def revision_from(document: RevisionDocument) -> Revision:
    """The revision of a document that the schema accepts."""
    return Revision(
        kind=Kind(document["kind"]),
        target=document["target"],
        name=document["name"],
        edits=tuple(Edit(**edit) for edit in document["edits"]),
        loosens=document["loosens"],
        place=place_from(document["place"]),
        base_place=place_from(document["base_place"]),
    )

"""Problems and places as values of JSON, as every format has them, and back."""

from __future__ import annotations

from typing import TypedDict

from reconciler.errors import Place, Problem


class PlaceDocument(TypedDict):
    """A position in a manifest file, counted from 1."""

    file: str
    line: int
    column: int


class ProblemDocument(TypedDict):
    """A warning; a refusal has the guard's name beside it."""

    message: str
    hint: str
    place: PlaceDocument | None


def place_document(place: Place) -> PlaceDocument:
    """The position."""
    return {"file": place.file, "line": place.line, "column": place.column}


def place_to(place: Place | None) -> PlaceDocument | None:
    """The position, where there is one."""
    return place_document(place) if place else None


def place_from(document: PlaceDocument | None) -> Place | None:
    """The same back."""
    return Place(**document) if document else None


def problem_to(problem: Problem) -> ProblemDocument:
    """The problem with its hint."""
    return {"message": problem.message, "hint": problem.hint, "place": place_to(problem.place)}


def problem_from(document: ProblemDocument) -> Problem:
    """The same back."""
    return Problem(document["message"], document["hint"], place_from(document["place"]))

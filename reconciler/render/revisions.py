"""What a change of the files means in, text for people out: readable without colour."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.revise import Kind, Revised, Revision
from reconciler.render.escape import line, terminal, width
from reconciler.render.pieces import difference, pad, paint, problem
from reconciler.render.words import revised as revised_in_words
from reconciler.render.words import value

_SIGNS = {Kind.SETTING: "!", Kind.REMOVED: "-", Kind.ADDED: "+", Kind.CHANGED: "~"}  # all others: *
_COLOURS = {Kind.REMOVED: 31, Kind.ADDED: 32}
_YELLOW, _RED = 33, 31
_LABELS = (18, 16)  # the widest a name and an id may be before they are cut
_INDENT = " " * 6


def text(revised: Revised, *, colour: bool = False) -> str:
    """Every revision, and the counts at the end, whatever foreign text says."""
    blocks = [line(f"since {revised.ref} · commit {revised.commit[:12]} · no server was asked")]
    if revised.revisions:
        blocks.append(rows(revised.revisions, colour=colour))
    blocks += [problem(each, "Warning", colour=_YELLOW if colour else 0) for each in revised.warnings]
    blocks.append(verdict(revised.revisions, colour=colour))
    return "\n\n".join(blocks) + "\n"


def verdict(revisions: Sequence[Revision], *, colour: bool = False) -> str:
    """How many there are of each kind, and how many guards hold less than before."""
    loosened = sum(each.loosens for each in revisions)
    warning = f"Guards: {loosened} of these would let something pass that the base does not."
    return f"Files: {revised_in_words(revisions)}." + ("\n" + paint(warning, _RED, enabled=colour) if loosened else "")


def rows(revisions: Sequence[Revision], *, colour: bool = False) -> str:
    """A row for each revision, with the values before and after below it."""
    cells = [_cells(each) for each in revisions]
    columns = zip(*(each for each in cells if len(each) > 1), strict=True)
    widths = [min(limit, max(map(width, column))) for limit, column in zip(_LABELS, columns, strict=False)]
    lines = []
    for revision, row in zip(revisions, cells, strict=True):
        sign = f"{_SIGNS.get(revision.kind, '*')} {revision.kind:<10}"
        painted = paint(sign, _COLOURS.get(revision.kind, _YELLOW), enabled=colour)
        padded = row if len(row) == 1 else [pad(cell, size) for cell, size in zip(row, widths, strict=True) if size]
        lines.append("  ".join(["", painted, *padded, _place(revision)]).rstrip())
        lines += _details(revision, colour=colour)
    return "\n".join(lines)


def _cells(revision: Revision) -> list[str]:
    """The name and the id of a declaration, or the key of a setting."""
    if revision.kind is Kind.SETTING:
        return [terminal(revision.target)]
    return [terminal(revision.name or ""), "match" if _selects(revision) else terminal(revision.target)]


def _selects(revision: Revision) -> bool:
    return revision.target.startswith("match ")


def _place(revision: Revision) -> str:
    place = revision.place or revision.base_place
    return f"{terminal(place.file)}:{place.line}" if place else ""


def _details(revision: Revision, *, colour: bool) -> list[str]:
    """What stands below the row of a revision."""
    lines = []
    if _selects(revision) and all(edit.field != "target" for edit in revision.edits):
        lines.append(f"{_INDENT}{terminal(revision.target)}")
    if revision.kind is Kind.REMOVED:
        lines.append(f"{_INDENT}it will no longer be managed; the token stays as it is")
    elif revision.kind is Kind.ADDED:
        lines += [f"{_INDENT}{each.field:<11}  {value(each.field, each.after)}" for each in revision.edits]
    else:
        lines += [each for edit in revision.edits for each in difference(edit.field, edit.before, edit.after)]
    if revision.loosens:
        told = "! it was protected" if revision.kind is Kind.REMOVED else "! loosens a guard of the base"
        lines.append(_INDENT + paint(told, _RED, enabled=colour))
    return lines

"""What a change of the files means, as values: declarations that came, went or say something else, and settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import Place, Problem


class Kind(StrEnum):
    """What became of a setting or of a declaration, the gravest of all that did, in the order in which to show them."""

    SETTING = "setting"  # `server`, `guards`, `unmanaged`, `absent`, `lock`
    REMOVED = "removed"  # the token will no longer be managed
    RETARGETED = "retargeted"  # the same name means another token now
    CHANGED = "changed"
    ADDED = "added"
    RENAMED = "renamed"  # the same token has another name in the file
    MOVED = "moved"  # it stands in another file


@dataclass(frozen=True, slots=True)
class Edit:
    """A value that the files declare before and after; None where they declare none."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One declaration or setting that the files have otherwise than the base has.

    `target` is the token's id, the selection in words or the setting's key, `name` the declaration's name, both as they
    are after, or before for what was removed. `loosens` says that a guard holds less than before. `place` is where it
    stands now, `base_place` where it stood.
    """

    kind: Kind
    target: str
    name: str | None = None
    edits: tuple[Edit, ...] = ()
    loosens: bool = False
    place: Place | None = None
    base_place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """What a change of the files means, without a server: all that they have otherwise than at the commit of `ref`."""

    ref: str
    commit: str
    revisions: tuple[Revision, ...]
    warnings: tuple[Problem, ...] = ()

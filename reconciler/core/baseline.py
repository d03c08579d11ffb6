"""What the files declare at the commit that a plan is compared with, as values."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.manifest import Limits, Manifest
from reconciler.core.revision import Revision
from reconciler.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The manifest at the commit that `--base` names, `ref` in the user's words and `commit` by its hash.

    `revisions` are all that the files have otherwise now. `warnings` say what of the files there cannot be read: then
    they declare nothing, and the guards that hold by themselves hold.
    """

    ref: str
    commit: str
    manifest: Manifest
    revisions: tuple[Revision, ...]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a plan keeps of its baseline.

    `limits` are the base's, which hold beside the files' own, and `managed` counts the live tokens that it declares.
    `revisions` are those that no change of the plan shows.
    """

    ref: str
    commit: str
    limits: Limits
    managed: int
    revisions: tuple[Revision, ...] = ()

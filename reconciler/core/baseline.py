"""What the files declare at the commit that a plan is compared with, as values."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.manifest import Limits, Manifest
from reconciler.core.revision import Revised, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Revised):
    """What the files have otherwise now than at the commit that `--base` names, and the manifest there.

    When it cannot be read, as `warnings` say, it declares nothing, and the guards that hold by themselves hold.
    """

    manifest: Manifest


def locked(manifest: Manifest, baseline: Baseline | None) -> bool:
    """Whether the files, or those of the base, want the organisations locked meanwhile."""
    return manifest.lock or (baseline is not None and baseline.manifest.lock)


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

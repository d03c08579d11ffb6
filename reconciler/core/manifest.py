"""A manifest: what the files declare, as values; a manifest that exists is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from reconciler.core.live import Status, TokenId
from reconciler.core.text import trimmed
from reconciler.errors import Place, UsageError


class Origin(Protocol):
    """Where an entry of the manifest stands; asked only for what is shown."""

    def place(self, key: str) -> Place:
        """The position of the entry's key, or of the entry itself for "" and for a key it lacks."""


class Pick(StrEnum):
    """Which of several matching tokens a declaration means."""

    ONLY = "only"  # an error unless exactly one matches
    FIRST = "first"  # the lowest id
    ALL = "all"


class Severity(StrEnum):
    """What to do about something that a policy names, the gravest last; as texts, they would be ordered by letters."""

    IGNORE = "ignore"
    WARN = "warn"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """The place in the order of gravity, the greatest for the gravest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A selection of live tokens: every value given must be equal, character for character.

    White space around `org` does not count, as on the server, and `org` may be an id unless an organisation has that
    name.
    """

    user: str | None = None
    org: str | None = None
    description: str | None = None
    pick: Pick = Pick.ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One entry under `tokens:`.

    `target` is the token's id or the selection that finds it. `description` and `status` are None where the file
    leaves them out: then they are not managed. Equality leaves out `origin`, which declares nothing.
    """

    target: TokenId | Match
    origin: Origin = field(compare=False, repr=False)
    name: str | None = None
    description: str | None = None
    status: Status | None = None
    protected: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Every text of the declaration that its author chose freely, one per line."""
        match = self.target if isinstance(self.target, Match) else Match()
        chosen = (self.name, self.description, match.user, match.org, match.description)
        return "\n".join((*filter(None, chosen), *self.labels, *self.labels.values()))


@dataclass(frozen=True, slots=True)
class Share:
    """A limit in percent of the managed tokens, 0 to 100."""

    percent: int

    def __str__(self) -> str:
        return f"{self.percent}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The `guards:` block: how much one run may take away."""

    max_deactivations: int | Share = Share(30)
    min_managers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserted:
    """The `server:` block: the server that the files are for, any other is refused; None for any."""

    url: str | None = None
    org: str | None = None

    @property
    def meant(self) -> tuple[str, str]:
        """URL and organisation in one spelling, so that they can be compared; "" for what is not asserted."""
        from reconciler.core.endpoint import normalise

        return normalise(self.url) if self.url else "", trimmed(self.org or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All files of a run as one; `tokens` in the order of the files. `absent` is never IGNORE.

    `lock` asks for the organisations' locks while it is applied. `places` has the position of each setting that a
    file has, such as `guards.min_managers` and `unmanaged`, and `texts` what each file holds, comments included.
    """

    tokens: tuple[Declaration, ...] = ()
    server: Asserted = Asserted()
    limits: Limits = Limits()
    unmanaged: Severity = Severity.IGNORE
    absent: Severity = Severity.FAIL
    lock: bool = False
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


def select(manifest: Manifest, terms: Sequence[str], *, required: bool = True) -> Manifest:
    """The manifest with only the declarations that every term selects: `label=value`, a name, or an id.

    A part of a manifest says nothing about the other live tokens, so `unmanaged` is ignored then. Raises UsageError
    when nothing is selected although something is required.
    """
    if not terms:
        return manifest
    tokens = tuple(each for each in manifest.tokens if all(_selects(term, each) for term in terms))
    if required and not tokens:
        hint = "write --select NAME, --select ID or --select LABEL=VALUE as the file has them"
        raise UsageError(f"--select {' '.join(terms)} selects no declaration", hint)
    return replace(manifest, tokens=tokens, unmanaged=Severity.IGNORE)


def _selects(term: str, declaration: Declaration) -> bool:
    label, equals, value = term.partition("=")
    if equals:
        return declaration.labels.get(label) == value
    return term in (declaration.name, declaration.target)


def is_manifest(file_name: str) -> bool:
    """Whether a file of a folder is read as a part of the folder's manifest."""
    return file_name.lower().endswith((".yaml", ".yml")) and not file_name.startswith(".")

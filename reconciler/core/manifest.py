"""A manifest: what the files declare, as values; a manifest that exists is valid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from reconciler.core.live import Status, TokenId, is_id
from reconciler.core.text import trimmed
from reconciler.errors import Place

_YEAR, _MONTH, _DAY = "[2-9][0-9]{3}", "(0[1-9]|1[0-2])", "(0[1-9]|[12][0-9]|3[01])"
_HOURS = "([01][0-9]|2[0-3]):[0-5][0-9]"
UNTIL = f"{_YEAR}-{_MONTH}-{_DAY}(T{_HOURS}(:[0-5][0-9])?(Z|[+-]{_HOURS}))?"
"""How an `until` is written, as a regular expression; `end_of` says whether there is such a day."""
HOW_UNTIL = "write the last day, such as 2026-12-31, or a moment with its offset, such as 2026-12-31T18:00Z"
"""The hint for an `until` that says nothing better."""
_ALMOST = (
    "([0-9]{4})[-./]?([0-9]{2}|(?<=[-./])[0-9])[-./]?([0-9]{2}|(?<=[-./])[0-9])"
    "(?:[Tt ]+([0-9]{1,2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?)? ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


LONGEST_DESCRIPTION = 10_000
"""How many characters a declared description may have."""


class Field(StrEnum):
    """What a declaration may say of its token."""

    DESCRIPTION = "description"
    STATUS = "status"
    UNTIL = "until"
    PROTECTED = "protected"


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


class Match(NamedTuple):
    """A selection of live tokens: every value given must be equal, character for character.

    White space around `org` does not count, as on the server, and `org` may be an id unless an organisation has that
    name.
    """

    user: str | None = None
    org: str | None = None
    description: str | None = None
    pick: Pick = Pick.ONLY


class Until(NamedTuple):
    """An `until` as it is written, and the moment from which the token is inactive, in seconds since 1970."""

    text: str
    end: float


class Declaration(NamedTuple):
    """One entry under `tokens:`.

    `target` is the token's id or the selection that finds it. `description` and `status` are None where the file
    leaves them out: then they are not managed; `until` ends what `status` says. `ended` is the text of an `until` that
    has passed and made the status what it is, "" for none.
    """

    origin: Origin
    target: TokenId | Match
    name: str | None = None
    description: str | None = None
    status: Status | None = None
    until: Until | None = None
    ended: str = ""
    protected: bool = False
    labels: Mapping[str, str] = MappingProxyType({})

    def at(self, moment: float) -> Declaration:
        """The declaration as it is at a moment, in seconds since 1970: from the end of `until` on it is inactive."""
        until = self.until
        if until is None or moment < until.end or self.status is Status.INACTIVE:
            return self
        return self._replace(status=Status.INACTIVE, ended=until.text)

    @property
    def text(self) -> str:
        """Every text of the declaration that its author chose freely, one per line."""
        match = self.target
        usual = f"{self.name or ''}\n{self.description or ''}"
        if not self.labels and not isinstance(match, Match):
            return usual
        matched = (match.user, match.org, match.description) if isinstance(match, Match) else ()
        return "\n".join((usual, *filter(None, matched), *self.labels, *self.labels.values()))


class Share(NamedTuple):
    """A limit in percent of the managed tokens, 0 to 100."""

    percent: int

    def __str__(self) -> str:
        return f"{self.percent}%"


class Limits(NamedTuple):
    """The `guards:` block: how much one run may take away."""

    max_deactivations: int | Share = Share(30)
    min_managers: int = 1


class Asserted(NamedTuple):
    """The `server:` block: the server that the files are for, any other is refused; None for any."""

    url: str | None = None
    org: str | None = None

    @property
    def meant(self) -> tuple[str, str]:
        """URL and organisation in one spelling, so that they can be compared; "" for what is not asserted."""
        from reconciler.core.endpoint import normalise

        return normalise(self.url) if self.url else "", trimmed(self.org or "")


class Manifest(NamedTuple):
    """All files of a run as one; `tokens` in the order of the files. `absent` is never IGNORE.

    `excepted` are the live tokens that `unmanaged` is not about: all that such a `match` finds, whatever its `pick`.
    `lock` asks for the organisations' locks while it is applied. `places` has the position of each setting that a
    file has, such as `guards.min_managers` and `unmanaged`, and `texts` what each file holds, comments included.
    """

    tokens: tuple[Declaration, ...] = ()
    server: Asserted = Asserted()
    limits: Limits = Limits()
    unmanaged: Severity = Severity.IGNORE
    excepted: tuple[Match, ...] = ()
    absent: Severity = Severity.FAIL
    lock: bool = False
    places: Mapping[str, Place] = MappingProxyType({})
    texts: Mapping[str, str] = MappingProxyType({})

    @property
    def ids(self) -> frozenset[TokenId]:
        """The ids that it declares."""
        return frozenset(each.target for each in self.tokens if not isinstance(each.target, Match))

    @property
    def selects(self) -> bool:
        """Whether it has a `match`, which may mean any live token."""
        return any(isinstance(each.target, Match) for each in self.tokens)

    @property
    def is_about_others(self) -> bool:
        """Whether it may be about other live tokens than those that it declares by their ids.

        An organisation has the asserted id only where none is called so.
        """
        named = is_id((self.server.org or "").lower())
        return named or self.unmanaged is not Severity.IGNORE or self.selects


def at(manifest: Manifest, moment: float) -> Manifest:
    """The manifest as it is at a moment, in seconds since 1970: with what each `until` makes of a status then."""
    if not any(each.until for each in manifest.tokens):
        return manifest
    return manifest._replace(tokens=tuple(each.at(moment) for each in manifest.tokens))


def end_of(text: str) -> float | str:
    """The moment from which an `until` of this text makes a token inactive, in seconds since 1970, or how to write one.

    A date is the last day on which the token works, in UTC; a time is that moment.
    """
    end = _end(text)
    return _how_to_write(text) if end is None else end


def _end(text: str) -> float | None:
    if not re.fullmatch(UNTIL, text):
        return None
    try:
        found = datetime.fromisoformat(text)
        end = found if found.tzinfo else found.replace(tzinfo=UTC) + timedelta(days=1)
        return end.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):  # there is no such day, or its end is none
        return None


def _how_to_write(text: str) -> str:
    """How to write what a text that is no `until` seems to mean."""
    if re.fullmatch(UNTIL, text):
        return f"{'that is too late' if text.startswith('9999') else 'there is no such day'}: {HOW_UNTIL}"
    if not (found := re.fullmatch(_ALMOST, text.strip())):
        return HOW_UNTIL
    year, month, day, hour, minute, second, zone = (each or "" for each in found.group(1, 2, 3, 4, 5, 6, 7))
    date = f"{year}-{month:0>2}-{day:0>2}"
    time = f"T{hour:0>2}:{minute or '00'}{second and ':'}{second}" if hour else ""
    offset = f"{zone[:3]}:{zone[3:].removeprefix(':') or '00'}" if zone[1:] else zone.upper()
    if _end(date) is None or (time and _end(f"{date}{time}{offset or 'Z'}") is None):
        return HOW_UNTIL
    if time and not offset:
        return f"write {date} for the end of that day in UTC, or add an offset: {date}{time}Z"
    return f"write {date}{time}{offset}"


def is_manifest(file_name: str) -> bool:
    """Whether a file of a folder is read as a part of the folder's manifest."""
    return file_name.lower().endswith((".yaml", ".yml")) and not file_name.startswith(".")

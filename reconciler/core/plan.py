"""A plan: the PATCH operations that make the live tokens equal to the declared ones, as values, with a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from reconciler.core.live import Elided, OrgId, Server, Status, Token
from reconciler.core.manifest import Limits
from reconciler.core.rights import Bucket, Right, Some
from reconciler.core.text import quoted
from reconciler.errors import Place, Problem

_TOGETHER = 1_000  # changes that one call of deepdiff explains: it keeps several objects for each


class Guard(StrEnum):
    """What may refuse a plan, by the names that `--allow` takes."""

    SELF = "self"
    REACTIVATION = "reactivation"
    MAX_DEACTIVATIONS = "max_deactivations"
    MIN_MANAGERS = "min_managers"
    PROTECTED = "protected"
    UNMANAGED = "unmanaged"
    MOVED = "moved"
    BASE = "base"
    IN_USE = "in_use"


class Action(StrEnum):
    """What a change does to its token, in the order in which apply sends them."""

    ACTIVATE = "activate"
    DESCRIBE = "describe"
    DEACTIVATE = "deactivate"


class Mark(StrEnum):
    """Why a field of a token differs from what is declared, in the order of interest; it decides nothing."""

    THIS_CHANGE = "this-change"  # the files declare it, and the base does not
    DRIFT = "drift"  # the base declared it already when somebody last changed the token on the server
    PENDING = "pending"  # the base declares it since then, and it was not applied yet


class Difference(NamedTuple):
    """A field and its value before and after; None where there is none."""

    field: str
    before: str | None
    after: str | None


class Use(NamedTuple):
    """What the server's request log says of a token, with times as the log has them.

    `since` and `until` are those of its first and last request, `last` of the token's last one, None when there is none
    in it. `clients` are what made requests with it, each as kind and client, the most frequent first.
    """

    since: str
    until: str
    last: str | None
    requests: int
    refused: int
    clients: tuple[str, ...] = ()


class Change(NamedTuple):
    """One PATCH: the token as it was read, and the value after it of each field that differs (None: not sent).

    `until` is the text of the `until` that has passed and so switches the token off, "" where none does.
    `places` has the position of the declaration under "" and of each differing field under its name. `marks` tells of
    each differing field where the difference comes from, as far as that is known: nothing without a base. `use` is
    what the evidence says of the token, None without any. `labels` are the declaration's. `rights` is what the token
    may do, None where that is not known, and `buckets` are those that a deactivated token wrote, with who else does
    afterwards.
    """

    token: Token
    status: Status | None = None
    description: str | None = None
    name: str | None = None
    protected: bool = False
    until: str = ""
    places: Mapping[str, Place] = MappingProxyType({})
    marks: Mapping[str, Mark] = MappingProxyType({})
    use: Use | None = None
    labels: Mapping[str, str] = MappingProxyType({})
    rights: Some[Right] | None = None
    buckets: Some[Bucket] = Some()

    @property
    def action(self) -> Action:
        """What the change does to the status; `describe` for one that leaves it alone."""
        if self.status is None:
            return Action.DESCRIBE
        return Action.ACTIVATE if self.status is Status.ACTIVE else Action.DEACTIVATE

    @property
    def mark(self) -> Mark | None:
        """The mark of the change: that of its fields which a reviewer looks for first."""
        return next((mark for mark in Mark if mark in self.marks.values()), None)

    @property
    def described(self) -> str | None:
        """The live description where the declaration has a name that says something else, None for all others."""
        return self.token.description if self.name not in (None, "", self.token.description) else None

    @property
    def subject(self) -> str:
        """The token in words: its name and what that does not say of its description, both cut, and its id."""
        described = "" if self.described is None else f"({quoted(self.described) or 'no description'})"
        return " ".join(filter(None, (quoted(self.name or self.token.description), described, self.token.id)))

    @property
    def may_be_own(self) -> bool:
        """Whether it deactivates what may be the caller's own token: one that may manage authorizations, by its rights.

        It is not his where the server shows another secret.
        """
        token = self.token
        return self.action is Action.DEACTIVATE and token.rights.may_manage and token.proven is not False

    @property
    def body(self) -> dict[str, str]:
        """The PATCH's body: the differing fields and nothing else, as InfluxDB's AuthorizationUpdateRequest."""
        body = {} if self.status is None else {"status": self.status.value}
        if self.description is not None:
            body["description"] = self.description
        return body

    @property
    def path(self) -> str:
        """The PATCH's path below the server's URL."""
        return f"/api/v2/authorizations/{self.token.id}"


class Refusal(NamedTuple):
    """A guard that refuses the plan, and why."""

    guard: Guard
    problem: Problem


class Kind(StrEnum):
    """What became of a setting or of a declaration, the gravest of all that did, in the order in which to show them."""

    SETTING = "setting"  # `server`, `guards`, `unmanaged`, `absent`, `lock`
    REMOVED = "removed"  # the token will no longer be managed
    RETARGETED = "retargeted"  # the same name means another token now
    CHANGED = "changed"
    ADDED = "added"
    RENAMED = "renamed"  # the same token has another name in the file
    MOVED = "moved"  # it stands in another file


class Revision(NamedTuple):
    """One declaration or setting that the files have otherwise than the base has.

    `target` is the token's id, the selection in words or the setting's key, `name` the declaration's name, both as they
    are after, or before for what was removed. `loosens` says that a guard holds less than before. `place` is where it
    stands now, `base_place` where it stood.
    """

    kind: Kind
    target: str
    name: str | None = None
    edits: tuple[Difference, ...] = ()
    loosens: bool = False
    place: Place | None = None
    base_place: Place | None = None


class Comparison(NamedTuple):
    """What a plan keeps of its baseline.

    `limits` are the base's, which hold beside the files' own, and `managed` counts the live tokens that it declares.
    `revisions` are those that no change of the plan shows.
    """

    ref: str
    commit: str
    limits: Limits
    managed: int
    revisions: tuple[Revision, ...] = ()


class Plan(NamedTuple):
    """What apply would do, and what stands in its way.

    `changes` in the order in which apply sends them. `orgs` are the names of the managed tokens' organisations.
    `declared` counts declarations, `managed` the live tokens they name, `live` all listed tokens, None without a list.
    `limits` hold, `waivers` are the guards that `--allow` switched off. `undoes` names the run that the plan undoes, ""
    for none. `lock` asks for the organisations' locks while it is applied.
    `base` is what the files were compared with, if anything. `knows_own` says that it is known which token the caller
    signs in with, be it among the changes or not; no document has that, and a saved plan learns it anew. `files` are
    those that it was made from, once its places name them as programs know them; no document has them either.
    """

    server: Server
    orgs: tuple[str, ...]
    changes: tuple[Change, ...]
    declared: int
    managed: int
    live: int | None
    limits: Limits
    waivers: tuple[Guard, ...] = ()
    warnings: tuple[Problem, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    undoes: str = ""
    lock: bool = False
    base: Comparison | None = None
    knows_own: bool = False
    files: tuple[str, ...] = ()

    @staticmethod
    def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
        """The changes as apply sends them: by phase and then by id, at most one for a token."""
        phases, by_id = list(Action), {change.token.id: change for change in changes}
        return tuple(sorted(by_id.values(), key=lambda change: (phases.index(change.action), change.token.id)))

    @property
    def unchanged(self) -> int:
        """How many managed tokens are as declared."""
        return self.managed - len(self.changes)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do, and nothing to look at either."""
        return not (self.changes or self.refusals or self.warnings or (self.base and self.base.revisions))

    @property
    def org_ids(self) -> tuple[OrgId, ...]:
        """The organisations whose tokens change, sorted."""
        return tuple(sorted({change.token.org_id for change in self.changes}))

    @property
    def across(self) -> bool:
        """Whether it is about several organisations, so that each change has to say of which it is."""
        return len(self.orgs) > 1 or len(self.org_ids) > 1

    @property
    def min_managers(self) -> int:
        """How many tokens must stay that manage each owner's tokens: what the stricter of the limits says."""
        return max(each.limits.min_managers for each in (self, self.base) if each)

    def doing(self, action: Action) -> tuple[Change, ...]:
        """Return the changes with this action."""
        return tuple(change for change in self.changes if change.action is action)

    def count(self, action: Action) -> int:
        """Return how many changes have this action."""
        return len(self.doing(action))

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of what a reviewer agrees to.

        That is the server, the organisations, the waivers and each change's id, values before and values after. Nothing
        that differs after a merge is in it: no file names, lines, order, marks or times of the run.
        """
        changes = sorted(self.changes, key=lambda change: change.token.id)
        agreed = {
            "format": 1,
            "server": self.server.url,
            "orgs": self.org_ids,
            "waivers": sorted(self.waivers),
            "changes": [
                [change.token.id, *map(_agreed, change.token.values.values()), change.body] for change in changes
            ],
        }
        return hashlib.sha256(json.dumps(agreed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _agreed(text: str) -> str | list[str | int]:
    return [text.length, text.sha256] if isinstance(text, Elided) else text


def between(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> tuple[Difference, ...]:
    """Every field that differs, in the order of the fields; one that is missing is as one that is None."""
    pairs = {field: (before.get(field), after.get(field)) for field in {**before, **after}}
    return tuple(Difference(field, *pair) for field, pair in pairs.items() if pair[0] != pair[1])


def explained(changes: Sequence[Change]) -> Iterator[tuple[Difference, ...]]:
    """Yield how each token differs from what it should be, to be shown: status first, then description."""
    for start in range(0, len(changes), _TOGETHER):
        yield from explain([(each.token.values, each.body) for each in changes[start : start + _TOGETHER]])


def explain(pairs: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]) -> list[tuple[Difference, ...]]:
    """Every field of the second of two which differs from the first, to be shown, by pair, as deepdiff explains it."""
    from deepdiff import DeepDiff  # 70 ms: paid only for what is shown

    told, differ = [], dict[tuple[str, str], str]()
    for one, other in pairs:
        numbers = {}
        for field, text in other.items():
            if one[field] != text:
                # A repr has one line: several would be compared line by line, which takes long and is not shown.
                pair = repr(_agreed(one[field])), repr(_agreed(text))
                numbers[field] = differ.setdefault(pair, str(len(differ)))
        told.append(numbers)
    # One call for all of them takes a fifth of the time of a call for each, and many tokens may differ alike.
    before, after = ({number: pair[side] for pair, number in differ.items()} for side in (0, 1))
    tree = DeepDiff(before, after, view="tree", ignore_private_variables=False)
    found = {item.path(output_format="list")[0] for item in tree.get("values_changed", ())}
    return [
        tuple(Difference(field, one[field], other[field]) for field, number in numbers.items() if number in found)
        for (one, other), numbers in zip(pairs, told, strict=True)
    ]


class Site(NamedTuple):
    """Where Markdown is shown, "" for what is not known.

    `environment` is what the plan is for, `source` the URL below which the files of the commit are, and `base` the
    branch that `--base` stands for where it names none.
    """

    environment: str = ""
    source: str = ""
    base: str = ""

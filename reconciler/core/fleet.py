"""A fleet: the servers of one run, which of them are meant, and what came of planning each."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple, TypeVar

from reconciler.core.checkup import together
from reconciler.core.live import Server, Token
from reconciler.core.manifest import is_manifest
from reconciler.core.outcome import Outcome, ResultStatus
from reconciler.core.plan import Action, Change, Plan
from reconciler.errors import ExitCode, InvalidError, Problem, UsageError

_T = TypeVar("_T")
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""The name of a server, as a regular expression."""
MOST = 10_000
"""The servers that a fleet may have."""
SENT_AT_ONCE = 8
"""The servers that are sent to at once, once the first one is done."""
GRAVITY = (Action.DEACTIVATE, Action.ACTIVATE, Action.DESCRIBE)
"""The actions, the gravest first."""
_IN_A_ROW = 5  # servers that are not ok end a run
_ENDINGS = tuple("".join(each) for end in (".yaml", ".yml") for each in product(*zip(end, end.upper(), strict=True)))
_SHARD = re.compile(r"([0-9]{1,5})/([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A server with its plan; `took_s` is how long reading and planning took, which no document has."""

    name: str
    plan: Plan
    took_s: float = 0.0

    @property
    def code(self) -> ExitCode:
        """REFUSED when a guard refuses the plan, else OK."""
        return ExitCode.REFUSED if self.plan.refusals else ExitCode.OK

    @property
    def is_changing(self) -> bool:
        """Whether it has changes that no guard refuses."""
        return bool(self.plan.changes) and not self.plan.refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A server without a plan, and why; `url` is "" where that is not known."""

    name: str
    url: str
    code: ExitCode
    problems: tuple[Problem, ...]
    took_s: float = 0.0


Member = Planned | Skipped
"""A server of a fleet, and what came of planning it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes that are alike on these servers: of them the first is shown, as only ids and times differ."""

    servers: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What came of planning each server, in the order in which they are sent to.

    `left_out` counts the servers of the folder that --server and --shard leave out, and `removed` are those that only
    the base has.
    """

    members: tuple[Member, ...]
    left_out: int = 0
    removed: tuple[str, ...] = ()

    @property
    def planned(self) -> tuple[Planned, ...]:
        """The servers with a plan."""
        return tuple(each for each in self.members if isinstance(each, Planned))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The servers without a plan."""
        return tuple(each for each in self.members if isinstance(each, Skipped))

    @property
    def changing(self) -> tuple[Planned, ...]:
        """The servers that are sent to: with changes, which no guard refuses."""
        return tuple(each for each in self.planned if each.is_changing)

    @property
    def blocking(self) -> tuple[Member, ...]:
        """The servers that keep `apply` from sending anything anywhere: all that are neither fine nor unreachable."""
        return tuple(each for each in self.members if each.code not in (ExitCode.OK, ExitCode.UNREACHABLE))

    @property
    def code(self) -> ExitCode:
        """The gravest of the servers' exit codes."""
        return ExitCode.gravest(each.code for each in self.members)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do and nothing to look at."""
        return not self.skipped and not self.removed and all(each.plan.is_settled for each in self.planned)

    @property
    def skipped_by(self) -> Mapping[ExitCode, int]:
        """How many servers have no plan, by why, the gravest first."""
        found = Counter(each.code for each in self.skipped)
        return {code: found[code] for code in ExitCode if found[code]}

    @property
    def as_declared(self) -> int:
        """How many servers have a plan without changes."""
        return sum(not each.plan.changes for each in self.planned)

    @property
    def warnings(self) -> Mapping[Problem, Sequence[str]]:
        """What is warned about, each with the servers that it is about."""
        return having((each.name, problem) for each in self.planned for problem in each.plan.warnings)

    def count(self, action: Action) -> int:
        """Return how many changes have this action."""
        return sum(each.plan.count(action) for each in self.planned)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over name and digest of each server that is sent to.

        A server that is offline or as declared does not move it, nor do order and shards.
        """
        agreed = {"format": 1, "fleet": sorted([each.name, each.plan.digest] for each in self.changing)}
        return hashlib.sha256(json.dumps(agreed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def having(told: Iterable[tuple[str, _T]]) -> Mapping[_T, Sequence[str]]:
    """Return each problem or revision once, with the servers that have it, from pairs of the two."""
    found: dict[_T, list[str]] = {}
    for name, one in told:
        found.setdefault(one, []).append(name)
    return found


def by_reason(skipped: Sequence[Skipped]) -> Iterator[tuple[ExitCode, Problem, Sequence[str]]]:
    """Yield why servers are not planned, the gravest first, with those that have it, as `checkup.together` does."""
    for code in ExitCode:
        told = ((each.name, each.url, problem) for each in skipped if each.code is code for problem in each.problems)
        yield from ((code, problem, names) for problem, names in together(told))


class Inventory(NamedTuple):
    """What a server of a fleet lists: the tokens that were asked for, by id, of so many, and warnings."""

    name: str
    server: Server
    tokens: tuple[Token, ...]
    of: int
    warnings: tuple[Problem, ...] = ()


class Ran(NamedTuple):
    """What came of a server that was begun, with the status of each of its changes.

    `outcome` is None where an error ended it, and `problems` say which.
    """

    name: str
    code: ExitCode
    statuses: tuple[ResultStatus, ...]
    outcome: Outcome | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def sent(self) -> bool:
        """Whether anything was changed there, or may have been."""
        return not {ResultStatus.DONE, ResultStatus.UNVERIFIED}.isdisjoint(self.statuses)


def ended(codes: Iterable[ExitCode], *, sent: bool) -> ExitCode:
    """Return the exit code of an apply whose servers ended with these: PARTIAL when it sent and not all is well."""
    gravest = ExitCode.gravest(codes)
    return ExitCode.PARTIAL if sent and gravest is not ExitCode.OK else gravest


def halted(codes: Sequence[ExitCode]) -> str:
    """Return why no server may begin any more when these ended so, in this order; "" while they may.

    The first server stands for all, and so do five in a row; a mistake in tokenctl itself needs no second one.
    """
    if codes and codes[0] is not ExitCode.OK:
        return "the first server did not end well"
    if ExitCode.ERROR in codes:
        return "tokenctl could not go on with a server"
    if len(codes) >= _IN_A_ROW and ExitCode.OK not in codes[-_IN_A_ROW:]:
        return f"{_IN_A_ROW} servers in a row did not end well"
    return ""


def room(codes: Sequence[ExitCode], under_way: int) -> int:
    """Return how many servers may begin while so many are under way, when these ended so: the first one goes alone."""
    return 0 if halted(codes) else (SENT_AT_ONCE if codes else 1) - under_way


def merged(fleets: Sequence[Fleet]) -> Fleet:
    """Return one fleet of several, its servers sorted by name; raises InvalidError when two have a server."""
    members = sorted((each for fleet in fleets for each in fleet.members), key=lambda each: each.name)
    twice = [name for name, number in Counter(each.name for each in members).items() if number > 1]
    if twice:
        hint = "merge shards of one run: each server is in one of them"
        raise InvalidError([Problem(f"the server {name} is in several of these", hint) for name in twice])
    if len(fleets) == 1:
        return fleets[0]
    removed = sorted({name for fleet in fleets for name in fleet.removed} - {each.name for each in members})
    return Fleet(members=tuple(members), removed=tuple(removed))


def limited(fleet: Fleet, globs: Sequence[str]) -> Fleet:
    """Return the servers of the fleet that the globs mean, in their order; raises UsageError as `selected` does."""
    by_name = {each.name: each for each in fleet.members}
    members = tuple(by_name[name] for name in selected(by_name, globs))
    return replace(fleet, members=members, left_out=fleet.left_out + len(fleet.members) - len(members))


def grouped(planned: Iterable[Planned]) -> tuple[Group, ...]:
    """Return the changes, alike ones together: the gravest actions first, then by the number of servers.

    Alike are changes of equal action, name, owner, values before and after, marks and place.
    """
    found: dict[object, list[tuple[str, Change]]] = {}
    for each in planned:
        for change in each.plan.changes:
            found.setdefault(_alike(change), []).append((each.name, change))
    groups = [
        Group(servers=tuple(name for name, _ in one), changes=tuple(change for _, change in one))
        for one in found.values()
    ]
    return tuple(sorted(groups, key=lambda one: (GRAVITY.index(one.changes[0].action), -len(one.servers))))


def _alike(change: Change) -> object:
    values = {**change.token.values, "updatedAt": ""}
    told = change.action, change.name, change.token.user, change.token.is_own, change.protected, change.until
    pairs = values, change.body, change.places, change.marks, change.labels
    return *told, *(tuple(sorted(each.items(), key=lambda pair: pair[0])) for each in pairs)


def forms(name: str) -> tuple[str, ...]:
    """Return the entries of a folder that could be the manifest of a server: the first is a folder, the others not."""
    return name, *dict.fromkeys(name + ending for ending in _ENDINGS)


def named(entries: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Yield name and entry of all that could be servers; `entries` as `servers` takes them."""
    for entry, is_folder in sorted(entries.items()):
        if not entry.startswith(".") and (is_folder or is_manifest(entry)):
            yield entry if is_folder else entry.rpartition(".")[0], entry


def servers(entries: Mapping[str, bool], folder: str) -> dict[str, str]:
    """Return the servers of a folder by name, each with the entry that is its manifest.

    `entries` says of each name in the folder whether it is a folder itself. Raises InvalidError with all that is wrong.
    """
    problems: list[Problem] = []
    found: dict[str, str] = {}
    for name, entry in named(entries):
        if not re.fullmatch(NAME, name):
            hint = "use letters, digits, `.`, `_` and `-`, at most 100, and begin with a letter or a digit"
            problems.append(Problem(f"{folder}/{entry}: this is no name of a server", hint))
        elif name in found:
            message = f"{folder}/{entry}: the server {name} has {folder}/{found[name]} already"
            problems.append(Problem(message, "keep one of them: a file or a folder"))
        else:
            found[name] = entry
    by_case: dict[str, str] = {}
    for name in found:
        other = by_case.setdefault(name.lower(), name)
        if other != name:
            message = f"{folder}: the servers {other} and {name} differ in upper and lower case only"
            problems.append(Problem(message, "give them names that differ otherwise"))
    if not found and not problems:
        problems.append(Problem(f"{folder}: there is no server", "add NAME.yaml or a folder NAME for each"))
    if len(found) > MOST:
        problems.append(Problem(f"{folder}: a fleet has at most {MOST:,} servers, and these are {len(found):,}"))
    if problems:
        raise InvalidError(problems)
    return found


def shard(text: str) -> tuple[int, int]:
    """Return I and N of `I/N`; raises UsageError for anything else."""
    found = _SHARD.fullmatch(text)
    part, parts = (int(found[1]), int(found[2])) if found else (1, 0)
    if part > parts:
        hint = "write I/N, with I from 1 to N or from 0 to N-1; the variable that I was to come from may not be set"
        raise UsageError(f"--shard takes a part of the servers, and `{text}` is none", hint)
    return part, parts


def in_shard(name: str, part: int, parts: int) -> bool:
    """Return whether the server is in that part: a new server moves no other to another part."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % parts == part % parts


def selected(names: Iterable[str], globs: Sequence[str], part: tuple[int, int] | None = None) -> tuple[str, ...]:
    """Return the servers that the globs and the shard mean, in the order of the globs and then by name.

    A glob that begins with `!` excludes. Raises UsageError for a glob that finds nothing.
    """
    known = sorted(names)
    excluding = [each[1:] for each in globs if each.startswith("!")]
    including = [each for each in globs if not each.startswith("!")] or ["*"]
    for each in (*globs, *including):
        if not any(fnmatchcase(name, each.removeprefix("!")) for name in known):
            raise UsageError(f"--server {each}: there is no such server", "name one of the folder, or use a wildcard")
    ordered = dict.fromkeys(name for glob in including for name in known if fnmatchcase(name, glob))
    kept = [name for name in ordered if not any(fnmatchcase(name, glob) for glob in excluding)]
    if not kept:
        raise UsageError("--server leaves out every server", "name at least one that is meant")
    return tuple(name for name in kept if part is None or in_shard(name, *part))

"""One manifest of the documents that the check accepts, with the rules that span entries and files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reconciler.core.live import Status, TokenId
from reconciler.core.manifest import (
    Asserted,
    Declaration,
    Limits,
    Manifest,
    Match,
    Pick,
    Severity,
    Share,
    Until,
    end_of,
)
from reconciler.core.secrets import HIDDEN
from reconciler.core.text import name_some
from reconciler.errors import InvalidError, Place, Problem
from reconciler.manifest.check import LARGEST, NUMBER_ID
from reconciler.manifest.plain import Entry, Row

_NUMBER = re.compile(NUMBER_ID).fullmatch
_TEXTS, _MATCHED = ("description", "name"), ("user", "org", "description")
_ONCE = ("server", "guards", "unmanaged", "absent", "lock")
_PICKS = {pick.value: pick for pick in Pick}
_STATUS: dict[str | None, Status] = {status.value: status for status in Status}
_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class _Found:
    """What was found so far: where each thing that must be unique stands first, problems and warnings."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.targets: dict[TokenId | Match, Entry | Row] = {}
        self.names: dict[str, Entry | Row] = {}


def build(roots: Sequence[Entry]) -> tuple[Manifest, tuple[Problem, ...]]:
    """Return the manifest that the documents make together, and warnings, both in the order of the documents.

    Raises InvalidError with every problem.
    """
    found = _Found()
    blocks = _blocks(roots, found)
    guards, server, unmanaged = blocks.get("guards", {}), blocks.get("server", {}), blocks.get("unmanaged", "ignore")
    exceptions = [] if isinstance(unmanaged, str) else unmanaged.get("except", [])
    for part in filter(None, (server, *exceptions)):
        _note_cut(part, _MATCHED, found)
        if HIDDEN in part.get("description", ""):
            _note_shown(part, found)
    entries: list[Any] = [entry for root in roots for entry in root.get("tokens") or ()]
    if len(entries) > LARGEST:
        raise InvalidError(f"{len(entries):,} tokens are declared, and {LARGEST:,} may be")
    tokens = tuple([(_usual if type(each) is Row else _declaration)(each, found) for each in entries])
    if found.problems:
        raise InvalidError(found.problems)
    manifest = Manifest(
        tokens=tokens,
        server=Asserted(**server),
        limits=_limits(guards),
        unmanaged=Severity(unmanaged if isinstance(unmanaged, str) else unmanaged["policy"]),
        excepted=tuple(Match(**each) for each in exceptions),
        absent=Severity(blocks.get("absent", "fail")),
        lock=blocks.get("lock") == "true",
        places=_places(roots),
    )
    return manifest, tuple(found.warnings)


def _blocks(roots: Sequence[Entry], found: _Found) -> dict[str, Any]:
    """Return the blocks that may stand once in all files."""
    first: dict[str, Entry] = {}
    _check_servers([root for root in roots if "server" in root])
    for root, key in ((root, key) for root in roots for key in _ONCE if key in root):
        if first.setdefault(key, root) is not root and key != "server":  # all servers say the same
            message = f"`{key}` stands here for the second time, first in {first[key].place(key)}"
            hint = "all files make one manifest: keep one of them"
            found.problems.append(Problem(message, hint, root.place(key)))
    return {key: root[key] for key, root in first.items()}


def _check_servers(roots: Sequence[Any]) -> None:
    """Raise InvalidError when files assert different servers: whatever else they say, they are no one manifest."""
    if len(roots) < 2 or len({Asserted(**root["server"]).meant for root in roots}) < 2:
        return
    files = [f"{root.file.name} for {_asserted(root['server'])}" for root in roots]
    message = f"these files are for different servers and cannot be one manifest: {name_some(files)}"
    hint = "run tokenctl for each server, with its own files"
    raise InvalidError(message, hint, roots[0].place("server"))


def _asserted(server: dict[str, str]) -> str:
    org = f"organisation `{server['org']}`" if "org" in server else ""
    return " and ".join(filter(None, (server.get("url"), org)))


def _places(roots: Sequence[Entry]) -> dict[str, Place]:
    """Return where each setting stands: a key of a block under both names."""
    places: dict[str, Place] = {}
    for root in roots:
        for key in root.keys() & set(_ONCE):
            block = root[key]
            places[key] = root.place(key)
            if isinstance(block, Entry):
                places |= {f"{key}.{name}": block.place(name) for name in block}
                exceptions: Any = block.get("except", ())
                places |= {f"{key}.except.{number}": each.place("") for number, each in enumerate(exceptions)}
    return places


def _limits(guards: dict[str, str]) -> Limits:
    default = Limits()
    most = guards.get("max_deactivations", str(default.max_deactivations))
    return Limits(
        max_deactivations=Share(int(most[:-1])) if most.endswith("%") else int(most),
        min_managers=int(guards.get("min_managers", default.min_managers)),
    )


def _declaration(entry: Any, found: _Found) -> Declaration:
    """Return the declaration of one entry, noted among those that must be unique."""
    get = entry.get
    text = get("id")
    target: TokenId | Match
    if text is None:
        target = Match(**entry["match"], pick=_PICKS[get("pick", "only")])
    else:
        target = TokenId(text.lower())
        if _NUMBER(text) and entry.is_plain("id"):
            hint = f'write id: "{text}"'
            found.warnings.append(Problem("other YAML tools read this id as a number", hint, entry.value_place("id")))
    first = found.targets.setdefault(target, entry)
    if first is not entry:
        _twice("the token", "id" if text else "match", entry, first, found)
    name = get("name")
    if name is not None:
        _note_name(name, entry, found)
    match, labels, description = get("match"), get("labels"), get("description")
    if match or labels or entry.cut or (description and HIDDEN in description):
        for part, texts in ((entry, _TEXTS), (match, _MATCHED), (labels, labels)):
            if part and part.cut:
                _note_cut(part, texts, found)
        for part in (entry, match):
            if part and HIDDEN in part.get("description", ""):
                _note_shown(part, found)
    until = get("until")
    end = None if until is None else _until(until, entry, found)
    status, is_protected = _STATUS.get(get("status")), get("protected") == "true"
    # By their places: named, they take twice as long.
    return Declaration(entry, target, name, description, status, end, "", is_protected, labels or _NO_LABELS)


def _usual(row: Row, found: _Found) -> Declaration:
    """Return the declaration of a row, as that of its entry would be."""
    quoted_id, plain_id, quoted_name, plain_name, quoted, plain, quoted_status, plain_status = row.values
    name, description = plain_name or quoted_name, quoted if plain is None else plain
    target = TokenId(str(plain_id or quoted_id).lower())
    first = found.targets.setdefault(target, row)
    if first is not row:
        _twice("the token", "id", row, first, found)
    if name is not None:
        _note_name(name, row, found)
    if description and HIDDEN in description:
        _note_shown(row.entry, found)
    status = _STATUS.get(plain_status or quoted_status)
    return Declaration(row, target, name, description, status, None, "", False, _NO_LABELS)


def _until(text: str, entry: Entry, found: _Found) -> Until | None:
    """Return the `until` of an entry; None, with a problem noted, where there is no such day."""
    end = end_of(text)
    if isinstance(end, str):
        found.problems.append(Problem(f"`until` names no moment: `{text}`", end, entry.value_place("until")))
        return None
    return Until(text, end)


def _note_name(name: str, item: Entry | Row, found: _Found) -> None:
    first = found.names.setdefault(name.lower(), item)
    if first is item:
        return
    entry, first = _entry(item), _entry(first)
    if first["name"] == name:
        _twice("the name", "name", entry, first, found)
    else:
        message = f"`{name}` and `{first['name']}` in {first.place('name')} differ only in case"
        found.warnings.append(Problem(message, "give one of them a name that is told apart", entry.place("name")))


def _note_shown(part: Entry, found: _Found) -> None:
    """Note a description that a text with a secret in it would look like."""
    hint = "find the token by its id, and leave its description alone"
    message = "`description` has `***` in it, which is how a token's secret is shown"
    found.problems.append(Problem(message, hint, part.value_place("description")))


def _note_cut(part: Entry, texts: Collection[str], found: _Found) -> None:
    """Warn of each of these texts that a comment cuts."""
    for key in part.cut:
        if key in texts:
            message = f"`{key}` ends before ` #`, which begins a comment: what follows is no part of it"
            hint = "quote the text if it goes on, or give the comment a line of its own"
            if part.is_block(key):
                message = f"`{key}` ends before a `#` that is indented less, which begins a comment"
                hint = "indent the `#` as the text is, if it is a part of it, or no more than the key"
            found.warnings.append(Problem(message, hint, part.value_place(key)))


def _twice(what: str, key: str, item: Entry | Row, first: Entry | Row, found: _Found) -> None:
    message = f"{what} is declared for the second time, first in {_entry(first).value_place(key)}"
    found.problems.append(Problem(message, "remove one of them", _entry(item).value_place(key)))


def _entry(item: Entry | Row) -> Entry:
    return item.entry if isinstance(item, Row) else item

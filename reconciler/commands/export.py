"""`tokenctl export`: the live tokens that no declaration means, as declarations of a file, new or there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from reconciler.core.adopt import Adopted, Hides, adopt, slug, told_apart
from reconciler.core.guards import too_large
from reconciler.core.live import Live, Status, Token
from reconciler.core.manifest import Manifest, is_manifest
from reconciler.core.resolve import assert_org, declared_tokens
from reconciler.core.secrets import HIDDEN
from reconciler.core.select import found
from reconciler.core.text import REFUSED, count, is_plain, trimmed
from reconciler.errors import ExitCode, LocalError, reason
from reconciler.files import replace
from reconciler.manifest.dump import Item, double_quoted, scalar
from reconciler.manifest.edit import Text, appended, reread
from reconciler.manifest.load import load
from reconciler.manifest.plain import Entry
from reconciler.render import words
from reconciler.render.escape import line, terminal
from reconciler.session.connection import check, connected, resolve
from reconciler.session.context import Context, Streams
from reconciler.session.reading import listed, read_files
from reconciler.settings import Flags, Settings

_STDOUT = ("", "-")
_MODELINE = (
    "# yaml-language-server: $schema=https://raw.githubusercontent.com/tokenctl/tokenctl/main/schemas/tokens.v1.json\n"
)
_LONGEST_ORG = 1000  # characters that `server.org` may have
_PUBLIC = "Descriptions become as public as the repository: read them before you commit."


def run(target: str, flags: Flags, context: Context, *, user: str = "", status: Status | None = None) -> ExitCode:
    """Write a declaration of each live token of these owners and of this status that no declaration means.

    `target` is a file, a folder, or "" or `-` for standard output. Raises InvalidError for files that are refused,
    LocalError for those that cannot be written, what `connection.check` raises, and the errors of reading tokens.
    """
    settings = resolve(flags, context)
    is_folder = target not in _STDOUT and (target.endswith("/") or Path(target).is_dir())
    before = _read(target, context, is_folder=is_folder)
    check(before.manifest, None, settings)
    with connected(settings, context) as connection:
        live = connection.live()
    streams = context.streams
    hides = _hiding(streams)
    tokens = _undeclared(before.manifest, live, user, status)
    adopted = adopt(tokens, [each.name for each in before.manifest.tokens if each.name], hides)
    for problem in too_large((), live.missing):
        streams.say(words.problem(problem, "Warning"))
    files = _by_file(Path(target), adopted, live, hides) if is_folder else {target: adopted} if adopted else {}
    head = _MODELINE + "version: 1\n" + ("" if is_folder else _server(settings, live, hides))
    if is_folder and files:
        _make(Path(target))
    for name, some in files.items():
        untold = _write(name, _items(some, streams), head, before, streams)
        for said in (_told(name, some), *(untold or _alone(some))):
            streams.say(line(said))
    _tell_rest(adopted, target, live, streams)
    return ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Before:
    """What the files declare that are there, and by their names their bytes and documents."""

    manifest: Manifest = field(default_factory=Manifest)
    seen: Mapping[str, bytes] = field(default_factory=dict)
    roots: Mapping[str, Entry] = field(default_factory=dict)


def _read(target: str, context: Context, *, is_folder: bool) -> _Before:
    """Return what the file, or the files of the folder, declare that are there; raises InvalidError."""
    there = any(map(is_manifest, listed(target))) if is_folder else os.path.lexists(target)
    if not there or target in _STDOUT:
        return _Before()
    seen: dict[str, bytes] = {}
    loaded = read_files([target], context, seen)
    return _Before(loaded.manifest, seen, dict(zip(loaded.files, loaded.roots, strict=True)))


def _undeclared(manifest: Manifest, live: Live, user: str, status: Status | None) -> list[Token]:
    """Return the tokens that were asked for and that no declaration means: of the organisation that the files assert.

    Raises RefusedError where they assert one that no token is of.
    """
    tokens, org = found(live.tokens.values(), user=user, status=status), manifest.server.org
    if org:
        assert_org(manifest, live, (), "correct `server.org`, or name another file")
        inside = live.orgs_called(org)
        tokens = [each for each in tokens if each.org_id in inside]
    declared = declared_tokens(manifest, live)
    return [each for each in tokens if each.id not in declared]


def _make(folder: Path) -> None:
    """Make the folder unless it is there; raises LocalError."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise LocalError(f"cannot make the folder {folder}: {reason(error)}") from error


def _hiding(streams: Streams) -> Hides:
    """Return what says whether a text, or what is written of it, holds a secret that this run knows or a look-alike."""

    def hides(text: str) -> bool:
        """Return whether it does."""
        # Of many texts at once each is a line, while a line break within one is written as an escape.
        written = "\n".join(double_quoted(each)[1:-1] for each in text.split("\n")) if _is_escaped(text) else text
        return any(streams.masked(each) != each for each in {text, written, written.replace("\n", r"\n")})

    return hides


def _is_escaped(text: str) -> bool:
    return '"' in text or "\\" in text or not is_plain(text.replace("\n", ""))


def _by_file(folder: Path, adopted: Sequence[Adopted], live: Live, hides: Hides) -> dict[str, list[Adopted]]:
    """Return the declarations of each organisation by the name of its file."""
    # What a server says of an organisation, its id too, is no name of a file: it could lead anywhere.
    orgs = {_in_file_name(each.org_id): _in_file_name(each.org) for each in live.tokens.values()}
    names = told_apart(orgs, (), dict.fromkeys(orgs, ""), "org", hides)
    files: dict[str, list[Adopted]] = {}
    for each in adopted:
        files.setdefault(str(folder / f"{names[_in_file_name(each.token.org_id)]}.yaml"), []).append(each)
    return files


def _in_file_name(text: str) -> str:
    return re.sub("[-./]+", "-", slug(text))


def _server(settings: Settings, live: Live, hides: Hides) -> str:
    """Return the block that asserts the server, and the organisation if the run is limited to one."""
    url, org = settings.endpoint.url, trimmed(live.org)
    # A colon at the end would make a key of it. All other characters of a URL can stand as they are.
    lines = [] if hides(url) else [f"  url: {double_quoted(url) if url.endswith(':') else url}\n"]
    if org and len(org) <= _LONGEST_ORG and not REFUSED.search(org) and HIDDEN not in org and not hides(org):
        lines.append(f"  org: {scalar(org)}\n")
    return "".join(("server:\n", *lines)) if lines else ""


def _items(adopted: Sequence[Adopted], streams: Streams) -> list[Item]:
    """Return the declarations to write, with a comment above each group of one owner in one organisation."""
    items, last = [], ("", "")
    for number, each in enumerate(adopted):
        token, group = each.token, (each.token.org, each.token.user)
        comments = {} if number and group == last else {"": streams.masked(terminal(" / ".join(group))).strip()}
        fields = {"id": token.id, "name": each.name}
        if each.reason:
            comments["status"] = f"the description is left alone: {each.reason}"
        else:
            fields["description"] = token.description
        items.append(Item({**fields, "status": token.status.value}, comments))
        last = group
    return items


def _write(name: str, items: Sequence[Item], head: str, before: _Before, streams: Streams) -> list[str]:
    """Write the declarations to a new file, below those of the file that is there, or to standard output.

    What is added to a file is read back first. Returns the reasons that brackets have no room for. Raises LocalError.
    """
    seen, root = before.seen.get(name), before.roots.get(name)
    text = Text(seen.decode() if seen else head)
    root = root or load(["-"], BytesIO(head.encode())).roots[0]
    splices = appended(text.read, root, items)
    whole = text.spliced(splices)
    if name in _STDOUT:
        streams.show(whole.raw)
        return []
    if seen:
        reread(name, whole, {**root, "tokens": [*(root.get("tokens") or ()), *(each.fields for each in items)]})
    replace(Path(name), whole.raw.encode(), seen)
    if any("\n" in new for _, _, new in splices):
        return []
    return [f"  {each.fields['id']}: {each.comments['status']}" for each in items if "status" in each.comments]


def _told(name: str, adopted: Sequence[Adopted]) -> str:
    whole = sum(not each.reason for each in adopted)
    their = "its description" if len(adopted) == 1 else "their description"
    return (
        f"{'stdout' if name in _STDOUT else name}: {count(len(adopted), 'declaration')} added, {whole:,} with {their}"
    )


def _alone(adopted: Sequence[Adopted]) -> list[str]:
    number = sum(bool(each.reason) for each in adopted)
    told = "is left alone, with its" if number == 1 else "are left alone, each with its"
    return [f"  {count(number, 'description')} {told} reason above it"] if number else []


def _tell_rest(adopted: Sequence[Adopted], target: str, live: Live, streams: Streams) -> None:
    """Say that texts become public, or why nothing was written."""
    if adopted:
        streams.say(_PUBLIC)
    elif live.tokens:
        what = "stdout" if target in _STDOUT else target
        streams.say(line(f"{what}: nothing to add, as what was asked for is declared"))
    else:
        streams.say(f"Nothing was written. {words.EMPTY}")

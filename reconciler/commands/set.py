"""`tokenctl set`: changes fields of declarations in the files, and nothing else of them; asks no server."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from reconciler.core.live import HEX_ID
from reconciler.core.manifest import LONGEST_DESCRIPTION, end_of
from reconciler.core.secrets import HIDDEN
from reconciler.core.select import selected, unselected
from reconciler.core.text import REFUSED, count
from reconciler.errors import ExitCode, InvalidError, UsageError
from reconciler.manifest.dump import Item
from reconciler.manifest.edit import Text, appended, edited, reread
from reconciler.manifest.load import Loaded, checked
from reconciler.manifest.plain import Entry
from reconciler.session.context import Context
from reconciler.session.reading import DEFAULT, read_files
from reconciler.session.rewriting import Rewritten, in_parts, write

_is_id = re.compile(HEX_ID, re.IGNORECASE).fullmatch
_ONE_TERM = "`set` takes one name or id; what follows it are files"


class SetRequest(NamedTuple):
    """What the command line says: which declarations, in which files, and the fields with their values.

    `unset` names the fields to take away; `add` declares a token that no file declares; `check` writes nothing.
    """

    term: str
    files: Sequence[str] = ()
    fields: Mapping[str, str] = MappingProxyType({})
    unset: Sequence[str] = ()
    add: bool = False
    check: bool = False


def run(request: SetRequest, context: Context) -> ExitCode:
    """Edit the files, read back what was made, write it, and show the difference.

    Raises UsageError, InvalidError for files that are refused, LocalError for what cannot be written.
    """
    _check(request, context)
    seen: dict[str, bytes] = {}
    name = (*request.files, DEFAULT)[0]
    if request.add and name != "-" and not Path(name).exists():
        made = [_new(name, request)]
    else:
        made = _made(request, _read(request, context, seen), seen)
    if request.add and any(each.what.endswith("added") for each in made):
        context.streams.say(f"only `tokenctl plan` knows whether the server has the token {request.term.lower()}")
    return write(made, context, suffix="edited", unchanged="nothing changed: all is as asked", check=request.check)


def _check(request: SetRequest, context: Context) -> None:
    if not request.fields and not request.unset:
        raise UsageError("nothing is to be set", "add --status, --description, --until, --protected or --unset")
    for name in request.unset:
        if name in request.fields:
            raise UsageError(f"--{name} and --unset {name} exclude each other", "leave out one of them")
    _check_text(request.fields.get("description", ""), context)
    if "until" in request.fields and isinstance(hint := end_of(request.fields["until"]), str):
        raise UsageError(f"`{request.fields['until']}` names no moment", hint)
    if not request.add:
        return
    if len(request.files) > 1:
        raise UsageError(f"--add has to know the file, and {len(request.files)} are named", "name one")
    if request.files and Path(request.files[0]).is_dir():
        raise UsageError(f"--add has to know the file, and {request.files[0]} is a folder", "name a file in it")
    if not _is_id(request.term):
        raise UsageError("--add needs the id of the token", "`tokenctl list TEXT` finds it")


def _check_text(text: str, context: Context) -> None:
    """Raise UsageError for a description that no manifest may hold, without repeating it."""
    if context.streams.masked(text) != text:
        raise UsageError("the description holds a token's secret, or what looks like one", "write another text")
    if HIDDEN in text:
        raise UsageError(
            "the description has `***` in it, which is how a token's secret is shown", "write another text"
        )
    if found := REFUSED.search(text):
        raise UsageError(f"the description has U+{ord(found[0]):04X} in it, which may not stand in a file")
    if len(text) > LONGEST_DESCRIPTION:
        raise UsageError(f"the description has {len(text):,} characters, and {LONGEST_DESCRIPTION:,} may be declared")


def _read(request: SetRequest, context: Context, seen: dict[str, bytes]) -> Loaded:
    """Read the files; a file that is not there may be the second word of a name that has none."""
    try:
        return read_files(request.files, context, seen)
    except InvalidError as error:
        gone = {f"{name}: {os.strerror(errno.ENOENT).lower()}" for name in request.files}
        told = [each._replace(hint=_ONE_TERM) if each.message in gone else each for each in error.problems]
        raise InvalidError(told) from None


def _new(name: str, request: SetRequest) -> Rewritten:
    empty = Text("version: 1\n")
    root = reread(name, empty, {"version": "1"})
    text, then, what = _added(name, empty, root, request)
    checked(then)
    return Rewritten(name, None, [""], [text.raw], text, what)


def _added(name: str, before: Text, root: Entry, request: SetRequest) -> tuple[Text, Entry, str]:
    """Return the text with a declaration of the token that is asked for, its document, and what is said of it."""
    item = Item({"id": request.term.lower(), **request.fields})
    text = before.spliced(appended(before.read, root, [item]))
    then = reread(name, text, {**root, "tokens": [*(root.get("tokens") or ()), item.fields]})
    return text, then, f"{count(1, 'declaration')} added"


def _made(request: SetRequest, loaded: Loaded, seen: Mapping[str, bytes]) -> list[Rewritten]:
    """Return what becomes of each file; raises UsageError when no declaration is meant."""
    term = request.term
    meant = {id(each.origin) for each in selected(loaded.manifest.tokens, term)}
    if not meant and not request.add:
        raise unselected(loaded.manifest.tokens, term, adding=True)
    fields = {**request.fields, **dict.fromkeys(request.unset)}
    made = []
    for name, root in zip(loaded.files, loaded.roots, strict=True):
        before = Text(seen[name].decode())
        tokens = root.get("tokens") or ()
        if meant:
            numbers = [number for number, each in enumerate(tokens) if id(each) in meant]
            text, then = edited(name, before, root, numbers, fields)
            what = f"{count(len(numbers), 'declaration')} edited"
        else:
            text, then, what = _added(name, before, root, request)
        if text.raw != before.raw:
            checked(then)
        parts = in_parts(before.read, root), in_parts(text.read, then)
        made.append(Rewritten(name, seen[name], *parts, text, what))
    return made

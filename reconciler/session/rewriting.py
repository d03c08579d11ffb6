"""Writes files that a command has edited, and shows how they differ from what they were."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.errors import ExitCode
from reconciler.files import STDIN, replace
from reconciler.manifest.edit import Text
from reconciler.manifest.plain import Entry, Items
from reconciler.render.difference import difference
from reconciler.session.context import Context


class Rewritten(NamedTuple):
    """What is to become of a file: `seen` are its bytes as they were read, None for a file that is to be made.

    `before` and `after` are what to compare, in parts that belong together; `what` is what is said of it.
    """

    name: str
    seen: bytes | None
    before: Sequence[str]
    after: Sequence[str]
    text: Text
    what: str

    @property
    def data(self) -> bytes:
        """The bytes that the file is to have."""
        return self.text.raw.encode()


def write(
    files: Sequence[Rewritten], context: Context, *, suffix: str, unchanged: str, check: bool, quiet: bool = False
) -> ExitCode:
    """Write the files that differ, standard input to standard output; return CHANGES when that is only checked.

    The differences are shown unless that is to be `quiet`, and always for a check. Raises LocalError.
    """
    changed = [each for each in files if each.data != each.seen]
    for each in files:
        if each.name == STDIN and not check:
            context.streams.show(each.text.raw)
        elif each in changed and (check or not quiet):
            context.streams.show(difference(each.name, suffix, each.before, each.after))
    for each in changed if not check else ():
        if each.name != STDIN:
            replace(Path(each.name), each.data, each.seen)
        context.streams.say(f"{each.name}: {each.what}")
    if not changed:
        context.streams.say(unchanged)
    return ExitCode.CHANGES if changed and check else ExitCode.OK


def in_parts(text: str, root: Entry) -> Sequence[str]:
    """Return the text of a file in parts: what stands above its declarations, and the lines of each of these."""
    lines = text.split("\n")
    tokens: Any = root.get("tokens") or Items(root.file, None)
    starts = [0, *(mark.line for mark in tokens.marks), len(lines)]
    pieces = ["\n".join(lines[start:stop]) + "\n" * (start < stop) for start, stop in pairwise(starts)]
    return [*pieces[:-1], pieces[-1].removesuffix("\n")]

"""What a shell completes: the names and ids that the files of a command line declare, and formats.

Shells get no other text of a file: typer's script for zsh evaluates what it gets, and bash inserts it as it is. No
server is asked, no standard input read, and nothing is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import pairwise

import typer
from typer._click.shell_completion import CompletionItem, add_completion_class
from typer._completion_classes import BashComplete

VARIABLE = "_TOKENCTL_COMPLETE"
"""Set by typer's scripts, to ask for completions instead of a run."""

_LARGEST = 4 * 1024 * 1024  # bytes of one file: a larger one takes longer to read than somebody waits
_PLAIN = re.compile(r"[\w.+@/:][\w.+@/:,-]*")  # a text that no shell takes apart, and that is no option
_ID = re.compile("[0-9A-Fa-f]{16}")
_IN_LIST = ["tokens", ""]
_BREAKS = re.compile("[:=]+")  # where bash takes words apart, by COMP_WORDBREAKS


class Bash(BashComplete):
    """Completion for bash with the words put together again that bash took apart at `:` and `=`."""

    name = "bash"
    _known = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to complete, and that one."""
        words, self._known = joined(os.environ["COMP_WORDS"].split("\n")[: int(os.environ["COMP_CWORD"]) + 1])
        os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(words), str(len(words) - 1)
        return super().get_completion_args()

    def format_completion(self, item: CompletionItem) -> str:
        """Return what bash is to put into the place of the last part of the word."""
        return super().format_completion(item).removeprefix(self._known)


def joined(words: Sequence[str]) -> tuple[list[str], str]:
    """Return the words as they were typed, and what bash will not replace of the last value."""
    found = [words[0]]
    for before, word in pairwise(words):
        if _BREAKS.fullmatch(word) or _BREAKS.fullmatch(before):
            found[-1] += word
        else:
            found.append(word)
    last = "" if _BREAKS.fullmatch(words[-1]) else words[-1]
    return found, found[-1].removesuffix(last).rpartition("=")[2]


def prepare() -> None:
    """Let typer complete for bash as above, once it has set up its own classes."""
    add_completion_class(Bash, "bash")


def terms(context: typer.Context, incomplete: str) -> Sequence[tuple[str, str]]:
    """Return the names and ids that begin so, the latter with names, of the files named so far or of tokens.yaml."""
    # Where an option lacks its value yet, typer has no values of what was named so far, only the words.
    files = context.params.get("files") or [each for each in context.args if not each.startswith("-")]
    found = dict(_declared(files or ["tokens.yaml"]))
    return [(term, about) for term, about in found.items() if term.startswith(incomplete)]


def formats(incomplete: str) -> Sequence[str]:
    """Return the formats of reports that begin so, for `FORMAT=PATH`."""
    from reconciler.render.formats import PlanFormat

    return [f"{each}=" for each in PlanFormat if each.startswith(incomplete)]


def _declared(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and ids of the declarations, and the name beside an id, as far as they can be read and shown."""
    from reconciler.core.secrets import holds_secret

    for text in _texts(paths):
        for fields in _declarations(text):
            name = fields.get("name", "")
            name = name if _PLAIN.fullmatch(name) and not holds_secret(name) else ""
            if name:
                yield name, ""
            if _ID.fullmatch(token_id := fields.get("id", "")):
                yield token_id.lower(), name


def _texts(paths: Iterable[str]) -> Iterator[str]:
    """Yield what is in the files, with folders as `plan` reads them, as far as they can be read."""
    from reconciler.errors import InvalidError
    from reconciler.manifest.load import Disk

    disk = Disk(BytesIO())
    for path in paths:
        with suppress(InvalidError):
            names = disk.names(path)
            for name in names:
                with suppress(InvalidError):
                    yield disk.read(name, _LARGEST).decode(errors="replace")


def _declarations(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each declaration that are texts, up to where the file is no YAML any more."""
    import yaml

    fields: dict[str, str] = {}
    at: list[str | None] = []  # for each block that is open its key, None before one, "" in a list
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.CollectionStartEvent):
                at.append(None if isinstance(event, yaml.MappingStartEvent) else "")
            elif isinstance(event, yaml.CollectionEndEvent):
                at.pop()
                at[-1:] = [at[-1] and None] if at else []
                if at == _IN_LIST:
                    yield fields
                    fields = {}
            elif isinstance(event, yaml.ScalarEvent) and at:
                if at[:-1] == _IN_LIST and at[-1]:
                    fields[at[-1]] = event.value
                at[-1] = event.value if at[-1] is None else at[-1] and None
    yield fields

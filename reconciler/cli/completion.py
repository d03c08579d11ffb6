"""What a shell completes: the names and ids that the files of a command line declare, and formats.

Shells get no other text of a file: typer's script for zsh evaluates what it gets, and bash inserts it as it is. No
server is asked, no standard input read, and nothing is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from typing import Any, Protocol

from reconciler.cli import COMPLETION

_LARGEST = 4 * 1024 * 1024  # bytes of one file: a larger one takes longer to read than somebody waits
_PLAIN = re.compile(r"[\w.+@/:][\w.+@/:,-]*")  # a text that no shell takes apart, and that is no option
_ASKED = re.compile(rf"(?:set|(?:plan|apply)((?: {_PLAIN.pattern})*) --select) ({_PLAIN.pattern}|)")
_ID = re.compile("[0-9A-Fa-f]{16}")
_IN_LIST = ["tokens", ""]
_BREAKS = re.compile("[:=]+")  # where bash takes words apart, by COMP_WORDBREAKS


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


class Line(Protocol):
    """What typer knows of the words before the one to complete: values of options, and words that are none."""

    params: Mapping[str, Any]
    args: Sequence[str]


def quickly(environment: Mapping[str, str]) -> str:
    """Return what typer would tell bash or zsh of a name or an id, of which it needs several times as long.

    That is after `set`, and after `--select` behind nothing but files; "" where typer is to tell it.
    """
    shell, known = environment[COMPLETION], ""
    if shell == "complete_bash":
        words, known = joined(environment["COMP_WORDS"].split("\n")[: int(environment["COMP_CWORD"]) + 1])
    elif shell == "complete_zsh":
        words = environment["_TYPER_COMPLETE_ARGS"].split(" ")
    else:
        return ""
    if not (asked := _ASKED.fullmatch(" ".join(words[1:]))):
        return ""
    found = _terms((asked[1] or "").split(), asked[2])
    if shell == "complete_bash":
        return "\n".join(term.removeprefix(known) for term, _ in found)
    escaped = [[f'"{each}"'.replace(":", r"\\:") for each in pair if each] for pair in found]
    drawn = "\n".join(map(":".join, escaped))
    return f"_arguments '*: :(({drawn}))'" if found else ""


def terms(ctx: Line, incomplete: str) -> Sequence[tuple[str, str]]:
    """Return the names and ids that begin so, the latter with names, of the files named so far or of tokens.yaml."""
    # Where an option lacks its value yet, typer has no values of what was named so far, only the words.
    return _terms(ctx.params.get("files") or [each for each in ctx.args if not each.startswith("-")], incomplete)


def formats(incomplete: str) -> Sequence[str]:
    """Return the formats of reports that begin so, for `FORMAT=PATH`."""
    from reconciler.render.formats import PlanFormat

    return [f"{each}=" for each in PlanFormat if each.startswith(incomplete)]


def _terms(files: Sequence[str], incomplete: str) -> Sequence[tuple[str, str]]:
    found = dict(_declared(files or ["tokens.yaml"]))
    return [(term, about) for term, about in found.items() if term.startswith(incomplete)]


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

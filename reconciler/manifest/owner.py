"""Whose a place in a file is: the key, and the token, that a refused character is a part of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from reconciler.core.secrets import masked
from reconciler.core.text import is_plain, shortened

_DEPTH = 16
_SHOWN = 40  # characters of a name


@dataclass(slots=True)
class _Block:
    """A mapping or a sequence that is being read; `key` is that of a mapping whose value comes next, if one does."""

    is_mapping: bool
    is_key: bool = False
    key: str | None = None
    number: int = 0
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owner:
    """What a place is a part of: the keys down to its own, without `tokens`, and the token, if it is of one."""

    path: str
    number: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.number:
            return f"`{_shown(self.path)}`"
        of = next((_shown(self.texts[key]) for key in ("name", "id") if self.texts.get(key)), "")
        token = f"the token `{of}`" if of else f"token number {self.number:,}"
        return f"`{_shown(self.path)}` of {token}" if self.path else token


def owners(text: str, places: Sequence[int], loader: Any) -> dict[int, Owner]:
    """Return whose each of these characters is, as far as the text can be read; what is in a comment is nobody's."""
    waiting = sorted(places)
    found: dict[int, Owner] = {}
    blocks: list[_Block] = []
    parser = loader(text)
    with suppress(yaml.YAMLError):
        while waiting and (event := parser.get_event()) is not None and len(blocks) <= _DEPTH:
            if event.start_mark.index > waiting[-1] and len(blocks) <= 2:
                break
            _read(event, blocks, waiting, found)
    parser.dispose()
    return found


def _read(event: Any, blocks: list[_Block], waiting: Sequence[int], found: dict[int, Owner]) -> None:
    """Take one more event."""
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.CollectionEndEvent) and blocks.pop().is_key:
        return
    if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
        return
    top = blocks[-1] if blocks else _Block(is_mapping=False)
    is_key = top.is_mapping and top.key is None
    if isinstance(event, yaml.NodeEvent):
        top.number += 1
    if type(event) is yaml.ScalarEvent:
        first, last = bisect_left(waiting, start), bisect_right(waiting, end)
        if first < last and blocks:
            found.update(dict.fromkeys(waiting[first:last], _owner(blocks, [event.value] if is_key else [])))
        if is_key:
            top.key = event.value
            return
        top.texts[top.key or ""] = event.value
    if isinstance(event, yaml.CollectionStartEvent):
        top.key = top.key or ""
        blocks.append(_Block(isinstance(event, yaml.MappingStartEvent), is_key))
    else:
        top.key = None


def _owner(blocks: Sequence[_Block], own: Sequence[str]) -> Owner:
    keys = [*(block.key for block in blocks if block.key), *own]
    if keys[:1] != ["tokens"] or len(blocks) < 2:
        return Owner(".".join(keys))
    # Of the token more is known by the time that this is shown.
    return Owner(".".join(keys[1:]), blocks[1].number, blocks[2].texts if len(blocks) > 2 else {})


def _shown(text: str) -> str:
    """Return the text as a hint may show it, without what may be a secret or cannot be seen."""
    return shortened(text, _SHOWN) if is_plain(text) and masked(text) == text else "***"

"""Text in, an InfluxDB id out; follows platform.ID of InfluxDB 2.7 to 2.9."""

from __future__ import annotations

import re

_HEX = re.compile(r"[0-9a-f]{16}")
_EPOCH_MS = 1_491_696_000_000  # 2017-04-09, where InfluxDB's snowflakes begin
_MACHINE = 1 << 12


class IdError(ValueError):
    """What InfluxDB says of text that is no id."""


def read(text: str) -> str:
    """The id in lower case; raises IdError."""
    if len(text.encode("utf-8", "surrogateescape")) != 16:
        raise IdError("id must have a length of 16 bytes")
    found = text.lower()
    if not _HEX.fullmatch(found) or found == "0" * 16:
        raise IdError("invalid ID")
    return found


def snowflake(now_ms: int) -> str:
    """The id that something made at that time (milliseconds since 1970) gets: ids ascend with time."""
    return f"{((now_ms - _EPOCH_MS) << 22) | _MACHINE:016x}"


def after(token_id: str) -> str:
    """The next id."""
    return f"{int(token_id, 16) + 1:016x}"

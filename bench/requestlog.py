"""A request log of a gigabyte, beside a bare loop that applies the same pattern to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bench.timing import PYTHON, TOKENCTL, Bounds, compare

_MIB = 1024
_RUNS = 3
_TOKENS = 1_000
_BARE = """
import sys
from reconciler.core.requestlog import PATTERN
match = PATTERN.match
with open(sys.argv[1], 'rb') as log:
    for line in log:
        match(line)
"""
_LINE = (
    "ts=2026-11-{day:02}T{hour:02}:{minute:02}:00.{number:06}Z lvl=debug msg=Request log_id=16oVNN6l000 service=http "
    'method=POST host=influx.example:8086 path=/api/v2/write query="bucket=b&org=acme&precision=ns" proto=HTTP/1.1 '
    "status_code=204 response_size=0 content_length=14 referrer= remote=10.0.{net}.{host}:38074 user_agent=Telegraf "
    "authenticated_id={token:016x} user_id=11b37d75e8350000 took=40.526ms\n"
)
_BESIDE = (
    'ts=2026-11-01T00:00:00.000000Z lvl=debug msg="user find by ID" log_id=16oVNN6l000 store=new took=0.065ms\n'
    'ts=2026-11-01T00:00:00.000000Z lvl=debug msg="bucket find" log_id=16oVNN6l000 store=new took=0.063ms\n'
)


def rows(folder: Path) -> dict[str, Callable[[], bool]]:
    """The benchmark by its name."""
    return {"usage": lambda: _run(folder)}


def _run(folder: Path) -> bool:
    """Print the comparison and return whether time and memory are kept."""
    log, tokens = folder / "influxd.log", folder / "tokens.json"
    listed = [{"id": f"{each + 1:016x}", "status": "active", "description": ""} for each in range(_TOKENS)]
    tokens.write_text(json.dumps({"format_version": 1, "tokens": listed}))
    with log.open("w") as stream:
        written, number = 0, 0
        while written < _MIB * 1024 * 1024:
            written += stream.write("".join(map(_said, range(number, number + 1000))))
            number += 1000
    ours, bare = [TOKENCTL, "usage", str(log), "--tokens", str(tokens)], [PYTHON, "-c", _BARE, str(log)]
    title = f"usage, a log of {_MIB:,} MiB; a bare loop with the same pattern"
    kept = compare(title, ours, bare, Bounds(wall=2, peak_mib=64), runs=_RUNS)
    log.unlink()
    return kept


def _said(number: int) -> str:
    minute, token = number // 200 % (30 * 24 * 60), number % _TOKENS + 1
    said = _LINE.format(
        day=minute // 1440 + 1, hour=minute // 60 % 24, minute=minute % 60, number=number % 10**6, token=token,
        net=token % 7, host=number % 250,
    )  # fmt: skip
    return _BESIDE + said

"""Command lines in, times and peak memory of whole processes out."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RUNS = 9
TOKENCTL = str(Path(sys.executable).with_name("tokenctl"))
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a command: wall time in milliseconds and the largest resident set in MiB."""

    wall_ms: float
    peak_mib: float


def once(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Sample:
    """Run the command to its end; raises CalledProcessError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - started) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = process.stderr.read() if process.stderr else b""
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=errors)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return Sample(wall_ms, usage.ru_maxrss / unit)


def compare(
    title: str,
    command: Sequence[str],
    yardstick: Sequence[str],
    most: float,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Run the two in turn, print both, and say whether the command keeps to so many times its yardstick.

    The ratio is of the minima: the noise of a shared machine only ever adds.
    """
    once(command, environment)
    once(yardstick, environment)
    pairs = [(once(command, environment), once(yardstick, environment)) for _ in range(RUNS)]
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    ratio = min(s.wall_ms for s in ours) / min(s.wall_ms for s in theirs)
    kept = ratio <= most
    print(
        f"{title:<44} {_show(ours)}  yardstick {_show(theirs)}  ratio {ratio:5.2f} of at most {most:g}"
        f"  peak {max(s.peak_mib for s in ours):4.0f} MiB{'' if kept else '  TOO MUCH'}"
    )
    return kept


def _show(samples: Sequence[Sample]) -> str:
    times = [sample.wall_ms for sample in samples]
    return f"{min(times):7.1f} / {statistics.median(times):7.1f} ms"

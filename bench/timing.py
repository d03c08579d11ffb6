"""Command lines in, times and peak memory of whole processes out."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RUNS = 9
_ROUNDS = 3  # of so many runs, as long as a bound is not kept
TOKENCTL = str(Path(sys.executable).with_name("tokenctl"))
PYTHON = sys.executable
Command = Sequence[str] | Callable[[], Sequence[str]]
"""A command line, or what gives another one for each run."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a command: wall time and CPU time in milliseconds, and the largest resident set in MiB."""

    wall_ms: float
    cpu_ms: float
    peak_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many times the yardstick a command may take, and its memory in MiB; None for what is printed only."""

    wall: float | None = None
    cpu: float | None = None
    peak_mib: float | None = None


def once(command: Command, environment: Mapping[str, str] | None = None) -> Sample:
    """Run the command to its end; raises CalledProcessError when it fails.

    A process of its own starts it: what begins in a large process has that one's peak of memory as its own.
    """
    line = command() if callable(command) else command
    return _starter().submit(_run, list(line), {**os.environ, **(environment or {})}).result()


@cache
def _starter() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))


def _run(line: Sequence[str], environment: Mapping[str, str]) -> Sample:
    started = time.perf_counter()
    process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - started) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    errors = process.stderr.read() if process.stderr else b""
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, line, stderr=errors)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return Sample(wall_ms, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / unit)


def compare(
    title: str,
    command: Command,
    yardstick: Command,
    bounds: Bounds,
    environment: Mapping[str, str] | None = None,
    runs: int = RUNS,
) -> bool:
    """Run the two in turn, so many times, print both, and say whether the command keeps to its bounds.

    The ratio is of the minima: the noise of a shared machine only ever adds. Where a bound is not kept they run as
    often again, twice at most, as one of the two may have met no quiet moment.
    """
    once(command, environment)
    once(yardstick, environment)
    pairs: list[tuple[Sample, Sample]] = []
    lines: list[str] = []
    kept = False
    while not kept and len(pairs) < _ROUNDS * runs:
        pairs += [(once(command, environment), once(yardstick, environment)) for _ in range(runs)]
        lines, kept = _judged(pairs, bounds)
    print("\n".join([title + (f" ({len(pairs)} runs)" if len(pairs) > runs else ""), *lines]), flush=True)
    return kept


def _judged(pairs: Sequence[tuple[Sample, Sample]], bounds: Bounds) -> tuple[list[str], bool]:
    """Return what to print of a command and its yardstick, and whether the command keeps to its bounds."""
    lines, kept = [], []
    for what, each, most in (("wall", "wall_ms", bounds.wall), ("CPU", "cpu_ms", bounds.cpu)):
        ours, theirs = [getattr(a, each) for a, _ in pairs], [getattr(b, each) for _, b in pairs]
        ratio = min(ours) / min(theirs)
        kept.append(most is None or ratio <= most)
        limit = _limit(most, is_kept=kept[-1])
        lines.append(f"  {what:<4} {_show(ours)}  yardstick {_show(theirs)}  ratio {ratio:6.2f}{limit}")
    peak = max(sample.peak_mib for sample, _ in pairs)
    kept.append(bounds.peak_mib is None or peak <= bounds.peak_mib)
    lines.append(f"  peak {peak:6.0f} MiB{_limit(bounds.peak_mib, is_kept=kept[-1])}")
    return lines, all(kept)


def grows(title: str, command: Command, tokens: int, environment: Mapping[str, str] | None = None) -> None:
    """Print what a command takes for each of so many tokens."""
    samples = [once(command, environment) for _ in range(3)]
    best = min(sample.wall_ms for sample in samples)
    peak = max(sample.peak_mib for sample in samples)
    print(f"{title}, {tokens:>7,} tokens: {best:8.1f} ms, {best * 1000 / tokens:6.1f} µs a token, peak {peak:.0f} MiB")


def _limit(most: float | None, *, is_kept: bool) -> str:
    return "" if most is None else f" of at most {most:g}{'' if is_kept else '  TOO MUCH'}"


def _show(times: Sequence[float]) -> str:
    return f"{min(times):8.1f} / {statistics.median(times):8.1f} ms"

"""Applying changes against a sandbox in a process of its own, beside bare clients that send the same PATCHes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from bench import worlds
from bench.timing import PYTHON, TOKENCTL, compare

_RUNS = 9
_CHANGES, _MANY = 1_000, 10_000
_MOST = {"wall_ms": 1.6, "cpu_ms": 4.0}  # times what bare threads of http.client take
_FEW, _MOST_OF_CURL = 100, 0.5
_CURL = """
for id in {ids}; do
  curl -sSf -o /dev/null -X PATCH -H "Authorization: Token $INFLUX_TOKEN" -H 'Content-type: application/json' \\
    -d '{{"description": "before"}}' "$INFLUX_HOST/api/v2/authorizations/$id" || exit
done
"""
_GROWTH_MIB = 25  # nearly all of it is the list that reads everything back; sending itself keeps nothing

Sample = dict[str, float]


def run(folder: Path) -> Iterator[bool]:
    """Print each comparison and give whether it keeps its ratio."""
    texts = (f"text {number}" for number in count())
    with _serving(_CHANGES) as server:
        ways = ("tokenctl", "httpx", "http.client")
        for way in ways:
            _once(server, way, _CHANGES, next(texts))
        rounds = [{way: _once(server, way, _CHANGES, next(texts)) for way in ways} for _ in range(_RUNS)]
    print(f"apply {_CHANGES:,} changes, 8 at once, journal, checks and last list included; bare clients, 8 threads:")
    for measure, what in (("wall_ms", "time"), ("cpu_ms", "CPU")):
        ours, httpx, bare = ([each[way][measure] for each in rounds] for way in ways)
        ratio, most = min(ours) / min(bare), _MOST[measure]
        kept = ratio <= most
        print(
            f"  {what:<5} {_show(ours)}  http.client {_show(bare)}  ratio {ratio:5.2f} of at most {most:g}"
            f"  httpx {_show(httpx)}  ratio {min(ours) / min(httpx):5.2f}{'' if kept else '  TOO MUCH'}"
        )
        yield kept
    yield _flat([each["tokenctl"] for each in rounds], next(texts))
    yield _beside_curl(folder)


def _beside_curl(folder: Path) -> bool:
    """Compare with what a shell does, which also makes the changes of the next run."""
    (path,) = worlds.manifest(folder, _FEW)
    apply = [TOKENCTL, "apply", path, "--yes", "--journal", str(folder / "journals")]
    shell = ["sh", "-c", _CURL.format(ids=" ".join(map(worlds.token_id, range(_FEW))))]
    with _serving(_CHANGES) as (url, token):
        environment = {"INFLUX_HOST": url, "INFLUX_TOKEN": token, "NO_PROXY": "*"}
        return compare(f"apply {_FEW} changes, {_CHANGES:,} live", apply, shell, _MOST_OF_CURL, environment)


def _flat(few: Sequence[Sample], text: str) -> bool:
    with _serving(_MANY) as server:
        many = _once(server, "tokenctl", _MANY, text)["grown_mib"]
    grown = min(each["grown_mib"] for each in few)
    kept = many - grown <= _GROWTH_MIB
    print(
        f"  memory on top of the plan: {grown:.1f} MiB for {_CHANGES:,} changes, {many:.1f} MiB for {_MANY:,}"
        f" (at most {_GROWTH_MIB} MiB more){'' if kept else '  TOO MUCH'}"
    )
    return kept


def _once(server: tuple[str, str], way: str, size: int, text: str) -> Sample:
    environment = {**os.environ, "INFLUX_HOST": server[0], "INFLUX_TOKEN": server[1]}
    command = [PYTHON, "-m", "bench.patching", way, str(size), text]
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    sample: Sample = json.loads(done.stdout)
    return sample


@contextmanager
def _serving(size: int) -> Iterator[tuple[str, str]]:
    command = [PYTHON, "-m", "bench.sandbox_server", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        url, token = line.split()
        yield url, token
        process.terminate()


def _show(times: Sequence[float]) -> str:
    return f"{min(times):7.1f} / {statistics.median(times):7.1f} ms"

"""Planning against a loopback server that sends a prepared list at once: our share of the time, not the server's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import worlds
from bench.offline import BARE_LOAD
from bench.timing import PYTHON, TOKENCTL, compare, once

_MEMORY_MIB = 150
_BEST_OF = 3


def run(folder: Path) -> Iterator[bool]:
    """Print each comparison and give whether it keeps its ratio."""
    for tokens, changed, files in ((1_000, 10, 1), (10_000, 100, 1), (100_000, 1_000, 10)):
        body = folder / f"list-{tokens}.json"
        body.write_bytes(worlds.answer(tokens, changed))
        paths = worlds.manifest(folder, tokens, files)
        with _serving(body) as url:
            environment = {"INFLUX_HOST": url, "INFLUX_TOKEN": "FAKE-bench", "NO_PROXY": "*"}
            plan = [TOKENCTL, "plan", *paths]
            if tokens == 10_000:
                title = f"plan, {tokens:,} tokens, {changed} changes"
                yield compare(title, plan, [PYTHON, "-c", BARE_LOAD, paths[0]], 1.2, environment)
                peak = once(plan, environment).peak_mib
                print(f"{title}: peak {peak:.0f} MiB of at most {_MEMORY_MIB}")
                yield peak <= _MEMORY_MIB
            samples = [once(plan, environment) for _ in range(_BEST_OF)]
            best = min(sample.wall_ms for sample in samples)
            print(
                f"plan, {tokens:>7,} tokens in {files} files: {best:8.1f} ms, {best * 1000 / tokens:6.1f} µs a token, "
                f"peak {max(sample.peak_mib for sample in samples):.0f} MiB"
            )


@contextmanager
def _serving(body: Path) -> Iterator[str]:
    command = [PYTHON, "-m", "bench.list_server", str(body)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()

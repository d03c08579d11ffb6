"""What needs no server: start-up and reading of manifests, plans and journals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench import worlds
from bench.timing import PYTHON, TOKENCTL, compare, once

BARE_LOAD = "import sys, yaml; yaml.load(open(sys.argv[1], encoding='utf-8').read(), yaml.CSafeLoader)"
# Without collecting garbage, as the commands do it; a plan is parsed in one piece, a journal line by line.
PARSE = """
import gc, json, sys
gc.disable()
content = open(sys.argv[1], 'rb').read()
[json.loads(each) for each in ([content] if sys.argv[1].endswith('.json') else content.splitlines())]
"""
LOAD_PLAN = """
import gc, pathlib, sys
from reconciler.documents.plan import load_plan
gc.disable()
load_plan(pathlib.Path(sys.argv[1]))
"""
LOAD_JOURNAL = """
import gc, pathlib, sys
from reconciler.apply.journal import load
gc.disable()
load(pathlib.Path(sys.argv[1]))
"""
_NOTHING = [PYTHON, "-c", "pass"]
_BEST_OF = 3


def run(folder: Path) -> Iterator[bool]:
    """Print each comparison and give whether it keeps its ratio."""
    (small,) = worlds.manifest(folder, 10)
    (large,) = worlds.manifest(folder, 10_000)
    yield compare("tokenctl --version", [TOKENCTL, "--version"], _NOTHING, 2)
    yield compare("tokenctl --help", [TOKENCTL, "--help"], _NOTHING, 8)
    yield compare("validate, 10 tokens", [TOKENCTL, "validate", small], _NOTHING, 8)
    yield compare("validate, 10,000 tokens", [TOKENCTL, "validate", large], [PYTHON, "-c", BARE_LOAD, large], 0.5)
    for title, load, path in (
        ("read a plan of 10,000 changes", LOAD_PLAN, worlds.plan(folder, 10_000)),
        ("read a journal of 10,000 changes", LOAD_JOURNAL, worlds.journal(folder, 10_000)),
    ):
        yield compare(title, [PYTHON, "-c", load, path], [PYTHON, "-c", PARSE, path], 8)
    for tokens, files in ((1_000, 1), (10_000, 1), (100_000, 10)):
        paths = worlds.manifest(folder, tokens, files)
        samples = [once([TOKENCTL, "validate", *paths]) for _ in range(_BEST_OF)]
        best = min(sample.wall_ms for sample in samples)
        print(
            f"validate, {tokens:>7,} tokens in {files} files: {best:8.1f} ms, {best * 1000 / tokens:6.1f} µs a token, "
            f"peak {max(sample.peak_mib for sample in samples):.0f} MiB"
        )

"""What needs no server: start-up and reading of manifests, plans and journals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import worlds
from bench.timing import PYTHON, TOKENCTL, Bounds, compare, grows

_BARE_LOAD = "import sys, yaml; yaml.load(open(sys.argv[1], encoding='utf-8').read(), yaml.CSafeLoader)"
# Without collecting garbage, as the commands do it; a plan is parsed in one piece, a journal line by line.
_PARSE = """
import gc, json, sys
gc.disable()
content = open(sys.argv[1], 'rb').read()
[json.loads(each) for each in ([content] if sys.argv[1].endswith('.json') else content.splitlines())]
"""
_LOAD = """
import gc, pathlib, sys
from reconciler.{module} import {function}
gc.disable()
{function}(pathlib.Path(sys.argv[1]))
"""
_NOTHING = [PYTHON, "-c", "pass"]


def rows(folder: Path) -> dict[str, Callable[[], bool]]:
    """Each comparison by its name; it prints what it found, and gives whether the bounds were kept."""
    return {
        "version": partial(_start, "tokenctl --version", 1.6, "--version"),
        "help": partial(_start, "tokenctl --help", 6, "--help"),
        "validate": lambda: _start("validate, 10 tokens", 6, "validate", *worlds.manifest(folder, 10)),
        "validate-10000": partial(_validate, folder),
        "set": partial(_set, folder),
        "fmt": partial(_fmt, folder),
        "completion": partial(_complete, folder),
        "read-plan": partial(_read, folder, "plan", "documents.plan", "load_plan"),
        "read-journal": partial(_read, folder, "journal", "apply.journal", "load"),
        "validate-linear": partial(_linear, folder),
    }


def _start(title: str, most: float, *arguments: str) -> bool:
    return compare(title, [TOKENCTL, *arguments], _NOTHING, Bounds(cpu=most))


def _validate(folder: Path) -> bool:
    (large,) = worlds.manifest(folder, 10_000)
    bare = [PYTHON, "-c", _BARE_LOAD, large]
    return compare("validate, 10,000 tokens", [TOKENCTL, "validate", large], bare, Bounds(wall=0.5))


def _set(folder: Path) -> bool:
    large = worlds.for_a_parser(*worlds.manifest(folder, 10_000))
    edit = ["sh", "-c", '"$0" set token-77 --status inactive - < "$1"', TOKENCTL, large]
    return compare("set of one field, 10,000 tokens", edit, [TOKENCTL, "validate", large], Bounds(wall=2))


def _fmt(folder: Path) -> bool:
    large, larger = (worlds.for_a_parser(*worlds.manifest(folder, size)) for size in (10_000, 100_000))
    check = [TOKENCTL, "fmt", "--check"]
    return all(
        [
            compare("fmt --check, 10,000 tokens", [*check, large], [TOKENCTL, "validate", large], Bounds(wall=2.5)),
            compare("fmt --check, 100,000 tokens to 10,000", [*check, larger], [*check, large], Bounds(wall=12)),
        ]
    )


def _complete(folder: Path) -> bool:
    (named,) = worlds.manifest(folder, 1_000)
    asked = {
        "_TOKENCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": f"tokenctl\nplan\n{named}\n--select\n",
        "COMP_CWORD": "4",
    }
    return compare("completion, 1,000 names", [TOKENCTL], _NOTHING, Bounds(cpu=8), asked)


def _read(folder: Path, kind: str, module: str, function: str) -> bool:
    path = {"plan": worlds.plan, "journal": worlds.journal}[kind](folder, 10_000)
    load = _LOAD.format(module=module, function=function)
    title = f"read a {kind} of 10,000 changes"
    return compare(title, [PYTHON, "-c", load, path], [PYTHON, "-c", _PARSE, path], Bounds(wall=8))


def _linear(folder: Path) -> bool:
    for tokens, files in ((1_000, 1), (10_000, 1), (100_000, 10)):
        paths = worlds.manifest(folder, tokens, files)
        grows(f"validate {files:>2} files", [TOKENCTL, "validate", *paths], tokens)
    return True

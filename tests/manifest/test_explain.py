"""Every bad manifest of tests/rejected beside the exact message it gets, by both of PyYAML's loaders.

A case is a file `NAME.yaml` or a folder, and `NAME.txt` with the message; `--update-golden` rewrites the latter.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.errors import InvalidError
from reconciler.manifest import check
from reconciler.manifest.explain import find_problems
from reconciler.manifest.load import load
from tests.manifest.test_build import many

FOLDER = Path(__file__).parents[1] / "rejected"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".txt")
LOADERS = {"pure": yaml.SafeLoader} | ({"c": yaml.CSafeLoader} if yaml.__with_libyaml__ else {})


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("name", CASES)
def test_a_bad_manifest_is_refused_with_its_message(
    name: str, loader: Any, golden: Callable[[Path, str], None]
) -> None:
    with chdir(FOLDER), pytest.raises(InvalidError) as caught:
        load([name], BytesIO(), loader)
    golden(FOLDER / f"{name.removesuffix('.yaml')}.txt", f"{caught.value}\n")
    assert "FAKE" not in str(caught.value)
    assert "AAAA" not in str(caught.value)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60


def test_more_tokens_than_the_limit_are_refused_in_one_file() -> None:
    root = many(100_001)
    assert not check.head(root)
    (problem,) = find_problems(root.file, root)
    assert str(problem) == (
        "large.yaml:2:9: `tokens` has 100,001 entries, and may have 100,000\n"
        '  hint: write a list: `- id: "…"` for each token'
    )

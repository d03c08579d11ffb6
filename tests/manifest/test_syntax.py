"""What keeps a text from being read, and the names of files that may not be repeated."""

from __future__ import annotations

import pytest

from reconciler.errors import InvalidError, Place
from reconciler.manifest import document, syntax
from reconciler.manifest.syntax import TextFile

SECRET = "FAKE" + "A" * 82 + "=="


def refused(name: str, *known: str) -> str:
    """What is said of the name of a file."""
    with pytest.raises(InvalidError) as caught:
        syntax.check_name(name, *known)
    assert "FAKE" not in str(caught.value)
    return caught.value.problems[0].message


def test_a_secret_in_the_name_of_a_file_is_refused_and_not_repeated() -> None:
    assert refused(SECRET) == "the name of a file holds a token's secret"
    assert refused(f"tokens/{SECRET}.yaml") == "tokens: a name in this folder holds a token's secret"
    assert refused(f"{SECRET}/tokens.yaml") == "the path of a file holds a token's secret"
    assert refused("FAKE-known-secret.yaml", "FAKE-known-secret") == "the name of a file holds a token's secret"
    syntax.check_name("tokens/FAKE-known-secret.yaml")


def test_each_secret_and_each_character_that_may_not_be_there_has_its_place() -> None:
    _, problems = document.read(TextFile("a.yaml", f"a:\t1\nb: \u202e\nc: {SECRET}\n"))
    found = [(each.place, each.message) for each in sorted(problems, key=lambda each: each.position)]
    assert found == [
        (Place("a.yaml", 1, 3), "a tab (U+0009)"),
        (
            Place("a.yaml", 2, 4),
            "a character that cannot be seen or that reorders others: U+202E, right-to-left override",
        ),
        (Place("a.yaml", 3, 4), "this looks like a token's secret"),
    ]

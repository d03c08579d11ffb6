"""What the files declared at a moment, by the commits of a real repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.core.baseline import Declarations
from reconciler.errors import ExitCode
from reconciler.session.context import Context
from reconciler.session.sources import History
from tests.builders import live, token, token_id
from tests.checkout import Checkout
from tests.shell import Shell

MOMENTS = [Checkout.time(day) + 1 for day in range(5)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Four days: a description, another one, a file that is refused, and one more description."""
    made = Checkout.init(tmp_path)
    for said in ("one", "two", "[", "four"):
        made.write("tokens.yaml", f'version: 1\ntokens: [{{id: "{token_id(1)}", description: {said}}}]\n')
        made.commit()
    return made


def declared(shell: Shell, checkout: Checkout, moments: list[int], versions: int) -> list[str | None]:
    """The description that was declared at each moment: "" for none, None where that is not known."""
    found: list[Mapping[float, Declarations]] = []

    def look_back(context: Context) -> ExitCode:
        history = History(
            commit="main", ref="main", paths=[str(checkout.folder / "tokens.yaml")], files=(),
            environment=context.environment, home=context.home, versions=versions,
        )  # fmt: skip
        found.append(history.declared(moments, live(token(1), token(2))))
        return ExitCode.OK

    shell.call(look_back)
    stood = [found[0].get(moment) for moment in moments]
    return [None if each is None else each[token_id(1)].description if each else "" for each in stood]


def test_each_moment_has_what_was_in_effect_and_a_refused_file_declares_nothing(
    shell: Shell, checkout: Checkout
) -> None:
    assert declared(shell, checkout, MOMENTS, 50) == ["", "one", "two", "", "four"]
    later = [moment + 3600 for moment in MOMENTS]
    assert declared(shell, checkout, MOMENTS + later, 50)[5:] == ["", "one", "two", "", "four"]


def test_only_the_newest_versions_are_read(shell: Shell, checkout: Checkout) -> None:
    assert declared(shell, checkout, MOMENTS, 2) == ["", None, None, "", "four"]

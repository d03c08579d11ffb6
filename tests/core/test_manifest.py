"""A manifest: its settings in order, and the parts of it that `--select` leaves."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from reconciler.core.manifest import Match, Severity, select
from reconciler.errors import UsageError
from tests.builders import declared, manifest, token_id

LABELLED = (
    declared(1, name="ingest", labels={"team": "a", "tier": "1"}),
    declared(2, name="team", labels={"team": "a"}),
    declared(Match(user="otto"), name="x=y"),
)


@pytest.mark.parametrize(
    ("terms", "positions"),
    [
        ([], [0, 1, 2]),
        (["ingest"], [0]),
        ([token_id(2)], [1]),
        (["team=a"], [0, 1]),
        (["team=a", "tier=1"], [0]),
        (["team"], [1]),
    ],
)
def test_a_selection_narrows_with_every_term(terms: list[str], positions: list[int]) -> None:
    assert select(manifest(*LABELLED), terms).tokens == tuple(LABELLED[position] for position in positions)


def test_a_part_of_a_manifest_says_nothing_of_unmanaged_tokens() -> None:
    whole = manifest(*LABELLED, unmanaged=Severity.FAIL)
    assert select(whole, ["ingest"]).unmanaged is Severity.IGNORE
    assert select(whole, []).unmanaged is Severity.FAIL


@pytest.mark.parametrize("terms", [["other"], ["team=b"], ["x=y"], ["ingest", "tier=2"]])
def test_a_selection_of_nothing_is_refused(terms: Iterable[str]) -> None:
    with pytest.raises(UsageError) as caught:
        select(manifest(*LABELLED), list(terms))
    assert str(caught.value) == (
        f"--select {' '.join(terms)} selects no declaration\n"
        "  hint: write --select NAME, --select ID or --select LABEL=VALUE as the file has them"
    )

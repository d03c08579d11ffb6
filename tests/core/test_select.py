"""Which declarations a term selects, and what is said when it selects none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.live import TokenId
from reconciler.core.manifest import Match, Severity
from reconciler.core.select import did_you_mean, near, nearest, select, selected, unselected
from reconciler.errors import UsageError
from tests.builders import declared, manifest, token_id

EU, US = TokenId("0d3a5f0c1be4e000"), TokenId("0d3a5f0c1be4e001")
LABELLED = (
    declared(1, name="ingest", labels={"team": "a", "tier": "1"}),
    declared(2, name="team", labels={"team": "a", "path": "x=y"}),
    declared(Match(user="otto"), name="svc:in"),
    declared(Match(user="ada"), labels={"team": "b*"}),
    declared(5),
)


@pytest.mark.parametrize(
    ("terms", "positions"),
    [
        ([], [0, 1, 2, 3, 4]),
        (["ingest"], [0]),
        ([token_id(2)], [1]),
        ([token_id(5).upper()], [4]),
        (["team=a"], [0, 1]),
        (["team=a", "tier=1"], [0]),
        (["team"], [1]),
        (["team=b*"], [3]),
        (["path=x=y"], [1]),
        (["*"], [0, 1, 2, 4]),
        (["in*"], [0]),
        (["*in*"], [0, 2]),
        (["?nge[st]t"], [0]),
        (["*", "te*"], [1]),
        ([f"{token_id(5)[:-1]}?"], [0, 1, 4]),
        (["te*=a"], [0, 1]),
        (["te?m=*"], [0, 1, 3]),
        (["path=x=*"], [1]),
        (["*=*"], [0, 1, 3]),
    ],
)
def test_a_selection_narrows_with_every_term(terms: list[str], positions: list[int]) -> None:
    assert select(manifest(*LABELLED), terms).tokens == tuple(LABELLED[position] for position in positions)


def test_a_part_of_a_manifest_says_nothing_of_unmanaged_tokens() -> None:
    whole = manifest(*LABELLED, unmanaged=Severity.FAIL)
    assert select(whole, ["ingest"]).unmanaged is Severity.IGNORE
    assert select(whole, []).unmanaged is Severity.FAIL


@given(st.lists(st.text("ab./-", min_size=1, max_size=4), unique=True, max_size=6), st.text("ab./-*?", max_size=4))
def test_a_glob_selects_what_the_names_that_it_fits_select(names: list[str], term: str) -> None:
    declarations = [declared(number, name=name) for number, name in enumerate(names, 1)]
    glob = f"{term}*"
    fitting = [name for name in names if selected([declared(1, name=name)], glob)]
    union = [each for each in declarations if any(each in selected(declarations, name) for name in fitting)]
    assert selected(declarations, glob) == union


NAMELESS = declared(Match(user="grafana"))


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (["ingset"], "no declaration is named `ingset`\n  hint: did you mean `ingest`?"),
        (["INGEST"], "no declaration is named `INGEST`\n  hint: did you mean `ingest`?"),
        (["nobody"], "no declaration is named `nobody`\n  hint: there are 3 names, such as `ingest`"),
        (["kapacitor-*"], "`kapacitor-*` selects no declaration\n  hint: there are 3 names, such as `ingest`; "
            "1 declaration has no name and no id (tokens.yaml:1)"),
        (["IN*"], "`IN*` selects no declaration\n  hint: there are 3 names, such as `ingest`; "
            "1 declaration has no name and no id (tokens.yaml:1)"),
        (["team=c"], "no declaration has the label `team=c`\n  hint: did you mean `team=a`?"),
        (["x=y"], "no declaration has the label `x=y`\n  hint: there are 4 labels, such as `path=x=y`"),
        (["x*=y"], "`x*=y` selects no declaration\n  hint: there are 4 labels, such as `path=x=y`"),
        (["0123456789abcdef"], "no declaration has the id 0123456789abcdef\n"
            "  hint: write a name, an id or LABEL=VALUE as the files have them, or a glob of one"),
        (["ingest", "tier=2"], "no declaration has the label `tier=2`\n  hint: did you mean `tier=1`?"),
        (["ingest", "team=b*"], "--select ingest team=b* selects no declaration\n"
            "  hint: each of these terms selects some, and several narrow further: leave one out"),
    ],
)  # fmt: skip
def test_a_selection_of_nothing_is_refused(terms: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(manifest(*LABELLED), terms)
    assert str(caught.value) == said
    assert select(manifest(*LABELLED), terms, required=False).tokens == ()


def test_what_there_is_is_counted() -> None:
    one, two = declared(1, name="x"), declared(2)
    assert unselected([one, two], "q*").problems[0].hint == "there is 1 name, `x`"
    assert unselected([two], "q").problems[0].hint == "no declaration has a name"
    assert unselected([two], "a=b").problems[0].hint == "no declaration has a label"
    nameless = [NAMELESS, declared(Match(user="ada"))]
    assert unselected(nameless, "*").problems[0].hint == (
        "no declaration has a name; 2 declarations have no name and no id (tokens.yaml:1 and 1 more)"
    )


@pytest.mark.parametrize(
    ("term", "adding", "said"),
    [
        ("11b377ea020d9000", True, "no declaration has the id 11b377ea020d9000\n  hint: `--add` declares it"),
        ("0D3A5F0C19E4E000", True, "no declaration has the id 0d3a5f0c19e4e000\n"
            "  hint: did you mean 0d3a5f0c1be4e000 (`ingest-eu`)? `--add` declares another token"),
        ("0d3a5f0c19e4e000", False, "no declaration has the id 0d3a5f0c19e4e000\n"
            "  hint: did you mean 0d3a5f0c1be4e000 (`ingest-eu`)?"),
        ("0d3a5f0c1be4e0001", True, "no declaration has the id 0d3a5f0c1be4e0001\n  hint: did you mean 0d3a5f0c1be4e001 (`US`)?"),
        ("0d3a5f0c1be4e00", True, "no declaration is named `0d3a5f0c1be4e00`\n  hint: there is 1 name, `ingest-eu`"),
    ],
)  # fmt: skip
def test_a_slip_in_an_id_is_named(term: str, adding: bool, said: str) -> None:
    eu = declared(1, name="ingest-eu")
    some = [
        type(eu)(target=EU, origin=eu.origin, name="ingest-eu"),
        type(eu)(target=US, origin=eu.origin, description="US"),
    ]
    if term == "0d3a5f0c1be4e0001":
        some[0] = type(eu)(target=TokenId("1d3a5f0c1be4e111"), origin=eu.origin)
    assert str(unselected(some, term, adding=adding)) == said


@pytest.mark.parametrize(
    ("text", "known", "meant"),
    [
        ("0d3a5f0c1be4e000", [], None),
        ("ingest", [EU], None),
        ("0d3a5f0c1be4f000", [EU], EU),
        ("1d3a5f0c1be4f000", [EU], EU),
        ("1d3a5f0c1be4f100", [EU], None),
        ("d03a5f0c1be4e000", [EU], EU),
        ("0d3a5f0c1b4ee000", [EU, TokenId("0d3a5f0c1b4fe010")], EU),  # one swap is nearer than two wrong digits
        ("0d3a5f0c1be4e002", [EU, US], None),
        ("0d3a5f0c1be4e000", [US, EU], EU),
        ("d3a5f0c1be4e000", [EU], EU),
        ("0d3a5f0c1be4e0000", [EU], EU),
        ("0d3a5f00c1be4e000", [EU], EU),
        ("1d3a5f00c1be4e000", [EU], None),
        ("0d3a5f0c1be4e00", [EU, US], None),
    ],
)
def test_an_id_is_near_after_one_slip_or_two_wrong_digits(
    text: str, known: list[TokenId], meant: TokenId | None
) -> None:
    assert nearest(text, known) == meant
    assert nearest(text.upper(), reversed(known)) == meant


def test_of_names_three_are_offered_at_most() -> None:
    assert near("a", ["b"]) == ""
    assert near("name1", ["name2", "name3"]) == "did you mean `name3` or `name2`?"
    assert near("name1", ["name2", "name3", "name4", "name5"]) == "did you mean `name5`, `name4` or `name3`?"
    assert did_you_mean(EU, "") == "did you mean 0d3a5f0c1be4e000?"

"""The fast check and the schema accept the same documents, and what is refused is explained."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.manifest import check, document
from reconciler.manifest.explain import find_problems
from reconciler.manifest.plain import Entry, Items, Value
from reconciler.manifest.syntax import TextFile

KEYS = [
    "version", "server", "url", "org", "guards", "max_deactivations", "min_managers", "unmanaged", "absent", "lock", "tokens",
    "id", "name", "match", "user", "pick", "description", "status", "until", "protected", "labels", "team", "Team", "",
]  # fmt: skip
SCALARS = [
    "1", '"1"', "2", "0", "-1", "30%", '"30%"', "100%", "101%", "5%\\n", "100000", "100001", "01", "1.0", "true",
    "false", '"true"', "yes", "null", "~", '""', "active", "inactive", "off", "warn", "fail", "ignore", "only", "first",
    "all", "0d3a5f0c1be4e000", '"0D3A5F0C1BE4E000"', "0000000000000000", '"0d3a5f0c1be4e000\\n"', "0d3a5f0c1be4e0000",
    "abc", "two words", '"x\\n"', "https://a.example", "ftp://a", '"https://a.example\\n"', "https://a?b", "x" * 129,
    "x" * 201, "y" * 1001, "z" * 10001,
]  # fmt: skip

# Values by the key they suit, so that many documents are nearly valid.
FITTING: dict[str, st.SearchStrategy[str]] = {
    "version": st.sampled_from(["1", "1", "1", '"1"', "2"]),
    "status": st.sampled_from(["active", "inactive", "off", "null"]),
    "until": st.sampled_from(
        ["2026-12-31", '"2026-12-31T18:00Z"', "2026-12-31T18:00", '"2026-12-31\\n"', "1999-12-31"]
    ),
    "protected": st.sampled_from(["true", "false", '"true"', "yes"]),
    "lock": st.sampled_from(["true", "false", '"true"', "null"]),
    "id": st.sampled_from(["0d3a5f0c1be4e000", '"0d3a5f0c1be4e001"', "abc"]),
    "max_deactivations": st.sampled_from(["5", "30%", '"30%"', '"5"', "101%", "100001"]),
    "min_managers": st.sampled_from(["0", "2", '"2"', "01"]),
}


def mapping(values: st.SearchStrategy[str], keys: list[str]) -> st.SearchStrategy[str]:
    pairs = st.sampled_from(keys).flatmap(lambda key: st.tuples(st.just(key), FITTING.get(key, values)))
    return st.lists(pairs, max_size=4, unique_by=lambda pair: pair[0]).map(
        lambda members: "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in members) + "}"
    )


def sequence(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")


ANY = st.recursive(st.sampled_from(SCALARS), lambda inner: mapping(inner, KEYS) | sequence(inner), max_leaves=4)
MATCH = mapping(st.sampled_from(["user2", '""', "null"]), ["user", "org", "description"])
TOKEN_KEYS = ["id", "name", "match", "pick", "description", "status", "until", "protected", "labels", "other"]
TOKEN = st.fixed_dictionaries(
    {}, optional={**FITTING, **dict.fromkeys(TOKEN_KEYS, ANY), "match": MATCH | ANY, "id": FITTING["id"]}
).map(lambda members: "{" + ", ".join(f"{key}: {value}" for key, value in members.items() if key in TOKEN_KEYS) + "}")
UNMANAGED = mapping(
    st.sampled_from(["fail", "[]", "[{user: a}]", '[{org: " "}, {description: ""}]', "[{}, [x], y]"]),
    ["policy", "except", "x"],
)
ROOT = st.fixed_dictionaries(
    {"version": FITTING["version"]},
    optional={
        "server": mapping(st.sampled_from(["https://a.example", "acme", '""']), ["url", "org"]) | ANY,
        "guards": mapping(ANY, ["max_deactivations", "min_managers"]),
        "unmanaged": st.sampled_from(["warn", "ignore", "never"]) | UNMANAGED,
        "absent": st.sampled_from(["warn", "fail", "ignore"]),
        "lock": FITTING["lock"],
        "tokens": sequence(TOKEN) | ANY,
        "other": ANY,
    },
).map(lambda members: "\n".join(f"{key}: {value}" for key, value in members.items()))


def read(text: str, loader: Any = None) -> tuple[str, Value]:
    root, problems = document.read(TextFile("file", text), loader)
    return "\n".join(map(str, problems)), None if problems else root


# The schema accepts each of these, so that a draw of them differs from a manifest in few things or in none.
GOOD_TOKENS = [
    "{id: 0d3a5f0c1be4e000, status: active}", '{match: {user: user2}, pick: all, description: ""}', "{id: '0d3a5f0c1be4e001', protected: true}",
    "{id: '0d3a5f0c1be4e002', until: 2026-12-31, protected: false}",
]  # fmt: skip
NEARLY = st.fixed_dictionaries(
    {"version": st.just("1"), "tokens": sequence(st.sampled_from(GOOD_TOKENS) | TOKEN)},
    optional={"lock": FITTING["lock"], "unmanaged": st.sampled_from(["warn", "ignore", "never"])},
).map(lambda members: "\n".join(f"{key}: {value}" for key, value in members.items()))


@settings(max_examples=2 * settings().max_examples)
@given(st.booleans().flatmap(lambda nearly: NEARLY if nearly else ROOT | ANY | mapping(ANY, KEYS)))
def test_the_fast_check_accepts_a_document_exactly_when_the_schema_does(text: str) -> None:
    said, root = read(text)
    assume(not said)  # few are refused while they are read
    problems = find_problems(TextFile("file", text), root)
    assert check.accepts(root) is (problems == [])
    assert all(problem.place for problem in problems)


@settings(max_examples=3 * settings().max_examples)
@given(ROOT | ANY | st.text("ab:-[]{},\"'#&*!|>%@ \n\\", max_size=25))
def test_both_loaders_give_the_same_values_places_and_refusals(text: str) -> None:
    fast, pure = read(text, yaml.CSafeLoader), read(text, yaml.SafeLoader)
    assert fast == pure
    assert marks(fast[1]) == marks(pure[1])


def marks(value: Value) -> object:
    """Where everything in the value stands."""
    if isinstance(value, Entry):
        return [(key, str(value.place(key)), str(value.value_place(key)), marks(value[key])) for key in value]
    if isinstance(value, Items):
        places = [str(value.file.place(mark)) for mark in value.marks]
        return list(zip(places, map(marks, value), strict=True))
    return value


def test_the_strategies_reach_both_answers() -> None:
    good = "version: 1\ntokens: [{id: 0d3a5f0c1be4e000, status: active}]"
    assert check.accepts(read(good)[1])
    assert not check.accepts(read(good.replace("active", "off"))[1])

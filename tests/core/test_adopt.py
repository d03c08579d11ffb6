"""Declarations made of live tokens: their names, their order, and what cannot be declared of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.adopt import adopt, slug, told_apart
from reconciler.core.live import Elided
from reconciler.core.secrets import masked
from reconciler.manifest.check import token as accepts
from reconciler.manifest.plain import Entry
from reconciler.manifest.syntax import TextFile
from tests.builders import ACME, EDGE, token, token_id
from tests.strategies import TEXT

NAMES = json.loads((Path(__file__).parent.parent / "authoring/names.json").read_text("utf-8"))
LOOKALIKE = "x" * 85 + "A=="


def hides(text: str) -> bool:
    """Whether a text has what looks like a secret."""
    return masked(text, "my-own-secret-token") != text


def named(*descriptions: str, taken: tuple[str, ...] = (), user: str = "ci-bot") -> list[str]:
    """The names of tokens with these descriptions, by id."""
    tokens = [token(number, description=each, user=user) for number, each in enumerate(descriptions, 1)]
    return [each.name for each in adopt(tokens, taken, hides)]


@pytest.mark.parametrize("case", NAMES, ids=lambda case: repr(case["description"])[:30])
def test_a_name_begins_with_what_can_stand_in_it(case: dict[str, str]) -> None:
    assert slug(case["description"]) == case["slug"]
    (name,) = named(case["description"])
    suffix = f"-{token_id(1)}"
    assert name in (case["slug"], f"{case['slug'] or 'ci-bot'}{suffix}")
    assert name.endswith(suffix) == (case["slug"] in ("", "deadbeefdeadbeef"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a -/- b", "a/b"),
        ("a . _ b", "a._b"),
        ("ẞ Þór Œuvre ÐĐ", "ss-thor-oeuvre-d"),
        ("x" * 39 + "/y", "x" * 39),  # what is cut may end with a separator
        ("x" * 19 + "-" + "y" * 30, "x" * 19 + "-" + "y" * 20),
        ("x" * 20 + "-" + "y" * 30, "x" * 20),
        ("a" * 40, "a" * 40),
    ],
)
def test_a_slug_is_spelled_out_and_cut(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_what_is_called_alike_is_told_apart_by_the_id() -> None:
    one, two, three = map(token_id, (1, 2, 3))
    assert named("Backup", "backup!", "other") == [f"backup-{one}", f"backup-{two}", "other"]
    assert named("Backup", taken=("BACKUP",)) == [f"backup-{one}"]
    assert named("", "日本", user="Jörg") == [f"jorg-{one}", f"jorg-{two}"]
    assert named("", user="日本") == [f"token-{one}"]
    assert named("x", "x", f"x-{one}") == [f"x-{one}", f"x-{two}", f"x-{one}-{three}"]
    assert named("x", taken=("x", f"x-{one}".upper())) == [f"x-{one}-{one}"]


def test_no_name_is_made_of_a_secret() -> None:
    one = token_id(1)
    assert named("a *** b") == [f"ci-bot-{one}"]
    assert named(LOOKALIKE) == [f"ci-bot-{one}"]
    assert named("My own Secret token!") == [f"ci-bot-{one}"]
    assert named("", user="My own Secret token!") == [f"token-{one}"]
    assert told_apart({one: "abc"}, ["abc"], {one: ""}, "token", lambda text: f"abc-{one}" in text) == {
        one: f"token-{one}"
    }
    assert named(Elided(70_000, "ab")) == [f"ci-bot-{one}"]


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("a\tb", "U+0009 in it may not stand in a file"),
        ("\U000e0041\x85", "U+E0041 in it may not stand in a file"),
        ("half\ud800", "U+D800 in it may not stand in a file"),
        ("x" * 10_001, "it has 10,001 characters, and 10,000 may be declared"),
        (Elided(70_000, "ab"), "it has 70,000 characters, and 10,000 may be declared"),
        ("a *** b", "a part of it is, or may be, a token's secret"),
        (f"is {LOOKALIKE}", "a part of it is, or may be, a token's secret"),
        ("my-own-secret-token", "a part of it is, or may be, a token's secret"),
        *((text, "") for text in ("", " ", "\n", "a\n", "\u00a0", "\u200b", "\u3164", "null", "~", "0123", "---", "x" * 10_000, "🔥")),
    ],
)  # fmt: skip
def test_what_a_manifest_cannot_hold_has_its_reason(description: str, reason: str) -> None:
    (adopted,) = adopt([token(1, description=description)], (), hides)
    assert adopted.reason == reason


def test_tokens_stand_by_organisation_owner_and_id_whatever_their_order() -> None:
    tokens = [
        token(4, user="B"), token(3, user="a"), token(2, user="b"), token(1, user="b"), token(9, org_id=EDGE), token(8, org_id=ACME, user="A"),
    ]  # fmt: skip
    expected = [token_id(each) for each in (8, 3, 4, 1, 2, 9)]
    for some in (tokens, tokens[::-1], tokens[3:] + tokens[:3]):
        assert [each.token.id for each in adopt(some, (), hides)] == expected


DESCRIPTIONS = TEXT | st.sampled_from(["x", "X", "x!", "a/b", LOOKALIKE, "", *(f"x-{token_id(n)}" for n in (1, 2))])


@given(st.lists(st.tuples(DESCRIPTIONS, TEXT), max_size=8), st.lists(st.sampled_from(["x", "A/B", f"x-{token_id(1)}"])))
def test_names_are_unique_and_valid(described: list[tuple[str, str]], taken: list[str]) -> None:
    tokens = [token(number, description=text, user=user) for number, (text, user) in enumerate(described, 1)]
    found = adopt(tokens, taken, hides)
    names = [each.name.lower() for each in found]
    assert len({*names, *(name.lower() for name in taken)}) == len(names) + len({name.lower() for name in taken})
    for each in found:
        entry = Entry(TextFile("tokens.yaml", ""), None)
        entry.update(
            id=each.token.id, name=each.name, **({} if each.reason else {"description": each.token.description})
        )
        assert accepts(entry), each
        assert not hides(each.name)
        assert each.reason or not re.search(r"\*\*\*|[\t\r\ud800-\udfff]", each.token.description)
    assert adopt(reversed(tokens), taken, hides) == found

"""What counts as a secret and what does not, and that neither a double click nor a slip of the mouse gets one through."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.secrets import Known, held, holds_secret, known_in, masked, secrets_in, without

RAW = [hashlib.sha512(b"%d" % number).digest() for number in range(40)]
PADDED = [encode(raw).decode() for raw in RAW for encode in (base64.urlsafe_b64encode, base64.b64encode)]
BARE = [each.rstrip("=") for each in PADDED]
OWN = PADDED[0]


@pytest.mark.parametrize(
    "around",
    [
        "{}", "the old one was {}.", "`{}`", "{}\n", "\n{}", "token:{}", "https://influx.example/?token={}&x=1", "a,{},b",
        "{}=", "{}==", "{}%3D", "{}%3d%3d", "\\n{}", "\\t{}\\n", "%20{}%20", "token%3D{}",
    ],
)  # fmt: skip
def test_a_secret_is_one_with_its_padding_and_without(around: str) -> None:
    for secret in BARE:
        text = around.format(secret)
        assert holds_secret(text)
        assert masked(text) == re.sub("(=|%3[Dd])+$", "", around).format("***")


def test_an_address_escapes_the_standard_alphabet() -> None:
    for secret in PADDED:
        escaped = quote(secret, safe="")
        for text in (escaped, re.sub("%..", lambda found: found[0].lower(), escaped)):
            assert masked(f"https://influx.example/?token={text}&x") == "https://influx.example/?token=***&x"


@pytest.mark.parametrize("secret", ["back\\slash-of-a-secret", "one'quote-of-a-secret", "quo\"t'es\\-of-a-secret"])
def test_the_own_secret_is_found_as_json_and_python_quote_it(secret: str) -> None:
    for written in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        assert without(f"a {written} b", secret) == "a *** b"


@pytest.mark.parametrize(
    "text",
    [
        *(f"{one}{secret}" for secret in BARE[:2] for one in "aZ9"),
        *(f"{secret}{one}" for secret in BARE[:2] for one in "aZ9"),
        *(f"{secret[:-1]}{last}" for secret in BARE[:2] for last in "BRhxz059-"),
        BARE[0][1:], BARE[1][:-1], "A" * 85, "A" * 87, "-" * 86, "=" * 90, "x" * 86,
        hashlib.sha512(b"").hexdigest(), "_" + "A" * 86 + "+",
        "/var/lib/telegraf-data/" + "very/long_path/" * 4 + "as-people/make-w",
        "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft-neun",
    ],
)  # fmt: skip
def test_long_words_and_paths_are_no_secrets(text: str) -> None:
    assert holds_secret(text) is False
    assert masked(text) == text
    assert list(secrets_in(text)) == []


def test_where_secrets_begin_is_told() -> None:
    assert sorted(set(secrets_in(f"a {PADDED[0]} {BARE[1]} apiv3_{'x' * 30}"))) == [2, 91, 178]


CUT = range(9)


@pytest.mark.parametrize(
    "secret", [PADDED[0], PADDED[1], "kAnArY'of\\the+caller/with=all%signs-in-it-and-of-some-length,whatever-it-is"]
)
def test_the_own_secret_is_found_with_its_ends_cut(secret: str) -> None:
    bare = secret.rstrip("=")
    most = min(8, len(bare) // 10)
    for left in range(most + 1):
        for right in range(most + 1):
            piece = bare[left : len(bare) - right]
            for spelled in (piece, quote(piece, safe="")):
                assert without(f"<{spelled}|", secret) == "<***|"
    assert without(f"<{secret}|{secret}>", secret) == "<***|***>"
    assert without(f"<{quote(secret, safe='')}|", secret) == "<***|"


def test_where_the_own_secret_stands_is_told_over_lines_too() -> None:
    assert list(known_in(f"a {OWN}, {OWN}", OWN)) == [2, 92]
    for piece in (f"{OWN[:76]}\n{OWN[76:]}", f"{OWN[:64]}\n  # {OWN[64:]}", f"{OWN[:8]}{' '.join(OWN[8:])}"):
        assert list(known_in(f"ab\n# {piece}\n", OWN)) == [5 + 8]  # up to eight may lack before what is looked for
    assert list(known_in("my admin token", "myadmintoken")) == []
    assert list(known_in("x" * 2_000_000, OWN)) == []


def test_what_is_left_of_a_word_may_be_any_word() -> None:
    assert without("influxdb-admin-team", "influxdb-admin-token") == "influxdb-admin-team"
    assert without("the nfluxdb-admin-toke", "influxdb-admin-token") == "the ***"
    assert without("admin-secre admin-secret", "admin-secret") == "admin-secre ***"
    assert without("admin", "admin") == "admin"


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 8), st.integers(0, 10))
def test_the_own_secret_is_in_no_text(before: str, after: str, left: int, right: int) -> None:
    shown = masked(f"{before}{OWN[left : len(OWN) - right]}{after}", OWN)
    assert OWN[8:-10] not in shown
    assert json.dumps(OWN)[9:-11] not in shown


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(0, 41), st.integers(0, 9), st.integers(0, 9)), max_size=3))
def test_many_secrets_are_found_as_each_of_them_is(said: list[tuple[str, int, int, int]]) -> None:
    every = (*PADDED[::2], "short-secret%3D", "secret%3D%3D")
    pieces = [(before, every[which], left, right) for before, which, left, right in said]
    text = "".join(f"{before}{one[left : len(one) - right]}" for before, one, left, right in pieces) + "."
    each = text
    for secret in every:
        each = without(each, secret)
    assert Known(every).hidden(text) == each
    assert Known([*every, *(f"{number:02}{'cD4' * 20}" for number in range(20))]).hidden(text) == each


def test_secrets_that_a_text_holds_whole_are_told_in_their_order() -> None:
    known = [OWN, "short", "not-there", f"{OWN}2", "of the middle"]
    assert held(f"of the middle {OWN}", known) == [OWN, "of the middle"]
    assert held(f"{OWN}2 shor short", known) == [OWN, "short", f"{OWN}2"]
    assert held("", known) == []


@given(st.lists(st.text("abc", min_size=1, max_size=12)), st.text("abc", max_size=40))
def test_all_that_a_text_holds_is_told(known: list[str], text: str) -> None:
    assert held(text, dict.fromkeys(known)) == [each for each in dict.fromkeys(known) if each in text]


def test_looking_costs_little_whatever_the_text() -> None:
    size = 2_000_000
    texts = [
        "x" * size,
        "%2B" * (size // 3),
        "\\n" * (size // 2),
        ("A" * 85 + "-") * (size // 86),
        "a b " * (size // 4),
    ]
    started = process_time()
    for text in texts:
        assert masked(text, OWN) == text
    assert process_time() - started < 10


@pytest.mark.parametrize("more", [0, 40])  # of many, those that a text may hold are looked up
def test_secrets_that_differ_only_at_their_ends_are_hidden_whole(more: int) -> None:
    middle = "aB3" * 20
    one, other = f"pq+/rs{middle}tu+/vw==", f"xy-_za{middle}bc-_de=="
    escaped = one.replace("+", "%2B").replace("/", "%2F")
    known = Known([one, other, *(f"{each:02}{'cD4' * 20}{each:02}" for each in range(more))])
    assert [known.hidden(f"a {each} b") for each in (one, other, escaped)] == ["a *** b"] * 3

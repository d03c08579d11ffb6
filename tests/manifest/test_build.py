"""The rules that span entries and files, and what is warned about."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.core.manifest import Asserted, Limits, Match, Share
from reconciler.errors import InvalidError
from reconciler.manifest import document
from reconciler.manifest.build import build
from reconciler.manifest.load import Loaded, load
from reconciler.manifest.plain import Entry, Items
from reconciler.manifest.syntax import TextFile


def loaded(*paths: Path | str, stdin: bytes = b"") -> Loaded:
    return load([str(path) for path in paths], BytesIO(stdin))


def many(number: int) -> Entry:
    """A document with so many entries, which nobody gets to see."""
    root, _ = document.read(TextFile("large.yaml", "version: 1\ntokens: [x]\n"))
    assert isinstance(root, Entry)
    assert isinstance(root["tokens"], Items)
    root["tokens"].extend([None] * (number - 1))
    return root


def test_names_that_differ_only_in_case_are_warned_about() -> None:
    text = b"version: 1\ntokens:\n  - {id: 0d3a5f0c1be4e000, name: Edge}\n  - {id: 0d3a5f0c1be4e001, name: edge}\n"
    (warning,) = loaded("-", stdin=text).warnings
    assert str(warning) == (
        "<stdin>:4:28: `edge` and `Edge` in <stdin>:3:28 differ only in case\n"
        "  hint: give one of them a name that is told apart"
    )


@pytest.mark.parametrize(
    "text",
    [
        "0123456701234567",
        "1234567890123456",
        "12345678e1234567",
        "0e12345678901234",
        "0745212744673000",
        "0b01101001011010",
    ],
)
def test_an_id_that_looks_like_a_number_is_kept_and_warned_about(text: str) -> None:
    found = loaded("-", stdin=f"version: 1\ntokens:\n  - id: {text}\n".encode())
    assert found.manifest.tokens[0].target == text
    assert [str(warning) for warning in found.warnings] == [
        f'<stdin>:3:9: other YAML tools read this id as a number\n  hint: write id: "{text}"'
    ]
    for quoted in (f'"{text}"', f"'{text}'"):
        assert loaded("-", stdin=f"version: 1\ntokens:\n  - id: {quoted}\n".encode()).warnings == ()


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("{max_deactivations: 0}", Limits(max_deactivations=0)),
        ("{max_deactivations: 0%}", Limits(max_deactivations=Share(0))),
        ("{max_deactivations: '100%'}", Limits(max_deactivations=Share(100))),
        ("{min_managers: 0}", Limits(min_managers=0)),
    ],
)
def test_limits_are_numbers_or_shares(text: str, limits: Limits) -> None:
    assert loaded("-", stdin=f"version: 1\nguards: {text}\n".encode()).manifest.limits == limits


def test_more_tokens_than_the_limit_are_refused_in_several_files() -> None:
    with pytest.raises(InvalidError) as caught:
        build([many(60_000), many(40_001)])
    assert str(caught.value) == "100,001 tokens are declared, and 100,000 may be"


CUT = """\
version: 1  # the format
server:
  org: acme (#1 #2)
guards: {min_managers: 1}  # as usual
tokens:
  - id: 0d3a5f0c1be4e000  # no text
    name: edge # name
    description: rotate (ticket #4711)
    status: active  # one of two words
    # a comment in a line of its own
    labels:
      id: a#b
      status: first
        second   # third
      team: "quoted"  # fine
    # another
  - match:
      user: a\u0308 é 🚰 # user
      org: one
        #2 of them
      # a comment where keys are
      description: 'x # y'  # quoted too
    description: |  # of a block
      text # of it
  - {id: 0d3a5f0c1be4e001, description: one #1
    , name: two}
"""


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_a_text_that_a_comment_cuts_is_warned_about(loader: Any) -> None:
    found = load(["-"], BytesIO(CUT.encode()), loader)
    assert [(each.place.line, each.place.column, each.message[:14]) for each in found.warnings if each.place] == [
        (3, 8, "`org` ends bef"), (7, 11, "`name` ends be"), (8, 18, "`description` "), (13, 15, "`status` ends "),
        (18, 13, "`user` ends be"), (19, 12, "`org` ends bef"), (25, 41, "`description` "),
    ]  # fmt: skip
    assert str(found.warnings[2]) == (
        "<stdin>:8:18: `description` ends before ` #`, which begins a comment: what follows is no part of it\n"
        "  hint: quote the text if it goes on, or give the comment a line of its own"
    )


def test_files_may_assert_the_same_server(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("version: 1\nserver: {org: acme}\n")
    assert loaded(tmp_path).manifest.server == Asserted(org="acme")


BLOCKS = """\
version: 1
tokens:
  - id: "0d3a5f0c1be4e000"
    description: |
        rotate
      # in June
    status: active
  - id: "0d3a5f0c1be4e001"
    description: >-
      kept

     #4711
  - id: "0d3a5f0c1be4e002"
    description: |
      # this is text
       # and this
    # and this a comment

  # this too
"""


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_a_block_that_a_less_indented_comment_cuts_is_warned_about(loader: Any) -> None:
    found = load(["-"], BytesIO(BLOCKS.encode()), loader)
    assert [each.description for each in found.manifest.tokens] == ["rotate\n", "kept", "# this is text\n # and this\n"]
    hint = "  hint: indent the `#` as the text is, if it is a part of it, or no more than the key"
    assert [str(each) for each in found.warnings] == [
        f"<stdin>:{line}:18: `description` ends before a `#` that is indented less, which begins a comment\n{hint}"
        for line in (4, 9)
    ]


@pytest.mark.parametrize("short", ["ignore", "warn", "fail"])
def test_both_forms_of_unmanaged_say_the_same(short: str) -> None:
    texts = (f"unmanaged: {short}", f"unmanaged: {{policy: {short}}}", f"unmanaged:\n  policy: {short}\n  except: []")
    first, *others = [load(["-"], BytesIO(f"version: 1\n{text}\n".encode())).manifest for text in texts]
    assert [each._replace(places=first.places, texts=first.texts) for each in others] == [first, first]


def test_exceptions_stand_where_they_are_written_and_a_comment_that_cuts_one_is_told() -> None:
    text = "version: 1\nunmanaged:\n  policy: fail\n  except:\n    - user: alice\n    - description: a (see #1)\n"
    loaded = load(["-"], BytesIO(text.encode()))
    assert loaded.manifest.excepted == (Match(user="alice"), Match(description="a (see"))
    places = loaded.manifest.places
    assert [places[f"unmanaged.except{each}"].line for each in ("", ".0", ".1")] == [4, 5, 6]
    assert [each.message for each in loaded.warnings] == [
        "`description` ends before ` #`, which begins a comment: what follows is no part of it"
    ]

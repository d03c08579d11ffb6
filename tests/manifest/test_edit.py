"""Editing in place: what the shared cases leave open."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reconciler.manifest import document
from reconciler.manifest.dump import Item
from reconciler.manifest.edit import Text, appended, put
from reconciler.manifest.plain import Entry
from reconciler.manifest.syntax import TextFile

NEW = Item({"id": "11b377ea020d9000", "status": "inactive"})
LOADERS = (yaml.CSafeLoader, yaml.SafeLoader)


def read(text: Text, loader: object = None) -> Any:
    """The document, which has no problem."""
    root, problems = document.read(TextFile("tokens.yaml", text.read), loader)
    assert not problems
    assert isinstance(root, Entry)
    return root


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{version: 1}", '{version: 1, tokens: [{id: "11b377ea020d9000", status: inactive}]}'),
        ("{version: 1, tokens: []}", '{version: 1, tokens: [{id: "11b377ea020d9000", status: inactive}]}'),
        (
            "version: 1\ntokens: [ # none\n]\n",
            'version: 1\ntokens: [{id: "11b377ea020d9000", status: inactive} # none\n]\n',
        ),
        (
            "version: 1\ntokens:\n  []\nlock: true\n",
            'version: 1\ntokens:\n  - id: "11b377ea020d9000"\n    status: inactive\nlock: true\n',
        ),
        (
            "version: 1\ntokens: []# none\n",
            'version: 1\ntokens: [{id: "11b377ea020d9000", status: inactive}]# none\n',
        ),
        (
            "version: 1\ntokens: # none\n  []",
            'version: 1\ntokens: # none\n  \n  - id: "11b377ea020d9000"\n    status: inactive',
        ),
    ],
)
def test_a_list_without_declarations_gets_one(before: str, after: str) -> None:
    for loader in LOADERS:
        text = Text(before)
        assert text.spliced(appended(text.read, read(text, loader), [NEW])).raw == after


TWO = '  - id: "0d3a5f0c1be4e000"\n{}  - id: "0d3a5f0c1be4e001"\n    description: {}'
ADDED = '  - id: "11b377ea020d9000"\n    status: inactive'


@pytest.mark.parametrize(
    ("between", "last", "added"),
    [
        ("\n", "x\n", f"\n{ADDED}\n"),
        ("\n", "|+\n      x\n\n", f"{ADDED}\n"),
        ("\n", "|+\n      x\n\n    # theirs\n\n\n      # too\n# ours\n", None),
        ("  # a-b\n", "x\n", f"{ADDED}\n"),
        ("  # a-b\n\n", "x", f"\n\n{ADDED}"),
    ],
)
def test_a_declaration_comes_after_the_last_one(between: str, last: str, added: str | None) -> None:
    before = "version: 1\ntokens:\n" + TWO.format(between, last)
    after = before + added if added else before.replace("# too\n", f"# too\n\n{ADDED}\n")
    for loader in LOADERS:
        text = Text(before)
        assert text.spliced(appended(text.read, read(text, loader), [NEW])).raw == after


def test_several_are_appended_with_their_comments() -> None:
    text = Text("version: 1\r\ntokens:\r\n- id: x\r\n# end\r\n")
    items = [Item({"id": "a"}, {"": "one"}), Item({"id": "b"}), Item({"id": "c"}, {"": "two"})]
    assert text.spliced(appended(text.read, read(text), items)).raw == (
        'version: 1\r\ntokens:\r\n- id: x\r\n# one\r\n- id: "a"\r\n- id: "b"\r\n\r\n# two\r\n- id: "c"\r\n# end\r\n'
    )


@pytest.mark.parametrize("header", ["|", "|+", ">2", "|2+", "|+2", "|-"])
def test_a_block_scalar_that_ends_the_file_gets_no_newline(header: str) -> None:
    text = Text(f"version: 1\ntokens:\n- id: x\n  description: {header}\n    one")
    for loader in LOADERS:
        root = read(text, loader)
        added = text.spliced(appended(text.read, root, [NEW]))
        expected = [*root["tokens"], dict(NEW.fields)]
        assert read(added, loader)["tokens"] == expected


def test_a_key_is_put_below_the_one_before_it() -> None:
    text = Text("version: 1\ntokens:\n- id: x\n  description: |+\n    one\n\n  ")
    (token,) = read(text)["tokens"]
    assert text.spliced(put(text.read, token, "status", "active")).raw == (
        "version: 1\ntokens:\n- id: x\n  description: |+\n    one\n\n  status: active\n  "
    )


def test_a_single_key_in_brackets_gets_braces_beside_another() -> None:
    text = Text("version: 1\ntokens: [id: x   # c\n  , match: {user: m}]\n")
    for loader in LOADERS:
        tokens = read(text, loader)["tokens"]
        made = text.spliced(each for token in tokens for each in put(text.read, token, "status", "active"))
        assert made.raw == (
            "version: 1\ntokens: [{id: x, status: active}   # c\n  , {match: {user: m}, status: active}]\n"
        )
        assert read(made, loader)["tokens"] == [{**each, "status": "active"} for each in tokens]


def test_a_comment_right_behind_quotes_is_no_part_of_what_comes_in_between() -> None:
    text = Text('version: 1\ntokens: [{id: "x"# c\n  }, id: "y"# d\n  ]\n')
    for loader in LOADERS:
        tokens = read(text, loader)["tokens"]
        made = text.spliced(each for token in tokens for each in put(text.read, token, "status", "active"))
        assert made.raw == (
            'version: 1\ntokens: [{id: "x", status: active # c\n  }, {id: "y", status: active }# d\n  ]\n'
        )


@pytest.mark.parametrize(("first", "others"), [("\n", "\r\n"), ("\r\n", "\n")])
def test_a_new_line_ends_as_the_first_does_and_no_other_changes(first: str, others: str) -> None:
    text = Text(f"version: 1{first}tokens:{others}- id: x{others}- id: y{others}# end{others}")
    tokens = read(text)["tokens"]
    new = f"  status: active{first}"
    assert text.spliced(put(text.read, tokens[0], "status", "active")).raw == text.raw.replace(
        "- id: y", f"{new}- id: y"
    )
    added = f'- id: "11b377ea020d9000"{first}  status: inactive{first}'
    assert text.spliced(appended(text.read, read(text), [NEW])).raw == text.raw.replace("# end", f"{added}# end")

"""Files, folders and standard input that make one manifest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.core.live import Status, TokenId
from reconciler.core.manifest import Asserted, Declaration, Limits, Manifest, Match, Pick, Severity, Share
from reconciler.errors import InvalidError, Place
from reconciler.manifest import check, source
from reconciler.manifest.build import build
from reconciler.manifest.explain import find_problems
from reconciler.manifest.load import Loaded, load
from reconciler.manifest.source import Entry, Items, Source
from tests.shell import unmeasured

EVERYTHING = """\
version: 1
server:
  url: https://influx.example
  org: acme
guards:
  max_deactivations: 5
  min_managers: 2
unmanaged: warn
absent: warn
lock: true
tokens:
  - id: 0D3A5F0C1BE4E000
    name: ingest-eu
    description: |
      Ingest EU
    status: active
    protected: true
    labels: {team: platform, tier: "1"}
  - match: {user: user2, org: acme, description: ""}
    pick: first
    description: ""
    status: inactive
"""


def loaded(*paths: Path | str, stdin: bytes = b"") -> Loaded:
    return load([str(path) for path in paths], BytesIO(stdin))


def refused(paths: Sequence[Path | str], folder: Path, stdin: bytes = b"") -> str:
    with pytest.raises(InvalidError) as caught:
        loaded(*paths, stdin=stdin)
    return str(caught.value).replace(str(folder), "HERE")


class Anywhere:
    """An origin for declarations that are only compared."""

    def place(self, key: str) -> Place:
        """Nowhere in particular."""
        return Place("", 1, 1)


def test_everything_that_can_be_declared_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(EVERYTHING)
    found = loaded(path)
    assert (found.warnings, found.files) == ((), (str(path),))
    assert found.manifest == Manifest(
        tokens=(
            Declaration(
                target=TokenId("0d3a5f0c1be4e000"),
                origin=Anywhere(),
                name="ingest-eu",
                description="Ingest EU\n",
                status=Status.ACTIVE,
                protected=True,
                labels={"team": "platform", "tier": "1"},
            ),
            Declaration(
                target=Match(user="user2", org="acme", description="", pick=Pick.FIRST),
                origin=Anywhere(),
                description="",
                status=Status.INACTIVE,
            ),
        ),
        server=Asserted(url="https://influx.example", org="acme"),
        limits=Limits(max_deactivations=5, min_managers=2),
        lock=True,
        unmanaged=Severity.WARN,
        absent=Severity.WARN,
    )


def test_a_declaration_knows_where_its_keys_stand(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(EVERYTHING)
    first, second = loaded(path).manifest.tokens
    assert str(first.origin.place("status")) == f"{path}:16:5"
    assert str(first.origin.place("pick")) == f"{path}:12:5"
    assert str(second.origin.place("")) == f"{path}:19:5"


def test_what_is_left_out_has_its_default() -> None:
    found = loaded("-", stdin=b"version: 1\ntokens: [{id: 0d3a5f0c1be4e000}]\n")
    assert found.manifest == Manifest(tokens=(Declaration(target=TokenId("0d3a5f0c1be4e000"), origin=Anywhere()),))
    assert found.files == ("<stdin>",)
    assert loaded("-", stdin=b"version: 1\n").manifest == Manifest()


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


def test_all_scalars_are_text_until_the_schema_says_otherwise() -> None:
    values = ["5", "1.0", "2024-01-01", "yes", "0x10", "190:20:30", '"null"', "'~'", "=", "1_000", "+1", ".inf"]
    for value in values:
        text = f"version: 1\ntokens: [{{id: 0d3a5f0c1be4e000, description: {value}}}]\n"
        (token,) = loaded("-", stdin=text.encode()).manifest.tokens
        assert token.description == value.strip("\"'")


def test_an_empty_block_scalar_is_an_empty_text_and_no_null() -> None:
    (token,) = loaded("-", stdin=b"version: 1\ntokens:\n  - id: 0d3a5f0c1be4e000\n    description: |\n").manifest.tokens
    assert token.description == ""


@pytest.mark.parametrize(
    "text", ["0123456701234567", "1234567890123456", "12345678e1234567", "0e12345678901234", "0745212744673000"]
)
def test_an_id_that_looks_like_a_number_is_kept_and_warned_about(text: str) -> None:
    found = loaded("-", stdin=f"version: 1\ntokens:\n  - id: {text}\n".encode())
    assert found.manifest.tokens[0].target == text
    assert [str(warning) for warning in found.warnings] == [
        f'<stdin>:3:9: other YAML tools read this id as a number\n  hint: write id: "{text}"'
    ]
    for quoted in (f'"{text}"', f"'{text}'"):
        assert loaded("-", stdin=f"version: 1\ntokens:\n  - id: {quoted}\n".encode()).warnings == ()


def test_names_that_differ_only_in_case_are_warned_about() -> None:
    text = b"version: 1\ntokens:\n  - {id: 0d3a5f0c1be4e000, name: Edge}\n  - {id: 0d3a5f0c1be4e001, name: edge}\n"
    (warning,) = loaded("-", stdin=text).warnings
    assert str(warning) == (
        "<stdin>:4:28: `edge` and `Edge` in <stdin>:3:28 differ only in case\n"
        "  hint: give one of them a name that is told apart"
    )


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


def test_a_folder_gives_its_yaml_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number, name in enumerate(["b.yml", "a.yaml", "C.YML", ".hidden.yaml", "notes.txt"]):
        (tmp_path / name).write_text(f"version: 1\ntokens: [{{id: 0d3a5f0c1be4e00{number}}}]\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "d.yaml").write_text("not read")
    found = loaded(tmp_path)
    assert found.files == tuple(str(tmp_path / name) for name in ("C.YML", "a.yaml", "b.yml"))
    assert [token.target for token in found.manifest.tokens] == [f"0d3a5f0c1be4e00{number}" for number in (2, 1, 0)]
    assert [str(warning).replace(str(tmp_path), "HERE") for warning in found.warnings] == [
        "HERE: subfolders are not read, and there are manifests in HERE/deeper\n"
        "  hint: name each that is meant, or run tokenctl for each"
    ]


def test_only_what_could_be_meant_is_looked_for_in_subfolders_and_not_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\n")
    for name in (".git/x.yaml", "node_modules/x/x.yaml", "none/notes.txt", "many/.x.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "many" / "back").symlink_to(tmp_path)
    (tmp_path / "other").symlink_to(tmp_path.parent)
    (tmp_path.parent / "deep").mkdir()
    (tmp_path.parent / "deep" / "x.yaml").write_text("x")
    assert loaded(tmp_path).warnings == ()
    for number in range(7):
        (tmp_path / f"f{number}").mkdir()
        (tmp_path / f"f{number}" / "x.yaml").write_text("x")
    (warning,) = loaded(tmp_path).warnings
    assert warning.message.endswith("/f2, " + f"{tmp_path}/f3, {tmp_path}/f4 and 2 more")
    for number in range(10_000):
        os.mkdir(tmp_path / "f0" / f"{number:05}")  # noqa: PTH102  # a third of the time
    (warning,) = loaded(tmp_path).warnings
    assert warning.message.endswith(f"in {tmp_path}/f0")


def test_files_may_assert_the_same_server(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("version: 1\nserver: {org: acme}\n")
    assert loaded(tmp_path).manifest.server == Asserted(org="acme")


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    text = b"\xef\xbb\xbf" + EVERYTHING.replace("\n", "\r\n").encode()
    found = loaded("-", stdin=text)
    assert found.manifest == loaded("-", stdin=EVERYTHING.encode()).manifest
    assert str(found.manifest.tokens[0].origin.place("status")) == "<stdin>:16:5"


def test_files_that_cannot_be_read_are_named_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("version: 1\n")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    paths = [tmp_path / name for name in ("none.yaml", "empty", "pipe.yaml", "good.yaml", "./good.yaml")]
    assert refused([*paths, "a\0b", "-", "-"], tmp_path, b"version: 1\n") == (
        "HERE/empty: there is no *.yaml and no *.yml in this folder\n"
        "HERE/good.yaml: this file is read already, as HERE/good.yaml\n  hint: name it once\n"
        "HERE/none.yaml: no such file or directory\n"
        "HERE/pipe.yaml: this is no file\n  hint: give it to standard input, and name that with `-`\n"
        "<stdin>: this file is read already, as <stdin>\n  hint: name it once\n"
        "a\0b: this is no file name"
    )


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    large = b"# " + b"x" * (32 * 1024 * 1024)
    said = "a file may have 32 MiB, and this has more\n  hint: divide it"
    assert refused(["-"], tmp_path, large) == f"<stdin>: {said}"
    (tmp_path / "large.yaml").write_bytes(large)
    assert refused([tmp_path / "large.yaml"], tmp_path) == f"HERE/large.yaml: {said}"


def many(number: int) -> Entry:
    """A document with so many entries, which nobody gets to see."""
    root = source.read(Source("large.yaml", "version: 1\ntokens: [x]\n"))
    assert isinstance(root, Entry)
    assert isinstance(root["tokens"], Items)
    root["tokens"].extend([None] * (number - 1))
    return root


def test_more_tokens_than_the_limit_are_refused_in_one_file() -> None:
    root = many(100_001)
    assert not check.head(root)
    (problem,) = find_problems(root.source, root)
    assert str(problem) == (
        "large.yaml:2:9: `tokens` has 100,001 entries, and may have 100,000\n"
        '  hint: write a list: `- id: "…"` for each token'
    )


def test_more_tokens_than_the_limit_are_refused_in_several_files() -> None:
    with pytest.raises(InvalidError) as caught:
        build([many(60_000), many(40_001)])
    assert str(caught.value) == "100,001 tokens are declared, and 100,000 may be"


NASTY = {
    "brackets": b"[" * 25_000,
    "braces": b"{a: " * 25_000,
    "keys": b"version: 1\n" + b"".join(b"k%d: x\n" % number for number in range(200_000)),
    "duplicate keys": b"version: 1\n" * 200_000,
    "aliases": b"a: &a x\nb: [" + b"*a, " * 100_000 + b"]",
    "one line": b"x" * (16 * 1024 * 1024),
    "quotes": b'"' * 1_000_000,
    "bad tokens": b"version: 1\ntokens:\n" + b"  - x\n" * 100_000,
    "anchors": b"".join(b"&a%d x: y\n" % number for number in range(50_000)),
    "late error": b"# " + b"x" * 2_000_000 + b"\n[",
}


def test_no_more_of_what_is_wrong_is_told_than_somebody_reads_at_once(tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").write_text("".join(f"&a{number} x{number}: y\n" for number in range(100)))
    with pytest.raises(InvalidError) as caught:
        load([str(tmp_path / "tokens.yaml")], BytesIO())
    assert [each.place.line for each in caught.value.problems if each.place] == list(range(1, 21))


# Each in a process of its own, forked where everything is imported: that takes longer than most of them.
BOUNDED = """
import os, resource, sys
from reconciler.errors import InvalidError
from reconciler.manifest.load import load
for path in sys.argv[1:]:
    if not os.fork():
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        try:
            load([path], sys.stdin.buffer)
        except InvalidError as error:
            print(os.path.basename(path), len(error.problems), flush=True)
        os._exit(0)
    os.wait()
"""


def test_nasty_input_is_refused_within_little_memory_and_time(tmp_path: Path) -> None:
    for name, data in NASTY.items():
        (tmp_path / f"{name}.yaml").write_bytes(data)
    paths = [tmp_path / f"{name}.yaml" for name in NASTY]
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, *paths], env=unmeasured(), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    problems = {name: int(number) for name, _, number in (line.rpartition(" ") for line in done.stdout.splitlines())}
    assert problems.keys() == {path.name for path in paths}
    assert all(1 <= number <= 100 for number in problems.values()), problems

"""Files, folders and standard input that make one manifest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.core.live import Status, TokenId
from reconciler.core.manifest import Asserted, Declaration, Limits, Manifest, Match, Pick, Severity
from reconciler.errors import InvalidError, Place
from reconciler.manifest.load import Loaded, load
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


ANYWHERE = Anywhere()


def said(manifest: Manifest) -> Manifest:
    """What the manifest says, wherever it says it."""
    tokens = tuple(each._replace(origin=ANYWHERE) for each in manifest.tokens)
    return manifest._replace(tokens=tokens, places={}, texts={})


def test_everything_that_can_be_declared_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(EVERYTHING)
    found = loaded(path)
    assert (found.warnings, found.files) == ((), (str(path),))
    assert said(found.manifest) == Manifest(
        tokens=(
            Declaration(
                target=TokenId("0d3a5f0c1be4e000"),
                origin=ANYWHERE,
                name="ingest-eu",
                description="Ingest EU\n",
                status=Status.ACTIVE,
                protected=True,
                labels={"team": "platform", "tier": "1"},
            ),
            Declaration(
                target=Match(user="user2", org="acme", description="", pick=Pick.FIRST),
                origin=ANYWHERE,
                description="",
                status=Status.INACTIVE,
            ),
        ),
        server=Asserted(url="https://influx.example", org="acme"),
        limits=Limits(max_deactivations=5, min_managers=2),
        lock=True,
        unmanaged=Severity.WARN,
        absent=Severity.WARN,
        places={},
        texts={},
    )


def test_what_is_left_out_has_its_default() -> None:
    found = loaded("-", stdin=b"version: 1\ntokens: [{id: 0d3a5f0c1be4e000}]\n")
    assert said(found.manifest) == Manifest(
        tokens=(Declaration(target=TokenId("0d3a5f0c1be4e000"), origin=ANYWHERE),), places={}, texts={}
    )
    assert found.files == ("<stdin>",)
    assert loaded("-", stdin=b"version: 1\n").manifest._replace(places={}, texts={}) == Manifest(places={}, texts={})


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
        os.link(tmp_path / "a.yaml", f"{tmp_path}/f0/{number:05}")
    (warning,) = loaded(tmp_path).warnings
    assert warning.message.endswith(f"in {tmp_path}/f0")


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


NASTY = {
    "brackets": b"[" * 25_000,
    "braces": b"{a: " * 25_000,
    "keys": b"version: 1\n" + b"".join(b"k%d: x\n" % number for number in range(30_000)),
    "duplicate keys": b"version: 1\n" * 200_000,
    "aliases": b"a: &a x\nb: [" + b"*a, " * 100_000 + b"]",
    "one line": b"x" * (8 * 1024 * 1024),
    "quotes": b'"' * 1_000_000,
    "bad tokens": b"version: 1\ntokens:\n" + b"  - x\n" * 50_000,
    "anchors": b"".join(b"&a%d x: y\n" % number for number in range(50_000)),
    "late error": b"# " + b"x" * 2_000_000 + b"\n[",
}


# Each in a process of its own, forked where everything is imported: that takes longer than most of them.
BOUNDED = """
import os, resource, sys
from reconciler.errors import InvalidError
from reconciler.manifest.load import load
for path in sys.argv[1:]:
    if not os.fork():
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
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


IDS = [
    "%016x", '"%016x"', '"%016X"', '"0d3a5f0c1be4e001"', "0D3A5F0C1BE4E001", '"0000000000000000"', "0000000000000000",
    '"1234567890123456"', "1234567890123456", '"12345678901234e1"', "123456789012e456", '"abc"', "x", "",
]  # fmt: skip
NAMES = [
    "name-%d",
    '"name-%d"',
    "NAME-1",
    "a:b",
    '"a:b"',
    "0d3a5f0c1be4e00f",
    '"0d3a5f0c1be4e00f"',
    "null",
    '"~"',
    "x" * 129,
    "a b",
]
TEXTS = [
    "text %d", '"text %d"', "***", '"a *** b"', "a # b", '"a # b"', 'a "b"', "a \\ b", '""', "null", '"null"', "it's", "é", "x" * 10_000,
    "x" * 10_001, f'"{"x" * 10_001}"', "\u2028", "a\tb", "FAKE-" + "0" * 81 + "==",
]  # fmt: skip
STATES = ["active", '"active"', "inactive", '"inactive"', "off", '"active "', "active ", "null"]
MORE = [
    "",
    "",
    "",
    "",
    "\n",
    "    # c\n",
    "# c\n",
    "      # c\n",
    "    until: 2026-12-31\n",
    "    protected: true\n",
    "    name: b\n",
    "lock: true\n",
]


def item(number: int, parts: tuple[str, ...]) -> str:
    """A declaration with these values, and what follows it."""
    values = dict(zip(("id", "name", "description", "status"), parts, strict=False))
    lines = [f"{key}: {value % number if '%' in value else value}\n" for key, value in values.items() if value != "-"]
    return "  - " + "    ".join(lines) + parts[4]


def often(usual: str, others: list[str]) -> st.SearchStrategy[str]:
    """The usual value more often than all others together."""
    return st.one_of(st.just(usual), st.just(usual), st.sampled_from(others))


ITEMS = st.tuples(
    often('"%016x"', IDS), often("name-%d", [*NAMES, "-"]), often("text %d", [*TEXTS, "-"]), often("active", [*STATES, "-"]),
    st.sampled_from(MORE),
)  # fmt: skip
FORMS = [
    ("%016x", "name-%d", "text %d", "active", ""),
    ('"%016x"', "-", '"text %d"', "-", ""),
    ("%016x", "-", "-", "inactive", ""),
]


@example(FORMS[0], [("0d3a5f0c1be4e001", *FORMS[0][1:])], "")
@example(FORMS[0], [("%016x", "NAME-1", "a *** b", "active", ""), ("%016x", "name-1", "text", "active", "")], "")
@example(FORMS[0], [("%016x", "name-%d", "text %d", "active", "    until: 2026-12-31\n")] * 2, "lock: true\n")
@given(st.sampled_from(FORMS), st.lists(ITEMS, max_size=6), st.sampled_from(["", "\n", "lock: true\n", "guards: 1\n"]))
def test_what_is_read_in_rows_is_what_is_read_entry_by_entry(
    form: tuple[str, ...], others: list[tuple[str, ...]], end: str
) -> None:
    parts = [*[form] * 40, *(form if each[:4] == form[:4] else each for each in others), form, form]
    items = [item(0xD3A5F0C1BE4E000 + number, each) for number, each in enumerate(parts)]
    text = f"version: 1\ntokens:\n{''.join(items)}{end}"
    assert read_whole(text, None) == read_whole(text, {})


def read_whole(text: str, seen: dict[str, bytes] | None) -> object:
    """All that is read of the text, positions included, or its problems: without rows where it is to be edited."""
    try:
        loaded = load(["-"], BytesIO(text.encode("utf-8", "surrogatepass")), seen=seen)
    except InvalidError as error:
        return error.problems
    keys = ("", "id", "name", "description", "status", "until")
    tokens = [tuple(each)[1:] for each in loaded.manifest.tokens]
    places = [[each.origin.place(key) for key in keys] for each in loaded.manifest.tokens]
    return tokens, places, loaded.manifest._replace(tokens=()), loaded.warnings

"""`fmt`: what it writes, shows and refuses, beside the shared cases of formatting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.errors import ExitCode
from tests.shell import Done, Program

ROOT = Path(__file__).parent.parent.parent
LOOSE = "version: 1\r\ntokens:\r\n- id: 0D3A5F0C1BE4E000"
TIGHT = 'version: 1\ntokens:\n  - id: "0d3a5f0c1be4e000"\n'


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The commands in an empty folder, without a server."""
    return Program(tmp_path, {"INFLUX_HOST": "http://nowhere.invalid"}, here=True)


def test_a_file_is_formatted_once(program: Program) -> None:
    (program.folder / "tokens.yaml").write_bytes(LOOSE.encode())
    checked = program.run("fmt", "--check")
    assert checked == Done(
        ExitCode.CHANGES,
        "--- tokens.yaml\n+++ tokens.yaml, formatted\n@@ -1,3 +1,3 @@\n-version: 1\\r\n-tokens:\\r\n"
        "-- id: 0D3A5F0C1BE4E000\n\\ No newline at end of file\n"
        '+version: 1\n+tokens:\n+  - id: "0d3a5f0c1be4e000"\n',
        "",
    )
    assert program.run("fmt") == Done(ExitCode.OK, "", "tokens.yaml: formatted\n")
    assert (program.folder / "tokens.yaml").read_text() == TIGHT
    assert program.run("fmt", "--check") == Done(ExitCode.OK, "", "tokens.yaml is formatted\n")


def test_standard_input_goes_to_standard_output(program: Program) -> None:
    assert program.run("fmt", "-", stdin=LOOSE) == Done(ExitCode.OK, TIGHT, "<stdin>: formatted\n")
    assert program.run("fmt", "-", stdin=TIGHT) == Done(ExitCode.OK, TIGHT, "<stdin> is formatted\n")


def test_each_file_is_a_manifest_of_its_own_and_a_refused_one_keeps_all_as_they_are(program: Program) -> None:
    for name in ("a", "b"):
        program.write(f"version: 1\nserver:\n    url: http://{name}.example\n", f"tokens/{name}.yaml")
    broken = program.write("version: 2\n", "tokens/c.yaml")
    done = program.run("fmt", "tokens")
    assert done.code == ExitCode.INVALID
    assert done.err.startswith("tokens/c.yaml:1:")
    Path(broken).unlink()
    assert program.run("fmt", "tokens", "tokens/a.yaml").err == "tokens/a.yaml: formatted\ntokens/b.yaml: formatted\n"
    assert program.run("fmt", "tokens").err == "all files are formatted\n"


def test_without_a_file_there_is_nothing_to_format(program: Program) -> None:
    assert program.run("fmt").code == ExitCode.USAGE


def test_examples_and_documentation_are_formatted(program: Program) -> None:
    manifests = [path.read_text("utf-8") for path in (ROOT / "examples").rglob("*.yaml")]
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        manifests += re.findall(r"```yaml\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    manifests = [each for each in manifests if re.search("^version: 1$", each, re.MULTILINE)]
    assert len(manifests) > 8
    for number, manifest in enumerate(manifests):
        program.write(manifest, f"tokens/{number}.yaml")
    assert program.run("fmt", "--check", "tokens") == Done(ExitCode.OK, "", "all files are formatted\n")

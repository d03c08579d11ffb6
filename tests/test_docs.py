"""What the program takes is what the documentation says."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from graphlib import TopologicalSorter
from io import BytesIO
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from reconciler.commands import plan
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.manifest.load import load
from reconciler.schema import load_schema
from reconciler.session.context import Context
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests import picture
from tests.shell import GRAFANA, Shell, group

ROOT = Path(__file__).parent.parent
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
COMMANDS = DOCS["commands.md"]
WRITTEN = {
    name: (ROOT / name).read_text()
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", *(f"docs/{name}" for name in DOCS))
} | {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "examples").rglob("*")) if path.is_file()}


def _commands() -> dict[str, set[str]]:
    """The options of each command, as typer knows them."""
    return {
        name: {option for each in command.params for option in each.opts if option.startswith("-")}
        for name, command in group().commands.items()
    }


OPTIONS = sorted(set().union(*_commands().values()))


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_has_a_row_and_a_section_with_its_usage(name: str) -> None:
    assert re.search(rf"^ {{4}}tokenctl {name}\b", _section(name), re.MULTILINE)
    assert f"| [`{name}`](#{name}) |" in COMMANDS


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_explained(option: str) -> None:
    assert re.search(rf"`{option}(?![\w-])", COMMANDS), f"{option} is in no table of docs/commands.md"


def _table() -> str:
    """The commands that have each option, for those that some have in common, in the order of the help."""
    ways: dict[str, list[str]] = {}
    for name, command in group().commands.items():
        for each in command.params:
            if (option := max(each.opts, key=len)).startswith("-"):
                ways.setdefault(option, []).append(name)
    order = [option for option in _order() if 1 < len(ways.get(option, ())) < len(group().commands)]
    columns = [name for name in group().commands if any(name in ways[option] for option in order)]
    rows = [
        f"| {', '.join(f'`{option}`' for option in alike)} | {' | '.join('•' * (name in names) for name in columns)} |"
        for names, alike in groupby(order, key=lambda option: ways[option])
    ]
    return "\n".join([f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}", *rows])


def _order() -> list[str]:
    """All options in an order that each command keeps to; there is one only where the commands agree."""
    follows: dict[str, set[str]] = {}
    for command in group().commands.values():
        names = [max(each.opts, key=len) for each in command.params]
        for at, name in enumerate(names):
            follows.setdefault(name, set()).update(names[:at])
    return [*TopologicalSorter(follows).static_order()]  # raises CycleError where they do not


def test_the_options_of_commands_are_a_table_of_the_documentation() -> None:
    assert _table() in COMMANDS, f"docs/commands.md lacks\n{_table()}"


def _section(name: str) -> str:
    return COMMANDS.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_option_of_a_command_is_in_its_section_or_in_one_that_is_about_all(name: str) -> None:
    about_all = COMMANDS.partition("\n## ")[0] + _section("Which server, and as whom")
    said = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", _section(name) + about_all))
    assert _commands()[name] - said - {"--help"} == set()


# Of every command, of pytest, the influx CLI and gh.
FOREIGN = {
    "CONTRIBUTING.md": {
        "--artifact-server-path", "--eventpath", "--force-shell-executor", "--job", "--platform", "--update-golden", "--variable", "--workflows",
    },
    "README.md": {"--id"},
    "docs/coming-from.md": {"--id", "--json", "--request"},
    "docs/commands.md": {"--help", "--install-completion", "--log-level", "--show-completion", "--version"},
    "docs/incident.md": {"--no-edit"},
    "docs/install.md": {
        "--add-host", "--dest", "--env", "--find-links", "--network", "--no-deps", "--no-index", "--only-binary", "--platform",
        "--python-version", "--read-only", "--require-hashes", "--requirement", "--rm", "--tmpfs", "--user", "--version", "--volume",
    },
    "examples/tokens.yaml": {"--id"},
    "examples/fleet/networks.yml": {"--raw-output", "--spec"},
    "docs/messages.md": {"--global", "--help"},
    "docs/performance.md": {"--help", "--version"},
    "docs/releasing.md": {"--certificate-identity-regexp", "--certificate-oidc-issuer", "--repo", "--sign"},
    "docs/scheduling.md": {"--failed", "--from-file", "--namespace", "--now"},
    "docs/retiring-tokens.md": {"--config", "--log-level"},
    "docs/pull-requests.md": {
        "--description", "--dir", "--exit-status", "--name", "--read-authorizations", "--read-users", "--spec", "--write-authorizations", "--write-users",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_no_document_names_an_option_or_a_command_that_does_not_exist(name: str) -> None:
    text = WRITTEN[name]
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= {*OPTIONS, *FOREIGN.get(name, ())}
    assert set(re.findall(r"(?:^ {4}|`)tokenctl ([a-z]+)", text, re.MULTILINE)) <= _commands().keys()


@pytest.mark.parametrize("code", list(ExitCode), ids=lambda code: code.reason)
def test_every_exit_code_has_a_row(code: ExitCode) -> None:
    assert re.search(rf"^\| {int(code)} \| `{code.reason}` \|", COMMANDS, re.MULTILINE)


@pytest.mark.parametrize("guard", list(Guard))
def test_every_guard_has_a_row(guard: Guard) -> None:
    assert re.search(rf"^\| `{guard}` \|", COMMANDS, re.MULTILINE)


def _variables() -> Iterator[str]:
    """The variables that the program reads: what it asks an environment for, and the names in its lists of them."""
    texts = (path.read_text() for path in (ROOT / "reconciler").rglob("*.py"))
    for text in filter(re.compile("environ|_VARIABLES|_KEPT|_AUTHORITIES").search, texts):
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(func=ast.Attribute(value=asked, attr="get"), args=[ast.Constant(value=name), *_]):
                    yield from [str(name).upper()] if "environ" in ast.unparse(asked) else []
                case ast.Assign(targets=[ast.Name(id="_VARIABLES" | "_KEPT" | "_AUTHORITIES")], value=names):
                    found = [str(each.value) for each in ast.walk(names) if isinstance(each, ast.Constant)]
                    yield from (name.upper() for name in found if not name.isdigit())  # proxies in small letters, too


VARIABLES = sorted(set(_variables()))


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_that_the_program_reads_is_documented(name: str) -> None:
    assert re.search(rf"[`$]{name}\b", COMMANDS), f"{name} is nowhere in docs/commands.md"


def test_the_variables_are_found() -> None:
    assert {"INFLUX_HOST", "INFLUX_TOKEN", "NO_PROXY", "SSL_CERT_FILE", "CI_JOB_URL", "TERM"} <= set(VARIABLES)


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{name}" for name in DOCS)])
def test_every_link_leads_somewhere(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_page_is_in_the_index() -> None:
    linked = re.findall(r"\]\(([a-z-]+\.md)", DOCS["README.md"])
    assert {*linked, "README.md"} == DOCS.keys()


def test_every_link_to_a_heading_finds_it() -> None:
    pages = {name: re.sub(r"```.*?```", "", text, flags=re.DOTALL) for name, text in WRITTEN.items()}
    anchors = {
        name: {
            re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        }
        | set(re.findall(r'id="([^"]+)"', text))
        for name, text in pages.items()
    }
    for name, text in pages.items():
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", text):
            path = os.path.normpath(Path(name).parent / target) if target else name
            assert anchor in anchors[path], f"{name}: {target}#{anchor}"


def test_every_promise_of_security_names_tests_that_exist() -> None:
    promises = DOCS["security.md"].partition("## Promises")[2].partition("\n## ")[0].split("\n- **")[1:]
    assert len(promises) > 20
    for promise in promises:
        tests = re.findall(r"\[([^]]+)\]\(\.\./(tests/[a-z_/]+\.py)\)", promise.rpartition("\n  *")[2])
        assert tests, promise
        for name, path in tests:
            assert f"\ndef test_{name.replace(' ', '_')}(" in (ROOT / path).read_text(), name


def test_coverage_is_measured_where_it_must_be_whole_and_not_for_a_newcomer() -> None:
    make = shutil.which("make")
    assert make

    def made(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"]}  # and nothing of a `make` that runs this
        return subprocess.check_output([make, "-n", "test", *arguments], cwd=ROOT, env=environment, text=True)

    assert ("--cov" in made(), "--cov" in made("COVERAGE=1")) == (False, True)
    for name in (".ci/run", ".github/workflows/ci.yml"):
        assert re.findall(r"make test.*", (ROOT / name).read_text()) == ["make test COVERAGE=1"]


def _keys(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, part in schema.get("properties", {}).items():
        yield f"{path}{name}"
        if path == "":
            yield from _keys(part, f"{name}.")


def test_every_key_of_a_manifest_has_a_row() -> None:
    schema = load_schema("tokens")
    token = schema["definitions"]["token"]
    # The mappings are told by their keys: `server:` by `server.url`, `match:` beside its own row in prose.
    rows = {*_keys(schema), *token["properties"]} - {"server", "guards"}
    assert {name for name in rows if f"\n| `{name}` |" not in DOCS["manifest.md"]} == set()
    assert {
        name for name in token["properties"]["match"]["properties"] if f"`{name}`" not in DOCS["manifest.md"]
    } == set()


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{name}" for name in DOCS)])
def test_every_manifest_in_the_documentation_is_valid(name: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    for block in blocks:
        assert load(["-"], BytesIO(block.encode())).manifest.tokens
    assert bool(blocks) == (name in ("README.md", "docs/manifest.md"))


def test_the_readme_shows_what_plan_prints(shell: Shell) -> None:
    manifest = re.findall(r"```yaml\n(.*?)```", WRITTEN["README.md"], re.DOTALL)
    shown = re.findall(r"```\n\$ tokenctl plan\n(.*?)```", WRITTEN["README.md"], re.DOTALL)
    shell.write(manifest[0])
    host = {"INFLUX_HOST": "http://127.0.0.1:8086"}
    assert [shell.plain(shell.run("plan").out)] == [replace(shell, environment=host).plain(text) for text in shown]


def test_the_picture_in_the_readme_shows_what_plan_prints(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    path = shell.write(
        'version: 1\ntokens:\n  - id: "0d234d71cc806000"\n    name: ingest\n    description: ingest of hall 1 to 4\n'
        '  - id: "0d08544b51006000"\n    name: admin\n    status: inactive\n'
    )
    request = plan.PlanRequest(sources=Sources(files=[path]), flags=Flags())
    shown = shell.call(lambda context: plan.run(request, context), colour=True)
    assert (shown.code, shown.err) == (ExitCode.REFUSED, "")
    text = shown.out.replace("URL", "http://127.0.0.1:8086").replace("DIR/", "").replace("DIGEST", "…")
    golden(ROOT / "docs" / "refused.svg", picture.svg(f"$ tokenctl plan\n{text}"))
    assert "(docs/refused.svg)" in WRITTEN["README.md"]


def test_the_way_of_plan_is_as_the_design_draws_it(shell: Shell) -> None:
    entered: set[str] = set()

    def enter(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and frame.f_code.co_name != "<module>" and path.is_relative_to(ROOT / "reconciler"):
            entered.add(str(path.relative_to(ROOT / "reconciler").with_suffix("")))

    (shell.folder / "tokens.yaml").write_text(f'version: 1\ntokens:\n  - id: "{GRAFANA}"\n    description: x\n')
    request = plan.PlanRequest(sources=Sources(files=[str(shell.folder / "tokens.yaml")]), flags=Flags())

    def traced(context: Context) -> ExitCode:
        sys.setprofile(enter)
        try:
            return plan.run(request, context)
        finally:
            sys.setprofile(None)

    assert shell.call(traced).code == ExitCode.OK
    way = DOCS["design.md"].partition("## The way of `plan`")[2].partition("\n\nTypes")[0]
    named = set(re.findall(r"`((?:[a-z]+/)?[a-z]+)`", way)) - {"plan", "manifest/explain"}
    assert named - entered == set()
    assert len(named) <= 24
    assert len(entered) <= 42


def test_the_example_that_teaches_is_valid_and_uses_every_key() -> None:
    example = (ROOT / "examples" / "tokens.yaml").read_text()
    assert load([str(ROOT / "examples" / "tokens.yaml")], BytesIO()).warnings == ()
    keys = {*load_schema("tokens")["definitions"]["token"]["properties"], *load_schema("tokens")["properties"]}
    assert {key for key in keys if f"{key}:" not in example} == set()

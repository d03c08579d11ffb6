"""The house as docs/design.md draws it: who may import whom, how large a room may be, what a start may load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.shell import GRAFANA, Shell, group

pytestmark = pytest.mark.no_cover

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGE = ROOT / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

# A room may import itself and the rooms of the lines above its own; rooms of one line never import one another.
LINES = (
    {"errors"},
    {"core"},
    {"schema", "files"},
    {"documents", "influx_cli"},
    {"manifest", "influx", "render", "apply", "settings", "repository", "sandbox"},
    {"session"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
ROOMS_ABOVE = {room: frozenset().union(*LINES[:number]) for number, line in enumerate(LINES) for room in line} | {
    "sandbox": frozenset({"errors"})
}
CORE_IMPORTS = {
    "__future__", "collections", "dataclasses", "datetime", "difflib", "enum", "fnmatch", "functools", "hashlib", "itertools", "json", "re", "types", "typing", "unicodedata",
    "reconciler",
}  # fmt: skip


# The packages whose tests stand where their modules do; what goes through several modules is a scenario.
MIRRORED = (
    "apply",
    "cli",
    "commands",
    "core",
    "documents",
    "influx",
    "manifest",
    "render",
    "repository",
    "sandbox",
    "session",
)
# What has no test file of its own, with the one that covers it.
COVERED_BY = {
    "apply/operation.py": "apply/test_scheduler.py",
    "cli/process.py": "scenarios/test_signals.py",
    "cli/tools.py": "cli/test_app.py",
    "documents/fleet.py": "scenarios/test_fleet_trust.py",
    "influx/shared.py": "influx/test_wire.py",
    "influx/trust.py": "scenarios/test_tls.py",
    "render/compared.py": "scenarios/test_drawn_revisions.py",
    "render/fleet.py": "scenarios/test_fleets.py",
    "session/connection.py": "scenarios/test_target.py",
    "session/context.py": "scenarios/test_mistake.py",
    "session/fleet_outputs.py": "scenarios/test_fleets.py",
    "session/fleet_sending.py": "scenarios/test_fleet_apply.py",
    "session/planning.py": "scenarios/test_own.py",
    "session/reading.py": "commands/test_validate.py",
    "session/rewriting.py": "commands/test_set.py",
    "session/sending.py": "commands/test_apply.py",
}


@cache
def _tree(path: Path) -> tuple[ast.stmt, ...]:
    """Every statement of the module: no expression imports or defines anything that is looked for here."""
    return tuple(_statements(ast.parse(path.read_text())))


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for each in getattr(node, name, ()):
            if isinstance(each, ast.stmt):
                yield each
            yield from _statements(each)


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    for node in _tree(path):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "reconciler" else [module]
            yield from ((node, name) for name in names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_its_own_room_and_those_above(path: Path) -> None:
    room = _room(path)
    imported = {name.split(".")[1] for _, name in _imports(path) if name.startswith("reconciler.")}
    rooms = imported - {"__version__"}
    assert rooms <= ROOMS_ABOVE.get(room, frozenset()) | {room}


def test_no_module_imports_itself_by_way_of_others() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        nodes = [node for node in _tree(path) if isinstance(node, ast.ImportFrom)]
        found = {f"{node.module}.{each.name}" for node in nodes for each in node.names} | {str(n.module) for n in nodes}
        graph[name] = found & names.keys()
    assert len(list(TopologicalSorter(graph).static_order())) == len(names)


def test_every_room_has_its_place() -> None:
    rooms = {_room(path) for path in MODULES} - {"__init__"}
    assert rooms == set(ROOMS_ABOVE)


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").glob("*.py")), ids=lambda path: path.name)
def test_core_imports_nothing_that_could_read_or_write(path: Path) -> None:
    allowed = CORE_IMPORTS | ({"deepdiff"} if path.name == "plan.py" else set())
    found = {name for _, name in _imports(path)} - {"urllib.parse"}  # the rest of urllib asks servers
    assert {name.split(".")[0] for name in found} <= allowed


def test_a_verb_is_one_file_and_runs_no_other_one() -> None:
    assert {path.stem for path in (PACKAGE / "commands").glob("*.py")} == {*group().commands, "__init__"}
    importing = {
        path.name for path in (PACKAGE / "commands").glob("*.py") for _, name in _imports(path) if "commands" in name
    }
    assert importing == set()


def test_httpx_and_httpcore_are_for_proxies() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for _, name in _imports(path)
        if name.split(".")[0] in ("httpx", "httpcore")
    }
    assert found == {"influx/proxied.py"}


def test_only_the_screen_imports_rich() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for _, name in _imports(path)
        if "rich" in name.split(".")
    }
    assert found == {"cli/screen.py"}


def test_a_writer_is_made_in_one_place() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in MODULES for _, name in _imports(path) if "writer" in name}
    assert found == {"session/sending.py"}


def _importing(module: str) -> set[str]:
    """The modules that import this one, by its name or from its package."""
    package, _, name = module.rpartition(".")
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in _tree(path)
        if isinstance(node, ast.ImportFrom)
        and (node.module == module or (node.module == package and name in [each.name for each in node.names]))
    }


def test_a_lock_is_made_in_one_place_and_what_sends_is_for_the_verbs_that_may() -> None:
    assert _importing("reconciler.influx.lock") == {"session/locking.py"}
    assert _importing("reconciler.session.locking") == {"session/sending.py", "commands/unlock.py"}
    agreeing = {"cli/options.py", "cli/app.py", "cli/main.py"}  # they only say what agrees to a plan
    assert _importing("reconciler.session.sending") == {
        "commands/apply.py", "commands/undo.py", "session/fleet_sending.py", *agreeing,
    }  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_and_its_functions_keep_to_their_size(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 350
    for node in _tree(path):
        if isinstance(node, ast.FunctionDef) and "cli" not in path.parts:
            assert (node.end_lineno or 0) - node.lineno < 40, node.name


@pytest.mark.parametrize("package", MIRRORED)
def test_a_test_file_stands_where_its_module_does(package: str) -> None:
    modules = {f"{package}/{path.name}" for path in (PACKAGE / package).glob("*.py") if path.name != "__init__.py"}
    tests = {f"{package}/{path.name.removeprefix('test_')}" for path in (TESTS / package).glob("test_*.py")}
    covered = {name for name in COVERED_BY if name.startswith(f"{package}/")}
    assert tests - modules == set()
    assert modules - tests == covered


@pytest.mark.parametrize("name", COVERED_BY.values())
def test_what_covers_a_module_in_the_place_of_a_test_file_is_there(name: str) -> None:
    assert (TESTS / name).is_file()


def test_no_scenario_is_called_like_the_test_of_a_module() -> None:
    names = [path.name for path in TESTS.rglob("test_*.py") if "scenarios" not in path.parts]
    assert {path.name for path in (TESTS / "scenarios").glob("*.py")} & set(names) == set()


def _loaded(*arguments: str, environment: Mapping[str, str] | None = None) -> set[str]:
    """The modules that a run of the command has loaded when it ends."""
    code = (
        "import sys, io\n"
        f"sys.path += {[path for path in sys.path if path.endswith('site-packages')]!r}\n"
        "from reconciler.__main__ import main\n"
        f"sys.argv = ['tokenctl', *{list(arguments)!r}]\n"
        "out, sys.stdout = sys.stdout, io.StringIO()\n"
        "code = main()\n"
        "loaded = sorted(sys.modules)\n"
        "import json\n"
        "out.write(json.dumps([code, loaded]))\n"
    )
    # -S: what this machine's site-packages load into every Python, measuring coverage among it, is not ours.
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    code, modules = json.loads(done.stdout)
    assert code == 0, done.stderr
    return set(modules)


HEAVY = {
    "httpx",
    "httpcore",
    "jsonschema",
    "deepdiff",
    "yaml",
    "rich",
    "asyncio",
    "sqlite3",
    "tomllib",
    "importlib.metadata",
}


def test_the_version_is_told_without_loading_anything() -> None:
    assert not _loaded("--version") & (HEAVY | {"typer", "re", "json", "dataclasses"})


def test_help_loads_no_heavy_library() -> None:
    assert not _loaded("--help") & HEAVY
    assert not _loaded("plan", "--help") & HEAVY


def test_validate_loads_a_yaml_parser_where_it_needs_one_and_nothing_else_that_is_heavy(tmp_path: Path) -> None:
    file, text = tmp_path / "tokens.yaml", 'version: 1\ntokens:\n  - id: "0d234e88da406000"\n    description: '
    for description, loaded in (("dashboard\n", set()), ("|\n      dashboard\n", {"yaml"})):
        file.write_text(text + description)
        assert _loaded("validate", str(file)) & (HEAVY | {"typer"}) == loaded


def test_what_draws_progress_and_speaks_to_proxies_is_loaded_only_for_that(shell: Shell) -> None:
    shell.declare(f'id: "{GRAFANA}", description: dashboard')
    file = str(shell.folder / "tokens.yaml")
    environment = shell.surroundings(TERM="xterm")
    assert not _loaded("plan", file, environment=environment) & {"rich", "httpx", "httpcore", "h11"}
    assert not _loaded("apply", "--yes", "--format=json", file, environment=environment) & {"rich"}
    assert not _loaded("apply", "--yes", file, environment={**environment, "CI": "true"}) & {"rich"}


def test_schema_loads_no_heavy_library() -> None:
    assert not _loaded("schema", "plan") & HEAVY


@pytest.mark.parametrize("path", sorted((ROOT / "action").glob("*.py")), ids=lambda path: path.name)
def test_the_action_is_the_standard_library_and_the_program_and_keeps_to_the_sizes(path: Path) -> None:
    modules = {name.split(".")[0] for _, name in _imports(path)}
    assert modules <= {
        "__future__",
        "action",
        *(["reconciler"] if path.name in ("drift.py", "fates.py", "report.py", "verbs.py") else []),
        *sys.stdlib_module_names,
    }
    test_a_module_and_its_functions_keep_to_their_size(path)

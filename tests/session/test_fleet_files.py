"""The base belongs to a server's name: its guards hold wherever its files are moved, and what is removed is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ExitCode
from reconciler.session.fleet_files import Which, names
from tests.checkout import Checkout
from tests.fleet import Fleet, fleet_on
from tests.shell import GRAFANA, INGEST

STRICT = "guards: {max_deactivations: 0}\n"
LOOSE = "guards: {max_deactivations: 9}\n"
OFF = f'id: "{INGEST}", name: ingest, status: inactive'
KEPT = f'id: "{GRAFANA}", name: grafana'


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_on(tmp_path_factory.mktemp("fleet"), ("edge-1", "edge-2")) as made:
        yield made


@pytest.fixture
def fleet(servers: Fleet, tmp_path: Path) -> Fleet:
    """The servers, seen from a repository in which `edge-1` has strict guards."""
    made = Fleet(tmp_path, dict(servers.environment), here=True, sandboxes=servers.sandboxes)
    made.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    Checkout.init(tmp_path)
    made.declare(KEPT, head=STRICT, name="servers/edge-1.yaml")
    return made


def planned(fleet: Fleet, *arguments: str) -> dict[str, Any]:
    """The plans as JSON."""
    done = fleet.cli("plan", "--fleet", "servers", "--base", "main", "--format", "json", *arguments, environment={})
    document: dict[str, Any] = json.loads(done.out)
    return {**document, "err": done.err}


def committed(fleet: Fleet) -> None:
    Checkout(fleet.folder).commit()


def guards(document: dict[str, Any], name: str = "edge-1") -> list[str]:
    """The guards that refuse the plan of a server."""
    (plan,) = (each["plan"] for each in document["servers"] if each["name"] == name)
    return [each["guard"] for each in plan["refusals"]]


def moved_into_a_folder(fleet: Fleet) -> None:
    (fleet.folder / "servers/edge-1.yaml").unlink()
    fleet.declare(OFF, head=LOOSE, name="servers/edge-1/main.yaml")


def moved_out_of_a_folder(fleet: Fleet) -> None:
    (fleet.folder / "servers/edge-1.yaml").rename(fleet.folder / "servers/main.yaml")
    (fleet.folder / "servers/edge-1").mkdir()
    (fleet.folder / "servers/main.yaml").rename(fleet.folder / "servers/edge-1/main.yaml")
    committed(fleet)
    (fleet.folder / "servers/edge-1/main.yaml").unlink()
    (fleet.folder / "servers/edge-1").rmdir()
    fleet.declare(OFF, head=LOOSE, name="servers/edge-1.yaml")


def called_otherwise(fleet: Fleet) -> None:
    (fleet.folder / "servers/edge-1.yaml").unlink()
    fleet.declare(OFF, head=LOOSE, name="servers/edge-1.YML")


def made_a_link(fleet: Fleet) -> None:
    fleet.declare(OFF, head=LOOSE, name="other.yaml")
    (fleet.folder / "servers/edge-1.yaml").unlink()
    (fleet.folder / "servers/edge-1.yaml").symlink_to("../other.yaml")


def beside_a_file_of_the_name(fleet: Fleet) -> None:
    fleet.write("nothing", "servers/edge-1")
    committed(fleet)
    (fleet.folder / "servers/edge-1").unlink()
    fleet.declare(OFF, head=LOOSE, name="servers/edge-1.yaml")


def beside_a_link_out_of_the_repository(fleet: Fleet) -> None:
    (fleet.folder / "servers/edge-1").symlink_to("/nowhere")
    committed(fleet)
    fleet.declare(OFF, head=LOOSE, name="servers/edge-1.yaml")


@pytest.mark.parametrize(
    "change",
    [
        moved_into_a_folder,
        moved_out_of_a_folder,
        called_otherwise,
        made_a_link,
        beside_a_file_of_the_name,
        beside_a_link_out_of_the_repository,
    ],
)
def test_the_guards_of_the_base_hold_wherever_a_file_goes(fleet: Fleet, change: Callable[[Fleet], None]) -> None:
    committed(fleet)
    change(fleet)
    document = planned(fleet)
    assert (guards(document), document["reason"], document["err"]) == (["max_deactivations"], "refused", "")
    (plan,) = (each["plan"] for each in document["servers"])
    loosened = [each["target"] for each in plan["base"]["revisions"] if each["loosens"]]
    assert (loosened, plan["warnings"]) == (["guards.max_deactivations"], [])


def test_a_change_is_told_by_the_history_of_its_own_server(fleet: Fleet) -> None:
    declared = f'id: "{GRAFANA}", name: grafana, description: dash'
    fleet.declare(declared, name="servers/edge-1.yaml")
    committed(fleet)
    fleet.sandboxes["edge-1"].change(GRAFANA, description="by hand")
    moved_into_a_folder(fleet)
    fleet.declare(declared, name="servers/edge-1/main.yaml")
    (plan,) = (each["plan"] for each in planned(fleet)["servers"])
    assert [each["mark"] for each in plan["changes"]] == ["drift"]


def test_a_file_for_all_servers_is_read_at_the_base_too(fleet: Fleet) -> None:
    fleet.declare(KEPT, name="servers/edge-1.yaml")
    fleet.declare(KEPT, name="servers/edge-2.yaml")
    fleet.write(f"version: 1\n{STRICT}tokens: []\n", "shared.yaml")
    committed(fleet)
    fleet.declare(OFF, head=LOOSE, name="shared.yaml")
    document = planned(fleet, "shared.yaml")
    assert [guards(document, name) for name in ("edge-1", "edge-2")] == [["max_deactivations"]] * 2
    shown = fleet.cli("plan", "shared.yaml", "--fleet", "servers", "--base", "main", environment={}).out
    assert shown.startswith("2 servers · 2 planned · 2 refused\n")
    assert shown.count("Refused on edge-") == 2


def test_a_removed_name_is_shown_as_loosening_and_a_new_one_has_the_default_guards(fleet: Fleet) -> None:
    committed(fleet)
    (fleet.folder / "servers/edge-1.yaml").rename(fleet.folder / "servers/edge-2.yaml")
    fleet.declare(OFF, f'id: "{GRAFANA}", status: inactive', head=LOOSE, name="servers/edge-2.yaml")
    done = fleet.cli("plan", "--fleet", "servers", "--base", "main", "-o", "fleet.json", environment={})
    assert done.code == ExitCode.OK
    assert (
        "Removed since the base: edge-1\n"
        "  ! their tokens stay as they are; loosens: no guard of their files holds any more\n"
    ) in done.out
    document = json.loads((fleet.folder / "fleet.json").read_bytes())
    (plan,) = (each["plan"] for each in document["servers"])
    assert (document["fleet"]["removed"], plan["base"]["limits"]["max_deactivations"]) == (["edge-1"], "30%")
    assert (
        fleet.cli("show", "fleet.json", environment={}).out.partition("Removed")[2] == done.out.partition("Removed")[2]
    )


def test_a_name_in_other_case_is_another_server(fleet: Fleet) -> None:
    committed(fleet)
    (fleet.folder / "servers/edge-1.yaml").rename(fleet.folder / "servers/Edge-1.yaml")
    document = planned(fleet)
    assert document["fleet"]["removed"] == ["edge-1"]
    assert [(each["name"], each["reason"]) for each in document["servers"]] == [("Edge-1", "usage")]


def test_two_forms_of_a_name_are_refused_and_at_the_base_both_count(fleet: Fleet) -> None:
    fleet.declare(f'id: "{GRAFANA}", protected: true', name="servers/edge-1/main.yaml")
    fleet.write(f"version: 1\n{STRICT}tokens: []\n", "servers/edge-1.yaml")
    committed(fleet)
    done = fleet.cli("plan", "--fleet", "servers", "--base", "main", environment={})
    assert (done.code, done.err) == (
        ExitCode.INVALID,
        "servers/edge-1.yaml: the server edge-1 has servers/edge-1 already\n  hint: keep one of them: a file or a folder\n",
    )
    (fleet.folder / "servers/edge-1.yaml").unlink()
    fleet.declare(OFF, f'id: "{GRAFANA}", status: inactive', name="servers/edge-1/main.yaml")
    assert guards(planned(fleet)) == ["max_deactivations", "protected"]


def test_removed_names_are_parted_as_the_others_are(fleet: Fleet) -> None:
    fleet.declare(KEPT, name="servers/edge-2.yaml")
    committed(fleet)
    (fleet.folder / "servers/edge-1.yaml").unlink()
    for part in ("1", "2"):
        planned(fleet, "--shard", f"{part}/2", "--output", f"json={part}.json")
    merged = fleet.cli("show", "1.json", "2.json", "--format", "json", environment={})
    assert json.loads(merged.out) == {key: each for key, each in planned(fleet).items() if key != "err"}
    only = planned(fleet, "--server", "edge-1")
    assert (only["servers"], only["fleet"]["removed"]) == ([], ["edge-1"])


def test_a_folder_that_the_base_has_not_is_all_new(fleet: Fleet) -> None:
    (fleet.folder / "servers/edge-1.yaml").rename(fleet.folder / "kept.yaml")
    (fleet.folder / "servers").rmdir()
    (fleet.folder / "servers").symlink_to("/nowhere")
    committed(fleet)
    (fleet.folder / "servers").unlink()
    fleet.declare(KEPT, name="servers/edge-1.yaml")
    document = planned(fleet)
    assert "removed" not in document["fleet"]
    (member,) = document["servers"]
    assert [each["kind"] for each in member["plan"]["base"]["revisions"]] == ["added"]


def test_a_warning_is_told_once_and_a_file_for_all_is_parsed_once(fleet: Fleet) -> None:
    fleet.declare(KEPT, name="servers/edge-2.yaml")
    fleet.declare(OFF, name="shared/below/deeper.yaml")
    fleet.write("version: 1\ntokens: []\n", "shared/all.yaml")
    done = fleet.cli("plan", "--fleet", "servers", "shared", environment={})
    assert (done.code, done.err.count("Warning: ")) == (ExitCode.OK, 1)


def test_a_link_out_of_the_repository_is_refused(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> None:
    committed(fleet)
    outside = tmp_path_factory.mktemp("outside") / "x.yaml"
    outside.write_text("version: 1\ntokens: []\n")
    (fleet.folder / "servers/edge-2.yaml").symlink_to(outside)
    done = fleet.cli("plan", "--fleet", "servers", "--base", "main", environment={})
    assert (done.code, done.err) == (
        ExitCode.INVALID,
        "servers/edge-2.yaml: a link leads out of the repository\n"
        "  hint: the base has no such file: keep manifests inside of the repository\n",
    )


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "..data/edge-2").mkdir(parents=True)
    (tmp_path / "..data/edge-1.yaml").touch()
    for name, target in {"edge-1.yaml": "..data/edge-1.yaml", "edge-2": "..data/edge-2", "3.yml": "3.yml"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "notes.txt").symlink_to("none")
    assert names(Which(str(tmp_path))) == ("3", "edge-1", "edge-2")

"""A run on several servers is undone as one: each journal goes to the server that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import ExitCode
from tests.fleet import NAMES, Fleet, fleet_on
from tests.shell import BACKUP_2023, GRAFANA, Done

DECLARED = (f'id: "{GRAFANA}", name: grafana, description: dashboard', f'id: "{BACKUP_2023}", status: inactive')


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with fleet_on(tmp_path) as made:
        for name in NAMES:
            made.declare(*DECLARED, name=f"servers/{name}.yaml")
        yield made


def values(fleet: Fleet) -> dict[str, object]:
    """What every token of every server says."""
    return {
        name: {each.id: (each.status, each.description) for each in box.tokens} for name, box in fleet.sandboxes.items()
    }


def applied(fleet: Fleet) -> list[str]:
    """The journals of a run, in the order of the servers."""
    assert fleet.cli("apply", "--fleet", "servers", "--yes", environment={}).code == ExitCode.OK
    return sorted(str(path) for path in (fleet.folder / "state").rglob("apply-*.ndjson"))


def undo(fleet: Fleet, *arguments: str) -> Done:
    return fleet.cli("undo", *arguments, environment={})


def test_an_undo_of_all_restores_every_value(fleet: Fleet) -> None:
    before = values(fleet)
    journals = applied(fleet)
    assert values(fleet) != before
    shown = undo(fleet, *journals, "--allow", "reactivation")
    assert (shown.code, values(fleet) == before) == (ExitCode.OK, False)
    assert "Plan: 3 to activate, 0 to deactivate, 3 to describe on 3 of 3 servers; 0 as declared.\n" in shown.out
    done = undo(fleet, *journals, "--allow", "reactivation", "--apply", "--yes")
    assert (done.code, values(fleet)) == (ExitCode.OK, before)
    assert done.err.endswith("the files may still declare what was undone: plan them before the next apply\n")
    headers = [json.loads(path.read_text("utf-8").splitlines()[0]) for path in (fleet.folder / "state").rglob("undo-*")]
    assert sorted(each["server_name"] for each in headers) == list(NAMES)


def test_a_saved_undo_is_sent_as_any_plan_of_a_fleet(fleet: Fleet) -> None:
    before = values(fleet)
    assert undo(fleet, *applied(fleet), "--allow", "reactivation", "-o", "undo.json").code == ExitCode.OK
    assert fleet.cli("apply", "undo.json", "--yes", environment={}).code == ExitCode.OK
    assert values(fleet) == before


def test_a_journal_goes_to_the_server_that_it_names_and_to_no_other(fleet: Fleet) -> None:
    journals = applied(fleet)
    after = values(fleet)
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": tables["hamburg"]})
    done = undo(fleet, *journals, "--apply", "--yes")
    assert (done.code, done.out, values(fleet)) == (ExitCode.STALE, "", after)
    assert "lyon: this is about http://lyon, but the profile has http://hamburg\n" in done.err


def test_journals_that_are_not_of_several_servers_of_a_fleet_are_refused(fleet: Fleet) -> None:
    first, second, _ = applied(fleet)
    twice = undo(fleet, first, second, first)
    assert (twice.code, twice.out) == (ExitCode.USAGE, "")
    assert twice.err.endswith("are both of the server hamburg\n  hint: undo one run after another\n")
    head, *rest = Path(second).read_text("utf-8").splitlines(keepends=True)
    alone = {key: value for key, value in json.loads(head).items() if key != "server_name"}
    other = fleet.write(json.dumps(alone) + "\n" + "".join(rest), "alone.ndjson")
    done = undo(fleet, first, other)
    assert (done.code, done.err) == (
        ExitCode.USAGE,
        "DIR/alone.ndjson is not of the run of a fleet\n  hint: undo it alone\n",
    )


def test_one_journal_of_a_fleet_is_undone_as_any_other(fleet: Fleet) -> None:
    before = values(fleet)["lyon"]
    _, lyon, _ = applied(fleet)
    done = undo(fleet, lyon, "--profile", "lyon", "--allow", "reactivation", "--apply", "--yes")
    assert (done.code, values(fleet)["lyon"]) == (ExitCode.OK, before)

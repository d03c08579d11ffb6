"""Three hundred servers with faults at random: the others are right, a second run finishes, an undo restores all."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault
from tests.fleet import Fleet, fleet_on
from tests.shell import ABSENT, GRAFANA, PROGRAM, Done

DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'
FAULTS = {
    "refuses": Fault("too-many-requests", "PATCH", 99),
    "resets": Fault("reset-before", "PATCH", 99),
    "lies": Fault("truncated-body", "GET", 99),
    "is gone": Fault("unavailable", "GET", 99),
    "drips": Fault("slow-body", "GET", 1),
    "changes": Fault("changed-meanwhile", "PATCH"),
}
MENDED_BY_RETRYING = ("drips",)


def _apply(fleet: Fleet, *more: str) -> Done:
    return fleet.cli("apply", "--fleet", "servers", "--yes", *more, environment={})


def _values(fleet: Fleet) -> dict[str, object]:
    return {
        name: {each.id: (each.status, each.description) for each in box.tokens} for name, box in fleet.sandboxes.items()
    }


def _described(fleet: Fleet) -> set[str]:
    return {
        name
        for name, box in fleet.sandboxes.items()
        if next(each.description for each in box.tokens if each.id == GRAFANA) == "dashboard"
    }


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_of_three_hundred_servers_some_fail_and_all_others_are_right(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    names = [f"edge-{number:03}" for number in range(300)]
    with fleet_on(tmp_path, names) as fleet:
        for name in names:
            fleet.declare(DESCRIBE, name=f"servers/{name}.yaml")
        before = _values(fleet)
        # Not next to one another, as five in a row end a run.
        failing = dict(zip(random.sample(names[1::12], len(FAULTS)), FAULTS, strict=True))

        fleet.declare(f'id: "{ABSENT}", description: x', name=f"servers/{names[7]}.yaml")
        blocked = _apply(fleet)
        assert (blocked.code, _values(fleet)) == (ExitCode.INVALID, before)
        assert f"--server '!{names[7]}'" in blocked.err
        fleet.declare(DESCRIBE, name=f"servers/{names[7]}.yaml")

        for name, kind in failing.items():
            fleet.sandboxes[name].fail(FAULTS[kind])
        metrics = fleet.cli("plan", "--fleet", "servers", "--format", "openmetrics", environment={})
        down = {
            name for name, kind in failing.items() if FAULTS[kind].method == "GET" and kind not in MENDED_BY_RETRYING
        }
        assert metrics.code == ExitCode.UNREACHABLE
        assert {name for name in names if f'tokenctl_up{{server="{name}"}} 0' in metrics.out} == down

        done = _apply(fleet)
        assert done.code == ExitCode.PARTIAL
        bad = {
            name
            for name, kind in failing.items()
            if kind not in MENDED_BY_RETRYING and name in set(names) - _described(fleet)
        }
        assert _described(fleet) == set(names) - bad
        assert [name for name in bad if name not in done.out] == []

        for box in fleet.sandboxes.values():
            box.mend()
        killed = subprocess.Popen(
            [PROGRAM, "apply", "--fleet", "servers", "--yes"], cwd=fleet.folder, env=fleet.surroundings(),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with killed:
            assert killed.stderr is not None
            killed.stderr.readline()  # the first server is done
            killed.kill()
        assert _apply(fleet).code == ExitCode.OK
        assert _described(fleet) == set(names)


@pytest.mark.soak
def test_an_undo_of_three_hundred_servers_restores_every_value(tmp_path: Path) -> None:
    names = [f"edge-{number:03}" for number in range(300)]
    with fleet_on(tmp_path, names) as fleet:
        for name in names:
            fleet.declare(DESCRIBE, name=f"servers/{name}.yaml")
        before = _values(fleet)
        assert _apply(fleet).code == ExitCode.OK
        journals = sorted(str(path) for path in (tmp_path / "state").rglob("apply-*.ndjson"))
        done = fleet.cli("undo", *journals, "--apply", "--yes", environment={})
        assert (done.code, len(journals), _values(fleet)) == (ExitCode.OK, 300, before)

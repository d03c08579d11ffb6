"""From a server's log to a plan, an apply and an undo, with real requests to a real sandbox."""

from __future__ import annotations

import json

import pytest

from reconciler.render.formats import PlanFormat
from tests.branch import Branch
from tests.requestlog import said
from tests.shell import BACKUP_2023, BACKUP_2024, GRAFANA, INGEST, LAPTOP, Shell

LOG = said(INGEST, 0) + said(LAPTOP, 240, "/api/v2/query", agent="Grafana") + said(INGEST, 243)
LAST, NOT_SEEN = "last used 3 s before the log ended, query v2 (Grafana)", "not seen in 4 min"
OFF = f'id: "{LAPTOP}", name: laptop, status: inactive', f'id: "{BACKUP_2023}", name: backup, status: inactive'


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """The shell, in this process, with evidence."""
    shell.here = True
    assert shell.run("usage", "-", "-o", "usage.json", "--quiet", stdin=LOG).code == 0
    return shell


def test_a_used_token_is_not_switched_off(shell: Shell) -> None:
    shell.declare(*OFF)
    done = shell.run("plan", "--usage", "usage.json")
    assert done.code == 4
    assert f"      usage        {LAST}\n" in done.out
    assert f"      usage        {NOT_SEEN}\n" in done.out
    assert f"Refused by guard `in_use`: tokens.yaml:3:44: `laptop` {LAPTOP} was in use: {LAST}\n" in done.out
    assert shell.run("apply", "--usage", "usage.json", "--yes").code == 4
    assert shell.run("plan").code == 0
    waived = shell.run("plan", "--usage", "usage.json", "--allow", "in_use", "-o", "plan.json")
    assert (waived.code, "guard `in_use` is waived: `laptop`" in waived.out) == (0, True)


def test_every_format_says_when_each_was_used_and_none_calls_one_unused(shell: Shell) -> None:
    shell.declare(*OFF)
    outputs = [each for form in PlanFormat for each in ("--output", f"{form}=out.{form}")]
    shell.run("plan", "--usage", "usage.json", "-o", "plan.json", *outputs)
    for form in PlanFormat:
        text = (shell.folder / f"out.{form}").read_text()
        if form in (PlanFormat.JSON, PlanFormat.OPS):
            assert '"last_used": "2026-11-20T12:04:00.000000Z"' in text
            assert '"last_used": null' in text
        elif form not in (PlanFormat.GITLAB_TERRAFORM, PlanFormat.OPENMETRICS):  # counts
            assert (LAST in text, NOT_SEEN in text) == (True, True), form
        assert not [word for word in ("unused", "safe to") if word in text.lower()], form
        shown = shell.run("show", "plan.json", "--format", form).out
        assert form in (PlanFormat.JUNIT, PlanFormat.OPENMETRICS) or shown == shell.plain(text), form


def test_a_saved_plan_carries_its_refusal_and_takes_no_evidence(shell: Shell) -> None:
    shell.declare(*OFF)
    assert shell.run("plan", "--usage", "usage.json", "-o", "plan.json").code == 4
    again = shell.run("apply", "plan.json", "--yes")
    assert (again.code, again.err.splitlines()[0]) == (4, "nothing was sent: refused by `in_use`")
    refused = shell.run("apply", "plan.json", "--usage", "usage.json", "--yes")
    assert (refused.code, refused.err) == (
        64,
        "--usage is for a new plan: a saved one was judged by the evidence when it was made\n"
        "  hint: give it to `tokenctl plan -o FILE`, and have that plan reviewed\n",
    )


def test_evidence_that_is_none_or_of_another_server_is_refused(shell: Shell) -> None:
    shell.declare(*OFF)
    document = json.loads((shell.folder / "usage.json").read_text())
    other = [{**each, "id": f"{number:016x}"} for number, each in enumerate(document["usage"], 1)]
    shell.write(json.dumps({**document, "usage": other}), "other.json")
    for command in ("plan", "list"):
        assert shell.run(command, "--usage", "other.json").code == 5
        assert shell.run(command, "--usage", "tokens.yaml").code == 65
        assert shell.run(command, "--usage", "absent.json").code == 1
    assert shell.run("plan", "--usage", "usage.json", "--output", "json=usage.json").code == 64


def test_a_change_cannot_bring_its_own_evidence(branch: Branch) -> None:
    shell, outside = branch.shell, branch.shell.folder.parent / "usage.json"
    shell.here = True
    shell.run("usage", "-", "-o", str(outside), "--quiet", stdin=LOG)
    branch.base(f'id: "{GRAFANA}", description: x')
    (shell.folder / "link.json").symlink_to(outside)
    (shell.folder / "inside.json").write_bytes(outside.read_bytes())
    (outside.parent / "way.json").symlink_to(shell.folder / "link.json")
    for name in ("inside.json", "link.json", str(outside.parent / "way.json")):
        done = shell.run("plan", "--base", "main", "--usage", name)
        assert (done.code, "a change could bring its own evidence" in done.err) == (64, True), name
    for name in ("../usage.json", str(outside)):
        assert shell.run("plan", "--base", "main", "--usage", name).code == 0, name
    (outside.parent / "loop.json").symlink_to("loop.json")
    assert shell.run("plan", "--base", "main", "--usage", "../loop.json").code == 1
    (outside.parent / "loop.json").unlink()  # pytest cannot clean such a link up
    assert shell.run("plan", "--offline", "--base", "main", "--usage", str(outside)).code == 64


def test_a_list_has_a_column_for_it(shell: Shell) -> None:
    lines = [line.removeprefix("*").split("  ") for line in shell.run("list", "--usage", "usage.json").out.splitlines()]
    found = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert found[0][:3] == ["STATUS", "ID", "LAST USED"]
    assert [line[2] for line in found if line[1] in (LAPTOP, GRAFANA, INGEST)] == ["3 s", "0 s", "not seen"]
    listed = json.loads(shell.run("list", "--usage", "usage.json", "--format", "json").out)
    uses = {each["id"]: each["usage"]["last_used"] for each in listed["tokens"]}
    assert (uses[LAPTOP], uses[GRAFANA]) == ("2026-11-20T12:04:00.000000Z", None)


def test_an_undo_of_a_rotation_may_leave_the_new_token_on(shell: Shell) -> None:
    rotated = (
        f'id: "{BACKUP_2023}", name: old, status: inactive', f'id: "{BACKUP_2024}", name: new, status: active',
    )  # fmt: skip
    shell.declare(*rotated)
    assert shell.run("apply", "--yes", "--allow", "reactivation").code == 0
    everything = json.loads(shell.run("undo", "--format", "json").out)
    assert [each["id"] for each in everything["changes"]] == [BACKUP_2023, BACKUP_2024]
    done = shell.run("undo", "--deactivated", "--apply", "--yes", "--allow", "reactivation")
    assert done.code == 0, done.err
    assert {each.id: each.status for each in shell.sandbox.tokens if each.id in (BACKUP_2023, BACKUP_2024)} == {
        BACKUP_2023: "active", BACKUP_2024: "active",
    }  # fmt: skip

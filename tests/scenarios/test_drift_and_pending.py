"""`plan --base` with a server: where each change comes from, and what no change shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.errors import ExitCode
from tests.branch import Branch
from tests.checkout import Checkout
from tests.shell import BACKUP_2023, GATEWAY, GRAFANA, INGEST, LAPTOP, PHONE, Done

DASH = f'id: "{GRAFANA}", name: grafana, description: dash'
OFF = f'id: "{BACKUP_2023}", name: backup-2023, status: inactive'


def marks(plan: dict[str, Any]) -> dict[str, object]:
    """The mark of each change by its token's name."""
    return {each["name"] or each["id"]: each["mark"] for each in plan["changes"]}


def revised(plan: dict[str, Any]) -> list[str]:
    """What became of what, of the revisions that the plan carries."""
    assert plan["base"]
    return [f"{each['kind']} {each['name'] or each['target']}" for each in plan["base"]["revisions"]]


def test_each_change_says_where_it_comes_from_and_the_files_what_else_they_mean(branch: Branch) -> None:
    branch.base(DASH, OFF, f'id: "{INGEST}", name: ingest', f'id: "{GATEWAY}", name: gateway, protected: true')
    branch.shell.sandbox.change(BACKUP_2023, status="active")
    branch.shell.declare(DASH, OFF, f'id: "{INGEST}", name: ingest, description: Ingest', head="unmanaged: warn\n")
    done = branch.plan()
    assert branch.shell.sent() == ["GET /api/v2/authorizations"]
    _, changes, title, rows, files, warning, verdict = done.out.split("\n\n")
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert changes == (
        f"  ~ describe    ingest       {INGEST}  ci-bot   DIR/tokens.yaml:6\n"
        '      description  "ingest" → "Ingest"\n'
        "      because      this change\n"
        "      rights       writes bucket telemetry\n"
        f"  ~ describe    grafana      {GRAFANA}  grafana  DIR/tokens.yaml:4\n"
        '      description  "grafana dashbord" → "dash"\n'
        "      because      pending: the base declares it, and it is not applied yet\n"
        "      rights       reads all buckets of acme\n"
        f"  - deactivate  backup-2023  {BACKUP_2023}  ci-bot   DIR/tokens.yaml:5\n"
        '      described    "backup 2023"\n'
        "      status       active → inactive\n"
        "      because      drift: the server was changed since the base declared it\n"
        "      rights       reads all buckets of acme"
    )
    assert title == "The files since main, beside that:"
    assert rows == (
        "  ! setting     unmanaged  DIR/tokens.yaml:2\n"
        "      unmanaged    ignore → warn\n"
        f"  - removed     gateway  {GATEWAY}  main:DIR/tokens.yaml:6\n"
        "      it will no longer be managed; the token stays as it is\n"
        "      ! it was protected"
    )
    assert files == (
        "Files: 1 setting, 1 removed.\nGuards: 1 of these would let something pass that the base does not."
    )
    assert warning.startswith("Warning: no declaration names 9 live tokens: ")
    assert verdict == (
        "Plan: 0 to activate, 1 to deactivate, 2 to describe, 0 unchanged.\n"
        "Since main: 1 by this change, 1 drift, 1 pending.\nDigest DIGEST\n"
    )


def test_the_digest_is_that_of_the_plan_without_a_base(branch: Branch) -> None:
    branch.base(DASH)
    branch.shell.declare(DASH + "board", OFF)
    assert branch.document()["digest"] == branch.document(base=None)["digest"]
    assert "base" not in branch.document(base=None)


def test_a_declaration_is_as_old_as_its_value_whatever_moves_it(branch: Branch) -> None:
    branch.base(DASH, OFF)
    branch.shell.sandbox.change(GRAFANA, description="by hand")
    branch.shell.sandbox.change(BACKUP_2023, status="active")
    branch.checkout.day = 60  # a month after that: another layout, another order, another file
    branch.base(OFF.replace("backup-2023", "renamed"), head="# cosmetics\n", name="tokens/one.yaml")
    branch.shell.write(f"version: 1\ntokens:\n- id: {GRAFANA}\n  description: 'dash'\n", "tokens/two.yaml")
    (branch.shell.folder / "tokens.yaml").unlink()
    branch.checkout.commit()
    assert set(marks(branch.document("tokens")).values()) == {"pending"}  # the folder was not there
    branch.checkout.git("mv", "tokens/two.yaml", "tokens/three.yaml")
    branch.shell.sandbox.change(GRAFANA, description="by hand again")
    branch.checkout.commit()
    assert marks(branch.document("tokens"))["renamed"] == "pending"


def test_cosmetics_do_not_hide_drift(branch: Branch) -> None:
    branch.base(DASH, OFF)
    branch.shell.sandbox.change(GRAFANA, description="by hand")
    branch.checkout.day = 60
    branch.shell.write(f"version: 1\ntokens:\n- name: g\n  id: {GRAFANA}\n  description: 'dash'\n")
    branch.checkout.commit()
    assert marks(branch.document()) == {"g": "drift"}


def test_a_value_that_came_back_is_as_old_as_the_last_change_of_the_token_tells(branch: Branch) -> None:
    branch.base(f'id: "{GRAFANA}", description: other')
    branch.shell.sandbox.change(GRAFANA, description="by hand")
    branch.checkout.day = 60
    branch.base(f'id: "{GRAFANA}", description: dash')
    assert marks(branch.document()) == {GRAFANA: "pending"}


def test_a_field_has_a_mark_of_its_own(branch: Branch) -> None:
    branch.base(f'id: "{BACKUP_2023}", description: dash')
    branch.shell.sandbox.change(BACKUP_2023, description="by hand")
    branch.shell.declare(f'id: "{BACKUP_2023}", description: dash, status: inactive')
    (change,) = branch.document()["changes"]
    assert (change["mark"], change["marks"]) == ("this-change", {"status": "this-change", "description": "drift"})
    assert "\n      because      status by this change, description drift\n" in branch.plan().out


def test_a_match_counts_as_what_it_selects(branch: Branch) -> None:
    branch.base("match: {user: user2}, pick: all, status: inactive, name: all")
    branch.shell.declare(f'id: "{PHONE}", status: inactive', f'id: "{LAPTOP}", status: inactive')
    plan = branch.document()
    assert set(marks(plan).values()) == {"pending"}
    assert revised(plan) == ["removed all", f"added {LAPTOP}", f"added {PHONE}"]


def test_what_a_change_shows_is_told_once(branch: Branch) -> None:
    branch.base(DASH)
    branch.shell.declare(DASH + "board", OFF, f'id: "{LAPTOP}", description: laptop, status: inactive')
    plan = branch.document()
    assert marks(plan) == {"grafana": "this-change", "backup-2023": "this-change", LAPTOP: "this-change"}
    assert revised(plan) == [f"added {LAPTOP}"]  # its description is so already, which no change tells
    branch.shell.declare(DASH.replace("dash", "grafana dashbord"))
    assert (marks(branch.document()), revised(branch.document())) == ({}, ["changed grafana"])


def test_a_clone_without_its_history_says_that_it_cannot_tell(branch: Branch) -> None:
    branch.base(DASH, OFF)
    branch.checkout.day = 60
    branch.checkout.commit()
    branch.checkout.git("clone", "--quiet", "--depth=1", f"file://{branch.shell.folder}", "home/shallow")
    shallow = Branch(branch.shell, Checkout(branch.shell.folder / "home" / "shallow"))
    done = shallow.plan("home/shallow/tokens.yaml", base="HEAD")
    assert (
        "Warning: 2 changes cannot be told apart as drift or pending: the history of `HEAD` that is here does not reach "
        "back to when the tokens were last changed\n  hint: fetch all of it, with `fetch-depth: 0` in actions/checkout\n"
    ) in done.out
    assert "because" not in done.out
    assert "Since HEAD: 0 by this change, 0 drift, 0 pending, 2 not told.\n" in done.out


def test_a_clone_that_left_objects_out_cannot_tell_either(branch: Branch) -> None:
    branch.base(f'id: "{GRAFANA}", description: other')
    branch.checkout.day = 60
    branch.base(DASH)
    branch.checkout.git("config", "uploadpack.allowFilter", "true")
    origin = f"file://{branch.shell.folder}"
    branch.checkout.git("clone", "--quiet", "--filter=blob:none", "--no-local", origin, "home/partial")
    branch.shell.sandbox.change(GRAFANA, description="by hand")
    partial = Branch(branch.shell, Checkout(branch.shell.folder / "home" / "partial"))
    done = partial.plan("home/partial/tokens.yaml", base="HEAD")
    assert (done.code, "1 change cannot be told apart" in done.out) == (ExitCode.OK, True)


def test_a_saved_plan_has_the_marks_in_it(branch: Branch) -> None:
    branch.base(DASH, OFF)
    branch.shell.sandbox.change(BACKUP_2023, status="active")
    branch.shell.declare(DASH, OFF, f'id: "{LAPTOP}"')
    saved = branch.shell.folder / "plan.json"
    done = branch.plan(out=str(saved))
    applied = branch.apply("plan.json", base=None)
    assert applied.code == ExitCode.OK
    assert applied.out.startswith(done.out)
    assert branch.apply("plan.json") == Done(
        ExitCode.USAGE, "",
        "--select, --allow and --base are part of a saved plan and cannot be added to it\n"
        "  hint: give them to `tokenctl plan -o FILE`, and have that plan reviewed\n",
    )  # fmt: skip


@pytest.mark.parametrize("terms", [("grafana",), ("backup-2023",)])
def test_a_selection_marks_and_shows_its_part(branch: Branch, terms: tuple[str, ...]) -> None:
    branch.base(DASH, OFF)
    branch.shell.declare(DASH + "board")
    plan = branch.document(select=terms)
    assert (marks(plan), revised(plan)) == (
        ({"grafana": "this-change"}, []) if terms == ("grafana",) else ({}, ["removed backup-2023"])
    )


def test_an_apply_says_the_same(branch: Branch) -> None:
    branch.base(DASH)
    branch.shell.declare(DASH + "board")
    shown = branch.plan(out=str(branch.shell.folder / "plan.json")).out
    digest = json.loads((branch.shell.folder / "plan.json").read_text())["digest"]
    assert branch.apply(expect=digest).out.startswith(shown)
    assert branch.shell.patches() == [GRAFANA]
    assert branch.plan().out.splitlines()[-3] == "No changes: 1 managed token as declared."

"""What a user does, on a real server or on the sandbox, whichever `operator` has: only what both can show is asked for."""

from __future__ import annotations

import json
import os

import pytest

from tests.e2e.conftest import Operator
from tests.shell import Program


def test_declared_tokens_become_what_is_declared_and_stay_so(operator: Operator, program: Program) -> None:
    first, second, third = (operator.token(f"token {number}")["id"] for number in range(3))
    operator.patch(third, status="inactive")
    program.declare(
        f'id: "{first}", name: renamed, description: "Zürich → \\"Lab\\" & <b>"',
        f'id: "{second}", name: switched-off, status: inactive, description: ""',
        f'id: "{third}", name: switched-on, status: active',
    )
    assert program.run("validate").code == 0
    assert program.run("plan", "--detailed-exitcode", "-o", "plan.json").code == 2
    assert operator.stored(first) == ("active", "token 0")
    shown = program.run("show", "plan.json", "--format", "ops")
    assert [json.loads(line)["body"] for line in shown.out.splitlines()] == [
        {"status": "active"},
        {"description": 'Zürich → "Lab" & <b>'},
        {"status": "inactive", "description": ""},
    ]
    applied = program.run("apply", "plan.json", "--yes")
    assert (applied.code, applied.err) == (0, "")
    assert "\nApply: 3 done, 0 failed, 0 unverified, 0 not attempted.\n" in applied.out
    assert [operator.stored(each) for each in (first, second, third)] == [
        ("active", 'Zürich → "Lab" & <b>'),
        ("inactive", ""),
        ("active", "token 2"),
    ]
    assert program.run("plan", "--detailed-exitcode").code == 0
    assert program.run("apply", "--yes").out.count("No changes") == 1


def test_an_undo_restores_what_an_apply_changed_and_leaves_alone_what_moved(
    operator: Operator, program: Program
) -> None:
    first, second = (operator.token(f"token {number}")["id"] for number in range(2))
    program.declare(f'id: "{first}", description: after', f'id: "{second}", description: after, status: inactive')
    assert program.run("apply", "--yes").code == 0
    operator.patch(second, description="theirs")
    refused = program.run("undo", "--apply", "--yes", "--allow", "reactivation")
    assert (refused.code, "Refused by guard `moved`" in refused.out) == (4, True)
    assert f"{first} was changed" not in refused.out
    assert operator.stored(first) == ("active", "after")
    operator.patch(second, description="token 1")
    operator.patch(second, status="active")
    assert program.run("undo", "--apply", "--yes").code == 0
    assert [operator.stored(each) for each in (first, second)] == [("active", "token 0"), ("active", "token 1")]
    assert program.run("undo", "--apply", "--yes").code == 0
    assert [operator.stored(each) for each in (first, second)] == [("active", "after"), ("active", "token 1")]


def test_the_list_has_every_token_and_no_secret(operator: Operator, program: Program) -> None:
    made = operator.token("one of them")
    done = program.run("list", "--format", "json")
    found = {each["id"]: each for each in json.loads(done.out)["tokens"]}
    assert found.keys() == {each["id"] for each in operator.listed()}
    assert found[made["id"]]["description"] == "one of them"
    for secret in (made["token"], program.environment["INFLUX_TOKEN"]):
        assert secret not in done.out + done.err + program.run("list", "--debug").err


def test_a_saved_plan_that_fits_no_more_changes_nothing(operator: Operator, program: Program) -> None:
    token = operator.token("before")["id"]
    program.declare(f'id: "{token}", description: after')
    assert program.run("plan", "-o", "plan.json").code == 0
    operator.patch(token, description="theirs")
    assert program.run("apply", "plan.json", "--yes").code == 5
    assert operator.stored(token) == ("active", "theirs")


def test_a_caller_without_rights_is_told_that_the_token_is_hidden(operator: Operator, program: Program) -> None:
    token = operator.token("hidden")["id"]
    caller = operator.token("a caller that may only read buckets")
    program.declare(f'id: "{token}", description: after')
    done = program.run("apply", "--yes", INFLUX_TOKEN=caller["token"])
    assert (done.code, done.out) == (6, "")
    assert operator.stored(token) == ("active", "hidden")
    assert program.run("list", INFLUX_TOKEN=caller["token"]).err.splitlines()[1].startswith("The list is empty.")


def test_the_callers_own_token_is_not_switched_off(operator: Operator, program: Program) -> None:
    own = operator.own["id"]
    program.declare(f'id: "{own}", status: inactive')
    done = program.run("apply", "--yes", "--allow", "min_managers")
    assert done.code == 4
    assert "Refused by guard `self`" in done.out
    assert program.run("apply", "--yes", "--self-id", own, "--allow", "min_managers").code == 4
    assert operator.stored(own)[0] == "active"


def test_a_token_that_does_not_exist_is_absent(operator: Operator, program: Program) -> None:
    gone = operator.token("gone")["id"]
    operator.client.delete(f"/api/v2/authorizations/{gone}").raise_for_status()
    program.declare(f'id: "{gone}", status: active')
    assert program.run("plan").code == 65


def test_a_token_whose_owner_is_gone_is_an_orphan(operator: Operator, program: Program) -> None:
    user = operator.user()
    orphan = operator.token("left behind", user=user)["id"]
    program.declare(f'id: "{orphan}", description: after')
    assert program.run("plan", "-o", "plan.json").code == 0
    operator.delete_user(user)
    done = program.run("plan")
    assert (done.code, "is orphaned: its owner or its organisation was deleted (user not found)" in done.err) == (
        65,
        True,
    )
    assert program.run("apply", "plan.json", "--yes").code == 5
    assert orphan not in [each["id"] for each in operator.listed()]


def test_the_first_token_of_a_user_is_found_again_after_it_was_renamed(operator: Operator, program: Program) -> None:
    user = operator.user()
    first, second = (operator.token(f"of the user {number}", user=user)["id"] for number in range(2))
    name = next(each["user"] for each in operator.listed() if each["id"] == first)
    program.declare(f'match: {{user: "{name}"}}, pick: first, description: deactivated_auth, status: inactive')
    assert [program.run("apply", "--yes").code for _ in range(2)] == [0, 0]
    assert operator.stored(first) == ("inactive", "deactivated_auth")
    assert operator.stored(second) == ("active", "of the user 1")


def test_the_doctor_finds_nothing_to_mend(operator: Operator, program: Program) -> None:
    done = program.run("doctor", "--format", "json", "--self-id", operator.own["id"])
    checks = {each["name"]: each["state"] for each in json.loads(done.out)["checks"]}
    assert (done.code, set(checks.values())) == (0, {"ok"})
    assert checks.keys() == {"server", "product", "list", "user", "own token", "read", "write", "lock", "journal"}
    secret = operator.token("may read buckets")["token"]
    assert program.run("doctor", INFLUX_TOKEN=secret).code == 6
    assert program.run("doctor", INFLUX_TOKEN="wrong").code == 6


def test_a_lock_keeps_others_out_until_it_is_removed(operator: Operator, program: Program) -> None:
    token = operator.token("before")["id"]
    program.declare(f'id: "{token}", description: after', head="lock: true\n")
    lock = {"orgID": operator.own["orgID"], "name": "Tokenctl.Lock", "properties": {"holder": "somebody"}}
    answer = operator.client.post("/api/v2/labels", json=lock)
    assert answer.status_code == 201, answer.text
    assert operator.client.post("/api/v2/labels", json={**lock, "name": " tokenctl.lock"}).status_code == 422
    done = program.run("apply", "--yes")
    assert (done.code, "is locked by `somebody`" in done.err) == (9, True)
    assert operator.stored(token) == ("active", "before")
    assert program.run("unlock").code == 8
    removed = program.run("unlock", "--yes")
    assert (removed.code, "  holder   somebody\n" in removed.out) == (0, True)
    assert program.run("apply", "--yes").code == 0
    assert operator.stored(token) == ("active", "after")
    assert operator.client.get("/api/v2/labels").json()["labels"] == []


def test_who_may_not_write_labels_changes_nothing_under_a_lock(operator: Operator, program: Program) -> None:
    token = operator.token("before")["id"]
    rights = [
        {"action": action, "resource": {"type": kind}}
        for action in ("read", "write")
        for kind in ("authorizations", "users")
    ]
    caller = operator.token("a caller without labels", rights)["token"]
    program.declare(f'id: "{token}", description: after')
    assert program.run("apply", "--yes", "--lock", INFLUX_TOKEN=caller).code == 6
    assert operator.stored(token) == ("active", "before")
    assert program.run("apply", "--yes", INFLUX_TOKEN=caller).code == 0


def test_a_hundred_changes_at_once_are_all_made(operator: Operator, program: Program) -> None:
    ids = [operator.token(f"bulk {number}")["id"] for number in range(100)]
    program.declare("match: {org: " + json.dumps(operator.own["org"]) + ", description: bulk 7}, description: seven",
        *(f'id: "{each}", description: changed' for each in ids if each != ids[7]))  # fmt: skip
    done = program.run("apply", "--yes")
    assert (done.code, done.err) == (0, "")
    assert "\nApply: 100 done, 0 failed, 0 unverified, 0 not attempted.\n" in done.out
    described = {each["id"]: each["description"] for each in operator.listed()}
    assert {described[each] for each in ids} == {"changed", "seven"}
    assert program.run("plan", "--detailed-exitcode").code == 0


def test_a_request_is_found_in_the_log_of_a_real_server(operator: Operator, program: Program) -> None:
    """Its path is told by TOKENCTL_E2E_LOG; the server runs at `--log-level debug`."""
    log = os.environ.get("TOKENCTL_E2E_LOG", "")
    if not log:
        pytest.skip("TOKENCTL_E2E_LOG does not name the log of the server")
    used, idle = operator.token("used"), operator.token("idle")
    headers = {"Authorization": f"Token {used['token']}", "User-Agent": "Telegraf/1.40"}
    for path in ("/api/v2/buckets", "/api/v2/buckets?name=x%20authenticated_id%3D" + idle["id"]):
        assert operator.client.get(path, headers=headers).status_code == 200
    done = program.run("usage", log, "--format", "json")
    found = {each["id"]: each["requests"] for each in json.loads(done.out)["usage"]}
    assert (done.code, found[used["id"]], found[idle["id"]]) == (0, 2, 0)

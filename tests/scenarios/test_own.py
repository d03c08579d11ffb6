"""The token that --self-id names: held against what the server says of it, by every command, in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.commands import doctor
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.render.formats import ListFormat
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.settings import Flags
from tests.commands.test_apply import applied, saved
from tests.commands.test_plan import planned
from tests.commands.test_undo import undone
from tests.influx.raw_server import SECRET, answer, raw_server, refusal
from tests.influx.test_wire import entry, listed
from tests.shell import (
    ABSENT,
    BACKUP_2023,
    BACKUP_2024,
    BENCH,
    GRAFANA,
    INGEST,
    LAPTOP,
    MANAGER,
    OPERATOR,
    PHONE,
    Done,
    Shell,
    shell_on,
)

ACME, EDGE = "5f2c9e1a77b0d3c4", "a1d07c52e94fb836"
DESCRIBE = f'id: "{GRAFANA}", description: dashboard'
NAMED = "which --self-id or TOKENCTL_SELF_ID names"
ALL = tuple(Permission(action, kind) for kind in ("authorizations", "users") for action in ("read", "write"))


def limited(org: str) -> tuple[Permission, ...]:
    return tuple(replace(each, org_id=org) if each.type == "authorizations" else each for each in ALL)


def world() -> Seed:
    """The world in which the laptop's token belongs to the operator's user, and bench's manages all, as the operator's.

    Of the same user are one that lacks `users`, one for the other organisation and one for this organisation only.
    """
    seed = default_seed()
    admin = next(each.user_id for each in seed.tokens if each.id == OPERATOR)
    changed = {
        LAPTOP: {"user_id": admin}, BENCH: {"user_id": admin, "permissions": ALL},
        INGEST: {"user_id": admin, "permissions": ALL[:2]},
        PHONE: {"user_id": admin, "permissions": limited(EDGE)},
        BACKUP_2023: {"user_id": admin, "permissions": limited(ACME)},
    }  # fmt: skip
    return replace(seed, tokens=tuple(replace(each, **changed.get(each.id, {})) for each in seed.tokens))  # type: ignore[arg-type]


@contextmanager
def hiding(folder: Path, self_id: str, version: str = "2.9.1") -> Iterator[Shell]:
    """A shell on a server that hides secrets, where this id is said to be the caller's own token's."""
    with shell_on(folder, world(), version=version) as shell:
        shell.environment["TOKENCTL_SELF_ID"] = self_id
        yield shell


def examined(shell: Shell, **flags: str) -> Done:
    """Run `doctor`."""
    asked = Flags(**flags)  # type: ignore[arg-type]
    return shell.call(lambda context: doctor.run((), asked, ListFormat.TEXT, context))


USER2 = "these are the credentials of 0d3a5e9c41e4e000"
WRONG = {
    "none": (ABSENT, f"the list has no token {ABSENT}, {NAMED}", True),
    "inactive": (BACKUP_2024, f"token {BACKUP_2024}, {NAMED}, is inactive: nobody can use it to sign in", True),
    "another user's": (
        MANAGER, f"token {MANAGER}, {NAMED}, belongs to user `ci-bot` 0d3a5ea5b3a4e000, and {USER2}", False,
    ),
    "no manager": (LAPTOP, f"token {LAPTOP}, {NAMED}, cannot manage authorizations, so that it changes nothing", False),
    "no users": (INGEST, f"token {INGEST}, {NAMED}, cannot manage authorizations, so that it changes nothing", False),
    "another organisation's": (
        PHONE, f"token {PHONE}, {NAMED}, cannot read token {OPERATOR}, which these credentials can", False,
    ),
    "one organisation's": (
        BACKUP_2023, f"token {BACKUP_2023}, {NAMED}, cannot read token {BENCH}, which these credentials can", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("self_id", "said", "certain"), WRONG.values(), ids=WRONG)
def test_a_wrong_self_id_is_refused_before_anything_is_sent(
    tmp_path: Path, self_id: str, said: str, certain: bool
) -> None:
    with hiding(tmp_path, self_id) as shell:
        file = shell.declare(f'id: "{OPERATOR}", status: inactive')
        hint = "  hint: correct it: the guard `self` would watch over the wrong token\n"
        done = planned(shell, file, allow=(Guard.MIN_MANAGERS,))
        assert done.code == (ExitCode.USAGE if certain else ExitCode.OK)
        assert (f"Warning: {said}\n" in done.out) is not certain
        assert (done.err == f"{said}\n{hint}") is certain
        done = applied(shell, file, yes=True, allow=(Guard.MIN_MANAGERS,))
        assert (done, shell.patches()) == (Done(ExitCode.USAGE, "", f"{said}\n{hint}"), [])
        done = examined(shell)
        assert (done.code, f"fail  own token  {said}\n" in done.out) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(("self_id", "said", "certain"), WRONG.values(), ids=WRONG)
def test_a_saved_plan_and_an_undo_are_held_to_it_too(tmp_path: Path, self_id: str, said: str, certain: bool) -> None:
    with hiding(tmp_path, OPERATOR) as shell:
        plan = saved(shell, DESCRIBE)
        assert applied(shell, plan, yes=True).code == ExitCode.OK
        shell.sent()
        shell.environment["TOKENCTL_SELF_ID"] = self_id
        assert undone(shell).code == (ExitCode.USAGE if certain else ExitCode.OK)
        for done in (applied(shell, plan, yes=True), undone(shell, send=True, yes=True)):
            assert (done.code, said in done.err, shell.patches()) == (ExitCode.USAGE, True, [])


def test_a_right_self_id_costs_one_question_and_says_nothing(tmp_path: Path) -> None:
    with hiding(tmp_path, OPERATOR) as shell:
        done = planned(shell, shell.declare(DESCRIBE))
        assert (done.code, done.err, "Warning" in done.out) == (ExitCode.OK, "", False)
        asked = [f"GET /api/v2/authorizations/{each}" for each in (GRAFANA, OPERATOR)]
        assert shell.sent() == [*asked, "GET /api/v2/me"]
        done = planned(shell, shell.declare(DESCRIBE, f'id: "{OPERATOR}", status: inactive'))
        assert "is the token that this run signs in with" in done.out


def test_an_own_token_of_another_organisation_is_asked_for_by_its_id(tmp_path: Path) -> None:
    with hiding(tmp_path, OPERATOR) as shell:
        file = shell.declare(f'id: "{BENCH}", description: x')
        done = applied(shell, file, flags=Flags(org="edge-lab"), yes=True)
        asked = [f"GET /api/v2/authorizations/{BENCH}", f"GET /api/v2/authorizations/{OPERATOR}", "GET /api/v2/me"]
        assert (done.code, shell.sent()[:3]) == (ExitCode.OK, asked)
        assert f"ok    own token  {OPERATOR} `admin's Token`, told apart by --self-id" in examined(shell, org=EDGE).out
        shell.environment["TOKENCTL_SELF_ID"] = ABSENT
        assert planned(shell, file, flags=Flags(org="edge-lab")).code == ExitCode.USAGE
    with hiding(tmp_path, OPERATOR, version="2.7.12") as shell:
        done = planned(shell, file, flags=Flags(org="edge-lab"))
        assert (done.code, shell.sent(), "Warning" in done.out) == (ExitCode.OK, asked[:2], False)


def test_a_token_that_these_credentials_may_not_read_is_not_theirs(tmp_path: Path) -> None:
    with shell_on(tmp_path, version="2.9.1", caller=MANAGER) as shell:
        done = planned(shell, shell.declare(DESCRIBE), flags=Flags(self_id=BENCH))
    assert (done.code, done.err.splitlines()[0]) == (
        ExitCode.USAGE, f"the list has no token {BENCH}, {NAMED}: it is hidden",
    )  # fmt: skip


@pytest.mark.parametrize("self_id", [MANAGER, LAPTOP, BENCH])
def test_where_the_server_shows_whose_token_it_is_that_one_counts_and_the_named_one_too(
    tmp_path: Path, self_id: str
) -> None:
    with hiding(tmp_path, self_id, version="2.7.12") as shell:
        file = shell.declare(f'id: "{OPERATOR}", status: inactive', f'id: "{self_id}", status: inactive')
        done = applied(shell, file, yes=True, allow=(Guard.MIN_MANAGERS,))
        assert (done.code, shell.patches()) == (ExitCode.REFUSED, [])
        assert done.out.count("Refused by guard `self`") == 2
        warned = f"token {self_id}, {NAMED}, is not the one that you sign in with: that is {OPERATOR}\n"
        assert f"Warning: {warned}" in done.out
        done = examined(shell)
        assert (done.code, f"note  own token  {warned}" in done.out) == (ExitCode.OK, True)
        assert f"ok    own token  {OPERATOR} `admin's Token`, told apart by its secret\n" in done.out


def test_a_secret_that_is_another_proves_that_a_listed_token_is_not_the_callers(tmp_path: Path) -> None:
    with hiding(tmp_path, "", version="2.7.12") as shell:
        file = shell.declare(f'id: "{BENCH}", status: inactive')
        done = applied(shell, file, flags=Flags(org="edge-lab"), yes=True, allow=(Guard.MIN_MANAGERS,))
        assert (done.code, shell.patches()) == (ExitCode.OK, [BENCH])


def test_a_named_token_with_another_secret_is_likely_wrong_and_protected(tmp_path: Path) -> None:
    with hiding(tmp_path, BENCH, version="2.7.12") as shell:
        file = shell.declare(f'id: "{BENCH}", status: inactive')
        said = f"token {BENCH}, {NAMED}, is not the one that you sign in with: it has another secret\n"
        done = planned(shell, file, flags=Flags(org="edge-lab"), allow=(Guard.MIN_MANAGERS,))
        assert (done.code, f"Warning: {said}" in done.out, "Refused by guard `self`" in done.out) == (4, True, True)
        done = applied(shell, file, flags=Flags(org="edge-lab"), yes=True, allow=(Guard.MIN_MANAGERS, Guard.SELF))
        assert (done.code, done.err.startswith(said), shell.patches()) == (ExitCode.USAGE, True, [])


def test_who_does_not_say_whose_credentials_these_are_is_believed_with_a_warning(shell: Shell) -> None:
    rights = [
        {"action": action, "resource": {"type": kind}} for kind in ("authorizations", "users") for action in ("read", "write")
    ]  # fmt: skip
    mine = entry(id=GRAFANA, token="redacted", permissions=rights)
    nobody = refusal(401, "unauthorized", "read:users is unauthorized")
    with raw_server(answer(200, json.dumps(mine)), nobody, answer(200, listed(mine)), nobody) as server:
        shell.environment.update(INFLUX_HOST=server.url, INFLUX_TOKEN=SECRET, TOKENCTL_SELF_ID=GRAFANA)
        done = applied(shell, shell.declare(f'id: "{GRAFANA}"'), yes=True)
    assert done.code == ExitCode.OK
    assert f"Warning: token {GRAFANA}, {NAMED}, is believed to be yours: the server does not say whose" in done.out


def test_a_token_of_one_organisation_may_have_listed_that_one(tmp_path: Path) -> None:
    with shell_on(tmp_path, world(), version="2.9.1", caller=BACKUP_2023) as shell:
        shell.environment["TOKENCTL_SELF_ID"] = BACKUP_2023
        for flags in (Flags(), Flags(org="acme")):
            done = planned(shell, shell.declare(DESCRIBE), flags=flags)
            assert (done.code, "Warning" in done.out) == (ExitCode.OK, False)
    with hiding(tmp_path, BACKUP_2023) as shell:  # who calls may read all, and was asked about one
        assert "Warning" not in planned(shell, shell.declare(DESCRIBE), flags=Flags(org="acme")).out
        assert "cannot read" in planned(shell, shell.declare(f'id: "{BENCH}"'), flags=Flags(org="edge-lab")).out


def test_rights_that_are_too_large_may_be_those_of_who_calls(tmp_path: Path) -> None:
    seed = world()
    many = tuple(Permission("read", "buckets", f"0b{number:014x}", ACME) for number in range(4097))
    tokens = tuple(replace(each, permissions=(*ALL, *many)) if each.id == BENCH else each for each in seed.tokens)
    with shell_on(tmp_path, replace(seed, tokens=tokens), version="2.9.1", caller=BENCH) as shell:
        shell.environment["TOKENCTL_SELF_ID"] = BENCH
        assert applied(shell, shell.declare(DESCRIBE), yes=True).code == ExitCode.OK

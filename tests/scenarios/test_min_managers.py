"""`min_managers` on servers: whose tokens may go, what is asked for that and when, and what is judged once more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Authorization, Org, Seed, User
from reconciler.settings import Flags
from tests.commands.test_apply import applied
from tests.commands.test_plan import planned
from tests.commands.test_undo import undone
from tests.liar import Exchange, liar
from tests.shell import Shell, shell_on

ACME, EDGE = "a" * 16, "e" * 16
ADA, BOT, MIRA = "1" * 16, "2" * 16, "3" * 16
LIST = "GET /api/v2/authorizations"
Rights = tuple[Permission, ...]


def manage(org: str = "", user: str = "") -> Rights:
    """What it takes to manage these tokens."""
    each = (("authorizations", "", org), ("users", user, ""))
    return tuple(Permission(action, *one) for action in ("read", "write") for one in each)


def token_of(number: int) -> str:
    """The id of the number-th token."""
    return f"0d{number:014x}"


def made(number: int, user: str, rights: Rights = (), *, org: str = ACME, status: str = "active") -> Authorization:
    """The number-th token."""
    return Authorization(
        id=token_of(number), secret=f"secret-{number}", status=status, description=f"token {number}", org_id=org,
        user_id=user, permissions=rights, created_at="2024-01-01T00:00:00Z", updated_at="2024-01-01T00:00:00Z",
    )  # fmt: skip


ROOT = made(1, ADA, manage())
OWN_ONLY = made(2, BOT, manage(ACME, BOT))  # as an all-access token is made
SPLIT = made(3, BOT, (*manage(ACME, BOT)[:3], Permission("write", "users", ADA)))
FIRST, SECOND = made(4, BOT, manage(ACME)), made(5, MIRA, manage(ACME))
PLAIN, FAR = made(6, MIRA), made(7, MIRA, org=EDGE)


@contextmanager
def world(
    folder: Path, *tokens: Authorization, caller: Authorization = ROOT, inactive: str = "", version: str = "2.7.12"
) -> Iterator[Shell]:
    """A shell on a server with these tokens, in which the user `inactive` is that."""
    users = [User(each, name, "inactive" if each == inactive else "active") for each, name in NAMES.items()]
    orgs = (Org(ACME, "acme"), Org(EDGE, "edge"))
    seed = Seed(orgs=orgs, users=tuple(users), buckets=(), tokens=tokens)
    with shell_on(folder, seed=seed, caller=caller.id, version=version) as shell:
        yield shell


NAMES = {ADA: "ada", BOT: "bot", MIRA: "mira"}


def off(*tokens: Authorization) -> list[str]:
    """The declarations that these are to be inactive."""
    return [f'id: "{each.id}", status: inactive' for each in tokens]


def read(token: Authorization) -> str:
    """The request that reads a token by its id."""
    return f"{LIST}/{token.id}"


def user(user_id: str) -> str:
    return f"GET /api/v2/users/{user_id}"


@pytest.mark.parametrize("other", [OWN_ONLY, SPLIT], ids=["all-access", "split over ids"])
def test_a_token_that_may_change_its_own_owners_tokens_is_no_manager_of_others(
    tmp_path: Path, other: Authorization
) -> None:
    with world(tmp_path, ROOT, FIRST, other, PLAIN) as shell:
        done = planned(shell, shell.declare(*off(FIRST)), flags=Flags())
        assert (done.code, shell.sent()) == (ExitCode.OK, [read(FIRST), LIST, user(ADA)])
        done = planned(shell, shell.declare(*off(ROOT)), allow=(Guard.SELF,))
        assert done.code == ExitCode.OK
        assert shell.sent() == [read(ROOT), LIST, user(BOT)]
        done = planned(shell, shell.declare(*off(ROOT, FIRST)), allow=(Guard.SELF,))
        assert done.code == ExitCode.REFUSED
        assert "organisation `acme` would be left with 0 active tokens that can manage the tokens of" in done.out


def test_the_last_manager_goes_neither_in_two_runs_nor_by_an_undo(tmp_path: Path) -> None:
    """Of two managers one may go. The one that an earlier run activated may then not go by undoing that run."""
    asleep, again = replace(FIRST, status="inactive"), f'id: "{FIRST.id}", status: active'
    with world(tmp_path, ROOT, asleep, OWN_ONLY, PLAIN) as shell:
        assert applied(shell, shell.declare(again), yes=True, allow=(Guard.REACTIVATION,)).code == ExitCode.OK
        (journal,) = (tmp_path / "state" / "tokenctl").iterdir()
        shell.environment["INFLUX_TOKEN"] = ROOT.secret
        two = shell.declare(*off(ROOT), head="server: {org: acme}\n")
        assert applied(shell, two, yes=True, allow=(Guard.SELF,)).code == ExitCode.OK
        shell.environment["INFLUX_TOKEN"] = FIRST.secret
        shell.sent()
        for done in (
            applied(shell, shell.declare(*off(FIRST)), yes=True, allow=(Guard.SELF,)),
            undone(shell, str(journal), send=True, yes=True, allow=(Guard.SELF,)),
        ):
            assert (done.code, shell.patches()) == (ExitCode.REFUSED, [])
            assert "`acme` would be left with 0 active tokens that can manage the tokens of `ada`, `mira`" in done.out


def test_the_tokens_of_inactive_users_do_not_count(tmp_path: Path) -> None:
    for inactive, code, asked in ((MIRA, ExitCode.REFUSED, [MIRA, ADA]), ("", ExitCode.OK, [MIRA])):
        with world(tmp_path, ROOT, FIRST, SECOND, inactive=inactive) as shell:
            done = planned(shell, shell.declare(*off(ROOT, FIRST)), allow=(Guard.SELF,))
            assert (done.code, shell.sent()) == (code, [read(ROOT), read(FIRST), LIST, *map(user, asked)])


def refusing(status: int, code: str, message: str) -> Callable[[Exchange], list[bytes] | None]:
    """Another answer to the question for a user."""

    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path.startswith("/api/v2/users/"):
            return [exchange.answer(status=status, body={"code": code, "message": message})]
        return None

    return lie


@contextmanager
def told(shell: Shell, lie: Callable[[Exchange], list[bytes] | None]) -> Iterator[None]:
    """The shell with a server between that lies."""
    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        yield
        shell.environment["INFLUX_HOST"] = shell.sandbox.url


@pytest.mark.parametrize(
    "answer", [(404, "not found", "path not found"), (405, "method not allowed", "no"), (501, "not implemented", "no")]
)
def test_a_server_without_that_question_is_not_judged_by_it(tmp_path: Path, answer: tuple[int, str, str]) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND) as shell, told(shell, refusing(*answer)):
        done = planned(shell, shell.declare(*off(FIRST)))
        assert done.code == ExitCode.OK
        assert "Warning: this server does not tell whether users are active: for the guard `min_managers`" in done.out
        assert planned(shell, shell.declare(*off(FIRST, SECOND, ROOT)), allow=(Guard.SELF,)).code == ExitCode.REFUSED


def test_a_run_for_one_organisation_judges_the_others(tmp_path: Path) -> None:
    only = Flags(org="acme")
    with world(tmp_path, ROOT, FIRST, FAR) as shell:
        assert planned(shell, shell.declare(*off(PLAIN)), flags=only).code != ExitCode.OK  # it is not there
        shell.sent()
        done = planned(shell, shell.declare(*off(ROOT)), flags=only, allow=(Guard.SELF,))
        asked = [read(ROOT), f"{LIST}?org=acme", LIST, user(ADA), user(BOT)]
        assert (done.code, shell.sent()) == (ExitCode.REFUSED, asked)
        assert "organisation `edge` would be left with 0 active tokens that can manage the tokens of `mira`" in done.out
        assert "acme · URL · InfluxDB 2.7.12 · 2 tokens, 1 declared" in done.out
        assert planned(shell, shell.declare(f'id: "{FIRST.id}", description: x'), flags=only).code == ExitCode.OK
        assert shell.sent() == [read(FIRST)]
    other = made(8, BOT, manage(), org=EDGE)
    with world(tmp_path, ROOT, FAR, other, PLAIN) as shell:
        assert planned(shell, shell.declare(*off(ROOT)), flags=only, allow=(Guard.SELF,)).code == ExitCode.OK
        assert planned(shell, shell.declare(*off(other)), flags=Flags(org="edge")).code == ExitCode.OK


def test_who_sees_one_organisation_does_not_switch_off_who_manages_all(tmp_path: Path) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND, FAR, caller=FIRST) as shell:
        done = planned(shell, shell.declare(*off(ROOT)))
        assert done.code == ExitCode.REFUSED
        assert (
            f"Refused by guard `min_managers`: DIR/tokens.yaml:3:30: `token 1` {ROOT.id} manages tokens that cannot be seen with "
            "these credentials: whether enough others manage them is not known\n"
            "  hint: use credentials that may read every organisation and every user, lower `guards.min_managers`, or use "
            "`--allow min_managers`\n" in done.out
        )
        assert planned(shell, shell.declare(*off(SECOND))).code == ExitCode.OK
    with world(tmp_path, ROOT, FIRST, FAR, made(8, MIRA, manage()), caller=FIRST) as shell:
        assert planned(shell, shell.declare(*off(ROOT))).code == ExitCode.OK


def test_a_server_that_hides_secrets_is_judged_as_far_as_it_is_known_who_asks(tmp_path: Path) -> None:
    other = made(8, BOT, manage())
    with world(tmp_path, ROOT, OWN_ONLY, other, version="2.9.1") as shell:
        assert planned(shell, shell.declare(*off(other))).code == ExitCode.OK
    second = made(9, ADA, manage(ACME))
    with world(tmp_path, ROOT, second, other, PLAIN, version="2.9.1") as shell:
        file = shell.declare(*off(other), head="guards: {min_managers: 2}\n")
        done = planned(shell, file)
        assert done.code == ExitCode.REFUSED
        assert "  hint: say which token is yours with `--self-id ID`, use credentials that may read every" in done.out
        done = planned(shell, file, flags=Flags(self_id=ROOT.id))
        assert "cannot be seen" not in done.out
        assert planned(shell, shell.declare(*off(other)), flags=Flags(self_id=ROOT.id)).code == ExitCode.OK


DESCRIBE = f'id: "{PLAIN.id}", description: new'


def test_managers_are_judged_once_more_right_before_deactivations(tmp_path: Path) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND, PLAIN) as shell:

        def lie(exchange: Exchange) -> None:
            if exchange.method == "PATCH":  # of the description: somebody else switches the third one off
                shell.sandbox.change(SECOND.id, status="inactive")

        with told(shell, lie):
            file = shell.declare(DESCRIBE, *off(FIRST), head="guards: {min_managers: 2}\n")
            done = applied(shell, file, yes=True)
            (journal,) = (tmp_path / "state" / "tokenctl").iterdir()
            sent, undo = shell.sent(), undone(shell, str(journal))
        assert done.code == ExitCode.PARTIAL
        assert sent == [
            *map(read, (FIRST, PLAIN)), LIST, user(ADA), user(MIRA), f"PATCH /api/v2/authorizations/{PLAIN.id}", LIST, user(ADA), user(BOT), LIST,
        ]  # fmt: skip
        assert f'Not attempted:\n  - deactivate  "token 4"  {FIRST.id}\n' in done.out
        assert (
            "refused by `min_managers`, as the tokens are now: organisation `acme` would be left with 1 active"
            in done.out
        )
        results = [line for line in map(json.loads, journal.read_text().splitlines()) if line["event"] == "result"]
        assert [(each["id"], each["status"]) for each in results] == [(PLAIN.id, "done"), (FIRST.id, "not attempted")]
        assert (undo.code, "1 to describe" in undo.out, "0 to activate" in undo.out) == (ExitCode.OK, True, True)


def switching_off(shell: Shell, *others: Authorization) -> Callable[[Exchange], None]:
    """Somebody who switches these off once the plan has asked its last question."""

    def lie(exchange: Exchange) -> None:
        if exchange.path == f"/api/v2/users/{ADA}":
            for each in others:
                shell.sandbox.change(each.id, status="inactive")

    return lie


@pytest.mark.parametrize("also", [(), (PLAIN,)])
def test_what_is_refused_then_is_not_attempted_and_the_rest_is(tmp_path: Path, also: tuple[Authorization, ...]) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND, PLAIN) as shell, told(shell, switching_off(shell, SECOND)):
        file = shell.declare(*off(FIRST, *also), head="guards: {min_managers: 2}\n")
        done = applied(shell, file, yes=True)
        assert (done.code, shell.patches()) == (
            ExitCode.PARTIAL if also else ExitCode.REFUSED,
            [each.id for each in also],
        )
        assert f"{len(also)} done, 0 failed, 0 unverified, 1 not attempted" in done.out


def test_a_server_that_told_of_owners_and_tells_no_more_is_still_judged_by_it(tmp_path: Path) -> None:
    gone = refusing(404, "not found", "path not found")
    patched: list[str] = []
    with world(tmp_path, ROOT, FIRST, SECOND, PLAIN) as shell:

        def lie(exchange: Exchange) -> list[bytes] | None:
            if exchange.method == "PATCH":
                patched.append(exchange.path.rpartition("/")[2])
            return gone(exchange) if patched else None

        with told(shell, lie):
            done = applied(shell, shell.declare(DESCRIBE, *off(FIRST)), yes=True)
        assert (done.code, patched) == (ExitCode.PARTIAL, [PLAIN.id])
        assert "refused by `min_managers`, as the tokens are now: organisation `acme` would be left with 0" in done.out


def test_events_tell_what_is_refused_then(tmp_path: Path) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND) as shell, told(shell, switching_off(shell, SECOND)):
        done = applied(shell, shell.declare(*off(FIRST), head="guards: {min_managers: 2}\n"), yes=True, json=True)
    _, finished, summary = map(json.loads, done.out.splitlines())
    assert (finished["event"], finished["id"], finished["status"]) == ("op_finished", FIRST.id, "not attempted")
    assert finished["detail"].startswith("refused by `min_managers`, as the tokens are now: ")
    assert (summary["reason"], summary["counts"]["not_attempted"]) == ("refused", 1)


def test_without_that_list_no_deactivation_is_attempted(tmp_path: Path) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND, PLAIN) as shell:

        def lie(exchange: Exchange) -> None:
            if exchange.path == f"/api/v2/users/{ADA}":  # the last question of the plan
                shell.sandbox.fail(Fault("bad-gateway", "GET", 9))

        with told(shell, lie):
            done = applied(shell, shell.declare(*off(FIRST, PLAIN)), yes=True)
        assert (done.code, shell.patches()) == (ExitCode.UNREACHABLE, [])
        assert "the tokens could not be listed once more before deactivations: " in done.out
        shell.sandbox.mend()
        assert applied(shell, shell.declare(*off(FIRST, PLAIN)), yes=True).code == ExitCode.OK


def test_no_other_plan_lists_a_second_time_before_it_deactivates(tmp_path: Path) -> None:
    with world(tmp_path, ROOT, FIRST, SECOND, OWN_ONLY, PLAIN, made(10, BOT), made(11, BOT)) as shell:
        once = [read(PLAIN), LIST, f"PATCH /api/v2/authorizations/{PLAIN.id}", f"GET /api/v2/authorizations/{PLAIN.id}"]
        assert applied(shell, shell.declare(*off(PLAIN)), yes=True).code == ExitCode.OK
        assert shell.sent() == once
        free = shell.declare(*off(FIRST), head="guards: {min_managers: 0}\n")
        assert applied(shell, free, yes=True).code == ExitCode.OK
        assert shell.sent() == [each.replace(PLAIN.id, FIRST.id) for each in once]
        assert applied(shell, shell.declare(*off(SECOND)), yes=True, allow=(Guard.MIN_MANAGERS,)).code == ExitCode.OK
        assert shell.sent().count(LIST) == 1
        assert applied(shell, shell.declare(*off(OWN_ONLY)), yes=True).code == ExitCode.OK
        assert shell.sent() == [
            read(OWN_ONLY), LIST, user(ADA), LIST, user(ADA), f"PATCH /api/v2/authorizations/{OWN_ONLY.id}",
            f"GET /api/v2/authorizations/{OWN_ONLY.id}",
        ]  # fmt: skip


def test_a_token_whose_rights_are_too_large_goes_only_while_another_manager_stays(tmp_path: Path) -> None:
    many = tuple(Permission("read", "buckets", f"0b{number:014x}", ACME) for number in range(4097))
    asleep = made(4, BOT, (*manage(), *many), status="inactive")
    narrow = made(2, ADA, manage("", ADA))  # as an all-access token is made
    caller = made(9, ADA, (*manage()[:3], Permission("write", "users", BOT)))
    with world(tmp_path, ROOT, asleep, caller, narrow, PLAIN, caller=caller) as shell:
        again = shell.declare(f'id: "{asleep.id}", status: active')
        assert applied(shell, again, yes=True, allow=(Guard.REACTIVATION,)).code == ExitCode.OK
        (journal,) = (tmp_path / "state" / "tokenctl").iterdir()
        file = shell.declare(*off(asleep))
        assert planned(shell, file).code == ExitCode.OK  # a thief's can be switched off
        shell.sandbox.change(ROOT.id, status="inactive")
        shell.sent()
        for done in (applied(shell, file, yes=True), undone(shell, str(journal), send=True, yes=True)):
            assert (done.code, shell.patches()) == (ExitCode.REFUSED, [])
            assert (
                "organisation `acme` would be left with 0 active tokens that can manage the tokens of `mira`: at least 1 "
                f"must stay, as the rights of `token 4` {asleep.id} are too large to be known\n" in done.out
            )

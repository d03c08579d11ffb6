"""`apply` over the real client against a server that fails in every way it knows: what is sent, stored and said."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.pace import Moment, Pacing
from reconciler.commands import list as listing
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import NAMES, Fault
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.session.context import Context
from reconciler.settings import Flags
from tests.commands.test_apply import DEACTIVATE, DESCRIBE, applied
from tests.shell import BACKUP_2023, BACKUP_2024, GRAFANA, INGEST, OPERATOR, Shell, shell_on

pytestmark = pytest.mark.no_cover

WANTED, FOUND, THEIRS = "dashboard", "grafana dashbord", "grafana dashbord (changed meanwhile)"


def description(shell: Shell, token_id: str = GRAFANA) -> str | None:
    """What the server has, None if it has no such token."""
    return next((each.description for each in shell.sandbox.tokens if each.id == token_id), None)


def reasons(shell: Shell) -> list[tuple[str, str]]:
    """ResultStatus and reason of each result in the journal."""
    (path,) = (shell.folder / "state" / "tokenctl").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        (each["status"], each["reason"].replace(shell.sandbox.url, "URL"))
        for each in lines
        if each["event"] == "result"
    ]


ONCE = {
    "too-many-requests": (2, [1.0], "at attempt 2; the first: URL limits requests: 429 org has exceeded its rate limit"),
    "overloaded": (2, [1.0], "at attempt 2; the first: URL answered 503 the server is overloaded"),
    "error-before": (2, [0.25], "at attempt 2; the first: URL answered 500 unexpected error writing points to database"),
    "bad-gateway": (2, [0.25], "at attempt 2; the first: URL answered 502 with a web page"),
    "unavailable": (2, [0.25], "at attempt 2; the first: URL answered 503 with a web page"),
    "reset-before": (2, [], "at attempt 2; the first: no connection to URL: the connection was reset"),
    "late-before": (1, [], ""),
    "late-after": (1, [], ""),
    "lost-update": (1, [], ""),
    "error-after": (1, [0.25], "the answer was not usable (URL answered 500 unexpected error writing points to database), a read shows it"),
    "reset-after": (1, [], "the answer was not usable (no connection to URL: the connection was reset), a read shows it"),
    "truncated-body": (1, [0.25], "the answer was not usable (the answer of URL cannot be used: it is not HTTP, or was broken off), a read shows it"),
    "closed-after": (1, [], ""),
}  # fmt: skip


def test_every_fault_is_looked_at() -> None:
    elsewhere = {"changed-meanwhile", "deleted-meanwhile", "slow-body"}  # a body that drips takes 13 s
    assert {*ONCE, *elsewhere} == set(NAMES)


@pytest.mark.parametrize("name", ONCE)
def test_a_change_that_fails_once_is_made_once_and_told_in_the_journal(tmp_path: Path, name: str) -> None:
    sent, waits, reason = ONCE[name]
    with shell_on(tmp_path, faults=[Fault(name, "PATCH")]) as shell:
        done = applied(shell, shell.declare(DESCRIBE), yes=True)
        assert (done.code, description(shell), shell.patches()) == (ExitCode.OK, WANTED, [GRAFANA] * sent)
        assert reasons(shell) == [("done", reason)]
        assert shell.waits == waits
        assert len(done.err.splitlines()) == len(waits)


def test_a_server_that_never_recovers_is_given_up_by_name(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault("unavailable", "PATCH", 1000)]) as shell:
        done = applied(shell, shell.declare(DESCRIBE), yes=True)
        assert (done.code, shell.patches()) == (ExitCode.PARTIAL, [GRAFANA] * 4)
    reason = "not applied: URL answered 503 with a web page; given up after 4 attempts"
    assert f'Failed:\n  ~ describe    grafana  {GRAFANA}  "grafana dashbord"\n      {reason}\n' in done.out
    assert reasons(shell) == [("failed", reason)]


def crowd(size: int) -> Seed:
    """The usual world with so many more tokens of the operator's."""
    seed = default_seed()
    operator = next(each for each in seed.tokens if each.id == OPERATOR)
    more = [
        replace(operator, id=f"{0x1000000000000000 + number:016x}", secret=f"FAKE-{number}", description="", permissions=()) for number in range(size)
    ]  # fmt: skip
    return replace(seed, tokens=(*seed.tokens, *more))


def test_a_run_with_many_changes_ends_soon_when_the_server_never_recovers(tmp_path: Path) -> None:
    with shell_on(tmp_path, seed=crowd(1000), faults=[Fault("bad-gateway", "PATCH", 10_000)]) as shell:
        ids = [each.id for each in shell.sandbox.tokens if not each.description]
        done = applied(shell, shell.declare(*(f'id: "{each}", description: x' for each in ids)), yes=True)
        assert done.code == ExitCode.PARTIAL
        sent = shell.sent()
    assert len(sent) <= 100
    assert len({each for each in sent if each.startswith("PATCH")}) <= 16
    assert sum(shell.waits) <= 60
    assert "\nStopped early: 5 in a row failed\n" in done.out


@pytest.mark.parametrize(
    ("name", "after", "reason"),
    [
        ("changed-meanwhile", WANTED, ""),
        ("deleted-meanwhile", None, "the server says: 404 authorization not found; it is absent now"),
    ],
)
def test_somebody_who_comes_between_reading_and_sending(
    tmp_path: Path, name: str, after: str | None, reason: str
) -> None:
    # Within 5 s of reading only the field that is sent can be lost: that of somebody else, or the token is gone.
    with shell_on(tmp_path, faults=[Fault(name, "PATCH")]) as shell:
        done = applied(shell, shell.declare(DESCRIBE), yes=True)
        assert description(shell) == after
    assert done.code == (ExitCode.OK if after else ExitCode.PARTIAL)
    assert reasons(shell)[-1][1] == reason


def test_a_change_that_somebody_made_after_a_failure_is_not_overwritten(tmp_path: Path) -> None:
    faults = [Fault("unavailable", "PATCH"), Fault("changed-meanwhile", "PATCH")]
    with shell_on(tmp_path, faults=faults) as shell:
        done = applied(shell, shell.declare(DESCRIBE), yes=True)
        assert (done.code, description(shell), shell.patches()) == (ExitCode.PARTIAL, THEIRS, [GRAFANA])
    assert f'Unverified:\n  ~ describe    grafana  {GRAFANA}  "grafana dashbord"\n' in done.out
    assert f"somebody else changed it: description is `{THEIRS}`, not `{WANTED}`" in done.out


def test_an_operator_whose_change_overlaps_with_ours_is_never_lost_without_a_word(tmp_path: Path) -> None:
    """Both read the token before either writes: one of the changes is lost, and both are answered 200."""
    with shell_on(tmp_path, faults=[Fault("lost-update", "PATCH", 2)]) as shell:
        file = shell.declare(DESCRIBE)
        operator = threading.Thread(target=lambda: other(shell, {"status": "inactive"}))
        operator.start()
        done = applied(shell, file, yes=True)
        operator.join()
        now = next(each for each in shell.sandbox.tokens if each.id == GRAFANA)
    if (now.status, now.description) == ("inactive", FOUND):
        assert done.code == ExitCode.PARTIAL
        assert "somebody else changed it" in done.out
    elif now.status == "active":  # theirs is lost: what this server cannot tell, and docs/security.md says so
        assert (done.code, now.description) == (ExitCode.OK, WANTED)
    else:  # they did not overlap
        assert now.description == WANTED


def other(shell: Shell, body: dict[str, str]) -> None:
    """Somebody else's PATCH."""
    import http.client

    connection = http.client.HTTPConnection(shell.sandbox.url.removeprefix("http://"), timeout=20)
    headers = {"Authorization": f"Token {shell.environment['INFLUX_TOKEN']}"}
    connection.request("PATCH", f"/api/v2/authorizations/{GRAFANA}", json.dumps(body), headers)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_description_never_activates_what_was_switched_off_meanwhile(shell: Shell) -> None:
    file = shell.declare(f'id: "{INGEST}", description: x')

    def moment() -> Moment:
        """Once the tokens were read somebody switches one of them off, and 6 s have passed."""
        if not shell.sandbox.requests:
            return Moment(0.0, 0.0)
        if len(shell.sandbox.requests) == 1:
            shell.sandbox.change(INGEST, status="inactive")
        return Moment(6.0, 6.0)

    done = applied(shell, file, yes=True, with_moment=moment)
    assert (done.code, shell.patches()) == (ExitCode.STALE, [])
    assert next(each.status for each in shell.sandbox.tokens if each.id == INGEST) == "inactive"


def test_a_signal_whose_exception_got_lost_ends_the_next_wait_for_the_server(shell: Shell) -> None:
    interrupt = Interrupt()

    def lose(context: Context) -> ExitCode:
        """Lose it, and go on."""
        with suppress(KeyboardInterrupt):
            interrupt.receive(signal.SIGTERM)
        return listing.run(listing.ListRequest(), Flags(), context)

    with pytest.raises(KeyboardInterrupt):
        shell.call(lose, interrupt=interrupt)
    assert shell.sent() == []


def test_a_canary_is_named_and_goes_first(shell: Shell) -> None:
    file = shell.declare(DESCRIBE, DEACTIVATE, f'id: "{BACKUP_2024}", name: backup-2024, status: active')
    done = applied(shell, file, yes=True, allow=(Guard.REACTIVATION,), pacing=Pacing(canary=2))
    assert (done.code, shell.patches()) == (ExitCode.OK, [BACKUP_2024, GRAFANA, BACKUP_2023])
    assert done.err == (
        f"Canary: `backup-2024` (`backup 2024`) {BACKUP_2024}, `grafana` (`grafana dashbord`) {GRAFANA}; "
        "the rest follows when that is read back\n"
    )


def test_a_kept_connection_that_the_server_closes_costs_no_failure(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault("closed-after", "", 10_000)]) as shell:
        ids = [each.id for each in shell.sandbox.tokens if each.id != OPERATOR]
        for text in range(8):
            file = shell.declare(*(f'id: "{each}", description: "x{text}"' for each in ids))
            done = applied(shell, file, yes=True, journal=str(tmp_path / f"journal-{text}"))
            assert (done.code, done.err) == (ExitCode.OK, ""), done
        assert shell.waits == []


def test_a_server_that_breaks_off_each_change_is_not_asked_more_often_than_one_that_refuses_it(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault("reset-before", "PATCH", 10_000)]) as shell:
        ids = [each.id for each in shell.sandbox.tokens if each.id != OPERATOR]
        file = shell.declare(*(f'id: "{each}", description: x' for each in ids))
        done = applied(shell, file, yes=True, pacing=Pacing(max_failures=len(ids)))
        free = 8 + 8  # connections in a row that were kept open, and those that are under way by then
        assert (done.code, len(shell.patches()) <= 4 * len(ids) + free) == (ExitCode.PARTIAL, True)
    assert f"Apply: 0 done, {len(ids)} failed, 0 unverified, 0 not attempted." in done.out

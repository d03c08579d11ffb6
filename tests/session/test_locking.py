"""`apply --lock`: nobody else applies to an organisation meanwhile, and nobody's lock is lost or stolen."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

import httpx
import pytest

from reconciler.cli.options import sending_options
from reconciler.commands import apply, plan, undo
from reconciler.core import lock
from reconciler.core.live import OrgId
from reconciler.core.lock import NAME, LockProperties
from reconciler.core.plan import Guard
from reconciler.errors import ExitCode, UsageError
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.session import locking
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.sending import SendingOptions
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.shell import ABSENT, BENCH, GRAFANA, INGEST, MANAGER, OPERATOR, Done, Shell, shell_on

DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'
BENCHES = f'id: "{BENCH}", description: bench'  # of edge-lab
ACME, EDGE = (org.id for org in default_seed().orgs)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
LIST, LABELS = "GET /api/v2/authorizations", "GET /api/v2/labels?name=tokenctl.lock"
THEIRS = lock.properties_of(
    nonce="theirs", holder="deploy on web-1, process 7", run="https://ci.example/7", now=NOW - timedelta(minutes=5)
)


def applied(shell: Shell, *files: str, wait: float | None = 0.0, flags: Flags | None = None, **around: object) -> Done:
    """Run `apply --lock --yes`; `wait` None leaves the lock to the file."""
    around.setdefault("now", lambda: NOW)
    sources = Sources(files=files, allow=around.pop("allow", ()))  # type: ignore[arg-type]
    options = SendingOptions(yes=around.pop("yes", True), journal=around.pop("journal", ""), lock=wait)  # type: ignore[arg-type]
    return shell.call(lambda context: apply.run(sources, flags or Flags(), options, context), **around)  # type: ignore[arg-type]


def locked(shell: Shell, org: str = ACME, properties: LockProperties = THEIRS) -> str:
    """Let somebody else lock the organisation; gives the lock's id."""
    answer = send(shell, "POST", "", {"orgID": org, "name": NAME, "properties": properties.as_mapping})
    label: dict[str, str] = answer.json()["label"]
    return label["id"]


def send(shell: Shell, method: str, path: str, body: object = None) -> httpx.Response:
    """Send a request about labels as the operator."""
    headers = {"Authorization": f"Token {shell.environment['INFLUX_TOKEN']}"}
    answer = httpx.request(
        method,
        f"{shell.sandbox.url}/api/v2/labels{path}",
        json=body,
        headers=headers,
        trust_env=False,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # one with authorities takes 20 ms to make
    )
    shell.sent()
    return answer.raise_for_status()


def sequence(shell: Shell) -> list[str]:
    """The requests since this was last asked, with the ids of labels left out."""
    return [re.sub("(?<=labels/)[0-9a-f]{16}", "ID", each) for each in shell.sent()]


TAKE = ["POST /api/v2/labels", f"{LABELS}&orgID={ACME}"]
RELEASE = [f"{LABELS}&orgID={ACME}", "DELETE /api/v2/labels/ID"]
READ = f"{LIST}/{GRAFANA}"
CHANGE = [READ, f"PATCH /api/v2/authorizations/{GRAFANA}", READ]


def test_the_lock_is_taken_before_planning_and_given_back_in_the_end(shell: Shell) -> None:
    done = applied(shell, shell.declare(DESCRIBE))
    assert (done.code, sequence(shell), shell.sandbox.labels) == (ExitCode.OK, [READ, *TAKE, *CHANGE, *RELEASE], ())
    making, deleting = done.err.splitlines()
    assert making == "lock: making the label `tokenctl.lock` in organisation `acme`"
    assert (
        re.sub("[0-9a-f]{16}", "ID", deleting) == "lock: deleting the label `tokenctl.lock` ID of organisation `acme`"
    )
    assert applied(shell, shell.declare(DESCRIBE), quiet=True).err == ""


@pytest.mark.parametrize(
    ("environment", "run"),
    [
        ({"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7"}, "https://github.com/o/r/actions/runs/7"),
        ({"CI_JOB_URL": "https://gitlab.example/-/jobs/7"}, "https://gitlab.example/-/jobs/7"),
        ({}, None),
    ],
)
def test_a_lock_says_whose_it_is_and_how_long(shell: Shell, environment: dict[str, str], run: str | None) -> None:
    applied(shell, shell.declare(DESCRIBE), environment=environment)
    (made,) = (json.loads(each.body) for each in shell.sandbox.requests if each.method == "POST")
    assert made["orgID"] == ACME
    assert made["properties"] == {
        "nonce": "nonce 0", "holder": "ci on runner-7, process 4711", **({"run": run} if run else {}),
        "since": "2026-01-02T00:00:00Z", "expires": "2026-01-02T01:00:00Z",
    }  # fmt: skip


def test_the_file_may_ask_for_the_lock_and_a_saved_plan_keeps_that(shell: Shell) -> None:
    file = shell.declare(DESCRIBE, head="lock: true\n")
    saved = str(shell.folder / "plan.json")
    request = plan.PlanRequest(sources=Sources(files=[file]), flags=Flags(), out=saved)
    shell.call(lambda context: plan.run(request, context))
    assert json.loads(Path(saved).read_text())["lock"] is True
    assert sequence(shell) == [READ]
    assert applied(shell, saved, wait=None).code == ExitCode.OK
    assert sequence(shell) == [*TAKE, *CHANGE, *RELEASE]  # the plan knows the organisations
    shell.sandbox.change(GRAFANA, description="again")
    assert applied(shell, file, wait=None, journal=str(shell.folder / "again")).code == ExitCode.OK
    assert sequence(shell) == [READ, *TAKE, *CHANGE, *RELEASE]


def undone(shell: Shell, journal: str = "", wait: float | None = 0.0, **request: Any) -> Done:
    """Run `undo --lock`; `wait` None leaves the lock to the journal."""
    made = undo.UndoRequest(
        journals=[journal] if journal else (),
        flags=Flags(),
        sending=SendingOptions(yes=request.get("send", False), lock=wait),
        **request,
    )
    return shell.call(lambda context: undo.run(made, context), now=lambda: NOW)


def test_an_undo_may_hold_the_lock_meanwhile(shell: Shell) -> None:
    applied(shell, shell.declare(BENCHES), wait=None)
    assert (undone(shell).code, shell.patches()) == (ExitCode.USAGE, [BENCH])
    label = locked(shell, EDGE)
    assert (undone(shell, send=True).code, shell.patches()) == (ExitCode.LOCKED, [])
    send(shell, "DELETE", f"/{label}")
    assert undone(shell, send=True).code == ExitCode.OK
    take, release = ([each.replace(ACME, EDGE) for each in some] for some in (TAKE, RELEASE))
    sent = sequence(shell)
    assert (sent[:2], sent[-2:], shell.sandbox.labels) == (take, release, ())
    assert f"PATCH /api/v2/authorizations/{BENCH}" in sent[2:-2]


def test_an_undo_of_a_run_that_asked_for_the_lock_asks_for_it_too(shell: Shell) -> None:
    applied(shell, shell.declare(BENCHES, head="lock: true\n"), wait=None)
    label = locked(shell, EDGE)
    shell.sent()
    assert (undone(shell, wait=None).code, sequence(shell)) == (
        ExitCode.OK,
        [f"{LIST}/{BENCH}"],
    )  # to look at it takes none
    assert (undone(shell, wait=None, send=True).code, shell.patches()) == (ExitCode.LOCKED, [])
    saved = str(shell.folder / "undo.json")
    assert undone(shell, wait=None, out=saved).code == ExitCode.OK
    assert (applied(shell, saved, wait=None).code, shell.patches()) == (ExitCode.LOCKED, [])
    send(shell, "DELETE", f"/{label}")
    assert undone(shell, wait=None, send=True).code == ExitCode.OK


def test_an_undo_locks_what_it_changes_whatever_the_journal_says(shell: Shell) -> None:
    applied(shell, shell.declare(DESCRIBE), wait=None)
    (journal,) = shell.folder.rglob("apply-*.ndjson")
    text = journal.read_text()
    journal.write_text(text.replace(f'"org_id": "{ACME}"', f'"org_id": "{EDGE}"'))
    assert journal.read_text() != text
    shell.sent()
    done = undone(shell, str(journal), send=True)
    assert (done.code, shell.patches()) == (ExitCode.STALE, [])
    assert "the plan changes tokens of `acme`, not locked" in done.err


def test_several_organisations_are_locked_in_the_order_of_their_ids(shell: Shell) -> None:
    assert applied(shell, shell.declare(BENCHES, DESCRIBE)).code == ExitCode.OK
    orgs = [json.loads(each.body)["orgID"] for each in shell.sandbox.requests if each.method == "POST"]
    assert orgs == [ACME, EDGE]
    locked(shell, EDGE)
    done = applied(shell, shell.declare(BENCHES, DESCRIBE))
    assert (done.code, shell.patches()) == (ExitCode.LOCKED, [])
    assert "organisation `edge-lab` is locked by `deploy on web-1, process 7`" in done.err
    assert [each.org_id for each in shell.sandbox.labels] == [EDGE]


@pytest.mark.parametrize(
    ("declaration", "head", "flags"),
    [
        (BENCHES, "", Flags(org="acme")),
        (BENCHES, "server: {org: acme}\n", Flags()),
        (f'id: "{ABSENT}"', "absent: warn\n", Flags()),
        ("match: {user: nobody}", "", Flags()),
    ],
)
def test_only_organisations_that_the_run_is_about_are_locked(
    shell: Shell, declaration: str, head: str, flags: Flags
) -> None:
    locked(shell, EDGE)
    done = applied(shell, shell.declare(declaration, head=head), flags=flags)
    assert done.code != ExitCode.LOCKED
    assert [each for each in shell.sent() if "labels" in each] == []


def test_another_runs_lock_keeps_everything_from_being_sent(shell: Shell) -> None:
    locked(shell)
    done = applied(shell, shell.declare(DESCRIBE))
    assert (done.code, done.out, sequence(shell)) == (ExitCode.LOCKED, "", [READ, *TAKE])
    assert done.err.partition("\n")[2] == (
        "nothing was sent: organisation `acme` is locked by `deploy on web-1, process 7` since 2026-01-01T23:55:00Z, "
        "5 min ago\n  hint: wait for that run (https://ci.example/7), or let `--lock-timeout` do so; "
        "if it is dead, `tokenctl unlock` removes its lock\n"
    )
    assert len(shell.sandbox.labels) == 1


def test_a_stale_lock_is_not_stolen_and_not_waited_for(shell: Shell) -> None:
    locked(shell)
    late = NOW + timedelta(hours=2)
    done = applied(shell, shell.declare(DESCRIBE), wait=600.0, now=lambda: late)
    assert (done.code, shell.patches(), shell.waits) == (ExitCode.LOCKED, [], [])
    assert "nothing was sent: the lock of organisation `acme` is stale: `deploy on web-1, process 7`" in done.err
    assert "then remove its lock with `tokenctl unlock`" in done.err
    assert len(shell.sandbox.labels) == 1


class Time:
    """A clock that only sleeping moves; something may happen at a nap."""

    def __init__(self, at: Mapping[int, Callable[[], object]] | None = None) -> None:
        self.naps: list[float] = []
        self._at = at or {}

    def clock(self) -> float:
        """The seconds that were slept."""
        return sum(self.naps)

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.naps.append(seconds)
        self._at.get(len(self.naps), lambda: None)()


def test_a_lock_is_waited_for(shell: Shell) -> None:
    label = locked(shell)
    time = Time({3: lambda: send(shell, "DELETE", f"/{label}")})
    done = applied(shell, shell.declare(DESCRIBE), wait=60.0, clock=time.clock, sleep=time.sleep)
    assert (done.code, time.naps, shell.sandbox.labels) == (ExitCode.OK, [2.0] * 3, ())
    assert done.err.splitlines()[1] == (
        "lock: waiting for that of organisation `acme`, held by `deploy on web-1, process 7` "
        "since 2026-01-01T23:55:00Z, 5 min ago https://ci.example/7"
    )
    assert len(done.err.splitlines()) == 4


def test_a_lock_is_waited_for_in_vain(shell: Shell) -> None:
    label = locked(shell)
    change = {"properties": {"holder": "somebody else"}}
    time = Time({2: lambda: send(shell, "PATCH", f"/{label}", change)})
    done = applied(shell, shell.declare(DESCRIBE), wait=7.0, clock=time.clock, sleep=time.sleep)
    assert (done.code, time.naps) == (ExitCode.LOCKED, [2.0, 2.0, 2.0, 1.0])
    assert [line.split(", held by ")[1][:16] for line in done.err.splitlines() if "waiting" in line] == [
        "`deploy on web-1", "`somebody else` ",
    ]  # fmt: skip


def test_a_plan_that_left_the_locked_organisations_is_not_sent(shell: Shell) -> None:
    label = locked(shell)

    def meanwhile() -> None:
        shell.sandbox.change(BENCH, description="grafana dashbord")
        send(shell, "DELETE", f"/{label}")

    file = shell.declare('match: {description: grafana dashbord}, pick: all, description: "x"')
    time = Time({1: meanwhile})
    done = applied(shell, file, wait=60.0, clock=time.clock, sleep=time.sleep)
    assert (done.code, shell.patches(), shell.sandbox.labels) == (ExitCode.STALE, [], ())
    assert "nothing was sent: the plan changes tokens of `edge-lab`, not locked\n" in done.err


def reader(*actions: str) -> Seed:
    """The world in which acme's manager has these rights to labels."""
    seed = default_seed()
    rights = tuple(Permission(action, "labels", org_id=ACME) for action in actions)
    tokens = [
        replace(each, permissions=each.permissions + rights) if each.id == MANAGER else each for each in seed.tokens
    ]
    return replace(seed, tokens=tuple(tokens))


@pytest.mark.parametrize("actions", [(), ("read",), ("write",)])
def test_who_has_not_the_rights_for_a_lock_changes_nothing(tmp_path: Path, actions: Sequence[str]) -> None:
    with shell_on(tmp_path, seed=reader(*actions), caller=MANAGER) as shell:
        done = applied(shell, shell.declare(DESCRIBE))
        assert (done.code, shell.patches(), shell.sandbox.labels) == (ExitCode.AUTH, [], ())
        assert "hint: a lock needs read and write on `labels`" in done.err
    with shell_on(tmp_path, seed=reader("read", "write"), caller=MANAGER) as shell:
        assert applied(shell, shell.declare(DESCRIBE)).code == ExitCode.OK


@pytest.mark.parametrize(
    ("faults", "code", "patched"),
    [
        (["reset-after:POST"], ExitCode.OK, [GRAFANA]),
        (["error-after:POST"], ExitCode.OK, [GRAFANA]),
        (["truncated-body:POST"], ExitCode.OK, [GRAFANA]),
        (["reset-before:POST"], ExitCode.OK, [GRAFANA]),
        (["unavailable:POST"], ExitCode.OK, [GRAFANA]),
        (["unavailable:POST:99"], ExitCode.UNREACHABLE, []),
        (["error-before:DELETE"], ExitCode.OK, [GRAFANA]),
        (["reset-after:DELETE"], ExitCode.OK, [GRAFANA]),
    ],
)
def test_an_unreliable_server_leaves_no_lock_behind(
    tmp_path: Path, faults: Sequence[str], code: ExitCode, patched: Sequence[str]
) -> None:
    with shell_on(tmp_path, faults=[Fault.parse(each) for each in faults]) as shell:
        done = applied(shell, shell.declare(DESCRIBE))
        assert (done.code, shell.patches(), shell.sandbox.labels) == (code, patched, ())
        assert "Warning" not in done.err


@pytest.mark.parametrize("quiet", [False, True])
def test_a_lock_that_cannot_be_given_back_is_said_and_changes_nothing(tmp_path: Path, quiet: bool) -> None:
    with shell_on(tmp_path, faults=[Fault.parse("error-before:DELETE:9")]) as shell:
        done = applied(shell, shell.declare(DESCRIBE), quiet=quiet)
        assert (done.code, len(shell.sandbox.labels)) == (ExitCode.OK, 1)
        assert done.out.count("\nApply: 1 done, 0 failed, 0 unverified, 0 not attempted.\n") == 1
        assert (
            "Warning: the lock of organisation `acme` was not given back: URL answered 500 unexpected error writing points "
            "to database\n  hint: look with `tokenctl unlock`: while it is there, every run that wants it is refused\n"
        ) in done.err
        assert sequence(shell)[-4:] == RELEASE * 2


def test_a_lock_is_given_back_in_a_few_seconds_or_not_at_all(tmp_path: Path) -> None:
    with shell_on(tmp_path, faults=[Fault.parse("reset-before:DELETE:9")]) as shell:

        def clock() -> float:
            return 100.0 if any(each.method == "DELETE" for each in shell.sandbox.requests) else 0.0

        done = applied(shell, shell.declare(DESCRIBE), clock=clock)
        assert (done.code, "was not given back" in done.err) == (ExitCode.OK, True)
        assert [each.partition(" ")[0] for each in sequence(shell)].count("DELETE") == 1


@pytest.mark.parametrize(
    ("declaration", "around", "code"),
    [
        (f'id: "{OPERATOR}", status: inactive', {}, ExitCode.REFUSED),
        (f'id: "{ABSENT}"', {}, ExitCode.INVALID),
        (f'id: "{GRAFANA}"', {}, ExitCode.OK),
        (DESCRIBE, {"yes": False}, ExitCode.CANCELLED),
        (DESCRIBE, {"yes": False, "interactive": True, "stdin": b"no\n"}, ExitCode.CANCELLED),
        (DESCRIBE, {"journal": "/dev/null/x"}, ExitCode.ERROR),
    ],
)
def test_the_lock_is_given_back_however_the_run_ends(
    shell: Shell, declaration: str, around: dict[str, Any], code: ExitCode
) -> None:
    assert applied(shell, shell.declare(f'id: "{INGEST}"', declaration), **around).code == code
    sent = sequence(shell)
    assert ([each for each in sent if "labels" in each], shell.sandbox.labels) == ([*TAKE, *RELEASE], ())
    assert not [each for each in sent if each.startswith("PATCH")]


def test_the_lock_is_given_back_before_the_own_token_is_switched_off(shell: Shell) -> None:
    file = shell.declare(f'id: "{OPERATOR}", status: inactive', DESCRIBE)
    done = applied(shell, file, allow=(Guard.SELF, Guard.MIN_MANAGERS))
    sent = sequence(shell)
    assert (done.code, shell.sandbox.labels) == (ExitCode.OK, ())
    assert sent.index("DELETE /api/v2/labels/ID") < sent.index(f"PATCH /api/v2/authorizations/{OPERATOR}")
    assert sent.index("DELETE /api/v2/labels/ID") > sent.index(f"PATCH /api/v2/authorizations/{GRAFANA}")
    assert len([each for each in sent if "labels" in each]) == 4


def talking(context: Context, stderr: TextIO) -> Context:
    """Return the context with another stderr."""
    return context._replace(streams=context.streams._replace(stderr=stderr))


def holding(meanwhile: Callable[[Shell], object], shell: Shell, stderr: TextIO | None = None) -> Done:
    """Hold the lock of acme while something happens."""

    def run(context: Context) -> ExitCode:
        with (
            connected(resolve(Flags(), context), context) as connection,
            locking.held({OrgId(ACME): "acme"}, 0.0, connection, context),
        ):
            meanwhile(shell)
        return ExitCode.OK

    return shell.call(lambda context: run(talking(context, stderr or context.streams.stderr)))


def test_a_lock_that_somebody_removed_is_told(shell: Shell) -> None:
    def replaced(shell: Shell) -> None:
        send(shell, "DELETE", f"/{shell.sandbox.labels[0].id}")
        locked(shell)

    done = holding(replaced, shell)
    assert "Warning: the lock of organisation `acme` was not given back: somebody removed it meanwhile\n" in done.err
    assert [each.properties["holder"] for each in shell.sandbox.labels] == [THEIRS.holder]


def test_a_lock_is_given_back_when_nobody_listens(shell: Shell) -> None:
    class Broken(StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    assert holding(lambda shell: shell.sandbox.labels[0], shell, Broken()).code == ExitCode.OK
    assert shell.sandbox.labels == ()


def test_an_interrupted_run_gives_its_lock_back(shell: Shell) -> None:
    def interrupt(_: Shell) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        holding(interrupt, shell)
    assert shell.sandbox.labels == ()


def test_a_run_that_is_interrupted_while_it_takes_the_lock_leaves_none(shell: Shell) -> None:
    class Interrupting(StringIO):
        def write(self, words: str) -> int:
            if "EDGE" in words:
                raise KeyboardInterrupt
            return len(words)

    def run(context: Context) -> ExitCode:
        orgs = {OrgId(ACME): "acme", OrgId(EDGE): "EDGE"}
        with (
            connected(resolve(Flags(), context), context) as connection,
            locking.held(orgs, 0.0, connection, context),
        ):
            raise AssertionError

    with pytest.raises(KeyboardInterrupt):
        shell.call(lambda context: run(talking(context, Interrupting())))
    assert [each for each in sequence(shell) if "DELETE" in each] == ["DELETE /api/v2/labels/ID"]
    assert shell.sandbox.labels == ()


def test_how_long_to_wait_is_a_duration() -> None:
    def wait(timeout: str, *, wanted: bool = False) -> float | None:
        rest: dict[str, Any] = {"rate": "", "parallelism": None, "canary": None, "max_failures": None}
        return sending_options(expect="", yes=False, journal="", lock=wanted, lock_timeout=timeout, **rest).lock

    assert (wait(""), wait("", wanted=True), wait("10m"), wait("0s")) == (None, 0.0, 600.0, 0.0)
    with pytest.raises(UsageError) as caught:
        wait("soon", wanted=True)
    assert str(caught.value).startswith("--lock-timeout takes a duration with its unit, and `soon` is none\n")

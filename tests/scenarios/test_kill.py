"""`kill -9` at every boundary of a run: running `apply` again converges and says what the run had done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from random import Random

import pytest

from reconciler.core.plan import Guard
from reconciler.errors import ExitCode
from tests.commands.test_apply import ACTIVATE, DEACTIVATE, DESCRIBE, applied
from tests.commands.test_undo import journals, stored, undone
from tests.crasher import Crasher, crasher
from tests.shell import BACKUP_2023, BACKUP_2024, GRAFANA, OPERATOR, Shell, unmeasured

# What a run of these three declarations does, one after the other: each is a phase of its own.
IDS = (BACKUP_2024, GRAFANA, BACKUP_2023)
NAMES = ("backup-2024", "grafana", "backup-2023")
OPERATIONS = [f"{kind} {number}" for number in (1, 2, 3) for kind in ("intent", "patch", "result")]
STEPS = ["header 1", *OPERATIONS, "read 1", "summary 1"]
LINES = ("header", "intent", "result", "summary")
POINTS = [
    f"{when} {step}"
    for step in STEPS
    for when in ("before", "within", "after")
    if when != "within" or step.startswith(LINES)
]


@pytest.fixture(scope="module")
def process() -> Iterator[Crasher]:
    with crasher(unmeasured()) as started:
        yield started


def _killed(shell: Shell, process: Crasher, point: str, run: str = "apply-20251231T000000.000000Z-1") -> str:
    """Run `apply` and kill it there; gives the manifest."""
    file = shell.declare(ACTIVATE, DESCRIBE, DEACTIVATE)
    journals = str(shell.folder / "state" / "tokenctl")
    code = process.run(environment=shell.environment, file=file, journals=journals, run=run, kill=point)
    assert code == -9, point
    return file


def _completed(point: str) -> list[str]:
    """The steps that were over when the run was killed."""
    when, _, step = point.partition(" ")
    return STEPS[: STEPS.index(step) + (when == "after")]


def _count(steps: list[str], kind: str) -> int:
    return sum(step.startswith(kind) for step in steps)


def _told(point: str) -> str:
    """What the next run is to say of the one that was killed there."""
    over = _completed(point)
    begun, sent, known = (_count(over, kind) for kind in ("intent", "patch", "result"))
    if not begun or "summary 1" in over:
        return ""
    name = "apply-20251231T000000.000000Z-1"
    lines = [
        f"An earlier run was interrupted, {name} of 2025-12-31T00:00:00+00:00: "
        f"{known} done, 0 failed, {begun - known} unknown, {3 - begun} not attempted."
    ]
    labels = [f"`{name}` (`{live}`) {token_id}" for name, (_, live), token_id in zip(NAMES, BEFORE, IDS, strict=True)]
    lines += [f"  done: {', '.join(labels[:known])}"] if known else []
    lines += [f"  its journal: DIR/state/tokenctl/{name}.ndjson"]
    if begun > known:
        lines += [f"  unknown: {labels[known]}; read now: {'applied' if sent == begun else 'not applied'}"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("point", POINTS)
def test_running_apply_again_converges_and_says_what_the_killed_run_had_done(
    shell: Shell, process: Crasher, point: str
) -> None:
    file = _killed(shell, process, point)
    before = shell.patches()
    assert before == list(IDS[: _count(_completed(point), "patch")])
    again = applied(shell, file, yes=True, allow=(Guard.REACTIVATION,))
    assert (again.code, again.err) == (ExitCode.OK, _told(point))
    assert shell.patches() == [each for each in IDS if each not in before]
    last = applied(shell, file, yes=True)
    assert (last.code, last.err, shell.patches()) == (ExitCode.OK, "", [])
    assert "No changes: 3 managed tokens as declared." in last.out


BEFORE = [("inactive", "backup 2024"), ("active", "grafana dashbord"), ("active", "backup 2023")]
AFTER = [("active", "backup 2024"), ("active", "dashboard"), ("inactive", "backup 2023")]


@pytest.mark.parametrize(
    "point",
    ["after intent 1", "after patch 1", "within result 2", "after patch 3", "after result 3", "within summary 1"],
)
def test_an_undo_of_a_killed_run_restores_what_it_may_have_changed(shell: Shell, process: Crasher, point: str) -> None:
    _killed(shell, process, point)
    assert shell.patches() == list(IDS[: _count(_completed(point), "patch")])
    done = undone(shell, send=True, yes=True, allow=(Guard.REACTIVATION,))
    assert (done.code, stored(shell, *IDS)) == (ExitCode.OK, BEFORE)
    begun = _count(_completed(point), "intent")
    name = "apply-20251231T000000.000000Z-1"
    assert done.err == (
        f"Undoing {name} of 2025-12-31T00:00:00+00:00, {begun} change{'s' * (begun > 1)}: DIR/state/tokenctl/{name}.ndjson\n"
        + _told(point)
        + "the files may still declare what was undone: plan them before the next apply\n"
    )
    # What was settled and undone is not told again.
    assert applied(shell, shell.declare(DESCRIBE), yes=True).err == ""


def test_a_run_that_is_killed_while_it_makes_up_for_a_killed_one_is_told_of_as_well(
    shell: Shell, process: Crasher
) -> None:
    _killed(shell, process, "after patch 1", run="apply-20251231T000000.000000Z-1")
    _killed(shell, process, "after intent 2", run="apply-20251231T000001.000000Z-1")
    done = applied(shell, shell.declare(ACTIVATE, DESCRIBE, DEACTIVATE), yes=True)
    assert (done.code, stored(shell, *IDS)) == (ExitCode.OK, AFTER)
    told = [line for line in done.err.splitlines() if not line.startswith("  its journal")]
    assert told == [
        "An earlier run was interrupted, apply-20251231T000000.000000Z-1 of 2025-12-31T00:00:00+00:00: "
        "0 done, 0 failed, 1 unknown, 2 not attempted.",
        f"  unknown: `backup-2024` (`backup 2024`) {BACKUP_2024}; read now: applied",
        # For the second run the first token was as declared: it planned two changes.
        "An earlier run was interrupted, apply-20251231T000001.000000Z-1 of 2025-12-31T00:00:00+00:00: "
        "1 done, 0 failed, 1 unknown, 0 not attempted.",
        f"  done: `grafana` (`grafana dashbord`) {GRAFANA}",
        f"  unknown: `backup-2023` (`backup 2023`) {BACKUP_2023}; read now: not applied",
    ]
    assert len(journals(shell)) == 3
    assert applied(shell, shell.declare(DESCRIBE), yes=True).err == ""


CHANGED: list[tuple[Callable[[Shell], object], str]] = [
    (
        lambda shell: shell.sandbox.change(GRAFANA, description="\x1b[31mtheirs"),
        "changed since: description is `\\x1b[31mtheirs`, not `dashboard`",
    ),
    (lambda shell: shell.sandbox.change(GRAFANA, status="inactive"), "changed since: status is `inactive`, not `active`"),
    (lambda shell: shell.sandbox.delete(GRAFANA), "not known, it is absent now"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), CHANGED)
def test_what_somebody_changed_after_the_crash_is_told_apart(
    shell: Shell, process: Crasher, change: Callable[[Shell], object], reason: str
) -> None:
    file = _killed(shell, process, "after patch 2")
    change(shell)
    told = f"  unknown: `grafana` (`grafana dashbord`) {GRAFANA}; read now: {reason}\n"
    done = applied(shell, file, expect="0" * 64)  # a run that sends nothing tells it too, and once
    assert told in done.err
    assert told not in applied(shell, file, expect="0" * 64).err


def test_what_the_server_does_not_say_is_asked_for_again_by_the_next_run(shell: Shell, process: Crasher) -> None:
    file = _killed(shell, process, "after patch 2")
    lost = applied(shell, file, yes=True, with_environment={"INFLUX_TOKEN": "FAKE"})
    assert lost.code == ExitCode.AUTH
    assert (
        f"  unknown: `grafana` (`grafana dashbord`) {GRAFANA}; read now: not known, URL does not know this token "
        in lost.err
    )
    assert applied(shell, file, yes=True, with_quiet=True).err == ""
    assert (
        f"  unknown: `grafana` (`grafana dashbord`) {GRAFANA}; read now: applied\n"
        in applied(shell, file, yes=True).err
    )


def test_a_server_that_does_not_answer_is_asked_only_once_for_what_was_in_doubt(shell: Shell, process: Crasher) -> None:
    declarations = (f'id: "{each}", description: x' for each in (GRAFANA, BACKUP_2023))
    file = shell.declare(*declarations, head="unmanaged: warn\n")  # so that the plan asks for no single token
    folder = str(shell.folder / "state" / "tokenctl")
    process.run(environment=shell.environment, file=file, journals=folder, run="apply-1", kill="after intent 2")
    shell.sent()
    lost = applied(shell, file, yes=True, with_environment={"INFLUX_TOKEN": "FAKE"})
    assert (lost.code, lost.err.count("; read now: not known, URL does not know this token ")) == (ExitCode.AUTH, 2)
    assert len([each for each in shell.sent() if each.startswith("GET /api/v2/authorizations/")]) == 1


def _many(shell: Shell, chance: Random) -> str:
    """A manifest that gives every token but the caller's another description, and half of them another status."""
    entries = []
    for each in shell.sandbox.tokens:
        if each.id != OPERATOR:
            other = "active" if each.status == "inactive" else "inactive"
            status = f", status: {other}" if chance.random() < 0.5 else ""
            entries.append(f'id: "{each.id}", description: "{each.description}!"{status}')
    return shell.declare(*entries)


def _wait_for_the_server(shell: Shell) -> None:
    """Wait until it has done all that the killed client had sent: a request outlives its client."""
    host, port = shell.sandbox.url.removeprefix("http://").split(":")
    later = HTTPConnection(host, int(port))  # accepted after all of the client's
    later.request("GET", "/ping")
    later.getresponse().read()
    later.close()
    deadline = time.monotonic() + 10
    while shell.sandbox._server._open:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _values(shell: Shell) -> dict[str, tuple[str, str]]:
    return {each.id: (each.status, each.description) for each in shell.sandbox.tokens}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100))
def test_after_any_number_of_crashes_apply_converges_and_the_runs_can_be_undone_one_by_one(
    shell: Shell, process: Crasher, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311  # the same in every run
    before, file = _values(shell), _many(shell, chance)
    folder = str(shell.folder / "state" / "tokenctl")
    for number in range(chance.randint(1, 4)):
        run = f"apply-2025123{number}T000000.000000Z-1"
        kill = str(chance.randint(1, 90))
        code = process.run(environment=shell.environment, file=file, journals=folder, run=run, kill=kill)
        assert code in (0, -9)
        _wait_for_the_server(shell)
    done = applied(shell, file, yes=True, allow=tuple(Guard))
    assert (done.code, "changed since" in done.err) == (ExitCode.OK, False)
    declared = _values(shell)
    assert "No changes" in applied(shell, file, yes=True).out
    for path in reversed(journals(shell)):
        undo = undone(shell, str(path), send=True, yes=True, allow=tuple(set(Guard) - {Guard.MOVED}))
        assert undo.code in (ExitCode.OK, ExitCode.INVALID), undo  # one that never wrote its header is none
    assert (_values(shell), declared != before) == (before, True)

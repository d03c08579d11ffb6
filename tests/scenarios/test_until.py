"""`until`: the last day on which a token works, by two clocks, with its marks, guards and warnings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.errors import ExitCode
from tests.branch import Branch
from tests.checkout import Checkout
from tests.influx.raw_server import SECRET, answer, raw_server
from tests.shell import BACKUP_2023, LAPTOP, OPERATOR, PHONE, Program, Shell, shell_on

END = datetime(2027, 1, 1, tzinfo=UTC)
SECOND, HOUR, DAY, YEAR = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1), timedelta(days=365)
OLD = f'id: "{BACKUP_2023}", name: backup-2023, status: active, until: "2026-12-31"'
SWITCHED_OFF = (
    f"  - deactivate  backup-2023  {BACKUP_2023}  ci-bot  tokens.yaml:3\n"
    '      described    "backup 2023"\n'
    "      status       active → inactive\n"
    "      because      until 2026-12-31 has passed\n"
    "      rights       reads all buckets of acme\n"
)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    time: datetime = END - 30 * DAY

    def __call__(self) -> datetime:
        """What it shows."""
        return self.time


@dataclass
class Timed:
    """A shell whose clock is `here`, and a server whose clock is `there`."""

    shell: Shell
    here: Clock
    there: Clock

    def set(self, here: datetime, there: datetime | None = None) -> None:
        """Set the clocks, both alike by default."""
        self.here.time, self.there.time = here, there or here


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    here, there = Clock(), Clock()
    with shell_on(tmp_path_factory.mktemp("until"), now=there) as shell:
        shell.here, shell.now = True, here
        for each in shell.sandbox.tokens:  # as long ago as the clocks say
            shell.sandbox.change(each.id)
        yield Timed(shell, here, there)


@pytest.mark.parametrize(
    ("here", "there", "ended"),
    [
        (-SECOND, -SECOND, False),
        (0 * SECOND, 0 * SECOND, True),
        (SECOND, SECOND, True),
        *((early, late, False) for early in (-SECOND,) for late in (0 * SECOND, HOUR, YEAR)),
        *((late, early, False) for early in (-SECOND, -HOUR, -YEAR) for late in (0 * SECOND,)),
        (YEAR, 0 * SECOND, True),
        (0 * SECOND, YEAR, True),
    ],
)
def test_a_token_is_switched_off_once_both_clocks_say_so(
    timed: Timed, here: timedelta, there: timedelta, ended: bool
) -> None:
    timed.shell.declare(OLD)
    timed.set(END + here, END + there)
    done = timed.shell.run("plan", "--detailed-exitcode")
    assert (done.code == ExitCode.CHANGES, SWITCHED_OFF in done.out) == (ended, ended)
    if (here < 0 * SECOND) is (there < 0 * SECOND):
        assert "has passed by" not in done.out
    else:
        clocks = [("this machine's", END + here), ("the server's", END + there)]
        (behind, earlier), (ahead, later) = clocks if here < there else clocks[::-1]
        assert (
            f"Warning: tokens.yaml:3:65: `until` of `backup-2023` has passed by {ahead} clock ({later:%Y-%m-%dT%H:%M:%SZ}), "
            f"and not by {behind} clock ({earlier:%Y-%m-%dT%H:%M:%SZ})\n"
            "  hint: what it ends is switched off once it has passed by both: set the clock that is wrong\n"
        ) in done.out


LIST = json.dumps(
    {
        "authorizations": [
            {
                "id": BACKUP_2023, "status": "active", "description": "backup 2023", "orgID": "a" * 16, "org": "acme",
                "userID": "c" * 16, "user": "ci-bot", "permissions": [], "updatedAt": "2026-01-02T03:04:05Z",
            }
        ]
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, ExitCode.CHANGES),
        *(
            ({"Date": text}, ExitCode.CHANGES)
            for text in ("", "soon", "Thu, 31 Dec 2026 25:61:61 GMT", "Thu, 99 Foo 2026")
        ),
        ({"Date": "Thu, 31 Dec 2026 23:59:59 GMT"}, ExitCode.OK),
        ({"Date": "Thursday, 31-Dec-26 23:59:59 GMT"}, ExitCode.OK),
        ({"Date": "Fri, 01 Jan 2027 00:00:00 GMT"}, ExitCode.CHANGES),
    ],
)
def test_without_a_date_that_can_be_read_this_machines_clock_decides_alone(
    tmp_path: Path, headers: dict[str, str], code: ExitCode
) -> None:
    with raw_server(answer(200, LIST, **headers)) as server:
        program = Program(tmp_path, {"INFLUX_HOST": server.url, "INFLUX_TOKEN": SECRET}, here=True, now=Clock(END))
        program.declare(OLD)
        assert program.run("plan", "--detailed-exitcode").code == code


def test_a_week_before_it_is_a_warning_each_day(timed: Timed) -> None:
    timed.shell.declare(
        OLD,
        f'id: "{OPERATOR}", until: "2027-01-01T01:00+01:00"',
        'match: {user: user2}, pick: all, name: phones, until: "2026-12-31"',
    )
    told: list[list[str]] = []
    for days in range(9):
        timed.set(END - 8 * DAY + days * DAY - 6 * HOUR)
        told.append(re.findall(r"Warning: (.*)", timed.shell.run("plan").out))
    spans = ["6 days", "5 days", "4 days", "3 days", "2 days", "1 day", "6 hours"]
    assert told == [
        [],
        [],
        *(
            [
                f"tokens.yaml:3:65: `backup-2023` is to be switched off after 2026-12-31, in {span}",
                f"tokens.yaml:4:30: `admin's Token` {OPERATOR} is to be switched off at 2027-01-01T01:00+01:00, in {span}",
                f"tokens.yaml:5:53: 2 tokens of `phones` are to be switched off after 2026-12-31, in {span}",
            ]
            for span in spans
        ),
    ]
    for before, span in ((7 * DAY, "7 days"), (DAY, "1 day"), (HOUR, "1 hour"), (SECOND, "less than an hour")):
        timed.set(END - before)
        assert f"after 2026-12-31, in {span}\n" in timed.shell.run("plan").out
    timed.set(END - 7 * DAY - SECOND)
    assert "Warning" not in timed.shell.run("plan").out


def test_what_is_to_be_inactive_anyway_is_not_warned_about_and_has_no_other_reason(timed: Timed) -> None:
    timed.shell.declare(OLD.replace("active", "inactive", 1))
    timed.set(END - DAY)
    before = timed.shell.run("plan").out
    timed.set(END)
    assert "because" not in before
    assert "Warning" not in before
    assert timed.shell.run("plan").out == before


def test_the_change_says_which_until_it_was_where_that_stands(timed: Timed) -> None:
    shell = timed.shell
    shell.write(f'version: 1\ntokens:\n  - id: "{BACKUP_2023}"\n    description: old\n    until: 2026-12-31\n')
    timed.set(END - SECOND)
    assert shell.run("plan", "-o", "before.json").code == ExitCode.OK
    timed.set(END)
    assert shell.run("plan", "-o", "after.json").code == ExitCode.OK
    before, after = (json.loads((shell.folder / f"{each}.json").read_text()) for each in ("before", "after"))
    (changed,), (ended,) = before["changes"], after["changes"]
    assert "until" not in changed
    assert ended["until"] == "2026-12-31"
    assert ended["places"]["status"] == {"file": "tokens.yaml", "line": 5, "column": 5}
    assert before["digest"] != after["digest"]
    assert "      because      until 2026-12-31 has passed\n" in shell.run("show", "after.json").out
    stale = shell.run("apply", "--expect", before["digest"])
    assert (stale.code, shell.patches()) == (ExitCode.STALE, [])


def test_a_run_that_takes_a_lock_plans_twice_with_one_moment(tmp_path: Path) -> None:
    times = iter([END - SECOND] + [END + n * HOUR for n in range(100)])
    there = Clock(END - SECOND)
    with shell_on(tmp_path, now=there) as shell:
        shell.here, shell.now = True, lambda: next(times)
        shell.declare(OLD)
        there.time = END + DAY
        done = shell.run("apply", "--yes", "--lock")
        assert (done.code, shell.patches()) == (ExitCode.OK, []), done
        assert "has passed by the server's clock (2027-01-02T00:00:00Z), and not by this machine's clock" in done.out


def test_a_date_that_is_moved_once_it_has_passed_activates_which_nobody_reviewed(tmp_path: Path) -> None:
    clock = Clock(END)
    with shell_on(tmp_path, now=clock) as shell:
        shell.here, shell.now = True, clock
        shell.declare(OLD)
        assert (shell.run("apply", "--yes").code, shell.patches()) == (ExitCode.OK, [BACKUP_2023])
        assert shell.run("plan", "--detailed-exitcode").code == ExitCode.OK
        shell.declare(OLD.replace("2026", "2027"))
        refused = shell.run("apply", "--yes")
        assert (refused.code, shell.patches()) == (ExitCode.REFUSED, [])
        assert "Refused by guard `reactivation`" in refused.out


@pytest.fixture
def history(tmp_path: Path) -> Iterator[tuple[Branch, Clock]]:
    clock = Clock()
    with shell_on(tmp_path, now=clock) as shell:
        shell.here, shell.now = True, clock
        yield Branch(shell, Checkout.init(tmp_path)), clock


def day(number: int, hours: int = 0) -> datetime:
    """So many days, and hours, after the first commit's day began."""
    return datetime.fromtimestamp(Checkout.time(number), UTC) + hours * HOUR


def ending(number: int) -> str:
    """A declaration that ends with that day."""
    return f'id: "{BACKUP_2023}", name: old, until: "{day(number):%Y-%m-%d}"'


@pytest.mark.parametrize(
    ("committed", "changed", "mark", "because"),
    [
        (2, day(3), "pending", "pending: the base declares it, and it is not applied yet"),
        (2, day(6) - SECOND, "pending", "pending: the base declares it, and it is not applied yet"),
        (2, day(6), "drift", "drift: the server was changed since the base declared it"),
        (2, day(7), "drift", "drift: the server was changed since the base declared it"),
        (8, day(7), "pending", "pending: the base declares it, and it is not applied yet"),
        (8, day(9), "drift", "drift: the server was changed since the base declared it"),
        (None, day(7), "this-change", "this change"),
    ],
)
def test_what_is_declared_at_a_moment_decides_the_mark(
    history: tuple[Branch, Clock], committed: int | None, changed: datetime, mark: str, because: str
) -> None:
    branch, clock = history
    branch.base(f'id: "{BACKUP_2023}", name: old')
    if committed:
        branch.checkout.day = committed - 1
        branch.base(ending(5))
    branch.shell.declare(ending(5))
    clock.time = changed
    branch.shell.sandbox.change(BACKUP_2023)
    clock.time = day(10)
    plan = branch.document()
    assert [each["mark"] for each in plan["changes"]] == [mark]
    assert plan["base"]["revisions"] == []
    assert f"      because      until 2025-12-06 has passed; {because}\n" in branch.plan().out


def test_one_reading_of_a_commit_serves_moments_before_and_after_the_end(history: tuple[Branch, Clock]) -> None:
    branch, clock = history
    both = [f'id: "{each}", until: "{day(5):%Y-%m-%d}"' for each in (LAPTOP, PHONE)]
    branch.base(*both)
    for token, when in ((LAPTOP, day(3)), (PHONE, day(7))):
        clock.time = when
        branch.shell.sandbox.change(token, status="active")
    clock.time = day(10)
    assert {each["id"]: each["mark"] for each in branch.document()["changes"]} == {LAPTOP: "pending", PHONE: "drift"}


def test_what_the_files_say_of_a_day_to_come_is_a_revision_that_loosens_nothing(history: tuple[Branch, Clock]) -> None:
    branch, clock = history
    branch.base(ending(5))
    branch.shell.declare(ending(20))
    clock.time = day(10)
    told = (
        f"  ~ changed     old  {BACKUP_2023}  DIR/tokens.yaml:3\n      until        2025-12-06 → 2025-12-21\n\n"
        "Files: 1 changed."
    )
    assert told in branch.plan().out
    done = branch.offline()
    assert (done.code, told in done.out, "Guards:" in done.out) == (ExitCode.CHANGES, True, False)
    branch.shell.declare(f"{ending(5)}, status: active")
    revisions = branch.document()["base"]["revisions"]
    assert [[edit["field"] for edit in each["edits"]] for each in revisions] == [["status"]]


def test_one_file_gives_one_digest_in_every_time_zone(shell: Shell) -> None:
    shell.declare(f'id: "{BACKUP_2023}", until: "2025-12-31"', f'id: "{LAPTOP}", until: "2025-12-31T23:59-14:00"')
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):  # first and last on earth
        assert shell.run("plan", "-o", f"{zone.replace('/', '-')}.json", TZ=zone).code == ExitCode.OK
    plans = [json.loads(path.read_text()) for path in shell.folder.glob("*.json")]
    assert [[each["id"] for each in plan["changes"]] for plan in plans] == [[BACKUP_2023]] * 2
    assert len({plan["digest"] for plan in plans}) == 1

"""Progress of real runs, by a clock that the test moves: when a line comes, what it says, and that it goes away."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count, groupby, pairwise
from pathlib import Path

import pytest

from reconciler.apply.pace import Pacing
from reconciler.cli.screen import Line, Log
from reconciler.commands import apply
from reconciler.commands import list as listing
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.seed import default_seed
from reconciler.session.connection import connected, resolve
from reconciler.session.context import Context
from reconciler.session.sending import SendingOptions
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.commands.test_apply import DESCRIBE, applied
from tests.influx.raw_server import Connection, raw_server, refusal
from tests.scenarios.test_signals import CHANGES, crowd, crowded
from tests.screen import frames, seen
from tests.shell import INGEST, Done, Shell, shell_on

HOSTILE = "\x1b[2J##[error]Applying\r\n::error::x"


@dataclass
class Drawn:
    """A display that keeps what it shows; `up` while nothing else was written since."""

    first_s: float = 1.0
    every_s: float = 0.1
    lines: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)  # apart, as they come when the machine is slow
    shares: list[float | None] = field(default_factory=list)
    up: bool = False

    def draw(self, words: str, share: float | None) -> None:
        """Keep it."""
        self.up = True
        if words.startswith("Waiting for "):
            self.waits.append(words)
        else:
            self.lines.append(words)
            self.shares.append(share)

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Take it away."""
        self.up = False
        yield


def stepping(by_s: float) -> Callable[[], float]:
    """A clock that moves on whenever it is read."""
    readings = count()  # which several threads may ask at once
    return lambda: next(readings) * by_s


def seconds(line: str) -> int:
    """The time that a line ends with."""
    found = re.search(r"(?:(\d+) min )?(\d+) s$", line)
    assert found
    return int(found[1] or 0) * 60 + int(found[2])


def one_by_one(shell: Shell, file: str, **around: object) -> Done:
    """Apply with one worker, by a clock that moves on."""
    around.setdefault("with_clock", stepping(0.01))
    return applied(shell, file, yes=True, pacing=Pacing(parallelism=1), **around)  # type: ignore[arg-type]


def test_a_server_that_says_nothing_is_waited_for_in_words(shell: Shell) -> None:
    drawn = Drawn(first_s=0.002, every_s=0.001)

    def hanging(connection: Connection) -> Iterator[bytes]:
        while len(drawn.waits) < 3 and connection.pause():
            pass
        yield refusal(401, "unauthorized", "unauthorized access")

    with raw_server(script=hanging) as server:
        shell.environment["INFLUX_HOST"] = server.url
        done = shell.call(
            lambda context: listing.run(listing.ListRequest(), Flags(), context), display=drawn, clock=stepping(0.2)
        )
    assert done.code == ExitCode.AUTH
    told = {re.sub("[0-9]{2,}", "PORT", line) for line in drawn.waits}
    assert (told, drawn.lines, drawn.up) == ({"Waiting for http://PORT.0.0.1:PORT, 0 s"}, [], False)


def test_a_run_that_is_soon_over_shows_nothing(shell: Shell) -> None:
    drawn = Drawn()
    done = one_by_one(shell, shell.declare(DESCRIBE), with_display=drawn, with_clock=lambda: 0.9)
    assert (done.code, done.err, drawn.lines) == (ExitCode.OK, "", [])


def test_the_line_counts_what_is_done_and_is_gone_before_the_report(tmp_path: Path) -> None:
    drawn = Drawn(every_s=0.001)
    with crowded(tmp_path) as shell:
        file = str(shell.folder / "tokens.yaml")
        done = one_by_one(shell, file, with_display=drawn, with_clock=stepping(0.01))
    assert done.code == ExitCode.OK
    told = [line.split(",")[0] for line in drawn.lines if line.startswith("Applying")]
    assert told == sorted(told, key=lambda line: int(line.split()[1]))
    assert (told[-1], drawn.lines[-1].split(",")[0]) == (
        f"Applying {CHANGES - 1} of {CHANGES}",
        f"Reading back {CHANGES} changes",
    )
    assert drawn.shares == sorted(drawn.shares, key=lambda share: share or 0.0)
    assert not drawn.up


def test_what_failed_is_counted(tmp_path: Path) -> None:
    drawn = Drawn(first_s=0.0, every_s=0.001)
    with shell_on(tmp_path, faults=[Fault("error-before", "PATCH", 9)]) as shell:
        file = shell.declare(DESCRIBE, f'id: "{INGEST}", description: x')
        done = one_by_one(shell, file, with_display=drawn)
    assert done.code == ExitCode.UNREACHABLE
    assert next(line for line in drawn.lines if "failed" in line).startswith("Applying 1 of 2, 1 failed, ")


def test_no_foreign_word_is_ever_part_of_a_line(tmp_path: Path) -> None:
    seed = default_seed()
    seed = replace(seed, tokens=tuple(replace(each, description=f"{HOSTILE} {each.id}") for each in seed.tokens))
    drawn = Drawn(first_s=0.0, every_s=0.001)
    with shell_on(tmp_path, seed) as shell:
        text = json.dumps(f"{HOSTILE} ingest".replace("\x1b", " ").replace("\r", ""))
        file = shell.declare(f'id: "{INGEST}", name: Reading, description: {text}')
        done = one_by_one(shell, file, with_display=drawn)
    assert done.code == ExitCode.OK
    ours = re.compile(r"Reading tokens: \d+ so far|Applying 0 of 1, \d+ s|Reading back 1 change, \d+ s")
    assert len({line.split()[1] for line in drawn.lines}) == 2
    assert [line for line in drawn.lines if not ours.fullmatch(line)] == []
    assert {re.sub("[0-9.:]+", "", line) for line in drawn.waits} <= {"Waiting for http//,  s"}


@pytest.mark.parametrize("display", [None, Drawn(first_s=0.0, every_s=0.001)])
def test_quiet_and_a_pipe_show_nothing(shell: Shell, display: Drawn | None) -> None:
    done = one_by_one(shell, shell.declare(DESCRIBE), with_display=display, with_quiet=True)
    assert (done.code, done.err, display.lines if display else []) == (ExitCode.OK, "", [])


def test_ci_gets_a_plain_line_every_ten_seconds(tmp_path: Path) -> None:
    with crowded(tmp_path) as shell:
        kept, file = io.StringIO(), str(shell.folder / "tokens.yaml")
        done = one_by_one(shell, file, with_display=Log(kept), with_clock=stepping(0.5))
    assert done.code == ExitCode.OK
    lines = kept.getvalue().splitlines()
    assert all(each.isprintable() and each.isascii() for each in lines)
    times = [seconds(each) for each in lines]
    assert len(times) > 3
    # How much later than that depends on how often other threads look at this clock meanwhile.
    assert all(later - sooner >= 10 for sooner, later in pairwise([0, *times]))


def test_a_clock_that_jumps_gives_one_line_and_not_many(shell: Shell) -> None:
    kept, times = io.StringIO(), iter([*[0.0] * 12, *[7000.0] * 10_000])
    file = shell.declare(DESCRIBE, head="unmanaged: warn\n")
    done = one_by_one(shell, file, with_display=Log(kept), with_clock=lambda: next(times))
    assert (done.code, len(kept.getvalue().splitlines())) == (ExitCode.OK, 1)


def test_a_long_list_is_told_while_it_is_read(tmp_path: Path) -> None:
    seed = crowd()
    many = tuple(replace(each, description="x" * 20_000) for each in seed.tokens)
    drawn, late = Drawn(first_s=0.0, every_s=0.001), Drawn(first_s=60.0)
    with shell_on(tmp_path, replace(seed, tokens=many)) as shell:

        def run(context: Context) -> ExitCode:
            """List the tokens."""
            return listing.run(listing.ListRequest(), Flags(), context)

        done = shell.call(run, display=drawn, clock=stepping(0.01))
        assert shell.call(run, display=late, clock=stepping(0.01)) == done
    assert (done.code, drawn.up, late.lines) == (ExitCode.OK, False, [])
    counts = [int(each.removeprefix("Reading tokens: ").removesuffix(" so far")) for each in drawn.lines]
    assert len(counts) > 3
    assert counts == sorted(counts)
    assert (counts[0] < len(many), set(drawn.shares)) == (True, {None})


def test_what_workers_read_is_no_line_of_its_own(tmp_path: Path) -> None:
    seed = crowd()
    many = tuple(replace(each, description="x" * 4_000) for each in seed.tokens)
    drawn = Drawn(first_s=0.0, every_s=0.001)
    with shell_on(tmp_path, replace(seed, tokens=many)) as shell:
        entries = [f'id: "{each.id}", status: inactive' for each in many[1:]]
        file = shell.declare(*entries, head="guards: {max_deactivations: 100%}\n")
        done = one_by_one(shell, file, with_display=drawn)
        assert (done.code, shell.sent().count("GET /api/v2/authorizations")) == (ExitCode.OK, 2)
    kinds = [" ".join(kind) for kind, _ in groupby(re.findall("[A-Za-z]+", line)[:2] for line in drawn.lines)]
    assert kinds == ["Reading tokens", "Applying of", "Reading back"]


def test_the_line_is_gone_when_reading_ends_with_an_error(shell: Shell) -> None:
    drawn = Drawn()

    def fail(context: Context) -> ExitCode:
        """Draw, and meet a signal."""
        with connected(resolve(Flags(), context), context):
            drawn.draw("Reading tokens: 1 so far", None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shell.call(fail, display=drawn)
    assert not drawn.up


@pytest.mark.parametrize("debug", [False, True])
def test_what_else_is_said_stands_on_lines_of_its_own(tmp_path: Path, debug: bool) -> None:
    screen = io.StringIO()
    line = Line(screen, {"TERM": "xterm"})
    line.first_s, line.every_s = 0.0, 0.001
    with shell_on(tmp_path, faults=[Fault("unavailable", "PATCH")]) as shell:
        sources = Sources(files=[shell.declare(DESCRIBE)])

        def run(context: Context) -> ExitCode:
            """Apply with both streams on one terminal."""
            streams = context.streams._replace(stdout=screen, stderr=screen, debug=debug)
            return apply.run(sources, Flags(), SendingOptions(yes=True), context._replace(streams=streams))

        assert shell.call(run, display=line, clock=stepping(0.01)).code == ExitCode.OK
    assert any(each.partition("Applying 0 of 1, ")[2] for each in frames(screen.getvalue()))
    shown = seen(shell.plain(screen.getvalue()))
    assert "\nURL answered 503 with a web page; asking again in 0.2 s\n" in shown
    assert ("\nPATCH /api/v2/authorizations/" in shown) == debug
    assert not [each for each in shown.splitlines() if "Applying" in each or "Reading" in each]

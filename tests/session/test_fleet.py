"""Planning many servers: each has its time and its result, and a signal ends all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import chain, count, repeat
from pathlib import Path

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.cli import main
from reconciler.errors import ExitCode, Problem
from reconciler.influx_cli import of_profile
from tests.fleet import Fleet, fleet_on
from tests.shell import ABSENT, GRAFANA, Done

DESCRIBE = f'id: "{GRAFANA}", name: g, description: dashboard'
PLAN = ("plan", "--fleet", "servers")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet_on(tmp_path_factory.mktemp("fleet"), ("hamburg", "lyon")) as made:
        for name in ("hamburg", "lyon"):
            made.declare(DESCRIBE, name=f"servers/{name}.yaml")
        yield made


def run(
    fleet: Fleet, *arguments: str, clock: Callable[[], float] = lambda: 0.0, interrupt: Interrupt | None = None
) -> Done:
    """Run a command line with a clock of its own."""
    made = Fleet(fleet.folder, fleet.surroundings(), here=True, sandboxes=fleet.sandboxes)
    line = [each.replace("servers", str(fleet.folder / "servers")) for each in arguments]
    return made.call(lambda context: ExitCode(main.run(line, context)), clock=clock, interrupt=interrupt or Interrupt())


def clock(*moments: float | Exception) -> Callable[[], float]:
    """A clock that shows these moments, and the last one from then on."""
    left = chain(moments, repeat(moments[-1]))

    def look() -> float:
        moment = next(left)
        if isinstance(moment, Exception):
            raise moment
        return moment

    return look


def test_a_server_has_its_time_and_is_unreachable_after_it(fleet: Fleet) -> None:
    done = run(fleet, *PLAN, clock=count(step=61).__next__)
    assert done.code == ExitCode.UNREACHABLE
    assert (
        "Not planned (unreachable): hamburg, lyon: not read within 60 s, retries included\n"
        "  hint: look at the server's load\n"
    ) in done.out


def test_a_signal_ends_all_and_asks_nobody(fleet: Fleet) -> None:
    before = [len(box.requests) for box in fleet.sandboxes.values()]
    interrupt = Interrupt()

    def told_to_end() -> float:
        interrupt.came = True
        return 0.0

    done = run(fleet, *PLAN, interrupt=interrupt, clock=told_to_end)
    again = run(fleet, *PLAN, interrupt=interrupt)
    assert [(each.code, each.out, each.err) for each in (done, again)] == [(ExitCode.INTERRUPTED, "", "")] * 2
    assert [len(box.requests) for box in fleet.sandboxes.values()] == before


def test_a_mistake_with_one_server_is_its_own(fleet: Fleet) -> None:
    done = run(fleet, *PLAN, "--server", "lyon", clock=clock(0.0, ZeroDivisionError(), 0.0))
    assert done.code == ExitCode.ERROR
    assert (
        "Not planned (error): lyon: this is a mistake in tokenctl itself\n"
        "  hint: ask that server alone to see where: ZeroDivisionError\n"
    ) in done.out


def test_two_servers_that_are_one_may_not_change_one_token(fleet: Fleet) -> None:
    lyon = {"url": fleet.sandboxes["lyon"].url, "token": fleet.secret("lyon")}
    fleet.profiles({"hamburg": lyon, "lyon": lyon})
    done = fleet.cli(*PLAN, environment={})
    fleet.profiles()
    assert done.code == ExitCode.INVALID
    assert (
        f"Not planned (invalid): hamburg, lyon: the token {GRAFANA} would be changed by hamburg and lyon, "
        "which are for one server\n  hint: declare it once\n"
    ) in done.out


def test_a_server_whose_texts_hold_another_profiles_token_is_not_planned(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "other": {"url": "http://127.0.0.1:9", "token": "token-of-another-profile"}})
    connection = HTTPConnection(tables["lyon"]["url"].removeprefix("http://"))
    head = {"Authorization": f"Token {tables['lyon']['token']}", "Content-Type": "application/json"}
    body = '{"description": "token-of-another-profile"}'
    connection.request("PATCH", f"/api/v2/authorizations/{GRAFANA}", body, head)
    assert connection.getresponse().status == 200
    connection.close()
    done = fleet.cli(*PLAN, "-o", "fleet.json", environment={})
    fleet.profiles()
    saved = (fleet.folder / "fleet.json").read_text()
    assert (done.code, "token-of-another" in done.out + done.err + saved) == (ExitCode.INVALID, False)
    assert [each["reason"] for each in json.loads(saved)["servers"]] == ["ok", "invalid"]
    shown = fleet.cli("show", "fleet.json", environment={})
    assert (shown.code, shown.out.count("Not planned (invalid): lyon: ")) == (ExitCode.INVALID, 1)
    changed = fleet.write(saved.replace('"left_out": 0', '"left_out": 0, "removed": []'), "changed.json")
    assert fleet.cli("show", changed, environment={}).code == ExitCode.STALE
    fleet.write(saved.replace('"servers": [', '"servers": [1, '), "changed.json")
    assert fleet.cli("show", changed, environment={}).code == ExitCode.INVALID


def test_what_is_selected_nowhere_is_told_and_servers_without_it_are_left_out(fleet: Fleet) -> None:
    fleet.declare(f'id: "{GRAFANA}", name: other', name="servers/lyon.yaml")
    done = fleet.cli(*PLAN, "--select", "g", environment={})
    nowhere = fleet.cli(*PLAN, "--select", "nothing", environment={})
    fleet.declare(DESCRIBE, name="servers/lyon.yaml")
    assert (done.code, done.out.partition("\n")[0]) == (ExitCode.OK, "1 server · 1 planned · 1 left out")
    assert (nowhere.code, nowhere.err) == (
        ExitCode.USAGE,
        "--select finds nothing on any server\n  hint: name what the files of a server declare\n",
    )


def test_a_folder_that_is_not_there_is_told(fleet: Fleet) -> None:
    done = fleet.cli("plan", "--fleet", "nowhere", environment={})
    assert (done.code, done.err) == (ExitCode.INVALID, "nowhere: no such file or directory\n")


NAMED = r"--(url|org|token-file|profile|self-id)\b|INFLUX_(HOST|TOKEN|ORG|EXTRA|ACTIVE)|TOKENCTL_SELF_ID"


def test_no_hint_about_a_server_names_what_is_refused_with_a_fleet() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "messages.md").read_text("utf-8")
    hints = [each.strip() for line in page.splitlines() for each in line.split("|")[1:] if re.search(NAMED, each)]
    hints += [
        "check the URL (--url, INFLUX_HOST) and that the server runs",
        "say which one is yours with `--self-id ID`, or",
    ]
    assert len(hints) > 10
    assert [each for each in hints if re.search(NAMED, of_profile(Problem("", each)).hint)] == []
    assert (
        of_profile(Problem("", hints[-2])).hint == "check the URL (of its influx CLI profile) and that the server runs"
    )
    assert of_profile(Problem("", "choose one with --profile")).hint == "correct its influx CLI profile"


def test_the_token_of_a_servers_profile_is_told_in_words_of_the_profile(tmp_path: Path) -> None:
    with fleet_on(tmp_path, ("lyon",)) as fleet:
        lyon = {"url": fleet.sandboxes["lyon"].url, "token": fleet.secret("lyon"), "self-id": ABSENT}
        fleet.profiles({"lyon": lyon})
        fleet.declare(f'id: "{GRAFANA}", status: inactive', name="servers/lyon.yaml")
        planned = fleet.cli(*PLAN, environment={})
        doctor = fleet.cli("doctor", "--fleet", "servers", environment={})
        fleet.profiles({"lyon": {**lyon, "self-id": "none"}})
        unread = fleet.cli("list", "--fleet", "servers", environment={})
    which = "which `self-id` of its influx CLI profile names"
    assert f"the list has no token {ABSENT}, {which}" in planned.out
    assert f"Failed on lyon (own token): the list has no token {ABSENT}, {which}\n" in doctor.out
    assert "Not read (usage): lyon: `self-id` of its influx CLI profile takes an id: " in unread.err

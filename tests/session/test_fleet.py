"""Planning many servers: each has its time and its result, and a signal ends all."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import chain, count, repeat
from pathlib import Path

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.cli import main
from reconciler.core.fleet import Skipped
from reconciler.errors import ExitCode, Problem, UnreachableError
from reconciler.influx_cli import of_profile
from reconciler.session.context import Context
from reconciler.session.fleet import AT_ONCE, Named, ask_each, named
from reconciler.session.fleet_files import Which
from reconciler.settings import Flags, Settings
from tests.fleet import Fleet, fleet_on
from tests.influx.raw_server import Connection, answer, raw_server
from tests.influx.test_wire import entry, listed
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


def test_a_server_that_does_not_answer_costs_the_others_nothing(fleet: Fleet) -> None:
    """All slots but one are taken by servers that wait until every other one is done, which goes through the last."""
    names = [f"edge-{number:02}" for number in range(60)]
    fleet.profiles({name: {"url": f"http://127.0.0.1:{at + 1}", "token": "any"} for at, name in enumerate(names)})
    for name in names:
        fleet.write("version: 1\ntokens: []\n", f"many/{name}.yaml")
    silent, others = names[: AT_ONCE - 1], set(names[AT_ONCE - 1 :])
    over = threading.Event()

    def act(one: Named, _: Settings, __: Context) -> str:
        if one.name in silent:
            assert over.wait(30)
            raise UnreachableError("it did not answer")
        others.remove(one.name)
        if not others:
            over.set()
        return one.name

    asked: list[str | Skipped] = []

    def ask(context: Context) -> ExitCode:
        asked.extend(ask_each(named(Which(str(fleet.folder / "many")), Flags(), context), act, context))
        return ExitCode.OK

    fleet.call(ask)
    fleet.profiles()
    assert [each if isinstance(each, str) else each.code for each in asked] == [
        *[ExitCode.UNREACHABLE] * len(silent),
        *names[len(silent) :],
    ]


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up_when_its_time_is_over(fleet: Fleet) -> None:
    asked = threading.Event()

    def silent(connection: Connection) -> Iterator[bytes]:
        asked.set()
        while connection.pause():
            yield from ()

    with raw_server(script=silent) as raw:
        fleet.profiles({"lyon": {"url": raw.url, "token": fleet.secret("lyon")}})
        done = run(fleet, *PLAN, "--server", "lyon", clock=lambda: 60.0 * asked.is_set())
    fleet.profiles()
    assert (done.code, len(raw.requests)) == (ExitCode.UNREACHABLE, 1)
    assert "Not planned (unreachable): lyon: not read within 60 s, retries included\n" in done.out


@pytest.mark.parametrize("verb", ["plan", "list", "doctor"])
def test_a_list_that_is_too_large_for_one_of_many_is_an_unreachable_server_with_a_way_out(
    fleet: Fleet, verb: str
) -> None:
    entries = [entry(id=f"{number:016x}", description=f"{number}{'d' * 60_000}") for number in range(1, 160)]
    head = {"Content_Type": "application/json", "X_Influxdb_Build": "OSS", "X_Influxdb_Version": "v2.7.12"}
    fleet.declare("match: {user: grafana}, name: g", name="servers/lyon.yaml")

    def all_listed(connection: Connection) -> Iterator[bytes]:
        yield answer(204, **head) if b" /ping " in connection.request else answer(200, listed(*entries), **head)

    with raw_server(script=all_listed) as raw:
        fleet.profiles({"lyon": {"url": raw.url, "token": fleet.secret("lyon")}})
        done = fleet.cli(verb, "--fleet", "servers", "--server", "lyon", environment={})
    fleet.profiles()
    fleet.declare(DESCRIBE, name="servers/lyon.yaml")
    assert (done.code, "the list does not fit into memory\n" in done.out + done.err) == (ExitCode.UNREACHABLE, True)
    assert (
        "  hint: a server of a fleet has room for 8 MiB: ask this one alone, without --fleet\n" in done.out + done.err
    )

"""Sending to several servers: one failing server costs the others nothing, and the run can be gone on with."""

from __future__ import annotations

import errno
import io
import json
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.pace import Moment
from reconciler.cli import main
from reconciler.documents.fleet import load_fleet, save_fleet
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault
from reconciler.schema import load_schema, violations
from tests.fleet import NAMES, Fleet, fleet_on
from tests.shell import GRAFANA, Done, texts

DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'
TEN = tuple(f"edge-{number}" for number in range(10))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with fleet_on(tmp_path) as made:
        declare(made)
        yield made


def declare(fleet: Fleet, *tokens: str) -> None:
    for name in fleet.sandboxes:
        fleet.declare(*(tokens or (DESCRIBE,)), name=f"servers/{name}.yaml")


def apply(fleet: Fleet, *arguments: str, stdin: str = "") -> Done:
    return fleet.cli("apply", "--fleet", "servers", *arguments, stdin=stdin.encode(), environment={})


def written(fleet: Fleet) -> list[str]:
    """The servers that were sent a PATCH."""
    return [name for name, box in fleet.sandboxes.items() if any(each.method == "PATCH" for each in box.requests)]


def described(fleet: Fleet) -> list[str]:
    """The servers that are as declared."""
    found = {name: {each.id: each.description for each in box.tokens} for name, box in fleet.sandboxes.items()}
    return [name for name, texts in found.items() if texts.get(GRAFANA) == "dashboard"]


def test_what_is_shown_is_sent_and_told_once(fleet: Fleet) -> None:
    done = apply(fleet, "--yes")
    assert (done.code, described(fleet)) == (ExitCode.OK, list(NAMES))
    assert done.out.partition("Digest DIGEST\n")[2] == (
        "\nApply: 3 done, 0 failed, 0 unverified, 0 not attempted; 3 of 3 servers with changes ended well.\n"
        f"Journals {journals(fleet)}-*.ndjson\n"
    )
    assert sorted(done.err.splitlines()) == [f"{name}: ok, 1 of 1 change done" for name in NAMES]
    assert apply(fleet, "--yes").out.endswith("No changes: 3 servers as declared.\nDigest DIGEST\n")


def journals(fleet: Fleet) -> str:
    """How the paths of the journals begin."""
    path = next(fleet.folder.rglob("*-hamburg.ndjson"))
    return fleet.plain(str(path).removesuffix("-hamburg.ndjson"))


def test_each_server_has_a_journal_that_names_it(fleet: Fleet) -> None:
    apply(fleet, "--yes")
    found = sorted((fleet.folder / "state").rglob("*.ndjson"))
    headers = [json.loads(path.read_text("utf-8").splitlines()[0]) for path in found]
    assert [each["server_name"] for each in headers] == list(NAMES)
    assert len({each["run"].rpartition(f"-{each['server_name']}")[0] for each in headers}) == 1
    assert [path.stem for path in found] == [each["run"] for each in headers]


def test_one_answer_is_asked_for_all(fleet: Fleet) -> None:
    declined = fleet.call(
        lambda context: ExitCode(main.run(["apply", "--fleet", str(fleet.folder / "servers")], context)),
        interactive=True,
        stdin=b"no\n",
    )
    assert (declined.code, written(fleet)) == (ExitCode.CANCELLED, [])
    assert declined.err == (
        "Send 3 changes to 3 servers, first to hamburg? Only `yes` does it: "
        "nothing was sent: the answer was not `yes`\n"
    )


def test_another_digest_than_the_reviewed_one_sends_nothing(fleet: Fleet) -> None:
    done = apply(fleet, "--yes", "--expect", "0" * 64)
    assert (done.code, written(fleet)) == (ExitCode.STALE, [])
    fleet.cli("plan", "--fleet", "servers", "-o", "fleet.json", environment={})
    digest = json.loads((fleet.folder / "fleet.json").read_text("utf-8"))["digest"]
    assert apply(fleet, "--yes", "--expect", digest).code == ExitCode.OK


def test_a_server_that_cannot_be_planned_keeps_all_others_from_being_sent_to(fleet: Fleet) -> None:
    fleet.declare('id: "0123456789abcdef", description: x', name="servers/lyon.yaml")
    done = apply(fleet, "--yes")
    assert (done.code, written(fleet)) == (ExitCode.INVALID, [])
    assert done.err == (
        "nothing was sent to any server: 1 server of the fleet cannot be sent to\n"
        "  hint: fix what is named above, or go on without: `--server '!lyon'`\n"
    )
    assert apply(fleet, "--yes", "--server", "!lyon").code == ExitCode.OK
    assert described(fleet) == ["hamburg", "us-cloud"]


def test_a_server_that_is_not_reached_is_left_out_and_makes_the_run_partial(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "url": "http://127.0.0.1:1"}})
    done = apply(fleet, "--yes")
    assert (done.code, described(fleet)) == (ExitCode.PARTIAL, ["hamburg", "us-cloud"])
    assert apply(fleet, "--yes").code == ExitCode.UNREACHABLE
    fleet.profiles()
    assert (apply(fleet, "--yes").code, described(fleet)) == (ExitCode.OK, list(NAMES))


def test_with_a_failing_first_server_exactly_one_is_written_to(fleet: Fleet) -> None:
    fleet.sandboxes["hamburg"].fail(Fault("deleted-meanwhile", "PATCH"))
    done = apply(fleet, "--yes")
    assert (done.code, written(fleet)) == (ExitCode.PARTIAL, ["hamburg"])
    assert "\nNot begun, as the first server did not end well: lyon, us-cloud\n" in done.out
    assert done.out.endswith(
        "2 not attempted; 0 of 3 servers with changes ended well.\n"
        f"Journals {journals(fleet)}-*.ndjson\n"
        "Run it again to go on: what is done is no longer in the plan.\n"
    )


FAILING = {
    "refuses": Fault("too-many-requests", "PATCH", 99),
    "resets": Fault("reset-before", "PATCH", 99),
    "lies": Fault("truncated-body", "GET", 99),
    "is absent": Fault("unavailable", "GET", 99),
    "hides": Fault("deleted-meanwhile", "PATCH"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_one_of_ten_fails_the_others_are_right_and_a_second_run_finishes(tmp_path: Path, kind: str) -> None:
    with fleet_on(tmp_path, TEN) as fleet:
        declare(fleet)
        failing = TEN[1 + sorted(FAILING).index(kind)]
        fleet.sandboxes[failing].fail(FAILING[kind])
        done = apply(fleet, "--yes")
        assert (done.code, described(fleet)) == (ExitCode.PARTIAL, [each for each in TEN if each != failing])
        assert re.search(
            rf"^({failing} \((partial|unreachable)\):|Not planned \(unreachable\): {failing}: .*)$",
            done.out,
            re.MULTILINE,
        )
        fleet.sandboxes[failing].mend()
        if kind == "hides":  # the token is gone for good
            assert apply(fleet, "--yes").code == ExitCode.INVALID
        else:
            assert (apply(fleet, "--yes").code, described(fleet)) == (ExitCode.OK, list(TEN))


def test_a_server_that_changes_after_it_was_shown_is_left_alone(fleet: Fleet) -> None:
    box = fleet.sandboxes["lyon"]
    done = run(fleet, stderr=Telling("hamburg: ok", lambda: box.change(GRAFANA, description="of somebody else")))
    assert (done.code, written(fleet)) == (ExitCode.PARTIAL, ["hamburg", "us-cloud"])
    assert "\nNot done (stale): lyon: " in done.out
    assert (apply(fleet, "--yes").code, described(fleet)) == (ExitCode.OK, list(NAMES))


def test_events_name_their_server_and_the_last_sums_up(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "url": "http://127.0.0.1:1"}})
    done = apply(fleet, "--yes", "--format", "json")
    events = [json.loads(line) for line in done.out.replace("DIGEST", "0" * 64).splitlines()]
    assert done.code == ExitCode.PARTIAL
    for each in events:
        assert violations(each, load_schema("events")) == ()
    told = sorted((each.get("server", ""), each["event"]) for each in events)
    assert told == [
        ("", "summary"),
        *(("hamburg", event) for event in ("op_finished", "op_started", "plan", "server_finished")),
        ("lyon", "server_finished"),
        *(("us-cloud", event) for event in ("op_finished", "op_started", "plan", "server_finished")),
    ]
    assert [each["event"] for each in events][-1] == "summary"
    assert (events[-1]["reason"], events[-1]["counts"]["done"]) == ("partial", 2)


def test_no_request_carries_the_secret_of_another_server(fleet: Fleet) -> None:
    apply(fleet, "--yes", "--lock")
    assert [each.status for box in fleet.sandboxes.values() for each in box.requests].count(401) == 0
    whole = "\n".join(texts(fleet.folder / "state"))
    assert [name for name in NAMES if fleet.secret(name) in whole] == []


class Telling(io.StringIO):
    """Standard error, and what happens once a text is written there."""

    def __init__(self, text: str, then: Callable[[], None]) -> None:
        super().__init__()
        self._text, self._then = text, then

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._text in text:
            self._then()
        return written


def test_after_a_signal_no_server_begins_any_more(fleet: Fleet) -> None:
    interrupt = Interrupt()
    stderr = Telling("hamburg: ok", lambda: interrupt.receive(signal.SIGTERM))
    done = run(fleet, interrupt=interrupt, stderr=stderr)
    assert (done.code, written(fleet)) == (ExitCode.PARTIAL, ["hamburg"])
    assert "\nNot begun, as told to end: lyon, us-cloud\n" in done.out


def test_a_signal_while_the_first_server_is_planned_again_ends_the_run_with_nothing_sent(fleet: Fleet) -> None:
    interrupt = Interrupt()

    def moment() -> Moment:
        interrupt.receive(signal.SIGINT)
        return Moment(0.0, 0.0)

    done = run(fleet, interrupt=interrupt, moment=moment)
    assert (done.code, written(fleet)) == (ExitCode.INTERRUPTED, [])
    assert "Not done (interrupted): hamburg: interrupted: nothing was sent\n" in done.out


def run(fleet: Fleet, **surroundings: object) -> Done:
    arguments = ["apply", "--yes", "--fleet", str(fleet.folder / "servers")]
    return fleet.call(lambda context: ExitCode(main.run(arguments, context)), **surroundings)  # type: ignore[arg-type]


def test_quiet_says_nothing_where_nothing_is_to_be_done(fleet: Fleet) -> None:
    assert apply(fleet, "--yes", "--quiet").err == ""
    assert apply(fleet, "--yes", "--quiet") == Done(ExitCode.OK, "", "")


def test_a_report_that_standard_output_does_not_take_goes_to_stderr(fleet: Fleet) -> None:
    class Full(io.StringIO):
        """A disk that has room for the plans."""

        def write(self, text: str) -> int:
            if "Apply:" in text:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    done = run(fleet, stdout=Full(), stderr=(said := io.StringIO()))
    assert (done.code, described(fleet)) == (ExitCode.OK, list(NAMES))
    assert "\nApply: 3 done, 0 failed, 0 unverified, 0 not attempted; " in said.getvalue()


def saved(fleet: Fleet) -> str:
    """The digest of the plans that are saved in fleet.json."""
    assert fleet.cli("plan", "--fleet", "servers", "-o", "fleet.json", environment={}).code == ExitCode.OK
    return str(json.loads((fleet.folder / "fleet.json").read_text("utf-8"))["digest"])


def send(fleet: Fleet, *arguments: str) -> Done:
    return fleet.cli("apply", "fleet.json", "--yes", *arguments, environment={})


def test_saved_plans_are_sent_as_they_were_reviewed_and_each_server_is_judged_alone(fleet: Fleet) -> None:
    digest = saved(fleet)
    assert (send(fleet, "--expect", "0" * 64).code, written(fleet)) == (ExitCode.STALE, [])
    fleet.sandboxes["lyon"].change(GRAFANA, description="of somebody else")
    done = send(fleet, "--expect", digest)
    assert (done.code, described(fleet)) == (ExitCode.PARTIAL, ["hamburg", "us-cloud"])
    assert "\nNot done (stale): lyon: " in done.out


def test_a_server_that_was_not_reached_can_be_left_out_of_saved_plans(fleet: Fleet) -> None:
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "url": "http://127.0.0.1:1"}})
    assert fleet.cli("plan", "--fleet", "servers", "-o", "fleet.json", environment={}).code == ExitCode.UNREACHABLE
    digest = json.loads((fleet.folder / "fleet.json").read_text("utf-8"))["digest"]
    assert fleet.cli("show", "fleet.json", "--server", "!lyon", "-o", "rest.json", environment={}).code == ExitCode.OK
    done = fleet.cli("apply", "rest.json", "--yes", "--expect", digest, environment={})
    assert (done.code, described(fleet)) == (ExitCode.OK, ["hamburg", "us-cloud"])


def test_saved_plans_go_only_to_the_servers_that_they_were_made_for(fleet: Fleet) -> None:
    saved(fleet)
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": tables["hamburg"]})
    done = send(fleet)
    assert (done.code, done.out, written(fleet)) == (ExitCode.STALE, "", [])
    assert done.err == (
        "lyon: this is about http://lyon, but the profile has http://hamburg\n  hint: give the profile that URL again\n"
    )
    fleet.profiles({"hamburg": tables["hamburg"]})
    done = send(fleet)
    assert (done.code, done.out, written(fleet)) == (ExitCode.USAGE, "", [])
    assert done.err.count("the influx CLI has no profile `") == 2


def test_after_a_part_of_saved_plans_was_sent_new_ones_are_needed(fleet: Fleet) -> None:
    saved(fleet)
    fleet.sandboxes["hamburg"].fail(Fault("deleted-meanwhile", "PATCH"))
    done = send(fleet)
    assert done.code == ExitCode.PARTIAL
    assert done.out.endswith("\nMake a new plan to go on: once anything is changed, this one fits no longer.\n")


def test_a_server_stands_once_in_saved_plans(fleet: Fleet) -> None:
    """Another server's plan under its name would else be sent to it, with a digest that fits."""
    saved(fleet)
    made = load_fleet(fleet.folder / "fleet.json")
    hamburg, lyon, _ = made.members
    for members, removed in (((replace(hamburg, name="lyon"), lyon), ()), ((lyon,), ("lyon",))):
        save_fleet(replace(made, members=members, removed=removed), fleet.folder / "fleet.json")
        done = send(fleet)
        assert (done.code, done.out, written(fleet)) == (ExitCode.INVALID, "", [])
        assert done.err == (
            "fleet.json is no plan of a fleet: the server lyon is there twice\n"
            "  hint: make it anew with `tokenctl plan --fleet DIR -o FILE`\n"
        )


def test_saved_plans_carry_no_secret_to_another_server(fleet: Fleet) -> None:
    fleet.declare(f'id: "{GRAFANA}", description: short-secret-of-lyon', name="servers/hamburg.yaml")
    saved(fleet)
    tables = {name: {"url": box.url, "token": fleet.secret(name)} for name, box in fleet.sandboxes.items()}
    fleet.profiles({**tables, "lyon": {**tables["lyon"], "token": "short-secret-of-lyon"}})
    done = send(fleet)
    assert (done.code, done.out, written(fleet)) == (ExitCode.INVALID, "", [])
    assert "short-secret-of-lyon" not in done.err


def test_the_story_of_the_guide_goes_as_it_is_written(fleet: Fleet) -> None:
    """Every command line of docs/fleet.md on its example, which is there already; a glob of journals stands for those of the run before."""
    shutil.rmtree(fleet.folder / "servers")
    examples = Path(__file__).parents[2] / "examples" / "fleet"
    for path in (examples / "shared.yaml", *(examples / "servers").rglob("*.yaml")):
        text = path.read_text("utf-8")
        for name, box in fleet.sandboxes.items():
            text = text.replace(f"https://influx.{name}.example", box.url)
        fleet.write(text, str(path.relative_to(examples)))
    before = {name: {each.id: each.description for each in box.tokens} for name, box in fleet.sandboxes.items()}
    guide = Path(__file__).parents[2].joinpath("docs", "fleet.md").read_text("utf-8")
    told = []
    for line in re.findall(r"^    tokenctl (?!export )(.+)$", guide, re.MULTILINE):
        words = [each for word in line.split() for each in journal_files(fleet, word)]
        agreed = ["--yes"] if words[0] == "apply" or "--apply" in words else []
        told.append((words[0], fleet.cli(*words, *agreed, environment={}).code))
        if words[0] == "apply":
            found = {
                token.description for box in fleet.sandboxes.values() for token in box.tokens if token.id == GRAFANA
            }
            assert found == {"Grafana of Hamburg", "Grafana of Lyon", "Grafana of the US"}
    assert told == [(verb, ExitCode.OK) for verb in GUIDE]
    assert {name: {each.id: each.description for each in box.tokens} for name, box in fleet.sandboxes.items()} == before


def test_a_fleet_is_begun_as_the_guide_says(fleet: Fleet) -> None:
    """The first two blocks of docs/fleet.md in an empty folder, and between them what is said there of `ingest`."""
    shutil.rmtree(fleet.folder / "servers")
    root = Path(__file__).parents[2]
    first, second = re.findall(r"(?:^    .+\n)+", (root / "docs" / "fleet.md").read_text("utf-8"), re.MULTILINE)[1:3]
    fleet.environment |= {"INFLUX_HOST": "http://127.0.0.1:9", "INFLUX_TOKEN": "of another page"}
    shared = fleet.folder / "shared.yaml"
    shutil.copy(root / "examples" / "fleet" / "shared.yaml", shared)
    for line in first.splitlines():
        typed(fleet, line.strip())
    twice = fleet.cli("validate", "--fleet", "servers", "shared.yaml", environment={})
    assert (twice.code, twice.err.count("declared for the second time")) == (ExitCode.INVALID, 3)
    for path in (fleet.folder / "servers").rglob("*.yaml"):
        path.write_text(re.sub(r"  - id: \S+\n    name: ingest\n(?:    .*\n)+", "", path.read_text()))
    for line in second.splitlines():
        typed(fleet, line.strip())


def typed(fleet: Fleet, line: str) -> None:
    """Run a line of a guide, which has to succeed."""
    program, *words = line.split()
    if program == "unset":
        for name in words:
            fleet.environment.pop(name, None)
    elif program == "mkdir":
        (fleet.folder / words[0]).mkdir()
    else:
        done = fleet.cli(*words, environment={})
        assert (program, done.code) == ("tokenctl", ExitCode.OK), done


GUIDE = ("doctor", "list", "validate", "plan", "plan", "show", "apply", "undo", "undo")


def journal_files(fleet: Fleet, word: str) -> list[str]:
    """The journals that a pattern of the guide means here."""
    return sorted(map(str, fleet.folder.glob("state/tokenctl/*.ndjson"))) if word.endswith("-*.ndjson") else [word]

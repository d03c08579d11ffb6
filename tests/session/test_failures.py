"""No plan is no reason to say nothing: what ended a run is told in each format that can tell it, and nowhere else."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import chdir
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from reconciler.apply.interrupt import Interrupt
from reconciler.cli.main import run
from reconciler.errors import ExitCode, Place, Problem
from reconciler.render import words
from reconciler.render.formats import DRAWN, OFFLINE, PROBLEM_FORMATS, REPORTS, PlanFormat
from reconciler.schema import load_schema
from tests.checkout import Checkout
from tests.scenarios.test_exit_codes import DESCRIBE
from tests.shell import ABSENT, GRAFANA, Done, Shell

NOWHERE = "http://127.0.0.1:1"  # a port that is freed may be another server's by the time that it is asked
SILENT = sorted({*PlanFormat} - {*PROBLEM_FORMATS})


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell in whose folder a run plans, in this process."""
    shell.here = True
    shell.declare(DESCRIBE)
    return shell


def told(output: str) -> str:
    """What standard error says where the document says this."""
    document = json.loads(output)
    jsonschema.validate(document, load_schema("problems"))
    problems = [
        Problem(each["message"], each["hint"], Place(**each["place"]) if each["place"] else None)
        for each in document["problems"]
    ]
    assert problems
    return words.problems(problems)


def broken(shell: Shell) -> None:
    """A file with two problems."""
    shell.declare('id: "x", statsu: active')


def twice(shell: Shell) -> None:
    """Two files that are refused."""
    shell.declare("nonsense", name="more/a.yaml")
    shell.declare("nonsense", name="more/b.yaml")


def absent(shell: Shell) -> None:
    """A file that declares a token which is not there."""
    shell.declare(f'id: "{ABSENT}", status: active')


def another(shell: Shell) -> None:
    """A file for another server."""
    shell.declare(DESCRIBE, head="server: {url: https://influx.example}\n")


def changed(shell: Shell) -> None:
    """A saved plan that was changed by hand, and one that is none."""
    assert shell.run("plan", "-o", "plan.json").code == 0
    text = (shell.folder / "plan.json").read_text()
    shell.write(text.replace('"describe": 1', '"describe": 2'), "stale.json")


def nothing(_: Shell) -> None:
    """Nothing beside the file that is good."""


CASES: dict[str, tuple[Callable[[Shell], None], str, dict[str, str], int]] = {
    "invalid": (broken, "plan", {}, 65),
    "invalid in a folder": (twice, "plan more", {}, 65),
    "no such file": (nothing, "plan none.yaml", {}, 65),
    "absent": (absent, "plan", {}, 65),
    "wrong credentials": (nothing, "plan", {"INFLUX_TOKEN": "FAKE"}, 6),
    "no credentials": (nothing, "plan", {"INFLUX_TOKEN": ""}, 64),
    "unreachable": (nothing, "plan", {"INFLUX_HOST": NOWHERE}, 7),
    "refused before planning": (another, "plan", {}, 4),
    "nothing selected": (nothing, "plan --select nobody", {}, 64),
    "a wrong option": (nothing, "plan --timeout soon", {}, 64),
    "an empty option": (nothing, "plan --org=", {}, 64),
    "an option as a value": (nothing, "plan --select --base=x", {}, 64),
    "no repository": (nothing, "plan --base HEAD", {}, 64),
    "offline": (nothing, "plan --offline --base HEAD", {}, 64),
    "no plan to show": (nothing, "show none.json", {}, 1),
    "a manifest to show": (nothing, "show tokens.yaml", {}, 65),
    "a stale plan to show": (changed, "show stale.json", {}, 5),
    "no run to undo": (nothing, "undo", {}, 64),
    "no files": (broken, "validate", {}, 65),
    "folders of standard input": (nothing, "validate --by-folder -", {}, 64),
    "an unknown option": (nothing, "plan tokens.yaml --nope nothing", {}, 64),
    "a wrong value": (nothing, "plan --allow nobody", {}, 64),
    "a wrong switch": (nothing, "validate --by-folders", {}, 64),
    "nothing to show": (nothing, "show", {}, 64),
    "too much to show": (nothing, "show tokens.yaml tokens.yaml", {}, 64),
}


# What is about the server, and neither about the files nor about the command line.
UNPLANNED = {"absent", "wrong credentials", "unreachable", "refused before planning"}


@pytest.mark.parametrize("name", CASES)
def test_each_reason_that_there_is_no_plan_is_told(shell: Shell, name: str) -> None:
    prepare, line, environment, code = CASES[name]
    prepare(shell)
    plain = shell.run(*line.split(), "--quiet", **environment)
    assert (plain.code, plain.out) == (code, "")
    command, *rest = line.split()
    planning = OFFLINE if "--offline" in rest else tuple(PlanFormat)
    forms = {"validate": REPORTS, "plan": planning}.get(command, DRAWN)
    outputs = [f"--output={form}={shell.folder}/out.{form}" for form in forms]
    done = shell.run(command, *outputs, "--format=json", *rest, "--quiet", **environment)
    written = {path.suffix[1:]: path.read_text() for path in shell.folder.glob("out.*")}
    assert done == Done(code, shell.plain(written["json"]), plain.err)
    measured = {PlanFormat.OPENMETRICS} if name in UNPLANNED else set()
    assert written.keys() == {*PROBLEM_FORMATS} & {*forms} | measured
    assert told(done.out) == plain.err
    document = json.loads(done.out)
    assert (document["command"], document["reason"], document["exit_code"]) == (command, ExitCode(code).reason, code)
    assert written["github"].startswith(f"::error title={command}%3A {document['reason']}")
    hints = sum(bool(each["hint"]) for each in document["problems"])
    for form in {*written} - {"json", *measured}:
        assert written[form].count("Way out: " if form == "html" else "hint: ") == hints, form


def test_a_command_line_that_cannot_be_read_is_told_as_far_as_it_can_be(shell: Shell) -> None:
    said = told(shell.run("list", "--format=json", "--nope").out)
    assert said == "no such option: --nope\n  hint: see `tokenctl list --help`\n"
    said = told(shell.run("plan", "--format=json", "--select").out)
    assert said == "option '--select' requires an argument\n  hint: see `tokenctl plan --help`\n"
    manifest = (shell.folder / "tokens.yaml").read_text()
    done = shell.run("plan", "tokens.yaml", f"--output=sarif={shell.folder}/tokens.yaml", "--nope")
    assert (done.code, done.out, (shell.folder / "tokens.yaml").read_text()) == (64, "", manifest)
    for unread in (["--nope", "--format=json"], ["plna", "--format=json"], ["plan", "--quiet=1", "--format=json"]):
        done = shell.run(*unread)
        assert (done.code, done.out) == (64, "")
    assert shell.sent() == []


@pytest.mark.parametrize(
    "line",
    ["plan --SENTINEL-value", "plan --allow SENTINEL-value", "plan --select SENTINEL-value", "show SENTINEL-value"],
)
def test_no_reason_holds_the_header_for_a_gate(line: str, shell: Shell) -> None:
    shell.environment["INFLUX_EXTRA_HTTP_HEADER"] = "X-Gate: Bearer SENTINEL-value"
    done = shell.run(*line.split(), "--format=json", f"--output=html={shell.folder}/page")
    assert told(done.out) in done.err
    assert "***" in done.err
    assert "SENTINEL" not in done.out + done.err + (shell.folder / "page").read_text()


@pytest.mark.parametrize("form", SILENT)
def test_formats_of_plans_alone_write_nothing(shell: Shell, form: str) -> None:
    broken(shell)
    done = shell.run("plan", "--format", form)
    assert (done.code, done.out) == (65, "")


@pytest.mark.parametrize(
    ("line", "token", "code"),
    [("list", "", 64), ("list", "FAKE", 6), ("list --org=", "", 64), ("doctor --org=", "", 64)],
)
def test_lists_in_json_tell_it_too(shell: Shell, line: str, token: str, code: int) -> None:
    plain = shell.run(*line.split(), INFLUX_TOKEN=token)
    done = shell.run(*line.split(), "--format", "json", INFLUX_TOKEN=token)
    assert (done.code, told(done.out), done.err) == (code, plain.err, plain.err)


def test_wherever_it_runs_problems_are_at_their_files_from_the_root(shell: Shell) -> None:
    Checkout.init(shell.folder)
    (shell.folder / "infra").mkdir()
    shell.declare('id: "x"', name="infra/tokens.yaml")
    within = replace(shell, folder=shell.folder / "infra")
    done = within.run("validate", "--format=sarif")
    assert "tokens.yaml:3:" in done.err
    assert "infra/tokens.yaml" not in done.err
    assert done.out == shell.run("validate", "infra", "--format=sarif").out
    place = json.loads(done.out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "infra/tokens.yaml"}
    # What has no place is told at the file that the command is about.
    for arguments, path in ((["infra"], "infra/tokens.yaml"), (["-"], "<stdin>"), (["none"], "none")):
        done = shell.run("plan", *arguments, "--select", "x", "--org=", "--format=gitlab-codequality")
        assert [each["location"]["path"] for each in json.loads(done.out)] == [path]


def test_files_that_are_good_are_told_as_such_in_the_same_formats(shell: Shell) -> None:
    shell.write(f'version: 1\ntokens:\n  - id: "{GRAFANA}"\n    description: rotate (ticket #4711)\n')
    outputs = [f"--output={form}={shell.folder}/out.{form}" for form in ("text", *PROBLEM_FORMATS)]
    done = shell.run("validate", *outputs, "--quiet")
    assert (done.code, done.out) == (0, "1 file, 1 declaration: no problems\n")
    written = {path.suffix[1:]: path.read_text() for path in shell.folder.glob("out.*")}
    assert written.pop("text") == done.out
    assert written.keys() == {*PROBLEM_FORMATS}
    document = json.loads(written["json"])
    jsonschema.validate(document, load_schema("problems"))
    assert (document["reason"], document["exit_code"], document["problems"]) == ("ok", 0, [])
    warned = [each["message"] for each in document["warnings"]]
    assert len(warned) == 1
    assert written["github"].startswith("::warning title=warning,file=tokens.yaml,line=4,col=")
    assert [each["severity"] for each in json.loads(written["gitlab-codequality"])] == ["major"]
    done = shell.run("validate", "--output", "ops=out")
    assert (done.code, done.err.splitlines()[0]) == (64, "the format ops is of plans, and none is made here")


def test_nothing_that_the_run_reads_is_replaced(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    assert shell.run("apply", "--yes").code == 0
    (journal,) = (shell.folder / "state" / "tokenctl").iterdir()
    broken(shell)
    twice(shell)
    shell.write("a secret", "token")
    shell.write("an earlier report", "report")
    before = {path: path.read_text() for path in shell.folder.rglob("*") if path.is_file()}
    for line in (
        "plan --output html=tokens.yaml --output markdown=report",
        "plan more --output html=more/b.yaml --output markdown=report",
        "validate more/a.yaml --output html=more/../more/a.yaml --output markdown=report",
        "plan --token-file token --output json=token --output markdown=report",
        "undo --url http://127.0.0.1:1 --output json=" + str(journal) + " --output markdown=report",
        "show more/a.yaml --output html=more/a.yaml --output markdown=report",
    ):
        shell.write("an earlier report", "report")
        done = shell.run(*line.split())
        assert done.code in (64, 65), line
        after = {path: path.read_text() for path in before}
        assert [path.name for path in before if after[path] != before[path]] == ["report"], line
        assert after[shell.folder / "report"].startswith(f"### tokenctl {line.split()[0]}: ")


def test_outputs_that_are_wrong_themselves_are_told_by_nobody(shell: Shell) -> None:
    for line in ("plan --output json=a --output html=a", "plan --format json --output sarif", "plan --output yaml=a"):
        done = shell.run(*line.split())
        assert (done.code, done.out) == (64, "")
    assert not (shell.folder / "a").exists()


def test_what_cannot_be_written_keeps_nothing_else_from_telling(shell: Shell) -> None:
    done = shell.run("plan", "--output=json=none/x", "--output=sarif=y", "--format=github")
    assert (done.code, done.err.splitlines()[0]) == (1, "Saved to y")
    assert done.out.startswith("::error title=plan%3A error,file=tokens.yaml") or "::cannot write to none/x" in done.out
    assert json.loads((shell.folder / "y").read_text())["runs"][0]["invocations"][0]["exitCode"] == 1


def planned(shell: Shell, *arguments: str, **surroundings: Any) -> Done:
    """Plan in surroundings of which something else is known."""
    with chdir(shell.folder):
        return shell.call(lambda context: ExitCode(run(["plan", *arguments], context)), **surroundings)


@pytest.mark.parametrize(
    ("number", "reason", "message", "more"),
    [
        (signal.SIGINT, "interrupted", "interrupted", ""),
        (signal.SIGTERM, "interrupted", "told to end", ""),
        (signal.SIGALRM, "unreachable", "the time of the run is over", ", with more time"),
    ],
)
def test_a_run_that_is_told_to_end_says_so(shell: Shell, number: int, reason: str, message: str, more: str) -> None:
    interrupt = Interrupt()

    def clock() -> float:
        """The signal comes while the server is asked."""
        interrupt.receive(number)
        raise AssertionError

    done = planned(shell, "--format", "json", clock=clock, interrupt=interrupt)
    document = json.loads(done.out)
    more = ", with more time" * (number == signal.SIGALRM)
    said = f"{message}: nothing was sent\n  hint: run it again to go on{more}\n"
    assert (document["reason"], told(done.out)) == (reason, said)


def test_a_mistake_in_the_program_itself_is_told_without_its_details(shell: Shell) -> None:
    def clock() -> float:
        """What nobody has thought of."""
        raise ZeroDivisionError

    done = planned(shell, "--format", "json", clock=clock)
    assert done.code == ExitCode.ERROR
    assert told(done.out) == "this is a mistake in tokenctl itself\n  hint: the log has what to report\n"
    assert "ZeroDivisionError" in done.err


class Broken:
    """A stream that breaks when a plan is shown."""

    def write(self, _: str) -> None:
        raise ZeroDivisionError


def test_once_the_plan_is_shown_nothing_takes_its_place(shell: Shell) -> None:
    done = planned(shell, "--output", "markdown=plan.md", "--format", "json", stdout=Broken())
    assert done.code == ExitCode.ERROR
    assert (shell.folder / "plan.md").read_text().startswith("### tokenctl plan: 1 to describe")

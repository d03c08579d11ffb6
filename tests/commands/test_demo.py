"""`demo`: its command lines are run as they stand, and end as they should."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.commands import demo
from reconciler.errors import ExitCode
from reconciler.session.context import Context
from tests.shell import PROGRAM, Done, Shell

GOLDEN = Path(__file__).parent / "golden"


def meddled(shell: Shell, meddle: Callable[[list[str]], None]) -> Done:
    """The demo, with something that happens to each command line right before it is run."""

    def command_line(arguments: Sequence[str], context: Context) -> int:
        changed = list(arguments)
        meddle(changed)
        return main.run(changed, context)

    return shell.call(demo.run, command_line=command_line)


def steady(output: str) -> str:
    """The output without what differs from run to run: the port, the folders, the process."""
    output = re.sub(r"http://127\.0\.0\.1:\d+", "URL", output)
    return re.sub(r"/\S+/((?:apply|undo)-)\S+\.ndjson", r"\1JOURNAL", output).replace(str(demo.EXAMPLE), "EXAMPLE")


def test_the_demo_tells_its_story_on_a_server_of_its_own(shell: Shell, golden: Callable[[Path, str], None]) -> None:
    done = shell.call(demo.run, environment={"PATH": str(PROGRAM.parent)})
    assert (done.code, done.err, shell.sent()) == (ExitCode.OK, "", [])
    golden(GOLDEN / "demo.txt", steady(done.out))


def test_in_80_columns_it_leaves_lines_out_at_the_same_places(shell: Shell) -> None:
    cut = re.compile("  … .* lines left out")  # where a sentence goes on below there are more of them
    assert len(cut.findall(shell.call(demo.run, columns=80).out)) == len(cut.findall((GOLDEN / "demo.txt").read_text()))


def test_it_names_the_program_as_it_was_started_where_no_path_has_it(shell: Shell) -> None:
    done = shell.run("demo")
    assert f"run `{PROGRAM} sandbox`." in done.out


def test_it_plans_and_applies_the_example_as_it_is(shell: Shell) -> None:
    planned = []

    def meddle(arguments: list[str]) -> None:
        if arguments == ["plan", "-o", "plan.json", "tokens.yaml"]:
            planned.append(Path("tokens.yaml").read_bytes())

    assert meddled(shell, meddle).code == ExitCode.OK
    assert planned == [demo.EXAMPLE.read_bytes()]


def test_it_ends_with_the_first_command_that_does_not_end_as_it_should(shell: Shell) -> None:
    def lost(arguments: list[str]) -> None:
        if arguments == ["apply", "plan.json"]:
            Path("plan.json").unlink()

    def allowed(arguments: list[str]) -> None:
        if arguments == ["plan", "mistake.yaml"]:
            arguments += ["--allow", "self", "--allow", "min_managers"]

    done = meddled(shell, lost)
    assert (done.code, done.err) == (
        ExitCode.ERROR,
        "the demo ends here: this was to end with 0, not with 1\n",
    )
    assert done.out.endswith("$ tokenctl apply plan.json\ncannot read the plan plan.json: no such file or directory\n")
    done = meddled(shell, allowed)
    assert (done.code, done.err) == (ExitCode.ERROR, "the demo ends here: this was to end with 4, not with 0\n")


def test_debugging_it_shows_the_requests_on_standard_error(shell: Shell) -> None:
    done = shell.call(demo.run, debug=True)
    assert done.code == ExitCode.OK
    assert done.err.count("PATCH /api/v2/authorizations/") == 16
    assert "PATCH" not in done.out.partition("3. Plan")[2]


@pytest.mark.parametrize(
    ("since", "until", "left"),
    [
        ("b", "d", "a\n  … 2 lines left out\nd\n"),
        ("", "d", "  … 3 lines left out\nd\n"),
        ("d", "b", "a\nb\nc\nd\n"),
        ("b", "x", "a\nb\nc\nd\n"),
    ],
)
def test_lines_that_are_left_out_are_counted(since: str, until: str, left: str) -> None:
    assert demo.shortened("a\nb\nc\nd\n", since, until) == left

"""The log of a CI job, both streams of a run together, as GitHub's runner reads it: no command but our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from reconciler.commands import plan, show
from reconciler.errors import ExitCode
from reconciler.render.formats import PlanFormat
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.log_commands import Command, commands
from tests.shell import OPERATOR, Done, Shell, shell_on
from tests.strategies import HOSTILE

TEXTS = [text for text in HOSTILE if text and "\ud800" not in text]  # no server can hold half of a pair
FOLDER = "##[error]a ::warning::b"


def hostile_world() -> Seed:
    """The world in which whoever could write a text wrote a command."""
    seed, texts = default_seed(), cycle(TEXTS)
    return replace(
        seed,
        orgs=tuple(replace(each, name=f"{next(texts)} {each.id}") for each in seed.orgs),
        users=tuple(replace(each, name=f"{next(texts)} {each.id}") for each in seed.users),
        tokens=tuple(replace(each, description=next(texts)) for each in seed.tokens),
    )


FILE = "::error::tokens.yaml"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell in a folder and on a server with hostile names, with a manifest of all tokens that is refused."""
    folder = tmp_path_factory.mktemp("log") / FOLDER
    folder.mkdir()
    seed = hostile_world()
    with shell_on(folder, seed) as shell:
        shell.here = True
        shell.declare(
            *(f'id: "{each.id}", description: "::debug::x"' for each in seed.tokens[2:]),
            f'id: "{OPERATOR}", status: inactive', head="unmanaged: warn\n", name=FILE,
        )  # fmt: skip
        yield shell


def found(done: Done, code: ExitCode) -> list[Command]:
    """The commands that the runner finds in both streams of a run that ended with this code."""
    assert done.code == code, done.err
    return [*commands(done.out), *commands(done.err)]


def planned(shell: Shell, *wanted: str, out: str = "") -> Done:
    """Run `plan` with these outputs."""
    sources = Sources(files=(str(shell.folder / FILE),))
    request = plan.PlanRequest(sources=sources, flags=Flags(), outputs=wanted, out=out)
    return shell.call(lambda context: plan.run(request, context), debug=True)


def shown(shell: Shell, saved: Path, form: PlanFormat) -> Done:
    """Run `show` on a saved plan."""
    return shell.call(lambda context: show.run([str(saved)], form, (), context))


@pytest.mark.parametrize("form", [form for form in PlanFormat if form is not PlanFormat.GITHUB])
def test_no_format_of_a_plan_holds_a_command(form: PlanFormat, hostile: Shell) -> None:
    assert found(planned(hostile, form), ExitCode.REFUSED) == []


def test_annotations_are_the_only_commands_and_ten_of_a_kind(hostile: Shell) -> None:
    read = found(planned(hostile, "text", "github"), ExitCode.REFUSED)
    assert Counter(each.name for each in read) == {"error": 2, "warning": 1, "notice": 10}
    files = {each.properties["file"] for each in read if "file" in each.properties}
    assert [file.endswith(f"/#\\#[error]a ::warning::b/{FILE}") for file in files] == [True]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["list"], ExitCode.OK),
        (["doctor", FILE], ExitCode.OK),
        (["plan", FILE, "--debug", "--output", "text", "--format", "::error::x\n::error::y"], ExitCode.USAGE),
        (["plan", FILE, "--output", "json=\n::error::/x", "-o", "\n::error::/y"], ExitCode.ERROR),
        (["plan", FILE, "--select", "\n::error::x"], ExitCode.USAGE),
        (["apply", FILE, "--yes"], ExitCode.REFUSED),
        (["validate", "\n::error::x", "##[error]y"], ExitCode.INVALID),
    ],
)
def test_no_other_output_holds_one(arguments: list[str], code: ExitCode, hostile: Shell) -> None:
    assert found(hostile.run(*arguments), code) == []


def test_a_saved_plan_brings_none_in(hostile: Shell, tmp_path: Path) -> None:
    saved = tmp_path / "##[error]plan.json"
    assert found(planned(hostile, out=str(saved)), ExitCode.REFUSED) == []
    forged = tmp_path / "forged.json"
    forged.write_text(saved.read_text().replace(hostile.environment["INFLUX_HOST"], "http://x/\\n::error::y"))
    for path, code in [(saved, ExitCode.REFUSED), (forged, ExitCode.INVALID)]:
        for form in (PlanFormat.CURL, PlanFormat.TEXT):
            assert found(shown(hostile, path, form), code) == []

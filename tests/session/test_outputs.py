"""Several outputs of one run: where each goes, what is refused before anything is sent, and what one failure costs."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconciler.commands import plan, show
from reconciler.errors import ExitCode, UsageError
from reconciler.render.formats import DRAWN, PlanFormat
from reconciler.session import outputs
from reconciler.session.context import Context
from reconciler.session.outputs import Outputs
from reconciler.session.sources import Sources
from reconciler.settings import Flags
from tests.commands.test_plan import DEACTIVATE, DESCRIBE, LIST
from tests.render.dataset import PLANS
from tests.shell import OPERATOR, Done, Shell

TEXT, JSON, GITHUB, HTML = PlanFormat.TEXT, PlanFormat.JSON, PlanFormat.GITHUB, PlanFormat.HTML


def planned(shell: Shell, *wanted: str, form: PlanFormat | None = None, out: str = "", file: str = "") -> Done:
    """Run `plan` with these outputs."""
    sources = Sources(files=(file or shell.declare(DESCRIBE, DEACTIVATE),))
    request = plan.PlanRequest(sources=sources, flags=Flags(), form=form, out=out, outputs=wanted)
    return shell.call(lambda context: plan.run(request, context))


def shown_again(shell: Shell, saved: Path, *wanted: str, form: PlanFormat | None = None) -> Done:
    """Run `show` with these outputs."""
    return shell.call(lambda context: show.run([str(saved)], form, wanted, context))


@pytest.mark.parametrize(
    ("wanted", "form", "shown"),
    [
        ([], None, [TEXT]),
        ([], JSON, [JSON]),
        (["json=a"], None, [TEXT]),
        (["json=-"], None, [JSON]),
        (["github"], None, [GITHUB]),
        (["text=-", "github"], None, [TEXT, GITHUB]),
        (["github"], TEXT, [TEXT, GITHUB]),
        (["github", "text", "json=a"], None, [GITHUB, TEXT]),
    ],
)
def test_what_names_no_file_goes_to_standard_output(
    wanted: list[str], form: PlanFormat | None, shown: list[PlanFormat]
) -> None:
    assert list(outputs.parse(wanted, form).shown) == shown


def test_a_path_may_hold_anything() -> None:
    assert outputs.parse(["json=a=b", "html=./c d"], None, "e") == Outputs(
        (TEXT,), {Path("e"): None, Path("a=b"): JSON, Path("c d"): HTML}
    )


FORMATS = (
    "text, json, ops, curl, markdown, html, github, gitlab-terraform, gitlab-codequality, sarif, junit, openmetrics"
)
HINT = f"\n  hint: write FORMAT=PATH, or FORMAT for standard output; the formats are {FORMATS}"
SHARED = "\n  hint: give all but one a file, `--output FORMAT=PATH`; only `text` and `github` may follow one another"


@pytest.mark.parametrize(
    ("wanted", "form", "message"),
    [
        (["yaml=x"], None, "there is no format `yaml`" + HINT),
        (["TEXT"], None, "there is no format `TEXT`" + HINT),
        (["plan.json"], None, "there is no format `plan.json`" + HINT),
        (["=x"], None, "there is no format ``" + HINT),
        (
            ["json==x"],
            None,
            "`json==x` names the file `=x`\n  hint: write `json=x`, or `json=./=x` for a file that is called so",
        ),
        (
            ["json=--yes"],
            None,
            "`json=--yes` names the file `--yes`\n  hint: write `json=yes`, or `json=./--yes` for a file that is called so",
        ),
        (["json="], None, "`json=` names no path" + HINT),
        (["json", "github"], None, "these cannot all go to standard output: `json`, `github`" + SHARED),
        (["github=-"], JSON, "these cannot all go to standard output: `json`, `github`" + SHARED),
        (["text", "text"], None, "these cannot all go to standard output: `text`, `text`" + SHARED),
        (["text"], TEXT, "these cannot all go to standard output: `text`, `text`" + SHARED),
        (["html", "markdown"], None, "these cannot all go to standard output: `html`, `markdown`" + SHARED),
        (["html=a", "json=./a"], None, "two outputs would go to ./a\n  hint: write it to another file"),
        (["json=x/../plan.json"], None, "two outputs would go to x/../plan.json\n  hint: write it to another file"),
    ],
)
def test_two_outputs_never_meet(wanted: Sequence[str], form: PlanFormat | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        outputs.parse(wanted, form, "plan.json")
    assert str(caught.value) == message


def test_a_saved_plan_is_a_file() -> None:
    with pytest.raises(UsageError) as caught:
        outputs.parse([], None, "-")
    assert str(caught.value) == (
        "`-o` saves a plan to a file\n  hint: `--format json` prints the same to standard output"
    )


def test_all_formats_are_made_from_one_plan(shell: Shell) -> None:
    files = {form: shell.folder / f"out.{form}" for form in DRAWN}
    saved = shell.folder / "plan.json"
    done = planned(shell, *(f"{form}={path}" for form, path in files.items()), "github", form=TEXT, out=str(saved))
    assert shell.sent().count(LIST) == 1
    assert done.code == ExitCode.OK
    assert done.err.splitlines() == [f"Saved to DIR/{path.name}" for path in (saved, *files.values())]
    digest = json.loads(saved.read_text())["digest"]
    assert json.loads(files[JSON].read_text())["digest"] == digest
    assert f"Digest {digest}" in files[TEXT].read_text()
    text, github = (shell.plain(files[form].read_text()) for form in (TEXT, GITHUB))
    assert done.out == text + github
    for form, path in files.items():
        assert shown_again(shell, saved, form=form) == Done(ExitCode.OK, shell.plain(path.read_text()), "")


def test_colours_are_for_standard_output(shell: Shell) -> None:
    page = shell.folder / "plan.txt"
    request = plan.PlanRequest(
        sources=Sources(files=(shell.declare(DESCRIBE),)), flags=Flags(), outputs=[f"text={page}"]
    )
    done = shell.call(lambda context: plan.run(request, context), colour=True)
    assert "\x1b[" in done.out
    assert "\x1b[" not in page.read_text()


def test_bad_outputs_are_found_before_anything_is_sent(shell: Shell) -> None:
    assert planned(shell, "json", "html").code == ExitCode.USAGE
    file = shell.declare(DESCRIBE)
    assert planned(shell, f"html={file}", file=file) == Done(
        ExitCode.USAGE,
        "",
        "the output DIR/tokens.yaml is a file that this run reads, or has credentials\n  hint: write it to another file\n",
    )
    os.mkfifo(shell.folder / "pipe")
    done = planned(shell, "json=none/a.json", f"html={shell.folder}/pipe", out=str(shell.folder))
    assert done == Done(
        ExitCode.ERROR, "",
        "cannot write to DIR: is a directory\n"
        "cannot write to none/a.json: no such file or directory\n"
        "cannot write to DIR/pipe: it is not a regular file\n",
    )  # fmt: skip
    assert shell.sent() == []


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize(
    ("option", "name", "second"),
    [
        ("--token-file", "INFLUX_TOKEN_FILE", "second"),
        ("--ca-file", "INFLUX_CONFIGS_PATH", "second"),
        ("--client-cert", "SSL_CERT_FILE", "second"),
        ("--client-key", "NONE", "home/.influxdbv2/configs"),
    ],
)
def test_no_output_replaces_credentials(option: str, name: str, second: str, good: bool, shell: Shell) -> None:
    shell.here = True
    shell.declare(DESCRIBE if good else "nonsense")
    named = {name: shell.write("second", second)}
    shell.write("first", "first")
    (shell.folder / "link").symlink_to("first")
    outputs = f"--output=json={shell.folder}/link", f"--output=junit={shell.folder}/{second}"
    done = shell.run("plan", *outputs, option, f"{shell.folder}/first", "--quiet", **named)
    refused = "the output DIR/{} is a file that this run reads, or has credentials\n  hint: write it to another file\n"
    if good:
        assert done == Done(ExitCode.USAGE, "", refused.format("link") + refused.format(second))
    assert done.code == (ExitCode.USAGE if good else ExitCode.INVALID)
    assert [(shell.folder / each).read_text() for each in ("link", "first", second)] == ["first", "first", "second"]
    assert shell.sent() == []


def test_a_link_that_leads_to_itself_is_no_folder(shell: Shell) -> None:
    (shell.folder / "loop").symlink_to("loop")
    why = "too many levels of symbolic links"
    assert planned(shell, f"json={shell.folder}/loop", f"junit={shell.folder}/loop/out") == Done(
        ExitCode.ERROR, "", f"cannot write to DIR/loop: {why}\ncannot write to DIR/loop/out: {why}\n"
    )


class Broken(io.StringIO):
    """Standard output that takes nothing."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, _: str, /) -> int:
        raise self.error


FULL, CLOSED = OSError(28, "No space left on device"), BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("error", [None, FULL, CLOSED])
@pytest.mark.parametrize("gone", [False, True])
def test_what_cannot_be_written_is_named_and_costs_nothing_else(
    gone: bool, error: OSError | None, shell: Shell
) -> None:
    places = outputs.parse([f"json={shell.folder}/a/x", f"html={shell.folder}/b/x", "text"], None)
    for name in ("b", *([] if gone else ["a"])):  # who made the folder may remove it while the server is asked
        (shell.folder / name).mkdir()

    def write(context: Context) -> ExitCode:
        streams = context.streams._replace(stdout=Broken(error)) if error else context.streams
        places.write_plan(PLANS["one-token"], [], context._replace(streams=streams))
        return ExitCode.OK

    said = ["cannot write to DIR/a/x: no such file or directory"] if gone else []
    done = shell.call(write)
    said += ["cannot write to standard output: no space left on device"] if error is FULL else []
    assert done.code == (ExitCode.ERROR if said else ExitCode.OK)
    assert done.err.splitlines()[1 if gone else 2 :] == said
    assert ("Plan: " in done.out) == (error is None)
    assert (shell.folder / "b" / "x").read_text().startswith("<!doctype html>")
    assert (shell.folder / "a" / "x").exists() != gone


def test_a_refused_plan_is_written_everywhere_and_ends_with_that_code(shell: Shell) -> None:
    done = planned(
        shell, f"json={shell.folder}/a.json", "github", file=shell.declare(f'id: "{OPERATOR}", status: inactive')
    )
    assert done.code == ExitCode.REFUSED
    assert json.loads((shell.folder / "a.json").read_text())["reason"] == "refused"
    assert done.out.startswith("::error title=refused by guard self,file=DIR/tokens.yaml,line=3,col=")


def test_the_command_line_takes_them_all(shell: Shell) -> None:
    shell.here = True
    shell.declare(DESCRIBE)
    done = shell.run(
        "plan", "--output", "text=-", "--output", "github", "--output", "markdown=plan.md", "-o", "plan.json"
    )
    assert (done.code, done.err) == (0, "Saved to plan.json\nSaved to plan.md\n")
    assert done.out.splitlines()[-1].startswith("::notice title=describe ")
    assert shell.run("show", "plan.json", "--format", "markdown").out == shell.plain(
        (shell.folder / "plan.md").read_text()
    )
    assert shell.run("show", "plan.json", "--output", "yaml").code == ExitCode.USAGE


def test_a_saved_plan_is_asked_for_only_where_there_is_one(shell: Shell) -> None:
    places = outputs.parse([], None, str(shell.folder / "plan.json"))

    def write(context: Context) -> ExitCode:
        places.write(lambda form, colour, columns: "", context)
        return ExitCode.OK

    with pytest.raises(AssertionError, match="there is no plan that could be saved"):
        shell.call(write)
    assert list(shell.folder.iterdir()) == []


def test_no_plan_is_saved_under_the_name_of_a_manifest() -> None:
    for wanted, out, source in (([], "a/plan.YAML", "-o"), (["json=a/plan.yml"], "", "--output json")):
        with pytest.raises(UsageError) as caught:
            outputs.parse(wanted, None, out)
        path = out or "a/plan.yml"
        assert str(caught.value) == (
            f"`{source}` would save a plan under the name of a manifest: {path}\n  hint: call it `a/plan.json`"
        )
    assert outputs.parse(["markdown=plan.yaml"], None, ".plan.yaml").saved.keys() == {
        Path(".plan.yaml"),
        Path("plan.yaml"),
    }

"""`set`: what it writes, shows and refuses, beside the shared cases of editing."""

from __future__ import annotations

import os
import signal
import sys
from io import BytesIO
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from reconciler.commands import set as setting
from reconciler.errors import ExitCode
from tests.shell import Done, Program

ID, NEW = "0d3a5f0c1be4e000", "11b377ea020d9000"
ONE = f'version: 1\ntokens:\n  - id: "{ID}"\n    name: ingest\n    status: active\n'
OFF = ONE.replace("active", "inactive")
SHOWN = (
    "--- tokens.yaml\n+++ tokens.yaml, edited\n@@ -2,4 +2,4 @@\n tokens:\n"
    f'   - id: "{ID}"\n     name: ingest\n-    status: active\n+    status: inactive\n'
)
SECRET = "s3cr3t-of-the-caller"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The commands in a folder with a manifest, without a server."""
    program = Program(tmp_path, {"INFLUX_HOST": "http://nowhere.invalid", "INFLUX_TOKEN": SECRET}, here=True)
    program.write(ONE)
    return program


def test_the_difference_is_shown_and_the_file_written(program: Program) -> None:
    checked = program.run("set", "ingest", "--status", "inactive", "--check")
    assert checked == Done(ExitCode.CHANGES, SHOWN, "")
    assert (program.folder / "tokens.yaml").read_text() == ONE
    done = program.run("set", "ingest", "--status", "inactive")
    assert done == Done(ExitCode.OK, SHOWN, "tokens.yaml: 1 declaration edited\n")
    assert (program.folder / "tokens.yaml").read_text() == OFF
    again = program.run("set", "ingest", "--status", "inactive")
    assert again == Done(ExitCode.OK, "", "nothing changed: all is as asked\n")


def killed_at(call: int, program: Program) -> bool:
    """Whether a process that edits the file was killed at that call of the system, the first one being 1."""
    child = os.fork()
    if child == 0:
        calls = count(1)

        def kill(frame: FrameType, event: str, _: object) -> None:
            if event == "c_call" and frame.f_code.co_filename.endswith("reconciler/files.py") and next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(kill)
        program.run("set", "ingest", "--status", "inactive")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_set_that_is_killed_at_any_call_leaves_the_old_file_or_the_new(program: Program) -> None:
    program.run("set", "ingest", "--status", "inactive", "--check")  # what is loaded by now, no child has to load
    left: list[str] = []
    while killed_at(len(left) + 1, program):
        left.append((program.folder / "tokens.yaml").read_text())
        program.write(ONE)
    assert set(left) <= {ONE, OFF}
    assert len(left) > 10
    assert (program.folder / "tokens.yaml").read_text() == OFF


def test_standard_input_goes_to_standard_output(program: Program) -> None:
    asked = ("set", "ingest", "-", "--status", "inactive")
    assert program.run(*asked, stdin=ONE) == Done(ExitCode.OK, OFF, "<stdin>: 1 declaration edited\n")
    assert program.run(*asked, stdin=OFF) == Done(ExitCode.OK, OFF, "nothing changed: all is as asked\n")
    assert program.run(*asked, "--check", stdin=ONE).out == SHOWN.replace("tokens.yaml", "<stdin>")


def test_a_token_is_added_to_the_one_file(program: Program) -> None:
    done = program.run("set", NEW.upper(), "--add", "--status", "inactive")
    said = f"only `tokenctl plan` knows whether the server has the token {NEW}\ntokens.yaml: 1 declaration added\n"
    assert (done.code, done.err) == (ExitCode.OK, said)
    assert (program.folder / "tokens.yaml").read_text() == f'{ONE}  - id: "{NEW}"\n    status: inactive\n'
    assert program.run("set", NEW, "--add", "--status", "inactive").err == "nothing changed: all is as asked\n"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((ID, "--description", f"x {SECRET}"), "the description holds a token's secret, or what looks like one\n  hint: write another text"),
        ((ID, "--description", "x ***"), "the description has `***` in it, which is how a token's secret is shown\n  hint: write another text"),
        ((ID, "--description", "a\tb"), "the description has U+0009 in it, which may not stand in a file"),
        ((ID, "--description", "x" * 10_001), "the description has 10,001 characters, and 10,000 may be declared"),
        (("", "--protected"), "TERM is empty\n  hint: the variable that it was to come from may not be set"),
        ((NEW, "--add", "--protected", "."), "--add has to know the file, and . is a folder\n  hint: name a file in it"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_and_repeats_no_secret(
    asked: tuple[str, ...], message: str, program: Program
) -> None:
    assert program.run("set", *asked) == Done(ExitCode.USAGE, "", f"{message}\n")
    assert (program.folder / "tokens.yaml").read_text() == ONE


def test_a_second_word_is_a_file(program: Program) -> None:
    program.write("version: 1\ntokens: 1\n", "bad.yaml")
    done = program.run("set", "backup", "2023", "bad.yaml", "--status", "inactive")
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert done.err == (
        'bad.yaml:2:9: `tokens` is not a list: `1`\n  hint: write a list: `- id: "…"` for each token\n'
        "2023: no such file or directory\n  hint: `set` takes one name or id; what follows it are files\n"
    )


def test_fields_that_contradict_each_other_are_refused(program: Program) -> None:
    done = program.run("set", "ingest", "--protected", "--until", "2026-12-31")
    assert (done.code, done.out) == (ExitCode.INVALID, "")
    assert (program.folder / "tokens.yaml").read_text() == ONE


def test_foreign_text_is_escaped_in_the_difference(program: Program) -> None:
    program.write(ONE + "    # \u200b ##[error]\n")
    done = program.run("set", "ingest", "--description", "x \u3164::error::\u200d y", "--check")
    assert done.code == ExitCode.CHANGES
    assert done.out.replace("\n", "").isascii()
    assert "     # \\u200b #\\#[error]\n" in done.out


def test_a_file_that_changes_in_between_is_not_overwritten(program: Program) -> None:
    class Slow(BytesIO):
        """Standard input, during which somebody else writes the file."""

        def read(self, *size: int | None) -> bytes:
            program.write(OFF + "# theirs\n")
            return super().read(*size)

    other = Slow(f'version: 1\ntokens:\n  - id: "{NEW}"\n    name: ingest-2\n'.encode())
    os.chdir(program.folder)
    request = setting.SetRequest(term="ingest*", files=["tokens.yaml", "-"], fields={"description": "x"})
    done = program.call(lambda context: setting.run(request, context), stdin=other)
    assert done.code == ExitCode.ERROR
    assert done.err == (
        "tokens.yaml has changed since it was read, and stays as it is\n  hint: run the command again\n"
    )
    assert (program.folder / "tokens.yaml").read_text() == OFF + "# theirs\n"

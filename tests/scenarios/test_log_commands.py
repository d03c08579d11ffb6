"""The emulator of GitHub's runner finds what the runner finds: its rules, one by one."""

from __future__ import annotations

import pytest

from tests.log_commands import Command, commands


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ("::error::x", [Command("error", "x")]),
        ("::error::a%0Ab%25 %250A", [Command("error", "a\nb% %0A")]),
        ("::error file=a%3Ab%2Cc,line=1,,col==2,title=, =x::y", [Command("error", "y", {"file": "a:b,c", "line": "1", "col": "2", " ": "x"})]),
        ("::set-output Name=x::y", [Command("set-output", "y", {"name": "x"})]),
        (" \t\u2003\u0085\u2028::add-mask::x", [Command("add-mask", "x")]),
        ("a\r::add-mask::x\r\n::echo::on", [Command("add-mask", "x"), Command("echo", "on")]),
        ("##[error]x", [Command("error", "x")]),
        ("text ##[set-env name=a%5D;b=1]y%3B", [Command("set-env", "y;", {"name": "a]", "b": "1"})]),
        # What is no command of the new form may still be one of the old.
        ("::a ##[error]x", [Command("error", "x")]),
        ("::error::##[debug]x", [Command("error", "##[debug]x")]),
        ("a ::error::x", []),
        ("\x1c::error::x", []),
        ("\u200b::error::x", []),
        ("::error", []),
        ("::error:x", []),
        (":\\:error::x", []),
        ("##error]x", []),
        ("##[error", []),
        ("#\\#[error]x", []),
        ("a\u0085::error::x", []),
        ("a\u2028::error::x", []),
    ],
)  # fmt: skip
def test_a_line_is_read_as_the_runner_reads_it(log: str, found: list[Command]) -> None:
    assert list(commands(log)) == found

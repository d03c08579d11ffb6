"""What the guides for operators show is what happens: each command line in them is run on the sandbox, in order."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.errors import ExitCode
from tests.shell import Shell

DOCS = Path(__file__).parent.parent.parent / "docs"
URL = "http://127.0.0.1:8086"
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_EDITOR": "true",
    **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))},
}  # fmt: skip
ANSWER = "yes"


class Person(io.BytesIO):
    """Standard input of somebody who agrees; what is typed shows, as on a terminal."""

    def __init__(self, screen: io.StringIO) -> None:
        super().__init__()
        self.screen = screen

    def readline(self, size: int | None = -1, /) -> bytes:
        """Type the answer."""
        del size
        self.screen.write(f"{ANSWER}\n")
        return f"{ANSWER}\n".encode()


@dataclass
class Reader:
    """Somebody who types what a guide says, in one terminal of 80 columns."""

    shell: Shell
    codes: list[int] = field(default_factory=list)

    def type(self, line: str) -> str:
        """Run a command line and return what the terminal shows."""
        self.codes.clear()
        return "".join(self._one(part) for part in re.split(r"; |&& ", line.partition("   #")[0]))

    def _one(self, command: str) -> str:
        program, *arguments = shlex.split(command)
        if program == "export":
            given = dict(each.split("=", 1) for each in arguments)
            self.shell.environment |= {name: value for name, value in given.items() if value not in (URL, "…")}
            return ""
        if program == "tokenctl":
            return self._tokenctl(arguments)
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.shell.folder, env=self.shell.surroundings(**GIT), check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.codes.append(done.returncode)
        return done.stdout

    def _tokenctl(self, arguments: list[str]) -> str:
        screen = io.StringIO()
        with chdir(self.shell.folder):
            done = self.shell.call(
                lambda context: ExitCode(main.run(arguments, context)),
                stdin=Person(screen), stdout=screen, stderr=screen, interactive=True, columns=80,
            )  # fmt: skip
        self.codes.append(done.code)
        return screen.getvalue().replace(self.shell.sandbox.url, URL)


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The command lines of a guide, and what it shows after each."""
    for block in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, re.MULTILINE):
        lines = re.sub("^ {4}", "", block, flags=re.MULTILINE)
        for typed in re.split(r"^\$ ", lines, flags=re.MULTILINE)[1:]:
            command, _, shown = typed.partition("\n")
            yield command, bare(shown)


def bare(shown: str) -> str:
    """The text without blanks at the ends of its lines and lines at its end, which no document keeps."""
    return re.sub(r"[ ]+$", "", shown, flags=re.MULTILINE).rstrip("\n")


def shows(expected: str, actual: str) -> bool:
    """Whether this is what the guide shows: `…` is any part of a line, and alone in a line any lines."""
    pattern = re.sub(r"^…\n", r"(?:.*\\n)*", f"{re.escape(expected)}\n".replace("\\\n", "\n"), flags=re.MULTILINE)
    return re.fullmatch(pattern.replace("…", ".*"), f"{actual}\n") is not None


def test_only_what_a_guide_leaves_out_may_differ() -> None:
    assert shows("a\n…\nDigest …", "a\nb\nc\nDigest 12")
    assert shows("a\n…\nz", "a\nz")
    assert not shows("a\n…\nz", "a\nb")
    assert not shows("Digest …", "Digest 12\nmore")
    assert not shows("a.c", "abc")


@pytest.mark.parametrize("name", ["adopt", "incident"])
def test_a_guide_shows_what_happens(name: str, shell: Shell) -> None:
    reader = Reader(shell)
    if name == "incident":  # it begins where the other one ends
        for command in (
            "git init -q -b main",
            "tokenctl export tokens.yaml",
            "git add tokens.yaml",
            "git commit -qm x",
        ):
            reader.type(command)
    typed = list(blocks((DOCS / f"{name}.md").read_text()))
    assert len(typed) > 5
    for command, shown in typed:
        seen = reader.type(command)
        assert not shown or shows(shown, bare(seen)), f"$ {command}\n{seen}"
        assert reader.codes == [0] * len(reader.codes), command


def test_what_is_typed_instead_of_other_tools_is_a_command_line_that_works(shell: Shell) -> None:
    reader = Reader(shell)
    reader.type("tokenctl export tokens.yaml")
    rows = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", (DOCS / "coming-from.md").read_text(), re.MULTILINE)
    commands = [command for _, here, _ in rows for command in re.findall(r"`(tokenctl [^`]*)`", here)]
    assert len(commands) > 25
    for command in commands:
        seen = reader.type(command)
        assert reader.codes == [0], f"$ {command}\n{seen}"

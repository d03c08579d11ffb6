"""What the guides for operators show is what happens: each command line in them is run on the sandbox, in order."""

from __future__ import annotations

import gzip
import io
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.errors import ExitCode
from tests.requestlog import said, started
from tests.shell import BACKUP_2023, BACKUP_2024, GRAFANA, PROGRAM, Shell, group

pytestmark = pytest.mark.no_cover

DOCS = Path(__file__).parent.parent.parent / "docs"
EXAMPLES = DOCS.parent / "examples"
STORIES = sorted(path for path in EXAMPLES.glob("*/**/*") if path.is_file())
URL = "http://127.0.0.1:8086"
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_EDITOR": "true",
    **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))},
}  # fmt: skip
Golden = Callable[[Path, str], None]
COMMANDS = list(group().commands)


class Person(io.BytesIO):
    """Standard input of somebody who answers; what is typed shows, as on a terminal."""

    def __init__(self, screen: io.StringIO, answer: str) -> None:
        super().__init__()
        self.screen = screen
        self.answer = answer

    def readline(self, size: int | None = -1, /) -> bytes:
        """Type the answer."""
        del size
        self.screen.write(f"{self.answer}\n")
        return f"{self.answer}\n".encode()


@dataclass
class Reader:
    """Somebody who types what a guide says, in one terminal of 80 columns."""

    shell: Shell
    piped: str = ""
    answer: str = "yes"
    codes: list[int] = field(default_factory=list)

    def type(self, line: str) -> str:
        """Run a command line and return what the terminal shows."""
        self.codes.clear()
        return "".join(self._chain(part.split("&& ")) for part in line.partition("   #")[0].split("; "))

    def _chain(self, commands: list[str]) -> str:
        """Run commands until one fails, as `&&` between them says."""
        shown = ""
        for command in commands:
            shown += self._one(command)
            if any(self.codes[-1:]):
                break
        return shown

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
                stdin=io.BytesIO(self.piped.encode()) if "-" in arguments else Person(screen, self.answer), stdout=screen, stderr=screen, interactive=True, columns=80,
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


@pytest.mark.parametrize(("name", "left"), [("adopt", "tokens.yaml"), ("incident", "emergency.yaml")])
def test_a_guide_shows_what_happens_and_leaves_its_example(name: str, left: str, shell: Shell, golden: Golden) -> None:
    reader = Reader(shell)
    if name == "incident":  # it begins where the other one ends
        adopted(reader)
    typed = list(blocks((DOCS / f"{name}.md").read_text()))
    assert len(typed) > 5
    for command, shown in typed:
        seen = reader.type(command)
        assert not shown or shows(shown, bare(seen)), f"$ {command}\n{seen}"
        assert reader.codes == [0] * len(reader.codes), command
    head, _, _ = (EXAMPLES / name / left).read_text().partition("\n")
    golden(EXAMPLES / name / left, f"{head}\n{(shell.folder / left).read_text().replace(shell.sandbox.url, URL)}")


def adopted(reader: Reader) -> None:
    """Have a repository with all tokens."""
    for command in ("git init -q -b main", "tokenctl export tokens.yaml", "git add tokens.yaml", "git commit -qm x"):
        reader.type(command)


def test_who_does_not_switch_it_on_again_keeps_the_file(shell: Shell) -> None:
    reader = Reader(shell)
    adopted(reader)
    story = [command for command, _ in blocks((DOCS / "incident.md").read_text())]
    last = next(at for at, command in enumerate(story) if "undo" in command)
    for command in story[:last]:
        reader.type(command)
    file = (shell.folder / "tokens.yaml").read_text()
    reader.answer = "no"
    reader.type(story[last])
    assert reader.codes == [ExitCode.CANCELLED]
    assert (shell.folder / "tokens.yaml").read_text() == file


def test_a_token_is_retired_as_the_guide_and_its_example_say(shell: Shell) -> None:
    (shell.folder / "influxd.log").write_text(started(-1) + said(GRAFANA, 0))
    shell.write((EXAMPLES / "retiring-tokens" / "tokens.yaml").read_text())
    way = (DOCS / "retiring-tokens.md").read_text().partition("\n## From evidence to undo\n")[2]
    reader, seen = Reader(shell), []
    for command in re.findall(r"`(tokenctl (?:usage|\w+ --)[^`]*)`", way):
        reader.type(command.replace("LOG...", "influxd.log"))
        status = {each.id: each.status for each in shell.sandbox.tokens}
        seen.append((command.split()[1], *reader.codes, status[BACKUP_2024], status[BACKUP_2023]))
    assert seen == [
        ("usage", 0, "inactive", "active"),
        ("plan", 0, "inactive", "active"),
        ("apply", 0, "active", "inactive"),
        ("undo", 0, "active", "active"),
    ]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_names_the_page_that_tells_of_it_and_that_leads_to_it(path: Path) -> None:
    story = path.relative_to(EXAMPLES).parts[0]
    assert f"tokenctl's docs/{story}.md" in path.read_text().partition("\n")[0]
    links = re.findall(r"\]\((\.\./examples/[^)]*)\)", (DOCS / f"{story}.md").read_text())
    assert any(path.is_relative_to((DOCS / link).resolve()) for link in links)


def test_what_is_typed_instead_of_other_tools_is_a_command_line_that_works(shell: Shell) -> None:
    reader = Reader(shell)
    reader.type("tokenctl export tokens.yaml")
    rows = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", (DOCS / "coming-from.md").read_text(), re.MULTILINE)
    commands = [command for _, here, _ in rows for command in re.findall(r"`(tokenctl [^`]*)`", here)]
    assert len(commands) > 25
    for command in commands:
        seen = reader.type(command)
        assert reader.codes == [0], f"$ {command}\n{seen}"


def test_a_profile_is_written_as_the_page_of_commands_shows(shell: Shell) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (DOCS / "commands.md").read_text(), re.DOTALL)
    token = shell.environment.pop("INFLUX_TOKEN")
    shell.write(re.sub('"https://.*"', f'"{shell.sandbox.url}"', shown).replace("…", token), "configs")
    shell.environment["INFLUX_CONFIGS_PATH"] = str(shell.folder / "configs")
    reader = Reader(shell)
    for command in ("tokenctl list", "tokenctl list --profile hamburg", "tokenctl list --profile edge.7"):
        reader.type(command)
        assert reader.codes == [ExitCode.OK], command


def test_what_is_switched_back_stays_so(shell: Shell) -> None:
    reader = Reader(shell)
    reader.type("tokenctl export tokens.yaml")
    rows = re.findall(r"^\| the toggle.*? \| (.*) \| .* \|$", (DOCS / "coming-from.md").read_text(), re.MULTILINE)
    for command in re.findall(r"`(tokenctl [^`]*)`", " ".join(rows)):
        reader.type(command)
    reader.type("tokenctl plan --detailed-exitcode")
    assert (len(rows), reader.codes) == (2, [ExitCode.OK])


def test_the_examples_in_the_help_are_command_lines_that_work(shell: Shell) -> None:
    reader = Reader(shell)
    for command in (
        "tokenctl export tokens.yaml",
        'tokenctl set grafana-dashbord --description "Grafana"',
        "tokenctl export tokens/; tokenctl set ingest --description Ingest tokens/",
    ):
        reader.type(command)
    reader.piped = started(-1) + said(GRAFANA, 0)
    (shell.folder / "influxd.log").write_text(reader.piped)
    (shell.folder / "influxd.log.1.gz").write_bytes(gzip.compress(reader.piped.encode()))
    for command in (each for each in COMMANDS if each != "sandbox"):
        for line in examples(command):
            journals = sorted((shell.folder / "state" / "tokenctl").glob("*.ndjson"))
            typed = line.partition(" > ")[0]
            if "DIGEST" in typed:
                typed = typed.replace("DIGEST", re.findall(r"Digest (\w+)", reader.type("tokenctl plan tokens/"))[0])
            seen = reader.type(typed.replace("JOURNAL", str(journals[-1])) if journals else typed)
            assert reader.codes[0] in (ExitCode.OK, ExitCode.CHANGES), f"$ {line}\n{seen}"


def examples(command: str) -> list[str]:
    """The examples at the end of a command's help."""
    shown = (Path(main.__file__).parent.parent / "help" / f"{command}.txt").read_text()
    return re.findall(r"^    (tokenctl .*)", shown.partition("\n  Examples:\n")[2], re.MULTILINE)


def test_a_sandbox_serves_as_its_examples_say(shell: Shell) -> None:
    for line in examples("sandbox"):
        arguments = [*shlex.split(line)[1:], "--listen", "127.0.0.1:0"]
        with subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=shell.folder,
            env=shell.surroundings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout
            assert process.stdout.readline().startswith(b"http://127.0.0.1:")
            process.terminate()
        assert process.returncode == 0, line

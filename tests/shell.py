"""The commands with a folder, an environment and a server of their own, in this process or as the installed program."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import typer.main
from typer.core import TyperGroup

from reconciler.apply.interrupt import Interrupt
from reconciler.apply.pace import Moment
from reconciler.cli import main
from reconciler.cli.app import app
from reconciler.errors import ExitCode, TokenctlError
from reconciler.render import words
from reconciler.sandbox.faults import Fault
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.profiles import profile
from reconciler.sandbox.seed import Seed, default_seed
from reconciler.sandbox.server import Sandbox
from reconciler.session.context import Context, Secrets, Streams

PROGRAM = Path(sys.executable).parent / "tokenctl"

# The tokens of examples/world.json that tests are about.
OPERATOR, MANAGER = "0d08544b51006000", "0d1184f120006000"
LAPTOP, PHONE = "0d097beb91c06000", "0d097c731d006000"  # both of user2
INGEST, GRAFANA = "0d234d71cc806000", "0d234e88da406000"
BACKUP_2023, BACKUP_2024, GATEWAY = "0d2cfd5618006000", "0e0c5c07a0006000", "0d2efd00d0006000"
BENCH = "0d989af841806000"  # of edge-lab, all others are of acme
ABSENT = "0123456789abcdef"
ADMIN, CI_BOT = "0d3a5e9c41e4e000", "0d3a5ea5b3a4e000"  # the users of the operator's and of the manager's token

_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")

STREAMS = set(Streams._fields)
Run = Callable[[Context], ExitCode]


@cache
def group() -> TyperGroup:
    """All commands, as typer knows them."""
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


@dataclass(frozen=True)
class Done:
    """What a run left: its exit code and its two streams."""

    code: int
    out: str
    err: str


def ticking() -> Callable[[], datetime]:
    """A time of day that moves on by a second whenever it is asked for."""
    seconds = count()  # which several threads may ask at once, unlike a generator
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))


@dataclass
class Program:
    """The installed program, with a folder and an environment of its own.

    Where it is `here`, command lines run in this process, without what `reconciler.cli.main.main` does around them:
    that takes a twentieth of the time. `program` is the file that is started otherwise. `waits` are the seconds that commands in this process waited.
    """

    folder: Path
    environment: dict[str, str]
    measured: bool = False
    here: bool = False
    program: Path = PROGRAM
    now: Callable[[], datetime] = field(default_factory=ticking)
    waits: list[float] = field(default_factory=list)
    nonces: Iterator[int] = field(default_factory=count)

    def write(self, content: str, name: str = "tokens.yaml") -> str:
        """Put a file into the folder and give its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return str(path)

    def declare(self, *tokens: str, head: str = "", name: str = "tokens.yaml") -> str:
        """A manifest with these entries in flow style."""
        return self.write(f"version: 1\n{head}tokens:\n" + "".join(f"  - {{{each}}}\n" for each in tokens), name)

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        """Run it in the folder."""
        if self.here:
            return self.cli(*arguments, stdin=stdin.encode(), environment=environment)
        done = subprocess.run(
            [self.program, *arguments], cwd=self.folder, env=self.surroundings(**environment), input=stdin.encode(),
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        return Done(done.returncode, self.plain(done.stdout.decode()), self.plain(done.stderr.decode()))

    def cli(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str]) -> Done:
        """Run a command line in the folder and in this process, with this environment beside its own."""
        given = self.surroundings(**environment)
        with chdir(self.folder):
            return self.call(lambda context: ExitCode(main.run(arguments, context)), stdin=stdin, environment=given)

    def call(self, run: Run, *, stdin: bytes | io.BytesIO = b"", **surroundings: object) -> Done:
        """Run a command in this process; errors become text as the cli makes it."""
        out, err = io.StringIO(), io.StringIO()
        environment: dict[str, str] = {**self.environment, **surroundings.pop("environment", {})}  # type: ignore[dict-item]
        asked = {name: surroundings.pop(name) for name in STREAMS & surroundings.keys()}
        given = {
            "stdin": stdin if isinstance(stdin, io.BytesIO) else io.BytesIO(stdin),
            "stdout": out,
            "stderr": err,
            "secrets": Secrets(),
        }
        streams = Streams(**{**given, "token": environment.get("INFLUX_TOKEN", ""), **asked})  # type: ignore[arg-type]
        context = Context(
            environment=environment, home=self.folder / "home", streams=streams,
            sleep=surroundings.pop("sleep", self.waits.append), pause=lambda _, wait: self.waits.append(wait), chance=lambda: 0.5,  # type: ignore[arg-type]
            clock=surroundings.pop("clock", lambda: 0.0), moment=surroundings.pop("moment", lambda: Moment(0.0, 0.0)), now=surroundings.pop("now", self.now),  # type: ignore[arg-type]
            nonce=lambda: f"nonce {next(self.nonces)}", who="ci on runner-7, process 4711", asked={},
            **{"interrupt": Interrupt(), "shown": threading.Event(), "command_line": main.run, **surroundings},  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            code = run(context)
        except TokenctlError as error:
            err.write(words.problems(error.problems))
            code = error.exit_code
        return Done(code, self.plain(out.getvalue()), self.plain(err.getvalue()))

    def surroundings(self, **more: str) -> dict[str, str]:
        """The environment of a process: nothing of the machine's own; measuring coverage doubles its time."""
        measured = {name: value for name, value in os.environ.items() if self.measured and name.startswith("COV")}
        return {"PATH": os.defpath, "HOME": str(self.folder / "home"), **measured, **self.environment, **more}

    def plain(self, output: str) -> str:
        """The output without what differs from run to run."""
        plain = output.replace(self.environment["INFLUX_HOST"], "URL").replace(str(self.folder), "DIR")
        return _DIGEST.sub("DIGEST", plain)  # it binds the URL, and with it the port


@dataclass
class Shell(Program):
    """A place to run commands from, with a sandbox."""

    sandbox: Sandbox = field(kw_only=True)
    seen: int = 0

    def sent(self) -> list[str]:
        """The requests that the server has answered since this was last asked."""
        seen = self.sandbox.requests[self.seen :]
        self.seen += len(seen)
        return [f"{each.method} {each.target}" for each in seen]

    def patches(self) -> list[str]:
        """The ids of the tokens that PATCHes were for since requests were last asked for."""
        return [each.rpartition("/")[2] for each in self.sent() if each.startswith("PATCH ")]


def manager_who_sees_all() -> Seed:
    """The world in which acme's manager may see the tokens of edge-lab, and may not change them."""
    seed = default_seed()
    tokens = [
        replace(each, permissions=(Permission("read", "authorizations", "", ""), *each.permissions))
        if each.id == MANAGER
        else each
        for each in seed.tokens
    ]
    return replace(seed, tokens=tuple(tokens))


def secret(token_id: str, seed: Seed | None = None) -> str:
    """The secret of a token of the world."""
    return next(each.secret for each in (seed or default_seed()).tokens if each.id == token_id)


def unmeasured() -> dict[str, str]:
    """This process's environment, for a process that is not to write coverage of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


@contextmanager
def shell_on(
    folder: Path,
    seed: Seed | None = None,
    version: str = "2.7.12",
    caller: str = OPERATOR,
    faults: Sequence[Fault] = (),
    now: Callable[[], datetime] | None = None,
) -> Iterator[Shell]:
    """A shell with a server of that world, version and time, with these faults, signed in with the caller's token."""
    seed = seed or default_seed()
    with Sandbox.start(seed=seed, profile=profile(version), now=now or ticking(), faults=faults) as sandbox:
        environment = {
            "INFLUX_HOST": sandbox.url,
            "INFLUX_TOKEN": secret(caller, seed),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        yield Shell(folder, environment, sandbox=sandbox)


def texts(folder: Path) -> Sequence[str]:
    """What every file below the folder holds."""
    return [path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file()]

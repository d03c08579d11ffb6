"""Every command, over every way to sign in, every fault and every lie: no secret is in anything that it leaves behind."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from reconciler.cli.main import run
from reconciler.commands.schema import SchemaName
from reconciler.core.lock import LockProperties
from reconciler.errors import ExitCode
from reconciler.render.formats import DRAWN, PROBLEM_FORMATS, ListFormat, PlanFormat, TokensFormat
from reconciler.sandbox.faults import NAMES, Fault
from tests.canary import CALLER, ECHO, GATE, LISTED, PASSWORD, found, world
from tests.checkout import Checkout
from tests.liar import Exchange, liar
from tests.lies import LIES
from tests.requestlog import said
from tests.scenarios.test_exit_codes import ENDS
from tests.session.test_locking import ACME, locked
from tests.shell import BACKUP_2023, BENCH, GRAFANA, PROGRAM, Done, Shell, group, shell_on, texts

OUTPUTS = " ".join(f"--output {form}={{dir}}/out/plan.{form}" for form in DRAWN if form is not PlanFormat.TEXT)
METRICS = "--output openmetrics={dir}/out/plan.prom"
TOLD = " ".join(f"--output {form}={{dir}}/out/told.{form}" for form in PROBLEM_FORMATS)
NEVER_SIGNED_IN = {
    "validate": [f"validate {{dir}}/tokens.yaml {TOLD}"],
    "show": [f"show {{dir}}/plan.json {OUTPUTS}", *(f"show {{dir}}/plan.json --format {form}" for form in DRAWN)],
    "set": [f"set {GRAFANA} --status active {{dir}}/tokens.yaml"],
    "fmt": ["fmt {dir}/tokens.yaml"],
    "schema": [f"schema {name}" for name in SchemaName],
    "demo": ["demo"],
    "sandbox": [],  # in a process of its own, below
}
SIGNED_IN = {
    "list": [
        *(f"list --format {form}" for form in TokensFormat),
        "list x --not-in {dir}/tokens.yaml --user * --status active",
    ],
    "export": ["export", "export {dir}/each/"],
    "usage": [f"usage {{dir}}/influxd.log.gz -o {{dir}}/out/usage.json --format {form}" for form in ListFormat],
    "doctor": [f"doctor {{dir}}/tokens.yaml --format {form}" for form in ListFormat],
    "plan": [
        "plan {dir}/tokens.yaml -o {dir}/new.json",
        f"plan {{dir}}/tokens.yaml -o {{dir}}/new.json --reviewed {{dir}}/plan.json {OUTPUTS} {METRICS}",
    ],
    "apply": [
        "apply {dir}/plan.json --yes",
        "apply {dir}/tokens.yaml --yes --format json",
        "apply {dir}/tokens.yaml --yes --lock --canary 1",
    ],
    "undo": [
        "undo {dir}/journal.ndjson --allow moved",
        "undo {dir}/journal.ndjson --apply --yes --lock --allow moved --allow reactivation",
    ],
    "unlock": ["unlock --yes"],
}


IN_TROUBLE = {name: lines[-1] for name, lines in SIGNED_IN.items()}
"""One of each: what is shown in the end makes no difference then."""


def test_every_command_is_run_here() -> None:
    assert {*NEVER_SIGNED_IN, *SIGNED_IN} == set(group().commands)


def cli(shell: Shell, line: str, **around: Any) -> Done:
    """A command line in this process, which may end with any code that the command can mean, and with no mistake."""
    words = line.format(dir=shell.folder).split()
    done = shell.call(lambda context: ExitCode(run([*words, "--debug"], context)), **around)
    assert "a mistake in tokenctl" not in done.err, done.err
    assert done.code in ENDS[words[0]], done
    if words[0] == "doctor" and done.out and '"problems": [' not in done.out:
        assert (re.search(r"^fail |\"state\": \"fail\"", done.out, re.MULTILINE) is None) == (done.code == 0), done
    return done


def prepare(shell: Shell) -> None:
    """Give the shell a manifest, a saved plan that fits it, and the journal of a run."""
    shell.declare(f'id: "{GRAFANA}", name: grafana, description: dashboard', f'id: "{BACKUP_2023}", status: inactive')
    log = said(GRAFANA, 0, f"/query?p={quote(CALLER)}&q=x", agent=CALLER, body=CALLER, referer=CALLER)
    # Packed, as what is looked through afterwards may not have them.
    (shell.folder / "influxd.log.gz").write_bytes(gzip.compress((log + said(GRAFANA, 1, f"/{CALLER}")).encode()))
    (shell.folder / "out").mkdir()
    first = [cli(shell, "plan {dir}/tokens.yaml -o {dir}/plan.json"), cli(shell, "apply {dir}/tokens.yaml --yes")]
    assert [each.code for each in first] == [0, 0]
    (journal,) = (shell.folder / "state" / "tokenctl").iterdir()
    journal.rename(shell.folder / "journal.ndjson")


def aim(shell: Shell, url: str) -> None:
    """Let the journal be of a run against the server at that URL: an undo asks no other."""
    journal = shell.folder / "journal.ndjson"
    journal.write_text(re.sub(r'"url": "[^"]*"', f'"url": "{url}"', journal.read_text(), count=1))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell on the world of secrets, in which a plan was saved and something was applied."""
    with shell_on(tmp_path_factory.mktemp("full"), seed=world()) as shell:
        # A proxy that is never used: loopback is reached without one.
        shell.environment |= {
            "HTTPS_PROXY": proxy("127.0.0.1:1"),
            "INFLUX_EXTRA_HTTP_HEADER": f"X-Gate: Bearer {GATE}",
            "CI_JOB_URL": "https://ci.example/1",
        }
        prepare(shell)
        yield shell


def proxy(address: str) -> str:
    """The URL of a proxy that wants a password."""
    return f"http://me:{quote(PASSWORD, safe='')}@{address}"


def leaked(shell: Shell, *lines: str, trouble: Callable[[], object] = lambda: None, **around: Any) -> set[str]:
    """What leaks from these command lines, each with something to do, whatever it ends with: on streams and in files.

    `trouble` comes right before each.
    """
    streams: list[str] = []
    for line in lines:
        for token_id in (GRAFANA, BACKUP_2023):
            shell.sandbox.change(token_id, status="active", description=f"by hand {ECHO}")
        shell.sandbox.mend()
        if shell.sandbox.labels:
            assert cli(shell, "unlock --yes").code == 0
        shutil.rmtree(shell.folder / "each", ignore_errors=True)
        if line.startswith("unlock"):
            locked(shell, properties=LockProperties(nonce="theirs", holder=ECHO, run=ECHO, since=ECHO, expires=ECHO))
        trouble()
        done = cli(shell, line, **around)
        streams += [done.out, done.err]
    files = texts(shell.folder)
    for journal in (shell.folder / "state" / "tokenctl").iterdir():
        journal.unlink()
    return found([*streams, *files])


def test_what_is_looked_for_would_be_found(full: Shell) -> None:
    assert found([ECHO]) == {CALLER, PASSWORD, GATE, *LISTED[:3]}
    assert found([json.dumps(LISTED)]) == set(LISTED)
    assert {each.secret for each in full.sandbox.tokens} == {CALLER, *LISTED}


EVERY = [line for lines in (NEVER_SIGNED_IN | SIGNED_IN).values() for line in lines]


@pytest.mark.parametrize("line", EVERY)
def test_a_run_without_any_trouble(full: Shell, line: str) -> None:
    assert leaked(full, line) == set()


def places() -> dict[str, tuple[str, str]]:
    """A command line for each option that takes a text and for the arguments of each command, and how its word begins."""
    found = {}
    for name in sorted({*NEVER_SIGNED_IN, *SIGNED_IN} - {"demo", "sandbox"}):  # which know no secret of anybody
        line = (NEVER_SIGNED_IN | SIGNED_IN)[name][0]
        for each in group().commands[name].params:
            long = next((option for option in each.opts if option.startswith("--")), "")
            if not getattr(each, "is_flag", False):
                found[long or name] = line, f"{long}=" if long else ""
    return found


def test_a_secret_in_the_place_of_any_other_word(full: Shell, tmp_path: Path) -> None:
    secrets = f"{CALLER}/{LISTED[0]}".replace("{", "{{").replace("}", "}}")
    with chdir(tmp_path):  # some are files to write
        done = {place: cli(full, f"{line} {before}{secrets}") for place, (line, before) in places().items()}
    assert [place for place, each in done.items() if found([each.out, each.err])] == []


WAYS: dict[str, Callable[[Path], tuple[str, dict[str, str], bytes]]] = {
    "variable": lambda _: ("", {"INFLUX_TOKEN": CALLER}, b""),
    "file": lambda keys: (f"--token-file {keys / 'token'}", {}, b""),
    "file of a variable": lambda keys: ("", {"INFLUX_TOKEN_FILE": str(keys / "token")}, b""),
    "standard input": lambda _: ("--token-file -", {}, f"{CALLER}\n".encode()),
    "profile": lambda keys: ("--profile one", {"INFLUX_CONFIGS_PATH": str(keys / "configs")}, b""),
    "active profile": lambda keys: ("", {"INFLUX_CONFIGS_PATH": str(keys / "configs")}, b""),
    "nonsense": lambda _: ("", {"INFLUX_TOKEN": f"{CALLER} {CALLER}"}, b""),
    "as something else": lambda _: (f"--org {LISTED[0]} --profile {LISTED[0]} --url {LISTED[0]}", {}, b""),
    "as a path": lambda _: (f"--token-file {LISTED[0]}", {}, b""),
    "broken profiles": lambda keys: ("", {"INFLUX_CONFIGS_PATH": str(keys / "token")}, b""),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_sign_in(full: Shell, tmp_path_factory: pytest.TempPathFactory, way: str) -> None:
    keys = tmp_path_factory.mktemp("keys")
    (keys / "token").write_text(CALLER + "\n")
    table = f"[one]\nurl = {json.dumps(full.sandbox.url)}\ntoken = {json.dumps(CALLER)}\nactive = true\n"
    (keys / "configs").write_text(table)
    flags, environment, stdin = WAYS[way](keys)
    environment = {"INFLUX_TOKEN": "", **environment}
    lines = [f"{line} {flags}" for line in IN_TROUBLE.values()]
    assert leaked(full, *lines, environment=environment, stdin=stdin) == set()
    code = cli(full, f"list {flags}", environment=environment, stdin=stdin).code
    assert code == (64 if way in ("nonsense", "as something else", "as a path", "broken profiles") else 0)


def test_an_organisation_whose_name_is_a_secret(tmp_path: Path) -> None:
    name, seed = LISTED[0][:-2], world()
    orgs = tuple(replace(each, name=name if each.id == ACME else each.name) for each in seed.orgs)
    with shell_on(tmp_path, seed=replace(seed, orgs=orgs)) as shell:
        shell.environment |= {"HTTPS_PROXY": proxy("127.0.0.1:1"), "INFLUX_EXTRA_HTTP_HEADER": f"X-Gate:{GATE}"}
        prepare(shell)
        shell.declare(f'id: "{GRAFANA}", description: x', f'id: "{BENCH}", description: x')
        lines = (*IN_TROUBLE.values(), "plan {dir}/tokens.yaml --format json", "doctor --self-id 00000000000000ff")
        assert leaked(shell, *(f"{line} --org {name}" for line in lines)) == set()
        done = cli(shell, f"plan {{dir}}/tokens.yaml --org {name}")
        assert (done.code, done.out.count("left out: not a token of organisation `***`")) == (0, 1)
        assert GRAFANA in done.out


def some(number: int) -> tuple[str, ...]:
    """What one of many troubles befalls: `apply`, and another command, which is another for the next number."""
    others = [command for command in IN_TROUBLE if command != "apply"]
    return ("apply", others[number % len(others)])


FAULTS = sorted({*NAMES} - {"slow-body", "deleted-meanwhile"})


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("name", "every"),
    [
        *((name, some(number)) for number, name in enumerate(FAULTS)),
        *(pytest.param(name, tuple(IN_TROUBLE), id=f"{name}-all", marks=pytest.mark.soak) for name in FAULTS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault(full: Shell, name: str, every: tuple[str, ...]) -> None:
    """But for a list that drips, which takes a quarter of a minute, and tokens that are gone for the next command."""

    for method, commands in (("", every), ("PATCH", ("apply",)), ("POST", ("apply",))):
        lines = [IN_TROUBLE[command] for command in commands]
        assert leaked(full, *lines, trouble=partial(full.sandbox.fail, Fault(name, method, 2))) == set()
        full.sandbox.mend()


def everywhere(_: Exchange) -> bool:
    """Each request."""
    return True


def changing(exchange: Exchange) -> bool:
    """Those that change something."""
    return exchange.method != "GET"


def labels(exchange: Exchange) -> bool:
    """Those about locks."""
    return "/labels" in exchange.path


def one(exchange: Exchange) -> bool:
    """Those about one token."""
    return "/authorizations/" in exchange.path


PLACES: dict[Callable[[Exchange], bool], tuple[str, ...]] = {
    everywhere: tuple(IN_TROUBLE),
    changing: ("apply", "unlock"),
    labels: ("apply", "unlock", "doctor"),
    one: ("apply",),
}


def lies() -> Iterator[Any]:
    """Each lie for `apply` and for another command; in a soak, for all of them.

    At which moment of a run makes a difference for few.
    """
    for number, name in enumerate(LIES):
        for place, commands in PLACES.items():
            often = some(number) if place is everywhere else () if number % 3 else commands
            if often:
                yield pytest.param(name, place, often, id=f"{name}-{place.__name__}")
            if often != commands:
                yield pytest.param(name, place, commands, id=f"{name}-{place.__name__}-all", marks=pytest.mark.soak)


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "place", "commands"), [*lies()])
def test_each_lie_of_a_proxy(
    full: Shell, name: str, place: Callable[[Exchange], bool], commands: tuple[str, ...]
) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        return [LIES[name](exchange)] if place(exchange) else None

    with liar(full.sandbox.url, lie) as server:
        environment = {"INFLUX_HOST": "http://influx.example", "HTTP_PROXY": proxy(f"127.0.0.1:{server.port}")}
        aim(full, "http://influx.example")
        lines = [f"{IN_TROUBLE[command]} --allow-insecure-http" for command in commands]
        assert leaked(full, *lines, environment=environment) == set()
        assert server.requests
        aim(full, full.sandbox.url)


@pytest.mark.parametrize(
    "entry",
    ['status: {}', '{}: active', 'description: {}', 'match: {{{}: x}}', 'labels: {{{}: x}}', 'status: [{}]', 'pick: {}', 'name: {}'],
)  # fmt: skip
def test_a_file_with_a_secret_where_anything_else_belongs(full: Shell, tmp_path: Path, entry: str) -> None:
    for secret in (CALLER, LISTED[0], "my-admin-token-of-docker-compose", GATE):
        path = tmp_path / "tokens.yaml"
        path.write_text(f'version: 1\ntokens:\n  - id: "{GRAFANA}"\n    {entry.format(json.dumps(secret))}\n')
        commands = (f"validate {TOLD}", f"plan {TOLD}", "apply --yes", "doctor")
        lines = [f"{command} {path}" for command in commands]
        environment = {} if secret == GATE else {"INFLUX_TOKEN": secret}
        done = [cli(full, line, environment=environment) for line in lines]
        assert done[1].code == done[2].code == 65
        said = [*(text for each in done for text in (each.out, each.err)), *texts(full.folder / "out")]
        assert found(said, [secret]) == set()


RECORDER = """#!/bin/sh
{{ env; tr '\\0' ' ' < /proc/$PPID/cmdline; echo "$0 $*"; }} >> "{log}"
exec {git} "$@"
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows the processes as files")
def test_neither_the_process_list_nor_a_child_has_a_secret(full: Shell, tmp_path: Path) -> None:
    checkout = Checkout.init(tmp_path / "checkout")
    checkout.write("tokens.yaml", (full.folder / "tokens.yaml").read_text())
    checkout.commit()
    git, log = tmp_path / "git", tmp_path / "log"
    git.write_text(RECORDER.format(log=log, git=shutil.which("git")))
    git.chmod(0o755)
    with liar(full.sandbox.url, lambda _: None) as server:
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "INFLUX_HOST": "http://influx.example",
            "HTTP_PROXY": proxy(f"127.0.0.1:{server.port}"),
            "ANOTHER_SECRET": LISTED[0],
        }
        done = subprocess.run(
            [PROGRAM, "apply", "--yes", "--base", "HEAD", "--allow-insecure-http", "--debug"], cwd=checkout.folder,
            env=full.surroundings(**environment), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode in (0, 4), done.stderr
    recorded = log.read_text()
    assert recorded.count("GIT_TERMINAL_PROMPT=0\n") >= 2
    assert "tokenctl apply --yes --base HEAD" in recorded
    assert found([recorded, done.stdout, done.stderr, *texts(checkout.folder)]) == set()


def test_a_sandbox_shows_no_secret_of_its_world(full: Shell, tmp_path: Path) -> None:
    tokens = [{"id": GRAFANA, "token": LISTED[0], "orgID": ACME, "userID": ACME, "permissions": []}]
    (tmp_path / "world.json").write_text(json.dumps({"orgs": [{"id": ACME, "name": ECHO}], "tokens": tokens}))
    with subprocess.Popen(
        [PROGRAM, "sandbox", "--listen", "127.0.0.1:0", "--seed", tmp_path / "world.json", "--debug"],
        env=full.surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert first.startswith("http://127.0.0.1:")
    assert found([first, out, err]) == set()

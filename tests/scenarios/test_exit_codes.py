"""A test for each row of the table of exit codes, from the command line; each says what was sent.

That the installed program ends with the code that the command line gives is held by test_main.py and test_signals.py.
"""

from __future__ import annotations

import errno
import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.errors import ExitCode
from reconciler.sandbox.seed import Seed
from tests.liar import Exchange, liar
from tests.requestlog import said
from tests.shell import (
    ABSENT,
    BACKUP_2023,
    BACKUP_2024,
    BENCH,
    GRAFANA,
    MANAGER,
    OPERATOR,
    Done,
    Shell,
    manager_who_sees_all,
    shell_on,
)  # fmt: skip

COMMANDS = (Path(__file__).parent.parent.parent / "docs" / "commands.md").read_text()
ENDS = {
    command: {int(code) for code in re.findall(r"\d+", codes.partition(";")[0])}
    for commands, codes in re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \| ([\d, ]+\d.*) \|$", COMMANDS, re.MULTILINE)
    for command in re.findall("[a-z]+", commands)
}
"""Which codes each command can end with, as the documentation says; tests/scenarios/test_no_secret.py holds every run to it."""

DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """The shell, in this process."""
    shell.here = True
    return shell


@contextmanager
def managed(folder: Path, seed: Seed | None = None) -> Iterator[Shell]:
    """Give a shell on a sandbox, signed in as acme's manager."""
    with shell_on(folder, seed=seed, caller=MANAGER) as shell:
        shell.here = True
        yield shell


def test_0_ok(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    assert [shell.run(*arguments.split()).code for arguments in ("validate", "plan", "apply --yes", "apply --yes")] == [
        0, 0, 0, 0,
    ]  # fmt: skip
    assert shell.patches() == [GRAFANA]


def test_1_error_when_a_local_file_cannot_be_written(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    done = shell.run("apply", "--yes", "--journal", "/dev/null/here")
    assert done.code == 1
    assert done.err.startswith("cannot write the journal ")
    assert shell.run("plan", "-o", "none/plan.json").code == 1
    assert shell.patches() == []


def test_2_changes(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    assert shell.run("plan", "--detailed-exitcode").code == 2
    assert shell.patches() == []


def test_3_partial(tmp_path: Path) -> None:
    with managed(tmp_path, manager_who_sees_all()) as shell:
        shell.declare(f'id: "{BACKUP_2024}", status: active', f'id: "{BENCH}", description: x')
        assert shell.run("apply", "--yes", "--allow", "reactivation").code == 3
        assert shell.patches() == [BACKUP_2024, BENCH]


@pytest.mark.parametrize(
    ("declaration", "head"),
    [
        (f'id: "{OPERATOR}", status: inactive', ""),
        (f'id: "{BACKUP_2023}", status: inactive, protected: true', ""),
        (f'id: "{BACKUP_2023}", status: inactive', "guards: {max_deactivations: 0}\n"),
        (f'id: "{BACKUP_2024}", status: active', ""),
        (DESCRIBE, "unmanaged: fail\n"),
        (DESCRIBE, "server: {url: https://influx.example}\n"),
        (DESCRIBE, "server: {org: edge-lab}\n"),
    ],
    ids=["self", "protected", "max_deactivations", "reactivation", "unmanaged", "server-url", "server-org"],
)
def test_4_refused(shell: Shell, declaration: str, head: str) -> None:
    shell.declare(declaration, head=head)
    assert shell.run("apply", "--yes").code == 4
    assert shell.patches() == []


def test_5_stale(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    assert shell.run("apply", "--yes", "--expect", "0" * 64).code == 5
    shell.run("plan", "-o", "plan.json")
    shell.sandbox.change(GRAFANA, description="theirs")
    assert shell.run("apply", "--yes", "plan.json").code == 5
    assert shell.patches() == []


def test_6_auth(shell: Shell, tmp_path: Path) -> None:
    shell.declare(DESCRIBE)
    assert shell.run("apply", "--yes", INFLUX_TOKEN="FAKE").code == 6
    assert shell.patches() == []
    with managed(tmp_path) as other:
        other.declare(f'id: "{BENCH}", description: x')
        assert other.run("apply", "--yes").code == 6
        assert other.patches() == []


def test_7_unreachable(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listening
        done = shell.run("apply", "--yes", INFLUX_HOST=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert done.code == 7
    said = [line.partition(": nothing listens there; ")[2].partition(" in ")[0] for line in done.err.splitlines()]
    assert said == ["asking again", "asking again", "asking again", "given up after 4 attempts", ""]


def test_8_cancelled(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    done = shell.run("apply", stdin="yes\n")
    assert (done.code, shell.patches()) == (8, [])
    assert done.err == "nothing was sent: there is no terminal to ask on\n  hint: agree beforehand with `--yes`\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "plam", "plan --bogus", "plan --format yaml", "plan --allow everything", "show", "apply --expect 12", "apply a.json b.yaml",
        "plan --select nobody", "plan --url ftp://x", "plan --url http://influx.example", "plan --profile nobody",
        "plan --token-file none", "plan --org nobody", "sandbox --listen 8086", "sandbox --hashed-tokens maybe", "schema world",
        "plan --client-key key.pem", "plan --self-id 1", "undo", "undo --yes", "undo --apply --format json",
        "apply --parallelism 0", "apply --parallelism 65", "apply --rate 10",
        "apply --canary 0", "apply --max-failures -1", "apply --format json", "undo --apply --yes --format html", "apply --json", "plan --timeout soon",
    ],
)  # fmt: skip
def test_64_usage(shell: Shell, arguments: str) -> None:
    shell.declare(DESCRIBE)
    done = shell.run(*arguments.split())
    assert (done.code, done.out, shell.patches()) == (64, "", [])
    assert done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "--yes", "--expect", ""], ["apply", "--yes", "--lock-timeout="], ["plan", "--ca-file="], ["plan", "--org="],
        ["plan", "--base="], ["plan", "--select", "grafana", "--select="], ["undo", ""], ["plan", "tokens.yaml", ""],
    ],
)  # fmt: skip
def test_64_a_text_that_a_variable_did_not_give(shell: Shell, arguments: list[str]) -> None:
    shell.declare(DESCRIBE)
    done = shell.run(*arguments)
    assert (done.code, done.out, shell.patches()) == (64, "", [])
    assert done.err.endswith(" is empty\n  hint: the variable that it was to come from may not be set\n")


def run_here(shell: Shell, *arguments: str) -> tuple[int, str]:
    """The exit code and standard error of the command line in this process."""
    with chdir(shell.folder):
        done = shell.call(lambda context: ExitCode(run(arguments, context)))
    return done.code, done.err


ELSE = "for a file that is called so"


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        ("plan -out=plan.json", "`-out=plan.json` is read as `-o ut=plan.json`", f"write `--out=plan.json`, or `./ut=plan.json` {ELSE}"),
        ("plan -oout=plan.json", "`-oout=plan.json` is read as `-o out=plan.json`", f"write `--out=plan.json`, or `./out=plan.json` {ELSE}"),
        ("plan -format=json", "no such option: `-format=json`", "write `--format=json`"),
        ("apply -yes", "no such option: `-yes`", "write `--yes`"),
        ("-version", "no such option: `-version`", "write `--version`"),
        ("apply -y", "no such option: -y", "see `tokenctl apply --help`"),
        ("plan -o plan.yaml", "`-o` would save a plan under the name of a manifest: plan.yaml", "call it `plan.json`"),
        ("plan -out plan.json", "`-out` is read as `-o ut`", f"write `--out PATH`, or `./ut` {ELSE}"),
        ("plan -output=json=x", "`-output=json=x` is read as `-o utput=json=x`", f"write `--output=json=x`, or `./utput=json=x` {ELSE}"),
        ("undo -outfile=x", "`-outfile=x` is read as `-o utfile=x`", f"write `--out=x`, or `./utfile=x` {ELSE}"),
        ("plan -offline", "`-offline` is read as `-o ffline`", f"write `--offline`, or `./ffline` {ELSE}"),
        ("plan -org acme", "`-org` is read as `-o rg`", f"write `--org NAME`, or `./rg` {ELSE}"),
        ("plan -o=plan.json", "`-o` names the file `=plan.json`", f"write `-o plan.json`, or `./=plan.json` {ELSE}"),
        ("plan --out=--formt json", "`-o` names the file `--formt`", f"write `-o PATH`, or `./--formt` {ELSE}"),
        ("apply --journal==x", "`--journal` names the file `=x`", f"write `--journal x`, or `./=x` {ELSE}"),
        ("apply --journal --yes", "`--journal` has no value: `--yes`, which follows it, is an option", "write `--journal DIR`"),
        ("plan --select --base=x", "`--select` has no value: `--base=x`, which follows it, is an option", "write `--select TERM`"),
    ],
)  # fmt: skip
def test_64_a_name_that_nobody_meant(shell: Shell, arguments: str, said: str, hint: str) -> None:
    shell.declare(DESCRIBE)
    before = set(shell.folder.iterdir())
    assert run_here(shell, *arguments.split()) == (64, f"{said}\n  hint: {hint}\n")
    assert (set(shell.folder.iterdir()), shell.sent()) == (before, [])


def test_a_file_whose_name_only_begins_like_an_option_is_one(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    for name in ("utility.json", "org=acme.json", "./=x", "./ut"):
        assert run_here(shell, "plan", "--quiet", "-o", name)[0] == 0
        assert (shell.folder / name).is_file()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["plan", "--url", "http://127.0.0.1:1\r"], {}), (["plan", "--base", "main\n"], {}), (["list", "--profile", "prod\xa0"], {}),
        (["plan", "--select", "grafana", "--select", " grafana"], {}), (["apply", "--yes", "--journal", "j\ufeff"], {}),
        (["list"], {"INFLUX_HOST": " http://127.0.0.1:1"}), (["list", "--org", "\r\n"], {}), (["list"], {"INFLUX_ORG": "\u3000"}),
        (["list"], {"INFLUX_TOKEN": " x"}), (["list"], {"TOKENCTL_SELF_ID": f"{GRAFANA} "}), (["list"], {"INFLUX_ORG": "a\udcff"}),
    ],
)  # fmt: skip
def test_64_what_nobody_sees_around_a_value(shell: Shell, arguments: list[str], environment: dict[str, str]) -> None:
    shell.measured = True
    shell.declare(DESCRIBE)
    done = shell.run(*arguments, **environment)
    assert (done.code, done.out, shell.sent()) == (64, "", [])
    assert done.err


@pytest.mark.parametrize(
    "declaration", ["id: x", f'id: "{ABSENT}"', "match: {user: user2}", "match: {user: nobody}", f'{DESCRIBE}, descripton: ""']
)  # fmt: skip
def test_65_invalid(shell: Shell, declaration: str) -> None:
    shell.declare(DESCRIBE, declaration)
    assert shell.run("apply", "--yes").code == 65
    assert shell.patches() == []


def test_65_invalid_when_a_journal_is_none(shell: Shell) -> None:
    shell.declare(DESCRIBE)
    done = shell.run("undo", "tokens.yaml")
    assert (done.code, done.out, shell.sent()) == (65, "", [])
    assert done.err.startswith("tokens.yaml is no journal: it seems to be a manifest\n")


def test_json_has_the_reason_by_its_name(shell: Shell) -> None:
    shell.declare(f'id: "{OPERATOR}", status: inactive')
    done = shell.run("plan", "--format", "json")
    assert (done.code, json.loads(done.out)["reason"]) == (4, "refused")


def test_the_gravest_of_two_codes_is_the_one_that_comes_first_in_the_documentation() -> None:
    order = [
        ExitCode(int(code)) for code in re.findall(r"\d+", re.findall(r"the gravest counts: ([^.]+)\.", COMMANDS)[0])
    ]
    assert {*order, ExitCode.INTERRUPTED, ExitCode.TERMINATED} == set(ExitCode)
    for graver, other in combinations(order, 2):
        assert ExitCode.gravest([other, graver, other]) is ExitCode.gravest([graver, other]) is graver
    assert ExitCode.gravest([]) is ExitCode.OK
    for signal in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        assert ExitCode.gravest([signal, ExitCode.OK]) is signal
        assert ExitCode.gravest([signal, ExitCode.CHANGES]) is ExitCode.CHANGES


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")


FULL: dict[str, Any] = {"stdout": Full()}
UNKNOWN: dict[str, Any] = {"environment": {"INFLUX_TOKEN": "FAKE"}}
NOBODY: dict[str, Any] = {"environment": {"INFLUX_HOST": "http://127.0.0.1:1"}}
WAYS: dict[str, list[tuple[int, str, dict[str, Any]]]] = {
    "list": [
        (0, "", {}), (1, "", FULL), (4, "--not-in {dir}/elsewhere.yaml", {}), (6, "", UNKNOWN), (7, "", NOBODY),
        (64, "--org nobody", {}), (65, "--not-in {dir}/none.yaml", {}),
    ],
    "doctor": [
        (0, "", {}), (1, "", FULL), (4, "{dir}/elsewhere.yaml", {}), (6, "", UNKNOWN), (7, "", NOBODY),
        (64, "--org nobody", {}), (65, "{dir}/none.yaml", {}),
    ],
    "export": [
        (0, "", {}), (1, "{dir}/none/none.yaml", {}), (4, "{dir}/elsewhere.yaml", {}), (6, "", UNKNOWN), (7, "", NOBODY),
        (64, "--org nobody", {}), (65, "{dir}/edited.json", {}),
    ],
    "usage": [
        (0, "{dir}/influxd.log", {}), (1, "{dir}/none.log", {}), (6, "{dir}/influxd.log", UNKNOWN), (7, "{dir}/influxd.log", NOBODY),
        (64, "{dir}/influxd.log --since 1", {}), (65, "{dir}/tokens.yaml", {}),
    ],
    "validate": [(0, "{dir}/tokens.yaml", {}), (1, "{dir}/tokens.yaml", FULL), (64, "--bogus", {}), (65, "{dir}/none.yaml", {})],
    "show": [
        (0, "{dir}/plan.json", {}), (1, "{dir}/none.json", {}), (4, "{dir}/refused.json", {}), (5, "{dir}/edited.json", {}),
        (64, "", {}), (65, "{dir}/tokens.yaml", {}),
    ],
    "schema": [(0, "", {}), (1, "", FULL), (64, "world", {})],
    "demo": [(0, "", {}), (1, "", FULL), (64, "--bogus", {})],
}  # fmt: skip


@pytest.mark.parametrize("command", WAYS)
def test_a_command_ends_with_each_of_its_codes(shell: Shell, command: str) -> None:
    """The others change something, and have tests of their own."""
    shell.declare(f'id: "{OPERATOR}", status: inactive', name="lockout.yaml")
    shell.declare(DESCRIBE, head="server: {url: https://influx.example}\n", name="elsewhere.yaml")
    tokens = shell.declare(DESCRIBE)
    shell.write(said(), "influxd.log")
    for plan, file in (("plan", tokens), ("refused", "{dir}/lockout.yaml")):
        call(shell, f"plan {file} -o {{dir}}/{plan}.json")
    shell.write((shell.folder / "plan.json").read_text().replace("dashboard", "dashbord"), "edited.json")
    assert {code for code, _, _ in WAYS[command]} == ENDS[command]
    for code, words, around in WAYS[command]:
        assert call(shell, f"{command} {words}", **around).code == code


def call(shell: Shell, line: str, **around: Any) -> Done:
    """A command line in this process."""
    words = line.format(dir=shell.folder).split()
    return shell.call(lambda context: ExitCode(run(words, context)), **around)


@pytest.mark.parametrize("beside", [{"links": {"next": "/api/v2/authorizations?offset=1"}}, {"total": 99}], ids=str)
def test_a_page_of_the_list_is_not_taken_for_all_tokens(shell: Shell, beside: dict[str, Any]) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path != "/api/v2/authorizations":
            return None
        return [exchange.answer(body={"authorizations": exchange.document["authorizations"][:1], **beside})]

    tokens = shell.declare("match: {user: nobody}, status: active")
    with liar(shell.sandbox.url, lie) as server:
        for line in ("list", "doctor", f"plan {tokens}", f"apply {tokens} --yes"):
            done = call(shell, line, environment={"INFLUX_HOST": server.url})
            assert done.code == ExitCode.UNREACHABLE
            assert "is not InfluxDB v2's: it is one page of a list (`" in done.out + done.err


@pytest.mark.parametrize("message", ["authorization not found", "route not found", "organization not found"])
def test_a_list_that_is_not_found_is_no_answer_and_no_stale_plan(shell: Shell, message: str) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path != "/api/v2/authorizations":
            return None
        return [exchange.answer(status=404, body={"code": "not found", "message": message})]

    tokens = shell.declare(DESCRIBE, head="unmanaged: warn\n")
    with liar(shell.sandbox.url, lie) as server:
        around = {"environment": {"INFLUX_HOST": server.url}}
        for line in ("list", "doctor", f"plan {tokens}", f"apply {tokens} --yes"):
            done = call(shell, line, **around)
            assert done.code == ExitCode.UNREACHABLE
            assert f"{server.url} answered 404 {message}\n" in done.out + done.err
            assert (
                "hint: check that the URL (--url, INFLUX_HOST) is that of an InfluxDB v2 server" in done.out + done.err
            )
    assert shell.patches() == []

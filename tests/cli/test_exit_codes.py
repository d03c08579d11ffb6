"""A test for each row of the table of exit codes, through the installed program; each says what was sent."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.shell import (
    ABSENT,
    BACKUP_2023,
    BACKUP_2024,
    BENCH,
    GRAFANA,
    MANAGER,
    OPERATOR,
    Shell,
    manager_who_sees_all,
    shell_on,
)  # fmt: skip

DESCRIBE = f'id: "{GRAFANA}", name: grafana, description: dashboard'


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
    with shell_on(tmp_path, seed=manager_who_sees_all(), caller=MANAGER) as shell:
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
    with shell_on(tmp_path, caller=MANAGER) as other:
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
        "apply --canary 0", "apply --max-failures -1", "apply --json", "undo --yes --json", "plan --timeout soon",
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
    shell.measured = True
    shell.declare(DESCRIBE)
    done = shell.run(*arguments)
    assert (done.code, done.out, shell.patches()) == (64, "", [])
    assert done.err.endswith(" is empty\n  hint: the variable that it was to come from may not be set\n")


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
    assert done.err.startswith("tokens.yaml is no journal: its first line is no header\n")


def test_json_has_the_reason_by_its_name(shell: Shell) -> None:
    shell.declare(f'id: "{OPERATOR}", status: inactive')
    done = shell.run("plan", "--format", "json")
    assert (done.code, json.loads(done.out)["reason"]) == (4, "refused")

"""Tokens that are too large to be kept: they are named, and they keep nobody from changing them and all others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.errors import ExitCode
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Seed, default_seed
from tests.commands.test_undo import journals, stored
from tests.liar import Exchange, liar
from tests.shell import BACKUP_2023, GRAFANA, INGEST, OPERATOR, Done, Shell, shell_on

MIB = 1024 * 1024
HUGE = {GRAFANA: "x" * MIB, BACKUP_2023: "é" * 600_000}
MANY = tuple(
    Permission(action, kind, id=f"{number:016x}") if number else Permission(action, kind)
    for kind in ("authorizations", "users", "buckets")
    for action in ("read", "write")
    for number in range(1500)
)
"""More than 1 MiB in JSON; half of them is less, and too much as well."""


def world(descriptions: dict[str, str], *many: str, rights: Sequence[Permission] = MANY[::2]) -> Seed:
    """The usual world with these descriptions, and thousands of rights for some tokens."""
    seed = default_seed()
    tokens = (
        replace(
            each,
            description=descriptions.get(each.id, each.description),
            permissions=tuple(rights) if each.id in many else each.permissions,
        )
        for each in seed.tokens
    )
    return replace(seed, tokens=tuple(tokens))


def cli(shell: Shell, line: str) -> Done:
    """A command line in this process."""
    return shell.call(lambda context: ExitCode(run(line.format(dir=shell.folder).split(), context)))


def marker(text: str) -> str:
    """What is shown in the place of a text."""
    return f"({len(text):,} characters, too large to be kept, SHA-256 {hashlib.sha256(text.encode()).hexdigest()})"


def shown(text: str) -> str:
    """Return the text as output shows it, with a word in place of its hash."""
    return f"({len(text):,} characters, too large to be kept, SHA-256 DIGEST)"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell on a world with two huge descriptions, of which one token has 4,500 rights, and another token that has."""
    with shell_on(tmp_path_factory.mktemp("large"), seed=world(HUGE, BACKUP_2023, INGEST)) as shell:
        yield shell


def test_looking_names_them(large: Shell) -> None:
    large.declare(f'id: "{GRAFANA}", status: inactive')
    for line in ("list", "plan {dir}/tokens.yaml", "doctor {dir}/tokens.yaml"):
        done = cli(large, line)
        said = done.out + done.err
        assert done.code == 0, said
        assert f"2 tokens with a description too large to be kept: {min(HUGE)} (" in said
        assert f"2 tokens with rights too large to be kept: {min(BACKUP_2023, INGEST)} (" in said
        assert "x" * 1000 not in said
    listed = json.loads(cli(large, "list --format json").out)["tokens"]
    found = {each["id"]: each for each in listed}
    assert found[GRAFANA]["description"] == shown(HUGE[GRAFANA])
    assert found[BACKUP_2023]["elided"] == {"length": 600_000, "sha256": "DIGEST"}
    assert [each["id"] for each in listed if "elided" in each] == sorted(HUGE)


def test_everything_can_be_changed_and_undone_but_what_was_not_kept(tmp_path: Path) -> None:
    with shell_on(tmp_path, seed=world(HUGE, BACKUP_2023)) as shell:
        before = stored(shell, GRAFANA, BACKUP_2023, INGEST)
        shell.declare(
            f'id: "{GRAFANA}", status: inactive',
            f'id: "{BACKUP_2023}", status: inactive, description: small',
            f'id: "{INGEST}", description: renamed',
        )
        assert cli(shell, "plan {dir}/tokens.yaml -o {dir}/plan.json").code == 0
        plan = json.loads((tmp_path / "plan.json").read_text())
        before_of = {each["id"]: each["before"] for each in plan["changes"]}
        for token_id, text in HUGE.items():
            assert before_of[token_id]["description"] == marker(text)
            assert before_of[token_id]["elided"]["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        applied = cli(shell, "apply {dir}/plan.json --yes")
        assert applied.code == 0, applied.err
        assert stored(shell, GRAFANA, BACKUP_2023, INGEST) == [
            ("inactive", HUGE[GRAFANA]),
            ("inactive", "small"),
            (before[2][0], "renamed"),
        ]
        (journal,) = journals(shell)
        undone = cli(shell, f"undo {journal} --apply --yes --allow reactivation")
        assert undone.code == 0, undone.err
        assert f"cannot be restored: {shown(HUGE[BACKUP_2023])}" in undone.out
        assert stored(shell, GRAFANA, BACKUP_2023, INGEST) == [before[0], (before[1][0], "small"), before[2]]


def test_a_text_that_changed_is_noticed_although_only_its_hash_is_kept(tmp_path: Path) -> None:
    with shell_on(tmp_path, seed=world(HUGE)) as shell:
        shell.declare(f'id: "{GRAFANA}", status: inactive')
        assert cli(shell, "plan {dir}/tokens.yaml -o {dir}/plan.json").code == 0
        for other in ("y" + HUGE[GRAFANA][1:], marker(HUGE[GRAFANA])):
            shell.sandbox.change(GRAFANA, description=other)
            assert cli(shell, "apply {dir}/plan.json --yes").code == ExitCode.STALE
        shell.declare(
            f'id: "{GRAFANA}", description: "{marker(HUGE[GRAFANA])}"',
            f'id: "{BACKUP_2023}", description: "{marker(HUGE[BACKUP_2023])}"',
        )
        done = cli(shell, "plan {dir}/tokens.yaml --format ops")
        assert [json.loads(each)["body"]["description"] for each in done.out.splitlines()] == [shown(HUGE[BACKUP_2023])]


def test_a_name_may_be_large_too(tmp_path: Path) -> None:
    seed = default_seed()
    names = tuple(replace(each, name="n" * 1_100_000) for each in seed.orgs[:1])
    with shell_on(tmp_path, seed=replace(seed, orgs=(*names, *seed.orgs[1:]))) as shell:
        shell.declare(f'id: "{GRAFANA}", description: x')
        done = cli(shell, "apply {dir}/tokens.yaml --yes")
        assert (done.code, stored(shell, GRAFANA)[0][1]) == (0, "x"), done.err
        assert shown("n" * 1_100_000) in cli(shell, "list").out


def test_rights_that_are_not_known_may_be_those_of_the_caller(tmp_path: Path) -> None:
    seed = world({}, INGEST, rights=MANY)
    (admin,) = (each.user_id for each in seed.tokens if each.id == OPERATOR)
    tokens = tuple(replace(each, user_id=admin) if each.id == INGEST else each for each in seed.tokens)
    with shell_on(tmp_path, seed=replace(seed, tokens=tokens), version="2.9.1") as shell:
        shell.declare(f'id: "{INGEST}", status: inactive')
        done = cli(shell, "plan {dir}/tokens.yaml")
        assert (done.code, "`self`" in done.out) == (ExitCode.REFUSED, True), done.out


@pytest.mark.parametrize("key", ["orgID", "userID", "status", "updatedAt"])
def test_a_token_that_cannot_be_read_is_left_out_alone(shell: Shell, key: str) -> None:
    def lie(exchange: Exchange) -> list[bytes] | None:
        if exchange.path != "/api/v2/authorizations":
            return None
        body = json.loads(exchange.body)
        for each in body["authorizations"]:
            if each["id"] == INGEST:
                each[key] = "1" * 1_100_000
        return [exchange.answer(body=body)]

    with liar(shell.sandbox.url, lie) as server:
        shell.environment["INFLUX_HOST"] = server.url
        shell.declare(f'id: "{GRAFANA}", description: x', head="unmanaged: warn\n")
        words = f"left out, as it cannot be read: {INGEST} (its `{key}` has 1,100,000 characters)"
        for line in ("plan {dir}/tokens.yaml", "list", "export", "doctor"):
            done = cli(shell, line)
            assert (done.code, words in done.out + done.err) == (0, True), done.err
        shell.declare(f'id: "{GRAFANA}", description: x', f'id: "{INGEST}", status: inactive')
        done = cli(shell, "plan {dir}/tokens.yaml")
        assert done.code == ExitCode.INVALID
        assert f"token {INGEST} cannot be read: its `{key}` has 1,100,000 characters" in done.err

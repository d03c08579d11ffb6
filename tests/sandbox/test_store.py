"""The state of a sandbox: what its file keeps, what it refuses, and many changes at once."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import InvalidError, LocalError
from reconciler.sandbox.seed import Seed
from reconciler.sandbox.server import Sandbox
from tests.sandbox.client import ACME, LAPTOP, PATH, SEED, Client


def test_a_file_keeps_the_state_and_the_seed_is_not_applied_again(tmp_path: Path) -> None:
    data = tmp_path / "state.db"
    with Sandbox.start(seed=SEED, data=data) as sandbox:
        assert sandbox.fresh
        sandbox.change(LAPTOP.id, description="kept")
    with Sandbox.start(seed=Seed(orgs=(), users=(), buckets=(), tokens=()), data=data) as sandbox:
        assert not sandbox.fresh
        assert Client(sandbox).send("GET", f"{PATH}/{LAPTOP.id}").json["description"] == "kept"


def test_a_file_that_is_none_of_a_sandbox_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be looked at as one" * 20)
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        ("text", "file is not a database"),
        ("", "is a directory"),
        ("none/state.db", "no such file or directory"),
        ("text/state.db", "not a directory"),
        ("pipe", "no such device or address"),
    ):
        with pytest.raises(LocalError) as caught:
            Sandbox.start(seed=SEED, data=tmp_path / name)
        assert str(caught.value) == (
            f"a sandbox cannot keep its state in {tmp_path / name}: {why}\n"
            "  hint: name another file with `--data`, in a folder that can be written"
        )


def test_a_world_with_two_of_one_kind_is_refused() -> None:
    twice = replace(SEED, tokens=(LAPTOP, LAPTOP))
    with pytest.raises(InvalidError) as caught:
        Sandbox.start(seed=twice)
    assert str(caught.value) == "the seed has two entries with one id, name or token"


def test_parallel_changes_of_different_tokens_are_all_kept(tmp_path: Path) -> None:
    with Sandbox.start(seed=SEED, data=tmp_path / "state.db") as sandbox:
        client = Client(sandbox)

        def change(number: int) -> int:
            token = SEED.tokens[number % len(SEED.tokens)]
            return client.send("PATCH", f"{PATH}/{token.id}", {"description": f"number {number}"}).status

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(change, range(96))) == {200}
        assert len(set(client.listed())) == len(SEED.tokens)


def test_a_file_from_before_there_were_labels_gets_some(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    Sandbox.start(seed=SEED, data=path).close()
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE labels")
    database.close()
    for _ in range(2):
        with Sandbox.start(seed=SEED, data=path) as sandbox:
            Client(sandbox).send("POST", "/api/v2/labels", {"name": "lock", "orgID": ACME})
            assert [each.name for each in sandbox.labels] == ["lock"]

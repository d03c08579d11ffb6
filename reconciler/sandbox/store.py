"""The state of a sandbox in SQLite: every request is one transaction. Secrets are found by their hash."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from reconciler.errors import InvalidError, LocalError, reason
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Authorization, Bucket, Org, Seed, User

BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space as Go knows it."""

_SCHEMA = """
CREATE TABLE orgs (id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, status TEXT NOT NULL);
CREATE TABLE buckets (id TEXT PRIMARY KEY, name TEXT NOT NULL, org_id TEXT NOT NULL);
CREATE TABLE authorizations (
    id TEXT PRIMARY KEY, secret_hash BLOB UNIQUE NOT NULL, secret TEXT NOT NULL, status TEXT NOT NULL,
    description TEXT NOT NULL, org_id TEXT NOT NULL, user_id TEXT NOT NULL, permissions TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
) WITHOUT ROWID;
"""
# Made in older files too: they are from before there were labels.
_LABELS = "CREATE TABLE IF NOT EXISTS labels (id TEXT PRIMARY KEY, org_id TEXT, name TEXT, properties TEXT)"
_COLUMNS = "id, secret, status, description, org_id, user_id, permissions, created_at, updated_at"
_OF_LABELS = "SELECT id, org_id, name, properties FROM labels"


@dataclass(frozen=True, slots=True)
class Label:
    """A label of an organisation; its name is unique there."""

    id: str
    org_id: str
    name: str
    properties: Mapping[str, str]


class Store:
    """Opens the state; `fresh` says whether it began with the seed, rather than with what the file held.

    Raises LocalError when the file is no sandbox's, InvalidError when the seed contradicts itself.
    """

    def __init__(self, seed: Seed, path: Path | None = None, *, hides_secrets: bool = False) -> None:
        self._lock = threading.RLock()
        self._hides_secrets = hides_secrets
        try:
            # The lock is what keeps the threads apart.
            self._database = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        try:
            self.fresh = not self._query("SELECT 1 FROM sqlite_master")
            if self.fresh:
                with self.transaction():
                    self._begin(seed)
            self._query(f"SELECT {_COLUMNS} FROM authorizations LIMIT 0")  # noqa: S608  a constant
            self._query(_LABELS)
        except sqlite3.IntegrityError:
            self._database.close()
            raise InvalidError("the seed has two entries with one id, name or token") from None
        except sqlite3.Error as error:
            self._database.close()
            raise _unusable(path, error) from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """All or nothing of what the block does, apart from all other threads."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def interlude(self, wait: Callable[[], object]) -> None:
        """Within a transaction: end it, wait without keeping others out, and begin another."""
        self._database.execute("COMMIT")
        self._lock.release()
        try:
            wait()
        finally:
            self._lock.acquire()
            self._database.execute("BEGIN IMMEDIATE")

    def by_secret(self, secret: str) -> Authorization | None:
        """The authorization with that secret."""
        return self._one("secret_hash", _hash(secret))

    def by_id(self, authorization_id: str) -> Authorization | None:
        """The authorization with that id."""
        return self._one("id", authorization_id)

    def authorizations(self, *, org_id: str = "", user_id: str = "") -> list[Authorization]:
        """All, or those of the organisation and of the user, by ascending id."""
        rows = self._query(
            f"SELECT {_COLUMNS} FROM authorizations"  # noqa: S608  a constant
            " WHERE ? IN ('', org_id) AND ? IN ('', user_id) ORDER BY id",
            org_id,
            user_id,
        )
        return [_authorization(row) for row in rows]

    def put(self, authorization: Authorization) -> None:
        """Store the fields of an authorization that can change."""
        self._database.execute(
            "UPDATE authorizations SET status = ?, description = ?, updated_at = ? WHERE id = ?",
            (authorization.status, authorization.description, authorization.updated_at, authorization.id),
        )

    def add(self, authorization: Authorization) -> None:
        """Store a new authorization, its secret only where secrets are shown."""
        hashed = _hash(authorization.secret)
        shown = replace(authorization, secret="") if self._hides_secrets else authorization
        values = [
            json.dumps([[*_values(each)] for each in value]) if isinstance(value, tuple) else value
            for value in _values(shown)
        ]
        self._insert(f"authorizations (secret_hash, {_COLUMNS})", hashed, *values)

    def remove(self, authorization_id: str) -> None:
        """Forget an authorization."""
        self._database.execute("DELETE FROM authorizations WHERE id = ?", (authorization_id,))

    def user(self, user_id: str) -> User | None:
        """The user with that id."""
        rows = self._query("SELECT id, name, status FROM users WHERE id = ?", user_id)
        return User(*rows[0]) if rows else None

    def users(self) -> list[User]:
        """Every user, by ascending id."""
        return [User(*row) for row in self._query("SELECT id, name, status FROM users ORDER BY id")]

    def orgs(self) -> list[tuple[str, ...]]:
        """Id and name of every organisation, by ascending id."""
        return self._query("SELECT id, name FROM orgs ORDER BY id")

    def add_user(self, user: User) -> None:
        """Store a new user."""
        self._insert("users", *_values(user))

    def remove_user(self, user_id: str) -> None:
        """Forget a user; whatever the user owned stays."""
        self._database.execute("DELETE FROM users WHERE id = ?", (user_id,))

    def label(self, label_id: str) -> Label | None:
        """The label with that id."""
        rows = self._query(f"{_OF_LABELS} WHERE id = ?", label_id)
        return _label(rows[0]) if rows else None

    def labels(self, *, org_id: str = "") -> list[Label]:
        """All labels, or those of the organisation, by ascending id."""
        return [_label(row) for row in self._query(f"{_OF_LABELS} WHERE ? IN ('', org_id) ORDER BY id", org_id)]

    def put_label(self, label: Label) -> None:
        """Store a label, new or changed."""
        values = (label.id, label.org_id, label.name, json.dumps(dict(label.properties)))
        self._database.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)", values)

    def remove_label(self, label_id: str) -> None:
        """Forget a label."""
        self._database.execute("DELETE FROM labels WHERE id = ?", (label_id,))

    def name(self, kind: str, resource_id: str) -> str | None:
        """The name of an organisation (`orgs`), user (`users`) or bucket (`buckets`)."""
        rows = self._query(f"SELECT name FROM {kind} WHERE id = ?", resource_id)  # noqa: S608  one of three constants
        return str(rows[0][0]) if rows else None

    def user_named(self, name: str) -> str | None:
        """The id of the user of that name."""
        rows = self._query("SELECT id FROM users WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def org_named(self, name: str) -> str | None:
        """The id of the organisation of that name, white space around either left out."""
        rows = self._query("SELECT id FROM orgs WHERE trim(name, ?) = trim(?, ?)", BLANKS, name, BLANKS)
        return str(rows[0][0]) if rows else None

    def _begin(self, seed: Seed) -> None:
        for statement in _SCHEMA.split(";"):
            self._database.execute(statement)
        for table, rows in (("orgs", seed.orgs), ("users", seed.users), ("buckets", seed.buckets)):
            for row in rows:
                self._insert(table, *_values(row))
        for authorization in seed.tokens:
            self.add(authorization)

    def _insert(self, table: str, *values: str | bytes) -> None:
        marks = ", ".join("?" * len(values))
        self._database.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608  a constant

    def _one(self, column: str, value: str | bytes) -> Authorization | None:
        rows = self._query(f"SELECT {_COLUMNS} FROM authorizations WHERE {column} = ?", value)  # noqa: S608  constants
        return _authorization(rows[0]) if rows else None

    def _query(self, statement: str, *values: str | bytes) -> list[tuple[str, ...]]:
        return self._database.execute(statement, values).fetchall()


def _values(row: Authorization | Org | User | Bucket | Permission) -> Iterator[Any]:
    """Its fields in order. What dataclasses have for it takes many times as long."""
    return (getattr(row, name) for name in row.__slots__)


def _unusable(path: Path | None, error: sqlite3.Error) -> LocalError:
    why = str(error)
    try:
        os.close(os.open(path or "", os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o600))
    except OSError as cause:  # which SQLite does not tell
        why = reason(cause)
    return LocalError(
        f"a sandbox cannot keep its state in {path}: {why}",
        "name another file with `--data`, in a folder that can be written",
    )


def _label(row: tuple[str, ...]) -> Label:
    label_id, org_id, name, properties = row
    return Label(label_id, org_id, name, json.loads(properties))


def _authorization(row: tuple[str, ...]) -> Authorization:
    fields: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Authorization(**fields | {"permissions": _permissions(fields["permissions"])})


@lru_cache(maxsize=256)  # every request reads those of its caller
def _permissions(text: str) -> tuple[Permission, ...]:
    return tuple(Permission(*each) for each in json.loads(text))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()

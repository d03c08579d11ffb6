"""The world that a sandbox begins with, read from a JSON document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.errors import InvalidError, Problem, reason
from reconciler.sandbox.go_json import GoError, read_id
from reconciler.sandbox.permissions import ACTIONS, TYPES, Permission

_STATUS = ("active", "inactive")
_HALF = re.compile("[\ud800-\udfff]")  # half of a surrogate pair: JSON lets it pass, no database does


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A user."""

    id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, for its name in permissions."""

    id: str
    name: str
    org_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A token as a server keeps it; times are RFC 3339 texts. `secret` is "" where only its hash is kept."""

    id: str
    secret: str
    status: str
    description: str
    org_id: str
    user_id: str
    permissions: tuple[Permission, ...]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A world. The owner of a token and the bucket of a permission may be gone, as on real servers."""

    orgs: tuple[Org, ...]
    users: tuple[User, ...]
    buckets: tuple[Bucket, ...]
    tokens: tuple[Authorization, ...]


@cache
def default_seed() -> Seed:
    """The small world of the demo, from the installed package."""
    return read_seed(Path(__file__).parent.parent / "examples" / "world.json")


def read_seed(path: Path) -> Seed:
    """The world in that file; raises InvalidError when it cannot be read or is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidError(f"{path}: the seed cannot be read: {reason(error) or 'it is not JSON'}") from None
    try:
        return parse_seed(document)
    except InvalidError as error:
        raise InvalidError([Problem(f"{path}: {problem.message}") for problem in error.problems]) from None


def parse_seed(document: object) -> Seed:
    """The world in a document like `examples/world.json`; raises InvalidError naming the path of the fault."""
    reader = _Entry(document, "")
    reader.only("orgs", "users", "buckets", "tokens", "deleted")
    return Seed(
        orgs=reader.each("orgs", _org),
        users=reader.each("users", _user),
        buckets=reader.each("buckets", _bucket),
        tokens=reader.each("tokens", _token),
    )


class _Entry:
    """A mapping of the document and the path to it, for messages."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise _fault(path or "seed", "it is no mapping")
        self._value: Mapping[str, Any] = value
        self._path = path

    def only(self, *keys: str) -> None:
        """Refuse other keys."""
        for key in self._value:
            if key not in keys:
                raise _fault(self._at(key), "there is no such key")

    def text(self, key: str, *choices: str, default: str | None = None) -> str:
        """The text under the key, one of the choices if there are any."""
        value = self._value.get(key, default)
        if not isinstance(value, str) or _HALF.search(value):
            raise _fault(self._at(key), "it is no text")
        if choices and value not in choices:
            raise _fault(self._at(key), f"it is none of {', '.join(choices)}")
        return value

    def id(self, key: str, *, default: str | None = None) -> str:
        """The id under the key."""
        try:
            text = self.text(key, default=default)
            return read_id(text) if text != default else text
        except GoError as error:
            raise _fault(self._at(key), str(error)) from None

    def entry(self, key: str) -> _Entry:
        """The mapping under the key."""
        return _Entry(self._value.get(key), self._at(key))

    def each(self, key: str, read: Callable[[_Entry], Any]) -> tuple[Any, ...]:
        """What is made of each mapping of the list under the key."""
        values = self._value.get(key, [])
        if not isinstance(values, list):
            raise _fault(self._at(key), "it is no list")
        return tuple(read(_Entry(value, f"{self._at(key)}[{number}]")) for number, value in enumerate(values))

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _fault(path: str, what: str) -> InvalidError:
    return InvalidError(f"{path}: {what}")


def _org(entry: _Entry) -> Org:
    entry.only("id", "name")
    return Org(entry.id("id"), entry.text("name"))


def _user(entry: _Entry) -> User:
    entry.only("id", "name", "status")
    return User(entry.id("id"), entry.text("name"), entry.text("status", *_STATUS, default="active"))


def _bucket(entry: _Entry) -> Bucket:
    entry.only("id", "name", "orgID")
    return Bucket(entry.id("id"), entry.text("name"), entry.id("orgID"))


def _token(entry: _Entry) -> Authorization:
    entry.only(
        "key", "id", "token", "status", "description", "orgID", "userID", "permissions", "createdAt", "updatedAt"
    )  # `key` is a name for people who write tests
    created = entry.text("createdAt", default="2024-01-01T00:00:00Z")
    return Authorization(
        id=entry.id("id"),
        secret=entry.text("token"),
        status=entry.text("status", *_STATUS, default="active"),
        description=entry.text("description", default=""),
        org_id=entry.id("orgID"),
        user_id=entry.id("userID"),
        permissions=entry.each("permissions", _permission),
        created_at=created,
        updated_at=entry.text("updatedAt", default=created),
    )


def _permission(entry: _Entry) -> Permission:
    entry.only("action", "resource")
    resource = entry.entry("resource")
    resource.only("type", "id", "orgID")
    return Permission(
        entry.text("action", *sorted(ACTIONS)),
        resource.text("type", *sorted(TYPES)),
        resource.id("id", default=""),
        resource.id("orgID", default=""),
    )

"""Laws 1, 2, 3, 7 and 9 through the real client and a sandbox on a socket: any world, any file for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.core.live import EVERY_ORG, EVERY_USER, Rights, TokenId
from reconciler.core.manifest import Declaration, Match
from reconciler.core.plan import Guard
from reconciler.core.resolve import resolve
from reconciler.core.text import REFUSED
from reconciler.errors import ExitCode
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Authorization, Org, Seed, User
from reconciler.settings import Flags
from tests.builders import managing
from tests.commands.test_apply import applied
from tests.commands.test_plan import planned
from tests.commands.test_undo import undone
from tests.shell import OPERATOR, Shell, shell_on
from tests.strategies import HOSTILE, OWNERS, Realm, World, realms, worlds

pytestmark = pytest.mark.no_cover

# What a manifest may say; a secret is what it looks like when it is long enough.
SAYABLE = st.text(max_size=20).filter(lambda text: not REFUSED.search(text) and text.isprintable()) | st.sampled_from(
    [text for text in HOSTILE if not REFUSED.search(text)]
)


def _seed(world: World) -> Seed:
    """The world's tokens, all of one user, and an operator's of its own that no declaration means."""
    tokens = [
        Authorization(
            id=each.id, secret=f"secret-{each.id}", status=each.status.value, description=each.description,
            org_id=each.org_id, user_id=each.user_id, permissions=_permissions(each.rights),
            created_at="2024-01-01T00:00:00Z", updated_at="2024-01-01T00:00:00Z",
        )
        for each in world.live.tokens.values()
    ]  # fmt: skip
    operator = Authorization(
        id=OPERATOR, secret="operator", status="active", description="the operator's", org_id="b" * 16, user_id="d" * 16,
        permissions=_permissions(managing()), created_at="2024-01-01T00:00:00Z", updated_at="2024-01-01T00:00:00Z",
    )  # fmt: skip
    return Seed(
        orgs=(Org("a" * 16, "acme"), Org("e" * 16, "edge"), Org("b" * 16, "ops")),
        users=(User("c" * 16, "ci-bot", "active"), User("d" * 16, "ops", "active")),
        buckets=(),
        tokens=(*tokens, operator),
    )


def _permissions(rights: Rights) -> tuple[Permission, ...]:
    """What an API calls these rights."""
    found = []
    for action, reach in (("read", rights.read), ("write", rights.write)):
        found += [Permission(action, "authorizations", "", "" if org == EVERY_ORG else org) for org in reach.orgs]
        found += [Permission(action, "authorizations", one) for one in reach.tokens]
        found += [Permission(action, "users", "" if user == EVERY_USER else user) for user in reach.users]
    return tuple(sorted(found, key=str))


def _written(shell: Shell, entries: list[dict[str, Any]]) -> str:
    """A manifest as JSON, which is YAML; surrogate pairs are written as the characters they are."""
    return shell.write(json.dumps({"version": 1, "tokens": entries}, ensure_ascii=False))


def _declared(world: World) -> list[dict[str, Any]]:
    return [{**_target(each.target), **_said(each, "name", "description", "status")} for each in world.manifest.tokens]


def _target(target: TokenId | Match) -> dict[str, Any]:
    if not isinstance(target, Match):
        return {"id": target}
    return {"match": _said(target, "user", "org", "description"), "pick": target.pick.value}


def _said(each: Declaration | Match, *fields: str) -> dict[str, Any]:
    return {field: getattr(each, field) for field in fields if getattr(each, field) is not None}


def _stored(shell: Shell) -> Mapping[str, dict[str, Any]]:
    """Everything that the server holds of each token."""
    return {each.id: asdict(each) for each in shell.sandbox.tokens}


@given(worlds(SAYABLE, 3, ("ci-bot",)))
def test_after_an_apply_the_fields_are_as_declared_and_nothing_else_moved_and_a_second_sends_nothing(
    world: World,
) -> None:
    with TemporaryDirectory() as folder, shell_on(Path(folder), seed=_seed(world)) as shell:
        file = _written(shell, _declared(world))
        before = _stored(shell)
        planned(shell, file)
        assert _stored(shell) == before
        assert shell.patches() == []

        done = applied(shell, file, yes=True, allow=tuple(Guard))
        assert done.code == ExitCode.OK, done
        after = _stored(shell)
        meant = resolve(world.manifest, world.live).wanted
        wanted = {str(each.token.id): _said(each.declaration, "description", "status") for each in meant}
        differing = set()
        for token_id, was in before.items():
            expected = was | wanted.get(token_id, {})
            differing |= {token_id} if expected != was else set()
            assert after[token_id] == {**expected, "updated_at": after[token_id]["updated_at"]}
            assert (after[token_id]["updated_at"] == was["updated_at"]) == (expected == was)
        patched = shell.patches()
        assert (sorted(patched), len(patched)) == (sorted(differing), len(set(patched)))

        assert "No changes" in planned(shell, file).out
        assert applied(shell, file, yes=True).code == ExitCode.OK
        assert shell.patches() == []


@given(worlds(SAYABLE, 3, ("ci-bot",)))
def test_a_file_that_says_what_the_server_has_plans_no_changes(world: World) -> None:
    with TemporaryDirectory() as folder, shell_on(Path(folder), seed=_seed(world)) as shell:
        mirror = [
            {"id": each.id, "description": each.description, "status": each.status.value}
            for each in world.live.tokens.values()
        ]
        done = planned(shell, _written(shell, mirror), detailed_exitcode=True)
        assert (done.code, done.err) == (ExitCode.OK, "")
        assert "No changes" in done.out


@given(worlds(SAYABLE, 3, ("ci-bot",)))
def test_an_undo_of_an_undisturbed_apply_restores_every_value_and_a_second_undo_does_it_again(world: World) -> None:
    with TemporaryDirectory() as folder, shell_on(Path(folder), seed=_seed(world)) as shell:
        before = _values(shell)
        applied(shell, _written(shell, _declared(world)), yes=True, allow=tuple(Guard))
        changed, after = shell.patches(), _values(shell)
        for expected in (before, after, before):
            done = undone(shell, send=True, yes=True, allow=tuple(guard for guard in Guard if guard is not Guard.MOVED))
            assert done.code == (ExitCode.OK if changed else ExitCode.USAGE), done
            assert (_values(shell), sorted(shell.patches())) == (expected if changed else before, sorted(changed))


def _values(shell: Shell) -> dict[str, dict[str, Any]]:
    """Everything that the server holds of each token but when it changed."""
    return {token_id: {**each, "updated_at": ""} for token_id, each in _stored(shell).items()}


@given(realms(), st.data())
def test_whoever_could_be_changed_before_an_accepted_plan_can_be_afterwards(realm: Realm, data: st.DataObject) -> None:
    """Shown by doing it: each token tries to change each."""
    version = data.draw(st.sampled_from(["2.7.12", "2.9.1"]))
    sees_own = realm.may(realm.caller, "read", realm.tokens[realm.caller])
    told = version == "2.9.1" and (not sees_own or data.draw(st.booleans()))
    flags = Flags(org=data.draw(st.sampled_from(["", "acme", "edge"])), self_id=realm.caller if told else "")
    seen = [each for each in realm.tokens.values() if realm.may(realm.caller, "read", each)]
    wanted = {each.id: data.draw(st.sampled_from(["inactive", "inactive", "active"])) for each in seen}
    head = {"version": 1, "guards": {"min_managers": data.draw(st.integers(1, 2))}, "absent": "warn"}
    entries = [{"id": each, "status": status} for each, status in wanted.items()]
    with TemporaryDirectory() as folder, shell_on(Path(folder), _seed_of(realm), version, realm.caller) as shell:
        file = shell.write(json.dumps({**head, "tokens": entries}))
        before = _changeable(realm, shell)
        allowed = tuple(guard for guard in Guard if guard is not Guard.MIN_MANAGERS)
        done = applied(shell, file, flags=flags, yes=True, allow=allowed)
        event(ExitCode(done.code).reason)
        assert before <= _changeable(realm, shell), done


def _seed_of(realm: Realm) -> Seed:
    tokens = [
        Authorization(
            id=each.id, secret=f"secret-{each.id}", status=each.status.value, description="", org_id=each.org_id,
            user_id=each.user_id, permissions=realm.permissions[each.id],
            created_at="2024-01-01T00:00:00Z", updated_at="2024-01-01T00:00:00Z",
        )
        for each in realm.tokens.values()
    ]  # fmt: skip
    users = [User(each, name, "active" if each in realm.active else "inactive") for name, each in OWNERS.items()]
    return Seed(
        orgs=(Org("a" * 16, "acme"), Org("e" * 16, "edge")), users=tuple(users), buckets=(), tokens=tuple(tokens)
    )


def _changeable(realm: Realm, shell: Shell) -> set[str]:
    """The tokens that any of the tokens can change: tried with a PATCH that says nothing."""
    connection = HTTPConnection(urlsplit(shell.sandbox.url).netloc)
    found: set[str] = set()
    for target in realm.tokens:
        for each in realm.tokens:
            headers = {"Authorization": f"Token secret-{each}"}
            connection.request("PATCH", f"/api/v2/authorizations/{target}", "{}", headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                found.add(target)
    connection.close()
    return found

"""Which permission covers which."""

from __future__ import annotations

import pytest

from reconciler.sandbox.permissions import Permission, covered

WANTED = Permission("read", "authorizations", "1" * 16, "a" * 16)


@pytest.mark.parametrize(
    ("held", "covers"),
    [
        (Permission("read", "authorizations"), True),
        (Permission("read", "instance"), True),
        (Permission("read", "instance", "2" * 16, "b" * 16), True),
        (Permission("write", "instance"), False),
        (Permission("write", "authorizations"), False),
        (Permission("read", "buckets"), False),
        (Permission("read", "authorizations", org_id="a" * 16), True),
        (Permission("read", "authorizations", org_id="b" * 16), False),
        (Permission("read", "authorizations", "1" * 16), True),
        (Permission("read", "authorizations", "2" * 16), False),
        (Permission("read", "authorizations", "1" * 16, "b" * 16), True),
        (Permission("read", "authorizations", "2" * 16, "a" * 16), False),
    ],
)
def test_a_permission_covers_what_its_scope_covers(held: Permission, covers: bool) -> None:
    assert held.covers(WANTED) is covers
    assert covered(WANTED, [Permission("write", "orgs"), held]) is covers


def test_a_permission_on_an_organisations_users_covers_no_single_user() -> None:
    assert not Permission("read", "users", org_id="a" * 16).covers(Permission("read", "users", "1" * 16))


@pytest.mark.parametrize(
    ("permission", "text"),
    [
        (Permission("read", "users"), "read:users"),
        (Permission("read", "users", "1"), "read:users/1"),
        (Permission("write", "buckets", org_id="2"), "write:orgs/2/buckets"),
        (Permission("write", "buckets", "1", "2"), "write:orgs/2/buckets/1"),
    ],
)
def test_a_permission_is_written_as_a_path(permission: Permission, text: str) -> None:
    assert str(permission) == text

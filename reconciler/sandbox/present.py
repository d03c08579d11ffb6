"""Authorizations and times in, what InfluxDB shows of them out."""

from __future__ import annotations

from datetime import datetime

from reconciler.sandbox.exchange import ApiError
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.seed import Authorization
from reconciler.sandbox.store import Store

_NAMED = ("buckets", "orgs", "users")


def timestamp(moment: datetime) -> str:
    """RFC 3339 as Go writes it: no more digits than needed, `Z` for UTC."""
    text = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head, dot, tail = text.partition(".")
    digits, zone = tail[:6].rstrip("0"), tail[6:]
    return f"{head}{dot if digits else ''}{digits}{zone}"


class Presenter:
    """Words authorizations for one request; `mask` stands where a secret is not kept. Looks each name up once."""

    def __init__(self, store: Store, mask: str) -> None:
        self._store = store
        self._mask = mask
        self._names: dict[tuple[str, str], str | None] = {}

    def authorization(self, each: Authorization) -> dict[str, object] | ApiError:
        """The JSON of an authorization, or the error that a deleted organisation or owner makes of it."""
        org, user = self._name("orgs", each.org_id), self._name("users", each.user_id)
        if org is None:
            return ApiError("not found", "organization not found")
        if user is None:
            return ApiError("not found", "user not found")
        return {
            "id": each.id,
            "token": each.secret or self._mask,
            "status": each.status,
            "description": each.description,
            "orgID": each.org_id,
            "org": org,
            "userID": each.user_id,
            "user": user,
            "permissions": [self._permission(permission) for permission in each.permissions],
            "links": {"self": f"/api/v2/authorizations/{each.id}", "user": f"/api/v2/users/{each.user_id}"},
            "createdAt": each.created_at,
            "updatedAt": each.updated_at,
        }

    def _permission(self, permission: Permission) -> dict[str, object]:
        resource = {"type": permission.type}
        if permission.id:
            resource["id"] = permission.id
        if permission.org_id:
            resource["orgID"] = permission.org_id
        if permission.id and permission.type in _NAMED:
            name = self._name(permission.type, permission.id)
            if name is None:
                # The server's loop goes on to the next permission here, and so leaves out the organisation too.
                return {"action": permission.action, "resource": resource}
            resource["name"] = name
        if permission.org_id and (org := self._name("orgs", permission.org_id)) is not None:
            resource["org"] = org
        return {"action": permission.action, "resource": resource}

    def _name(self, kind: str, resource_id: str) -> str | None:
        key = kind, resource_id
        if key not in self._names:
            self._names[key] = self._store.name(kind, resource_id)
        return self._names[key]

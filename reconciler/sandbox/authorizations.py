"""The resource /api/v2/authorizations, as authorization/http_server.go and middleware_auth.go of InfluxDB 2.x have it.

The order of the checks in each handler is the server's own.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache

from reconciler.sandbox.call import Call, missing, read_id
from reconciler.sandbox.exchange import Answer, ApiError, content, timestamp
from reconciler.sandbox.go_json import ID, POINTER, List, Struct, Text
from reconciler.sandbox.permissions import ACTIONS, TYPES, Permission, covered
from reconciler.sandbox.seed import Authorization
from reconciler.sandbox.store import Store

_NAMED = ("buckets", "orgs", "users")
_STATUS = Text("influxdb.Status")
_UPDATE = Struct("influxdb.AuthorizationUpdate", {"status": _STATUS, "description": Text()})
_RESOURCE = Struct("influxdb.Resource", {"type": Text("influxdb.ResourceType"), "id": POINTER, "orgID": POINTER})
_PERMISSION = Struct("influxdb.Permission", {"action": Text("influxdb.Action"), "resource": _RESOURCE})
_CREATE = Struct(
    "authorization.postAuthorizationRequest",
    {
        "status": _STATUS,
        "orgID": ID,
        "userID": POINTER,
        "description": Text(),
        "permissions": List("[]influxdb.Permission", _PERMISSION),
    },
)


def index(call: Call) -> Answer:
    """GET the collection; what the caller may not read is left out without a word."""
    query, store = call.query, call.store
    user_id, org_id, token_id = (read_id(query.get(key, "")) for key in ("userID", "orgID", "id"))
    if query.get("user") and not user_id:
        user_id = store.user_named(query["user"]) or missing("user not found")
    if query.get("org") and not org_id:
        # Surrounding blanks are not part of an organisation's name when it is looked up.
        name = query["org"]
        org_id = store.org_named(name) or missing(f'organization name "{name}" not found')
    if token_id:
        found = [_find(token_id, store)]
    elif call.profile.filters_by_token and query.get("token"):
        known = store.by_secret(query["token"])
        found = [known] if known else []
    else:
        found = store.authorizations(org_id=org_id, user_id=user_id)
    presenter, shown = _Presenter(call), []
    for each in found:
        with suppress(ApiError):
            _demand_access(call, "read", each)
            shown.append(presenter.authorization(each))
    return content(200, {"links": {"self": "/api/v2/authorizations"}, "authorizations": shown})


def show(call: Call, token_id: str) -> Answer:
    """GET one."""
    found = _find(read_id(token_id, required=True), call.store)
    _demand_access(call, "read", found)
    return _answer(200, call, found)


def update(call: Call, token_id: str) -> Answer:
    """PATCH one. An orphan's change is stored before its answer fails."""
    wanted = read_id(token_id, required=True)
    fields = call.fields(_UPDATE)
    found = _find(wanted, call.store)
    _demand_access(call, "read", found)
    _demand_access(call, "write", found)
    call.between(call.store)
    status = fields.get("status", found.status) or "active"
    if status not in ("active", "inactive"):
        raise ApiError("invalid", call.profile.unknown_status)
    description = fields.get("description", found.description)
    changed = replace(found, status=status, description=description, updated_at=timestamp(call.now))
    call.store.put(changed)
    return _answer(200, call, changed)


def delete(call: Call, token_id: str) -> Answer:
    """DELETE one."""
    found = _find(read_id(token_id, required=True), call.store)
    _demand_access(call, "write", found)
    call.store.remove(found.id)
    return Answer(204)


def create(call: Call) -> Answer:
    """POST one; the answer is the only one that shows the secret whatever the configuration."""
    wanted = _create_request(call)
    call.demand(Permission("write", "authorizations", org_id=wanted.org_id))
    call.demand(Permission("write", "users", wanted.user_id))
    for permission in wanted.permissions:
        if not covered(permission, call.caller.permissions):
            raise ApiError("forbidden", f"permission {permission} is not allowed: {permission} is unauthorized")
    for permission in wanted.permissions:
        if permission.org_id not in ("", wanted.org_id):
            raise ApiError("invalid", f"permission {permission} is not for org id {wanted.org_id}")
    if not call.store.user(wanted.user_id) or call.store.name("orgs", wanted.org_id) is None:
        raise ApiError("invalid", "unable to create token")
    call.store.add(wanted)
    return _answer(201, call, wanted)


def _create_request(call: Call) -> Authorization:
    fields = call.fields(_CREATE, "invalid", "invalid json structure: ")
    entries = fields.get("permissions", [])
    if not entries:
        raise ApiError("invalid", "authorization must include permissions")
    permissions = tuple(_permission(entry) for entry in entries)
    if call.profile.refuses_instance and any(each.type == "instance" for each in permissions):
        only = "authorizations cannot be created with the instance type, it is only used during setup"
        raise ApiError("invalid", only)
    if "orgID" not in fields:
        raise ApiError("invalid", "org id required: invalid ID")
    status = fields.get("status") or "active"
    if status not in ("active", "inactive"):
        raise ApiError("invalid", "invalid status: must be active or inactive")
    return Authorization(
        id=call.new_id(call.store.by_id),
        secret=base64.urlsafe_b64encode(secrets.token_bytes(64)).decode(),
        status=status,
        description=fields.get("description", ""),
        org_id=fields["orgID"],
        user_id=fields.get("userID", call.caller.user_id),
        permissions=permissions,
        created_at=timestamp(call.now),
        updated_at=timestamp(call.now),
    )


def _permission(entry: Mapping[str, str | Mapping[str, str]]) -> Permission:
    resource, action = entry.get("resource", {}), entry.get("action", "")
    if not isinstance(resource, Mapping) or resource.get("type") not in TYPES:
        raise ApiError("invalid", "invalid resource type for permission: unknown resource type for permission")
    if not isinstance(action, str) or action not in ACTIONS:
        raise ApiError("invalid", "invalid action type for permission: unknown action for permission")
    return Permission(action, resource["type"], resource.get("id", ""), resource.get("orgID", ""))


def _find(token_id: str, store: Store) -> Authorization:
    return store.by_id(token_id) or missing("authorization not found")


def _demand_access(call: Call, action: str, found: Authorization) -> None:
    """Refuse a caller who may not do that to the authorization, or to its owner."""
    call.demand(Permission(action, "authorizations", found.id, found.org_id))
    call.demand(Permission(action, "users", found.user_id))


def _answer(status: int, call: Call, authorization: Authorization) -> Answer:
    return content(status, _Presenter(call).authorization(authorization))


class _Presenter:
    """Makes the JSON of authorizations for one call; looks each name up once."""

    def __init__(self, call: Call) -> None:
        self._mask = call.profile.mask
        self._name = cache(call.store.name)

    def authorization(self, each: Authorization) -> dict[str, object]:
        """The JSON of an authorization; raises ApiError when its organisation or owner is gone."""
        org, user = self._name("orgs", each.org_id), self._name("users", each.user_id)
        if org is None or user is None:
            missing(f"{'organization' if org is None else 'user'} not found")
        return {
            "id": each.id,
            "token": each.secret or self._mask,  # which stands where a secret is not kept
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

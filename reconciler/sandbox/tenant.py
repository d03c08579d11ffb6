"""The resources beside authorizations that clients need to manage them: me, users, orgs, resources.

Follows tenant/http_server_user.go and middleware_user_auth.go of InfluxDB 2.x; of orgs only what finding one by its
name takes. These answers were not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.sandbox.call import Call, missing, read_id
from reconciler.sandbox.exchange import Answer, ApiError, content
from reconciler.sandbox.go_json import Struct, Text
from reconciler.sandbox.permissions import LISTED_TYPES, Permission
from reconciler.sandbox.seed import User

_USER = Struct("influxdb.User", {"name": Text(), "status": Text("influxdb.Status")})
_PAGE = 20  # what a server lists when nobody says how many


def me(call: Call) -> Answer:
    """GET /api/v2/me: whose token this is."""
    return user(call, call.caller.user_id)


def users(call: Call) -> Answer:
    """GET /api/v2/users, by `name` or `id`; what the caller may not read is left out without a word."""
    name, user_id = call.query.get("name"), read_id(call.query.get("id", ""))
    if name and not user_id:
        user_id = call.store.user_named(name) or missing("user not found")
    found = [_user(call, user_id)] if user_id else call.store.users()[:_PAGE]
    shown = [_present(each) for each in found if call.may(Permission("read", "users", each.id))]
    return content(200, {"links": {"self": "/api/v2/users"}, "users": shown})


def user(call: Call, user_id: str) -> Answer:
    """GET one user."""
    wanted = read_id(user_id, required=True)
    call.demand(Permission("read", "users", wanted))
    return content(200, _present(_user(call, wanted)))


def create_user(call: Call) -> Answer:
    """POST /api/v2/users."""
    fields = call.fields(_USER)
    call.demand(Permission("write", "users"))
    name = fields.get("name", "")
    if not name:
        raise ApiError("invalid", "name is empty")
    if call.store.user_named(name):
        raise ApiError("conflict", f"user with name {name} already exists")
    made = User(call.new_id(call.store.user), name, fields.get("status") or "active")
    call.store.add_user(made)
    return content(201, _present(made))


def delete_user(call: Call, user_id: str) -> Answer:
    """DELETE one user; the tokens that the user owned become orphans."""
    wanted = read_id(user_id, required=True)
    call.demand(Permission("write", "users", wanted))
    call.store.remove_user(_user(call, wanted).id)
    return Answer(204)


def orgs(call: Call) -> Answer:
    """GET /api/v2/orgs, by `org` or `orgID`."""
    name, org_id = call.query.get("org"), read_id(call.query.get("orgID", ""))
    if name and not org_id:
        org_id = call.store.org_named(name) or missing(f'organization name "{name}" not found')
    found = [(org_id, call.store.name("orgs", org_id) or missing("organization not found"))] if org_id else []
    shown = [
        {"links": {"self": f"/api/v2/orgs/{each}"}, "id": each, "name": known}
        for each, known in found or call.store.orgs()[:_PAGE]
        if call.may(Permission("read", "orgs", each))
    ]
    return content(200, {"links": {"self": "/api/v2/orgs"}, "orgs": shown})


def resources(_: Call) -> Answer:
    """GET /api/v2/resources: the types that a permission can be about."""
    return content(200, LISTED_TYPES)


def _user(call: Call, user_id: str) -> User:
    return call.store.user(user_id) or missing("user not found")


def _present(user: User) -> Mapping[str, object]:
    return {"links": {"self": f"/api/v2/users/{user.id}"}, "id": user.id, "name": user.name, "status": user.status}

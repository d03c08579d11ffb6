"""The resource /api/v2/labels, as label/ of InfluxDB 2.x has it (http_server, middleware_auth, service, storage_label).

Seen on a server (2.9.1): of several POSTs of one name one gets 201 and the others 422 `conflict`, and the winner's
properties are stored. All else was read in the source of 2.0 to 2.9, and was not recorded. Labels are never attached to
anything here. The order of the checks in each handler is the server's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.sandbox.call import Call, missing, read_id
from reconciler.sandbox.exchange import Answer, ApiError, content
from reconciler.sandbox.go_json import ID, Struct, Text, Texts
from reconciler.sandbox.permissions import Permission
from reconciler.sandbox.store import BLANKS, Label

_PATH = "/api/v2/labels"
_LABEL = Struct("influxdb.Label", {"id": ID, "orgID": ID, "name": Text(), "properties": Texts()})
_UPDATE = Struct("influxdb.LabelUpdate", {"name": Text(), "properties": Texts()})


def index(call: Call) -> Answer:
    """GET the collection, by `name` and `orgID`; what the caller may not read is left out without a word."""
    name = call.query.get("name", "")
    try:
        org_id = read_id(call.query.get("orgID", ""))
    except ApiError:
        org_id = ""  # what is no id is no filter
    shown = [
        _present(each)
        for each in call.store.labels(org_id=org_id)
        if _folded(name) in ("", _folded(each.name)) and call.may(Permission("read", "labels", each.id, each.org_id))
    ]
    return content(200, {"links": {"self": _PATH}, "labels": shown})


def show(call: Call, label_id: str) -> Answer:
    """GET one."""
    found = _find(call, label_id)
    call.demand(Permission("read", "labels", found.id, found.org_id))
    return _answer(200, found)


def create(call: Call) -> Answer:
    """POST one. Nobody asks whether there is such an organisation."""
    fields = call.fields(_LABEL, "invalid", "failed to unmarshal json: ")
    if not fields.get("name"):
        raise ApiError("invalid", "label name is required")
    if "orgID" not in fields:
        raise ApiError("invalid", "orgID is required")
    call.demand(Permission("write", "labels", org_id=fields["orgID"]))
    label_id, name = call.new_id(call.store.label), fields["name"].strip(BLANKS)
    made = Label(label_id, fields["orgID"], name, fields.get("properties", {}))
    _demand_unique(call, made)
    call.store.put_label(made)
    return _answer(201, made)


def update(call: Call, label_id: str) -> Answer:
    """PATCH one: an empty name changes nothing, an empty property is taken away, properties not named stay."""
    wanted = read_id(label_id, required=True)
    fields = call.fields(_UPDATE)
    found = _find(call, wanted)
    call.demand(Permission("write", "labels", found.id, found.org_id))
    properties = {**found.properties, **fields.get("properties", {})}
    changed = replace(found, properties={key: value for key, value in properties.items() if value})
    if fields.get("name"):
        changed = replace(changed, name=fields["name"].strip(BLANKS))
        _demand_unique(call, changed)
    if not changed.name:
        raise ApiError("invalid", "label name is required")
    call.store.put_label(changed)
    return _answer(200, changed)


def delete(call: Call, label_id: str) -> Answer:
    """DELETE one."""
    found = _find(call, label_id)
    call.demand(Permission("write", "labels", found.id, found.org_id))
    call.store.remove_label(found.id)
    return Answer(204)


def _find(call: Call, label_id: str) -> Label:
    return call.store.label(read_id(label_id, required=True)) or missing("label not found")


def _demand_unique(call: Call, wanted: Label) -> None:
    """Refuse a name whose key in the server's index is that of another label of the organisation."""
    for each in call.store.labels(org_id=wanted.org_id):
        if each.id != wanted.id and _key(each.name) == _key(wanted.name):
            raise ApiError("conflict", f"label with name {wanted.name} already exists")


def _key(name: str) -> bytes:
    """The name as the index has it: what strings.ToLower makes of it, in as many bytes as the name itself has."""
    size = len(name.encode())
    # Go maps one character to one, whatever stands beside it: that is the first of those that Python makes of it.
    lower = "".join(each.lower()[0] for each in name)
    return lower.encode()[:size].ljust(size, b"\0")


def _folded(name: str) -> str:
    """What two names have in common that strings.EqualFold calls equal: nothing is folded to several characters."""
    return "".join(next(fold for fold in (each.casefold(), each.lower(), each) if len(fold) == 1) for each in name)


def _answer(status: int, label: Label) -> Answer:
    return content(status, {"links": {"self": f"{_PATH}/{label.id}"}, "label": _present(label)})


def _present(label: Label) -> Mapping[str, object]:
    shown: dict[str, object] = {"id": label.id, "orgID": label.org_id, "name": label.name}
    return shown | ({"properties": dict(sorted(label.properties.items()))} if label.properties else {})

"""Reads locks from bodies of InfluxDB v2 answers about labels; all other labels are passed over.

Follows the `LabelResponse` and `LabelsResponse` schemas of the InfluxDB v2 OpenAPI document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from reconciler.core.live import EVERY_ORG, OrgId, is_id
from reconciler.core.lock import NAME, LabelId, LockLabel, LockProperties
from reconciler.core.secrets import masked
from reconciler.influx.body import check_whole
from reconciler.influx.decoding import OMITTED, WireError, decode

LABELS = "/api/v2/labels"


def locks(body: bytes, *secrets: str) -> tuple[LockLabel, ...]:
    """Return the locks in a list of labels, with these secrets masked; raises WireError when it is no such list."""
    beside = decode(body)
    entries = beside.pop("labels", None)
    if type(entries) is not list:
        raise WireError("it is no list of labels")
    check_whole(beside, len(entries))
    return tuple(filter(None, (_label(entry, *secrets) for entry in entries)))


def lock(body: bytes, *secrets: str) -> LockLabel:
    """Return the lock in an answer about one label; raises WireError when it is no lock."""
    label = _label(decode(body).get("label"), *secrets)
    if label is None:
        raise WireError("its label has another name")
    return label


def lockable(entry: Mapping[str, Any], *secrets: str) -> tuple[OrgId, ...]:
    """Return the organisations in which an authorization has the rights to take and release a lock, EVERY_ORG for all.

    Rights that are too large to be kept count as none. Raises WireError when it is no authorization.
    """
    actions: defaultdict[OrgId, set[str]] = defaultdict(set)
    try:
        for each in () if entry["permissions"] is OMITTED else entry["permissions"]:
            resource = each["resource"]
            if resource["type"] == "instance":  # whatever else it says
                actions[EVERY_ORG].add(each["action"])
            elif resource["type"] == "labels" and not resource.get("id"):
                actions[OrgId(masked(resource.get("orgID") or EVERY_ORG, *secrets))].add(each["action"])
    except (KeyError, TypeError, AttributeError):
        raise WireError("its `permissions` are none") from None
    everywhere = actions[EVERY_ORG]
    return tuple(sorted(org for org, some in actions.items() if some | everywhere >= {"read", "write"}))


def _label(entry: object, *secrets: str) -> LockLabel | None:
    """Return the lock that the label stands for, None if it is another label."""
    if not isinstance(entry, dict):
        raise WireError("it holds something that is no label")
    label_id, org_id, name = entry.get("id"), entry.get("orgID"), entry.get("name")
    if type(name) is not str:
        raise WireError("a label has no name")
    # The server holds a name for this one when it has as many bytes and no other letters: `K`, the sign for kelvin, has
    # three, so that a label with it is another one, although every alphabet's lower case makes a `k` of it.
    if not name.isascii() or name.lower() != NAME:
        return None
    if type(label_id) is not str or not is_id(label_id):
        raise WireError("the `id` of a label is not 16 hex digits")
    if type(org_id) is not str:
        raise WireError("the `orgID` of a label is no text")
    return LockLabel(
        LabelId(label_id), OrgId(masked(org_id, *secrets)), LockProperties.of(_texts(entry.get("properties"), *secrets))
    )


def _texts(properties: object, *secrets: str) -> dict[str, str]:
    if properties is None:
        return {}
    if not isinstance(properties, dict) or not all(type(value) is str for value in properties.values()):
        raise WireError("the `properties` of a label are no texts")
    return {masked(key, *secrets): masked(value, *secrets) for key, value in properties.items()}

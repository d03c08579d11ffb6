"""Bodies about labels: which of them is a lock, and where a token may make one."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from reconciler.core.live import EVERY_ORG, OrgId
from reconciler.core.lock import LabelId, LockLabel, LockProperties
from reconciler.influx import labels
from reconciler.influx.decoding import OMITTED, WireError
from tests.influx.raw_server import SECRET

ORG, ID = OrgId("5f2c9e1a77b0d3c4"), LabelId("0d3a5f0c1be4e000")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[]", "it is no JSON object"),
        ("{}", "it is no list of labels"),
        ('{"labels": [{}]}', "a label has no name"),
        ('{"labels": [{"name": "Tokenctl.Lock", "id": "../x"}]}', "the `id` of a label is not 16 hex digits"),
        (f'{{"labels": [{{"name": "tokenctl.lock", "id": "{ID}"}}]}}', "the `orgID` of a label is no text"),
        (
            f'{{"labels": [{{"name": "tokenctl.lock", "id": "{ID}", "orgID": "", "properties": []}}]}}',
            "the `properties` of a label are no texts",
        ),
        (
            f'{{"labels": [{{"name": "tokenctl.lock", "id": "{ID}", "orgID": "", "properties": {{"a": 1}}}}]}}',
            "the `properties` of a label are no texts",
        ),
    ],
)
def test_what_is_no_list_of_labels_is_refused(body: str, said: str) -> None:
    with pytest.raises(WireError, match="^" + said):
        labels.locks(body.encode(), SECRET)


def test_a_label_without_properties_is_a_lock_too() -> None:
    body = json.dumps({"labels": [{"name": "TOKENCTL.LOCK", "id": ID, "orgID": ORG}]})
    assert labels.locks(body.encode(), SECRET) == (LockLabel(ID, ORG, LockProperties()),)


@pytest.mark.parametrize("name", ["tokenctl.loc\u212a", "TOKENCTL.LOC\u212a", "tokenctl.lock\0\0", "tokenctl.lock "])
def test_a_label_that_a_server_holds_for_another_name_is_no_lock(name: str) -> None:
    label = {"name": name, "id": ID, "orgID": ORG}
    assert labels.locks(json.dumps({"labels": [label]}).encode(), SECRET) == ()
    with pytest.raises(WireError, match=r"^its label has another name"):
        labels.lock(json.dumps({"label": label}).encode(), SECRET)


def test_a_label_that_echoes_the_secret_does_not_show_it() -> None:
    label = {"name": "tokenctl.lock", "id": ID, "orgID": ORG, "properties": {"holder": f"I have {SECRET}"}}
    (hold,) = labels.locks(json.dumps({"labels": [label]}).encode(), SECRET)
    assert hold.properties.holder == "I have ***"


READ_ACME, WRITE_ACME = (
    {"action": action, "resource": {"type": "labels", "orgID": ORG}} for action in ("read", "write")
)


WRITE_ALL = {"action": "write", "resource": {"type": "labels"}}


READ_ONE = {"action": "read", "resource": {"type": "labels", "id": ID}}


READ_INSTANCE = {"action": "read", "resource": {"type": "instance"}}


READ_INSTANCE_OF_ONE = {"action": "read", "resource": {"type": "instance", "id": ID, "orgID": "b" * 16}}


@pytest.mark.parametrize(
    ("permissions", "orgs"),
    [
        ([], ()),
        ([READ_ACME], ()),
        ([READ_ACME, WRITE_ACME], (ORG,)),
        ([READ_ACME, WRITE_ALL], (ORG,)),
        ([READ_INSTANCE, WRITE_ALL], (EVERY_ORG,)),
        ([READ_INSTANCE, WRITE_ACME], (ORG,)),
        ([READ_INSTANCE_OF_ONE, WRITE_ACME], (ORG,)),
        ([READ_ONE, WRITE_ALL], ()),
        ([{"action": "write", "resource": {"type": "users"}}], ()),
    ],
)
def test_a_token_may_lock_where_it_may_read_and_write_labels(permissions: object, orgs: Sequence[OrgId]) -> None:
    assert labels.lockable({"permissions": permissions}, SECRET) == orgs


@pytest.mark.parametrize(
    "body", ["{}", '{"permissions": 5}', '{"permissions": [5]}', '{"permissions": [{"resource": []}]}']
)
def test_permissions_that_are_none_are_refused(body: str) -> None:
    with pytest.raises(WireError, match=r"^its `permissions` are none$"):
        labels.lockable(json.loads(body), SECRET)


def test_permissions_that_are_too_large_to_be_kept_let_it_lock_nothing() -> None:
    assert labels.lockable({"permissions": OMITTED}, SECRET) == ()

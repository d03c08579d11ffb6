"""Rights and buckets as documents: what is written is read back, and what is not known is not written."""

from __future__ import annotations

from reconciler.core.rights import Bucket, Right, Some
from reconciler.documents.plan import decode_plan, plan_document
from reconciler.documents.rights import meaning_document, rights_document
from tests.builders import INACTIVE, declared, manager, planned, token

RIGHT = Right(action="write", kind="buckets", org="acme", names=Some(("telemetry",), 3))
ALONE = Bucket(name="telemetry", writers=Some())
PLAN = planned([declared(1, status=INACTIVE, labels={"team": "x"})], [token(1), manager(2)])


def test_what_is_told_of_a_token_is_a_few_values() -> None:
    assert rights_document(None) == {}
    assert rights_document(Some()) == {"rights": []}
    told = {"action": "write", "type": "buckets", "org": "acme", "names": ["telemetry"], "more": 3}
    assert rights_document(Some((RIGHT,), 2)) == {"rights": [told], "more_rights": 2}


def test_buckets_are_written_only_where_there_are_any() -> None:
    change = PLAN.changes[0]._replace(rights=None, buckets=Some())
    assert meaning_document(change) == {}
    told = {"name": "telemetry", "writers": [], "more": 0, "wider": 0}
    assert meaning_document(change._replace(buckets=Some((ALONE,), 1))) == {"buckets": [told], "more_buckets": 1}


def test_all_of_it_is_read_back_and_what_is_missing_is_not_known() -> None:
    for rights, buckets in [(Some((RIGHT,), 1), Some((ALONE,), 2)), (Some(), Some((ALONE,))), (None, Some())]:
        change = PLAN.changes[0]._replace(rights=rights, buckets=buckets)
        (read,) = decode_plan(plan_document(PLAN._replace(changes=(change,)))).changes
        assert (read.rights, read.buckets, read.labels) == (rights, buckets, {"team": "x"})
        assert read.token.created_at == "2025-06-07T08:09:10Z"

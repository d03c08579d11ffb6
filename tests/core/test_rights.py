"""What a token may do, and who else writes its buckets once it is off."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.live import Grant, Token, TokenId
from reconciler.core.rights import Bucket, Right, Some, buckets_after, rights_of
from reconciler.sandbox.permissions import LISTED_TYPES
from tests.builders import ACME, ACTIVE, EDGE, INACTIVE, token, token_id

TELEMETRY = Grant("write", "buckets", "1" * 16, ACME, "telemetry", "acme")
LOGS = Grant("write", "buckets", "2" * 16, ACME, "logs", "acme")
AUDIT = Grant("write", "buckets", "3" * 16, EDGE, "audit", "edge")


def holder(number: int, *grants: Grant, **others: object) -> Token:
    return token(number, grants=grants, **others)


def reads(grant: Grant) -> Grant:
    return grant._replace(action="read")


def everything(org: str = "", name: str = "", actions: tuple[str, ...] = ("read", "write")) -> list[Grant]:
    """What the server gives to an all-access token of an organisation, or to an operator's."""
    kinds = [kind for kind in LISTED_TYPES if not org or kind not in ("orgs", "users")]
    return [Grant(action, kind, "", org, "", name) for kind in kinds for action in actions]


OWN = [Grant("read", "orgs", ACME, "", "acme"), *(Grant(each, "users", "c" * 16, "", "ci-bot") for each in ("read", "write"))]  # fmt: skip


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ([], []),
        ([TELEMETRY], [Right(action="write", kind="buckets", org="acme", names=Some(("telemetry",)))]),
        (
            [reads(TELEMETRY), reads(LOGS), TELEMETRY],
            [
                Right(action="write", kind="buckets", org="acme", names=Some(("telemetry",))),
                Right(action="read", kind="buckets", org="acme", names=Some(("logs", "telemetry"))),
            ],
        ),
        # A deleted bucket has no name any more.
        ([TELEMETRY._replace(name="", org="")], [Right(action="write", kind="buckets", org=ACME, names=Some(("1" * 16,)))]),
        ([Grant("read", "buckets", "", ACME, "", "acme"), reads(LOGS)], [Right(action="read", kind="buckets", org="acme")]),
        ([Grant("read", "buckets")], [Right(action="read", kind="buckets")]),
        ([Grant("read", "users", "c" * 16, "", "ci-bot")], [Right(action="read", kind="users", org="acme", names=Some(("ci-bot",)))]),
        (
            [Grant("read", "tasks", "", ACME), Grant("write", "tasks", "", ACME), AUDIT, LOGS],
            [
                Right(action="write", kind="buckets", org="acme", names=Some(("logs",))),
                Right(action="write", kind="buckets", org="edge", names=Some(("audit",))),
                Right(action="write", kind="tasks", org=ACME),
                Right(action="read", kind="tasks", org=ACME),
            ],
        ),
        (everything(), [Right(action="all")]),
        ([Grant("read", "instance"), Grant("write", "instance"), TELEMETRY], [Right(action="all")]),
        ([Grant("write", "instance")], [Right(action="write")]),
        (everything(ACME, "acme") + OWN, [Right(action="all", org="acme")]),
        (everything(ACME), [Right(action="all", org=ACME)]),
        ([*everything(ACME, "acme", ("read",)), TELEMETRY], [
            Right(action="read", org="acme"),
            Right(action="write", kind="buckets", org="acme", names=Some(("telemetry",))),
        ]),
        ([*everything(ACME, "acme"), Grant("read", "users", "d" * 16, "", "mira")], [
            Right(action="all", org="acme"),
            Right(action="read", kind="users", org="acme", names=Some(("mira",))),
        ]),
        ([*everything(ACME, "acme"), AUDIT], [
            Right(action="all", org="acme"),
            Right(action="write", kind="buckets", org="edge", names=Some(("audit",))),
        ]),
    ],
)  # fmt: skip
def test_what_a_token_may_do(grants: list[Grant], expected: list[Right]) -> None:
    assert rights_of(holder(1, *grants)) == Some(tuple(expected))


def test_unknown_rights_are_told_as_such() -> None:
    assert rights_of(token(1, grants=None)) is None


def test_of_many_rights_the_first_are_told_and_the_rest_counted() -> None:
    many = [Grant("write", "buckets", f"{each:016x}", ACME, f"bucket {each:02}") for each in range(1, 31)]
    found = rights_of(holder(1, *many))
    assert found
    assert found.more == 0
    assert found.shown[0].names == Some(tuple(f"bucket {each:02}" for each in range(1, 21)), 10)
    kinds = [Grant("read", f"kind {each:02}", "", ACME) for each in range(30)]
    found = rights_of(holder(1, *kinds))
    assert found
    assert found.more == 10
    assert [each.kind for each in found.shown] == [f"kind {each:02}" for each in range(20)]


def after(*tokens: Token, off: tuple[int, ...] = (1,), on: tuple[int, ...] = ()) -> dict[TokenId, Some[Bucket]]:
    """Who writes the buckets of the first tokens after those were switched off and others on."""
    status = {**{token_id(each): INACTIVE for each in off}, **{token_id(each): ACTIVE for each in on}}
    return buckets_after([each for each in tokens if status.get(each.id) is INACTIVE], status, tokens)


ALONE = Bucket(name="telemetry", writers=Some())


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], ALONE),
        ([holder(2, TELEMETRY, status=INACTIVE)], ALONE),
        ([holder(2, reads(TELEMETRY))], ALONE),
        ([holder(2, LOGS), token(3, grants=None)], ALONE),
        ([holder(2, Grant("write", "buckets", "", EDGE))], ALONE),
        ([holder(2, TELEMETRY)], ALONE._replace(writers=Some(("token 2",)))),
        ([holder(2, TELEMETRY, description="")], ALONE._replace(writers=Some((token_id(2),)))),
        ([holder(each, TELEMETRY) for each in range(2, 7)], ALONE._replace(writers=Some(("token 2", "token 3", "token 4"), 2))),
        ([holder(2, *everything())], ALONE._replace(wider=1)),
        ([holder(2, Grant("write", "instance")), holder(3, Grant("write", "buckets", "", ACME))], ALONE._replace(wider=2)),
        ([holder(2, TELEMETRY, *everything(ACME))], ALONE._replace(writers=Some(("token 2",)))),
    ],
)  # fmt: skip
def test_who_writes_a_bucket_afterwards(others: list[Token], expected: Bucket) -> None:
    assert after(holder(1, TELEMETRY), *others) == {token_id(1): Some((expected,))}


def test_the_whole_run_is_judged() -> None:
    first, second, third = holder(1, TELEMETRY), holder(2, TELEMETRY), holder(3, TELEMETRY, status=INACTIVE)
    assert after(first, second, off=(1, 2)) == {token_id(1): Some((ALONE,)), token_id(2): Some((ALONE,))}
    assert after(first, third, on=(3,)) == {token_id(1): Some((ALONE._replace(writers=Some(("token 3",))),))}


def test_only_buckets_that_are_named_one_by_one_are_told() -> None:
    assert after(holder(1, *everything()), holder(2, TELEMETRY)) == {}
    assert after(token(1, grants=None), holder(2, TELEMETRY)) == {}


def test_what_nobody_else_writes_comes_first() -> None:
    found = after(holder(1, LOGS, TELEMETRY, AUDIT), holder(2, AUDIT))[token_id(1)]
    assert [each.name for each in found.shown] == ["logs", "telemetry", "audit"]


GRANTS = st.lists(st.sampled_from([TELEMETRY, LOGS, AUDIT, reads(LOGS), Grant("write", "buckets", "", ACME), *OWN, Grant("write", "instance")]), max_size=4)  # fmt: skip


@given(st.lists(GRANTS, min_size=1, max_size=5), st.randoms())
def test_no_order_of_the_list_makes_a_difference(held: list[list[Grant]], chance: Random) -> None:
    tokens = [holder(number, *grants) for number, grants in enumerate(held, 1)]
    mixed = [holder(number, *chance.sample(grants, len(grants))) for number, grants in enumerate(held, 1)]
    chance.shuffle(mixed)
    assert after(*mixed) == after(*tokens)
    assert {each.id: rights_of(each) for each in mixed} == {each.id: rights_of(each) for each in tokens}

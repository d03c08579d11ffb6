"""Reading over real sockets: what each answer means, and how many requests it takes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from reconciler.core.endpoint import Endpoint, Secret, Speed
from reconciler.core.live import Absence, Missing, Owner, Server, TokenId, UserId
from reconciler.errors import UnreachableError, UsageError
from reconciler.influx.reader import Reader
from reconciler.influx.transport import Transport
from tests.influx.raw_server import SECRET, answer, raw_server, refusal
from tests.influx.test_wire import ID, entry, listed

OWN = TokenId("0d3a5f0c1be4e001")
JSON = {"Content_Type": "application/json; charset=utf-8", "X_Influxdb_Build": "OSS", "X_Influxdb_Version": "v2.7.12"}


@contextmanager
def reading(*answers: bytes, own_id: TokenId | None = None) -> Iterator[tuple[Reader, Callable[[], list[str]]]]:
    """A reader of a server with these answers, and the request lines that the server has seen."""
    with raw_server(*answers) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        with Transport(endpoint, clock=time.monotonic) as transport:
            yield Reader(transport, own_id=own_id), lambda: [r.decode().split("\r\n")[0] for r in server.requests]


def one(**changes: object) -> bytes:
    return answer(200, json.dumps(entry(**changes)), **JSON)


def many(*entries: object) -> bytes:
    return answer(200, listed(*entries), **JSON)


def test_a_list_is_one_request_and_says_which_server_answered() -> None:
    with reading(many(entry())) as (reader, seen):
        listing = reader.list_tokens()
        assert list(listing.tokens) == [ID]
        assert listing.server == Server(url=listing.server.url, build="OSS", version="v2.7.12")
        assert seen() == ["GET /api/v2/authorizations HTTP/1.1"]


def test_a_reader_knows_how_fast_it_was_answered() -> None:
    ticks = iter([*range(100)])
    with raw_server(many(entry()), one(), refusal(404, "not found", "gone")) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        # Each call of the clock is a second later; a request takes several.
        with Transport(endpoint, clock=lambda: float(next(ticks))) as transport:
            reader = Reader(transport)
            assert reader.speed == Speed()
            reader.list_tokens()
            assert (reader.speed.listed, reader.speed.reads) == (1, 0)
            assert (reader.speed.list_s or 0) > 1
            reader.get(TokenId(ID))
            fastest = reader.speed.read_s
            assert 1 < fastest < 100
            reader.get(TokenId(ID))
            assert (reader.speed.reads, reader.speed.read_s) == (2, fastest)


def test_a_list_of_one_organisation_is_filtered_once_more_here() -> None:
    with reading(many(entry(), entry(id=OWN, org="edge"))) as (reader, seen):
        assert list(reader.list_tokens("acme").tokens) == [ID]
        assert seen() == ["GET /api/v2/authorizations?org=acme HTTP/1.1"]


UNKNOWN = refusal(404, "not found", 'organization name \\"5f2c9e1a77b0d3c4\\" not found')


def test_white_space_around_an_organisation_counts_neither_here_nor_there() -> None:
    with reading(many(entry(org="acme\u3000"), entry(id=OWN, org="acme\u200b"))) as (reader, seen):
        listing = reader.list_tokens("acme")
        assert (list(listing.tokens), listing.org, listing.org_id) == ([ID], "acme\u3000", "5f2c9e1a77b0d3c4")
        assert seen() == ["GET /api/v2/authorizations?org=acme HTTP/1.1"]


def test_an_organisation_is_asked_for_by_its_id_where_none_is_called_so() -> None:
    other = entry(id=OWN, orgID="a1d07c52e94fb836", org="5f2c9e1a77b0d3c4")
    with reading(UNKNOWN, many(entry(), other), many(other, entry()), many(entry())) as (reader, seen):
        listing = reader.list_tokens("5F2C9E1A77B0D3C4")
        assert (list(listing.tokens), listing.org, listing.org_id) == ([ID], "acme", "5f2c9e1a77b0d3c4")
        assert list(reader.list_tokens("5f2c9e1a77b0d3c4").tokens) == [OWN]  # its name wins
        assert list(reader.list_tokens("5f2c9e1a77b0d3c4", by_id=True).tokens) == [ID]
    by_name, by_id = (f"GET /api/v2/authorizations?{key}=5f2c9e1a77b0d3c4 HTTP/1.1" for key in ("org", "orgID"))
    assert seen() == [by_name.replace("5f2c9e1a77b0d3c4", "5F2C9E1A77B0D3C4"), by_id, by_name, by_id]


@pytest.mark.parametrize(
    ("org", "by_id", "answers", "said"),
    [
        ("Acme", False, [many(entry())], "called `Acme`, but 1 other"),  # a server before 2.1 looks names up in vain
        ("a\u0301cme", False, [many(entry(org="\xe1cme"), entry(id=OWN))], "called `a\u0301cme`, but 2 others"),
        ("a1d07c52e94fb836", True, [many(entry())], "with the id `a1d07c52e94fb836`, but 1 other"),
        ("a1d07c52e94fb836", True, [many()], "with the id `a1d07c52e94fb836`"),
        ("5f2c9e1a77b0d3c4", False, [UNKNOWN, many()], "with the id `5f2c9e1a77b0d3c4`"),
    ],
)  # fmt: skip
def test_a_filter_that_leaves_nothing_is_a_wrong_setting(
    org: str, by_id: bool, answers: list[bytes], said: str
) -> None:
    with reading(*answers) as (reader, _), pytest.raises(UsageError) as caught:
        reader.list_tokens(org, by_id=by_id)
    assert str(caught.value).endswith(
        f" lists no token of an organisation {said}\n"
        "  hint: check --org, INFLUX_ORG and INFLUX_ORG_ID; a list shows only what these credentials may read"
    )


def test_an_organisation_without_any_token_that_is_shown_is_no_wrong_setting() -> None:
    with reading(many()) as (reader, _):
        listing = reader.list_tokens("acme")
        assert (listing.tokens, listing.org, listing.org_id) == ({}, "acme", None)


def test_the_own_token_is_marked_where_only_its_id_is_known() -> None:
    with reading(many(entry(), entry(id=OWN)), one(id=OWN), one(), own_id=OWN) as (reader, _):
        assert [token.is_own for token in reader.list_tokens().tokens.values()] == [False, True]
        own, other = reader.get(OWN), reader.get(TokenId(ID))
        assert not isinstance(own, Missing)
        assert not isinstance(other, Missing)
        assert (own.is_own, other.is_own) == (True, False)


def test_an_own_id_that_the_list_lacks_does_no_harm() -> None:
    with reading(many(entry()), own_id=OWN) as (reader, _):
        assert list(reader.list_tokens().tokens) == [ID]


ABSENCES = {
    "absent": (refusal(404, "not found", "authorization not found"), Absence.ABSENT, "authorization not found"),
    "no user": (refusal(404, "not found", "user not found"), Absence.ORPHANED, "user not found"),
    "no org": (refusal(404, "not found", "organization not found"), Absence.ORPHANED, "organization not found"),
    "hidden": (
        refusal(401, "unauthorized", f"read:orgs/5f2c9e1a77b0d3c4/authorizations/{ID} is unauthorized"),
        Absence.HIDDEN,
        f"read:orgs/5f2c9e1a77b0d3c4/authorizations/{ID} is unauthorized",
    ),
    "hidden user": (
        refusal(401, "unauthorized", "read:users/0d3a5f0bd1a4e000 is unauthorized"),
        Absence.HIDDEN,
        "read:users/0d3a5f0bd1a4e000 is unauthorized",
    ),
}


@pytest.mark.parametrize(("given", "kind", "detail"), ABSENCES.values(), ids=ABSENCES)
def test_why_a_token_is_not_listed_is_told_by_asking_for_it(given: bytes, kind: Absence, detail: str) -> None:
    with reading(given) as (reader, seen):
        assert reader.get(TokenId(ID)) == Missing(kind, detail)
        assert seen() == [f"GET /api/v2/authorizations/{ID} HTTP/1.1"]


def test_an_answer_for_another_token_is_refused() -> None:
    with reading(one(id=OWN)) as (reader, _), pytest.raises(UnreachableError) as caught:
        reader.get(TokenId(ID))
    assert "it is for another token" in str(caught.value)


def test_the_callers_user_is_read_from_the_answer_or_from_the_refusal() -> None:
    user = answer(200, '{"id": "0d3a5f0bd1a4e000"}', **JSON)
    refused = refusal(401, "unauthorized", "read:users/0d3a5f0bd1a4e000 is unauthorized")
    with reading(user, refused, refusal(401, "unauthorized", "read:users is unauthorized")) as (reader, seen):
        assert [reader.own_user() for _ in range(3)] == ["0d3a5f0bd1a4e000", "0d3a5f0bd1a4e000", None]
        assert seen() == ["GET /api/v2/me HTTP/1.1"] * 3


MIRA = UserId("0d3a5f0bd1a4e000")
OWNERS = {
    "active": (answer(200, f'{{"id": "{MIRA}", "status": "active"}}', **JSON), Owner.ACTIVE),
    "inactive": (answer(200, f'{{"id": "{MIRA}", "status": "inactive"}}', **JSON), Owner.INACTIVE),
    "unsaid": (answer(200, f'{{"id": "{MIRA}"}}', **JSON), Owner.ACTIVE),
    "gone": (refusal(404, "not found", "user not found"), Owner.INACTIVE),
    "hidden": (refusal(401, "unauthorized", f"read:users/{MIRA} is unauthorized"), Owner.INACTIVE),
    "forbidden": (answer(403, "go away"), Owner.INACTIVE),
    "no such request": (refusal(404, "not found", "path not found"), Owner.UNTOLD),
    "no such page": (answer(404, "404 page not found"), Owner.UNTOLD),
    "no such method": (answer(405), Owner.UNTOLD),
    "not implemented": (answer(501), Owner.UNTOLD),
}


@pytest.mark.parametrize(("given", "owner"), OWNERS.values(), ids=OWNERS)
def test_whether_a_user_is_active_is_one_request(given: bytes, owner: Owner) -> None:
    with reading(given) as (reader, seen):
        assert reader.owner(MIRA) is owner
        assert seen() == [f"GET /api/v2/users/{MIRA} HTTP/1.1"]


def test_a_user_whose_id_is_none_is_not_asked_for() -> None:
    with reading() as (reader, seen):
        assert reader.owner(UserId("../setup")) is Owner.INACTIVE
        assert seen() == []


@pytest.mark.parametrize(
    "given",
    [answer(200, '{"id": "0d3a5f0bd1a4e001"}', **JSON), answer(200, "[]", **JSON), refusal(500, "internal error", "disk"),
     answer(200, f'{{"id": "{MIRA}", "status": 1}}', **JSON)],
    ids=["of another", "no user", "failure", "no status"],
)  # fmt: skip
def test_an_answer_that_says_nothing_of_a_user_is_an_error(given: bytes) -> None:
    with reading(given) as (reader, _), pytest.raises(UnreachableError):
        reader.owner(MIRA)


def test_an_unknown_organisation_is_a_wrong_setting() -> None:
    with reading(refusal(404, "not found", 'organization name \\"a\\nb\\" not found')) as (reader, _):
        with pytest.raises(UsageError) as caught:
            reader.list_tokens("a\nb")
        assert str(caught.value).endswith(
            " has no organisation `a\nb`\n  hint: check --org and INFLUX_ORG: a name counts exactly as it is written, upper and lower case too"
        )
        with pytest.raises(UnreachableError):
            reader.list_tokens()


def test_where_a_token_may_lock_is_read_in_its_permissions() -> None:
    held = [
        {"action": action, "resource": {"type": "labels", "orgID": "5f2c9e1a77b0d3c4"}} for action in ("read", "write")
    ]
    with reading(one(permissions=held), one(permissions=held[:1])) as (reader, seen):
        assert [reader.lockable(TokenId(ID)) for _ in range(2)] == [("5f2c9e1a77b0d3c4",), ()]
        assert seen() == [f"GET /api/v2/authorizations/{ID} HTTP/1.1"] * 2


def test_what_ends_a_thread_that_helps_to_read_ends_the_reading() -> None:
    seen, ended, here = list[str](), threading.Event(), threading.current_thread()

    def check() -> None:
        if threading.current_thread() is not here:
            ended.set()
            raise KeyboardInterrupt
        assert not seen or ended.wait(20)

    with raw_server(one()) as server:
        endpoint = Endpoint(url=server.url, secret=Secret(SECRET))
        transport = Transport(endpoint, clock=time.monotonic, check=check, trace=seen.append)
        with transport, pytest.raises(KeyboardInterrupt):
            Reader(transport).get_each([TokenId(ID)] * 4)

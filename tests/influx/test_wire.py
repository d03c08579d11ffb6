"""Bodies of answers, real and hostile, and what is made of them."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core.live import (
    EVERY_ORG,
    EVERY_USER,
    LARGEST_TEXT,
    NO_RIGHTS,
    OrgId,
    Reach,
    Rights,
    Status,
    Token,
    TokenId,
    UserId,
    kept,
)
from reconciler.influx import answers, labels, wire
from reconciler.influx.decoding import WireError
from reconciler.influx.shared import Shared
from tests.influx.raw_server import SECRET

ID = "0d3a5f0c1be4e000"
ORG = "5f2c9e1a77b0d3c4"


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "token": "FAKE-listed-" + "0" * 74 + "==",
        "status": "active",
        "description": "edge <paris>",
        "orgID": ORG,
        "org": "acme",
        "userID": "0d3a5f0bd1a4e000",
        "user": "ci-bot",
        "permissions": [],
        "links": {"self": "https://elsewhere.example/", "user": "//elsewhere.example"},
        "createdAt": "2024-05-13T09:41:07.52417Z",
        "updatedAt": "2024-05-13T09:41:07.52417Z",
        **changes,
    }


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in entry().items() if name != key}


def listed(*entries: object) -> bytes:
    return json.dumps({"links": {}, "authorizations": entries}).encode()


def single(body: bytes) -> Token:
    """The token of a single authorization."""
    found = wire.OneToken(Shared(SECRET))
    found.feed(body)
    return found.finish()


def tokens(body: bytes) -> dict[TokenId, Token]:
    """The tokens of a list that comes in one piece."""
    found = wire.TokenList(SECRET)
    found.feed(body)
    return found.finish()


def permission(action: str, kind: str, **scope: str) -> dict[str, Any]:
    return {"action": action, "resource": {"type": kind, **scope}}


def both(kind: str, **scope: str) -> list[dict[str, Any]]:
    return [permission("read", kind, **scope), permission("write", kind, **scope)]


def alike(reach: Reach) -> Rights:
    return Rights(read=reach, write=reach)


def test_a_listed_token_has_everything_but_its_secret() -> None:
    (token,) = tokens(listed(entry(status="inactive"))).values()
    assert token == Token(
        id=TokenId(ID),
        status=Status.INACTIVE,
        description="edge <paris>",
        org_id=OrgId(ORG),
        org="acme",
        user_id=UserId("0d3a5f0bd1a4e000"),
        user="ci-bot",
        updated_at="2024-05-13T09:41:07.52417Z",
    )
    assert "FAKE" not in repr(token)


def test_a_list_keeps_its_order_and_may_be_empty() -> None:
    ids = ["0d3a5f0c1be4e002", "0d3a5f0c1be4e001"]
    assert list(tokens(listed(*(entry(id=each) for each in ids)))) == ids
    assert tokens(listed()) == {}


def test_names_and_dates_and_rights_may_be_missing() -> None:
    rights = both("users") + both("authorizations", orgID=ORG)
    (whole,) = tokens(listed(entry(permissions=rights, token=SECRET))).values()
    missing: dict[str, dict[str, Any]] = {
        "org": {"org": ""},
        "user": {"user": ""},
        "updatedAt": {"updated_at": ""},
        "description": {"description": ""},
        "token": {"is_own": False, "proven": None},
        "permissions": {"rights": NO_RIGHTS},
    }
    for key, read in missing.items():
        left = {name: value for name, value in entry(permissions=rights, token=SECRET).items() if name != key}
        assert tokens(listed(left)) == {TokenId(ID): whole._replace(**read)}


def test_the_callers_own_token_is_known_by_its_secret_where_secrets_are_shown() -> None:
    other = "FAKE-other-" + "0" * 75 + "=="
    proofs = (
        (SECRET, True),
        (other, False),
        ("", None),
        ("redacted", None),
        (f"{SECRET}x"[-9:], None),
        ("\ud800é", None),
    )
    for shown, proven in proofs:
        (token,) = tokens(listed(entry(token=shown))).values()
        assert (token.is_own, token.proven) == (bool(proven), proven)


EVERYTHING = Reach(orgs=frozenset({EVERY_ORG}), users=frozenset({EVERY_USER}))
U = UserId("0d3a5f0bd1a4e000")


def reach(*orgs: str, tokens: Iterable[str] = (), users: Iterable[str] = (EVERY_USER,)) -> Reach:
    return Reach(
        orgs=frozenset(map(OrgId, orgs)), tokens=frozenset(map(TokenId, tokens)), users=frozenset(map(UserId, users))
    )


@pytest.mark.parametrize(
    ("permissions", "rights"),
    [
        (both("users") + both("authorizations"), alike(EVERYTHING)),
        (both("users") + both("authorizations", orgID=ORG), alike(reach(ORG))),
        (both("users") + both("authorizations", orgID="b") + both("authorizations", orgID="a"), alike(reach("a", "b"))),
        (both("users", id=U) + both("authorizations", orgID=ORG), alike(reach(ORG, users=[U]))),
        (both("users", id=U, orgID=ORG) + both("authorizations", orgID=ORG), alike(reach(ORG, users=[U]))),
        (both("users", orgID=ORG) + both("authorizations", orgID=ORG), alike(reach(ORG, users=[]))),
        (both("users") + both("authorizations", id=ID), alike(reach(tokens=[ID]))),
        (both("users") + both("authorizations", id=ID, orgID="other"), alike(reach(tokens=[ID]))),
        (both("users") + both("users", id=U) + both("authorizations") + both("authorizations", id=ID), alike(EVERYTHING)),
        (both("instance"), alike(EVERYTHING)),
        (both("instance", id=ID, orgID=ORG), alike(EVERYTHING)),
        (
            [permission("read", "users", id="1"), permission("write", "users", id="2"), *both("authorizations")],
            Rights(read=reach(EVERY_ORG, users=["1"]), write=reach(EVERY_ORG, users=["2"])),
        ),
        (
            [*both("users"), permission("read", "authorizations", orgID=ORG), permission("write", "authorizations", id=ID)],
            Rights(read=reach(ORG), write=reach(tokens=[ID])),
        ),
        ([*both("users"), permission("read", "authorizations")], Rights(read=EVERYTHING, write=reach())),
        ([permission("read", "instance"), *both("authorizations")], Rights(read=EVERYTHING, write=reach(EVERY_ORG, users=[]))),
        (both("users"), NO_RIGHTS),
        (both("buckets"), NO_RIGHTS),
        (None, NO_RIGHTS),
    ],
)  # fmt: skip
def test_what_a_token_may_do_with_others_is_read_exactly(permissions: object, rights: Rights) -> None:
    (token,) = tokens(listed(entry(permissions=permissions))).values()
    assert token.rights == rights


def test_rights_that_many_tokens_have_are_kept_once() -> None:
    ids = [f"{number:016x}" for number in range(1, 9)]
    rights = both("users", id=U) + both("authorizations", orgID=ORG)
    found = tokens(listed(*(entry(id=each, permissions=rights) for each in ids))).values()
    assert len({id(each.rights) for each in found}) == 1
    assert {each.rights for each in tokens(listed(entry(permissions=both("buckets")))).values()} == {NO_RIGHTS}


def test_rights_are_read_alike_whatever_was_read_before() -> None:
    orgs = [f"{number:016x}" for number in range(1, 301)] * 2
    chosen = [both("authorizations", orgID=org) + both("users") for org in orgs]
    found = tokens(listed(*(entry(id=f"{number:016x}", permissions=each) for number, each in enumerate(chosen, 1))))
    assert [each.rights for each in found.values()] == [alike(reach(org)) for org in orgs]


def test_a_list_whose_rights_do_not_fit_into_memory_is_refused() -> None:
    """A few texts, of which each token has others; in less memory, as it takes half a minute to fill all of it."""
    found = wire.TokenList(SECRET, memory=wire.MEMORY // 32)
    assert found.feed(b'{"authorizations":[')
    for number in range(1, 1000):
        chosen = [
            permission("write", "authorizations", id=f"{each:04x}") for each in range(4000) if each % 997 != number
        ]
        if not found.feed(json.dumps(entry(id=f"{number:016x}", permissions=chosen)).encode() + b","):
            break
    with pytest.raises(WireError, match=rf"authorization {number}: the list does not fit into memory"):
        found.finish()


BAD_LISTS = {
    "empty body": (b"", "it is not JSON"),
    "HTML": (b"<html>", "it is not JSON"),
    "nested": (b"[" * 100_000, "it is not JSON"),
    "not a number": (b'{"authorizations": NaN}', "it is not JSON"),
    "infinite": (b'{"authorizations": [-Infinity]}', "it is not JSON"),
    "not UTF-8": (b'{"authorizations": ["\xff"]}', "it is not JSON"),
    "array": (b"[]", "it is no JSON object"),
    "null": (b"null", "it is no JSON object"),
    "another object": (b"{}", "it has no list `authorizations`"),
    "null list": (b'{"authorizations": null}', "it has no list `authorizations`"),
    "text entry": (listed(entry(), "x"), "authorization 2: it is no JSON object"),
    "no id": (listed(without("id")), "authorization 1: its `id` is no text"),
    "number id": (listed(entry(id=5)), "authorization 1: its `id` is no text"),
    "path id": (listed(entry(id="../users/1")), "authorization 1: its `id` is not 16 hex digits"),
    "id with line break": (listed(entry(id=ID + "\n")), "authorization 1: its `id` is not 16 hex digits"),
    "upper case id": (listed(entry(id=ID.upper())), "authorization 1: its `id` is not 16 hex digits"),
    "zero id": (listed(entry(id="0" * 16)), "authorization 1: its `id` is not 16 hex digits"),
    "no status": (listed(without("status")), "authorization 1: its `status` is no text"),
    "status": (listed(entry(status="locked")), "authorization 1: its `status` is neither active nor inactive"),
    "description": (listed(entry(description=None)), "authorization 1: its `description` is no text"),
    "org id": (listed(without("orgID")), "authorization 1: its `orgID` is no text"),
    "user id": (listed(without("userID")), "authorization 1: its `userID` is no text"),
    "user": (listed(entry(user=["x"])), "authorization 1: its `user` is no text"),
    "token": (listed(entry(token=1)), "authorization 1: its `token` is no text"),
    "twice": (listed(entry(), entry()), "authorization 2: its `id` was listed before"),
    "permission text": (listed(entry(permissions=["x"])), "authorization 1: its `permissions` are none"),
    "permission bare": (listed(entry(permissions=[{}])), "authorization 1: its `permissions` are none"),
    "permission odd": (
        listed(entry(permissions=[permission("read", "users"), {"action": [], "resource": {"type": "users"}}])),
        "authorization 1: its `permissions` are none",
    ),
}


@pytest.mark.parametrize(("body", "message"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_what_is_no_authorization_list_is_refused_without_being_repeated(body: bytes, message: str) -> None:
    with pytest.raises(WireError) as caught:
        tokens(body)
    assert str(caught.value) == message
    assert caught.value.__cause__ is None


PAGES: list[tuple[dict[str, Any], str]] = [
    ({"links": {"self": "/api/v2/authorizations", "next": "/api/v2/authorizations?offset=20"}}, "next"),
    ({"next": 2}, "next"), ({"nextPage": "x"}, "nextpage"), ({"next_page_token": "x"}, "nextpagetoken"),
    ({"_links": {"next": {"href": "x"}}}, "next"), ({"cursor": "x"}, "cursor"), ({"paging": {"next-cursor": "x"}}, "nextcursor"),
    ({"hasMore": True}, "hasmore"), ({"isTruncated": True}, "istruncated"), ({"continuationToken": "x"}, "continuationtoken"),
    ({"links": [{"rel": "self", "href": "x"}, {"rel": "next", "href": "y"}]}, "next"), ({"count": 999}, "count"),
    ({"total": 2}, "total"), ({"meta": {"total_count": 7}}, "totalcount"),
]  # fmt: skip
WHOLE: list[dict[str, Any]] = [
    {}, {"links": {"self": "x", "next": "", "prev": "x"}}, {"next": None}, {"hasMore": False}, {"total": 1}, {"total": "many"},
    {"links": [{"next": "x"}]}, {"links": [{"rel": "next"}, {"rel": "self", "href": "x"}, "next"]}, {"count": 1}, {"context": "next"}, {"link": "x"},
]  # fmt: skip


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("beside", "word"), PAGES, ids=[str(beside) for beside, _ in PAGES])
def test_a_page_of_a_list_is_no_list(beside: dict[str, Any], word: str, first: bool) -> None:
    body = {**beside, "authorizations": [entry()]} if first else {"authorizations": [entry()], **beside}
    message = f"it is one page of a list (`{word}`): what is on others would look absent"
    with pytest.raises(WireError) as caught:
        tokens(json.dumps(body).encode())
    assert str(caught.value) == message
    with pytest.raises(WireError) as caught:
        labels.locks(json.dumps({**beside, "labels": [{"name": "theirs"}]}).encode())
    assert str(caught.value) == message


@pytest.mark.parametrize("beside", WHOLE, ids=str)
def test_a_list_that_is_whole_may_say_so(beside: dict[str, Any]) -> None:
    assert len(tokens(json.dumps({**beside, "authorizations": [entry()]}).encode())) == 1
    assert labels.locks(json.dumps({"labels": [{"name": "theirs"}], **beside}).encode()) == ()


def test_a_secret_stands_in_no_text_that_is_kept() -> None:
    other = "listed_-" * 10 + "secret" + "=="
    assert len(other) == 88
    texts = dict.fromkeys(("description", "org", "orgID", "user", "userID", "updatedAt"), f"<{SECRET}|{other}>")
    hidden = "<***|***>"
    for token in (*tokens(listed(entry(**texts))).values(), single(json.dumps(entry(**texts)).encode())):
        kept = (token.description, token.org, token.org_id, token.user, token.user_id, token.updated_at)
        assert kept == (hidden,) * 6
    rights = both("users") + both("authorizations", orgID=SECRET)
    assert tokens(listed(entry(permissions=rights)))[TokenId(ID)].rights == alike(reach("***"))
    assert answers.user(json.dumps({"id": SECRET}).encode(), SECRET) == "***"
    assert answers.failure(json.dumps({"code": "x", "message": f"no {SECRET}"}).encode(), SECRET) == ("x", "no ***")


def test_a_secret_of_a_few_letters_is_a_word() -> None:
    found = wire.TokenList("admin")
    found.feed(listed(entry(description="admin's Token", token="admin")))
    (token,) = found.finish().values()
    assert (token.description, token.is_own) == ("admin's Token", True)


def numbered(number: int, **texts: str) -> dict[str, Any]:
    return entry(id=f"{number:016x}", permissions=[], links={}, token="", **texts)


KEPT = ("description", "org", "user", "orgID", "userID", "updatedAt")


def test_a_list_that_does_not_fit_into_memory_is_refused() -> None:
    memory = 10_000_000
    found = wire.TokenList(SECRET, memory=memory)
    assert found.feed(b'{"authorizations":[')
    for number in range(1, 2000):  # they take turns: a text that was not counted would let in a sixth more
        text = f"{number}" + "x" * 60_000
        if not found.feed(json.dumps(numbered(number, **{KEPT[number % len(KEPT)]: text})).encode() + b","):
            break
    # What has come may be looked at together with what comes next.
    with pytest.raises(WireError, match=rf"authorization ({number - 1}|{number}): the list does not fit into memory"):
        found.finish()
    assert memory / 61_000 < number < memory / 60_000 + 1


def test_a_hundred_thousand_tokens_fit() -> None:
    found = wire.TokenList(SECRET)
    found.feed(b'{"authorizations":[')
    for number in range(1, 5001):
        dated = f"2024-05-13T09:41:07.{number:06}Z"
        text = numbered(number, description=f"Ingest of site {number} (platform)", updatedAt=dated)
        assert found.feed(json.dumps(text).encode() + b"," * (number < 5000))
    found.feed(b"]}")
    assert len(found.finish()) == 5000
    assert found._shared.size < wire.MEMORY / 20


def test_small_tokens_take_no_more_memory_than_is_counted() -> None:
    texts = [json.dumps(numbered(number, description=f"{number:0100}")).encode() + b"," for number in range(1, 3000)]
    found = wire.TokenList(SECRET, memory=1024 * 1024)
    tracemalloc.start()
    try:
        found.feed(b'{"authorizations":[')
        read = len([*takewhile(found.feed, texts)])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1000 < read < len(texts)
    assert taken < 1024 * 1024


def test_thousands_of_different_permissions_are_read_as_they_are() -> None:
    ids = [f"{number:016x}" for number in range(1, 4200)]
    found = tokens(listed(*(entry(id=each, permissions=[permission("read", "buckets", id=each)]) for each in ids)))
    assert [[grant.id for grant in found[TokenId(each)].grants or ()] for each in ids] == [[each] for each in ids]


def test_a_list_that_begins_anew_forgets_what_came() -> None:
    found = wire.TokenList(SECRET)
    found.feed(listed(entry(id="0d3a5f0c1be4e009"))[:-20])
    found.begin()
    found.feed(listed(entry()))
    assert list(found.finish()) == [ID]


def test_a_right_on_an_organisation_whose_id_is_no_text_makes_no_trouble() -> None:
    rights = both("users") + both("authorizations", orgID=5) + both("authorizations", orgID="a")  # type: ignore[arg-type]
    assert tokens(listed(entry(permissions=rights)))[TokenId(ID)].rights == alike(reach("5", "a"))


def test_a_single_authorization_is_read_like_a_listed_one() -> None:
    body = json.dumps(entry(token=SECRET)).encode()
    assert single(body) == tokens(listed(entry(token=SECRET)))[TokenId(ID)]
    with pytest.raises(WireError, match=r"^its `id` is no text$"):
        single(listed(entry()))
    with pytest.raises(WireError, match=r"^it is no JSON object$"):
        single(b"[]")
    with pytest.raises(WireError, match=r"^it is not JSON$"):
        single(json.dumps(entry()).encode() + b",{}")


def test_an_id_alone_goes_into_a_path() -> None:
    assert wire.path(wire.AUTHORIZATIONS, ID) == f"/api/v2/authorizations/{ID}"
    for text in ("../users/1", ID + "\n", ID + "?", ID.upper(), "0" * 16, ""):
        with pytest.raises(AssertionError, match=r"^not an id$"):
            wire.path(wire.USERS, text)


# What an answer must be, said once more and apart from what reads it.
TEXT = {"type": "string"}
RIGHT = {
    "type": "object",
    "required": ["action", "resource"],
    "properties": {"resource": {"type": "object", "required": ["type"]}},
}
AUTHORIZATION: dict[str, Any] = {
    "type": "object",
    "required": ["id", "status", "orgID", "userID"],
    "properties": {
        **dict.fromkeys(("description", "org", "orgID", "user", "userID", "updatedAt", "token"), TEXT),
        "id": {"type": "string", "pattern": r"^(?!0{16})[0-9a-f]{16}\Z"},
        "status": {"enum": ["active", "inactive"]},
        "permissions": {"items": RIGHT},
    },
}
LIST = {
    "type": "object",
    "required": ["authorizations"],
    "properties": {"authorizations": {"type": "array", "items": AUTHORIZATION}},
}
USER = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}
A_LIST, AN_AUTHORIZATION, A_USER = (Draft202012Validator(schema) for schema in (LIST, AUTHORIZATION, USER))

KEYS = st.sampled_from(["authorizations", "id", "status", "permissions", "resource", "type", "action"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)
OTHERS: list[Any] = [
    ..., None, True, 5, "", ID, ID + "\n", ID.upper(), "0" * 16, "active", "ACTIVE", {}, [], [None], [{}], ["x"], both("users"),
    [permission("read", "users"), {"action": "read"}], [{"action": "read", "resource": []}], [{"resource": {"type": "users"}}],
    [{"action": "read", "resource": {"id": ID}}],
]  # fmt: skip
BENDS = st.tuples(st.sampled_from(sorted(AUTHORIZATION["properties"])), st.sampled_from(OTHERS) | VALUES)


def bent(number: int, bends: list[tuple[str, Any]]) -> dict[str, Any]:
    """An authorization with other values in these places, or none where that is `...`."""
    changed = {**entry(id=f"{number:016x}"), **dict(bends)}
    return {key: value for key, value in changed.items() if value is not ...}


ENTRIES = st.builds(bent, st.integers(1, 9), st.lists(BENDS, max_size=2))
SAID = re.compile(
    r"it is not JSON|it is no JSON object|it has no list `authorizations`|(authorization [0-9]+: )?(it is no JSON object|"
    r"its `(id|status|description|org|orgID|user|userID|updatedAt|token)` is no text|its `id` is not 16 hex digits|"
    r"its `status` is neither active nor inactive|its `permissions` are none)|authorization [0-9]+: its `id` was listed before"
)  # fmt: skip


def held(schema: Draft202012Validator, body: bytes) -> Any:
    """What the body is where the schema takes it, else None."""
    try:
        document = json.loads(body.decode())
    except ValueError:
        return None
    return document if schema.is_valid(document) else None


def known(token: Token) -> dict[str, str]:
    """The token as an answer writes it."""
    return {
        "id": token.id, "status": token.status, "description": token.description, "orgID": token.org_id, "org": token.org,
        "userID": token.user_id, "user": token.user, "updatedAt": token.updated_at,
    }  # fmt: skip


def meant(document: dict[str, Any]) -> dict[str, str]:
    """What an authorization says of the token."""
    return {**dict.fromkeys(("description", "org", "user", "updatedAt"), ""), **document}


def outcome(read: Callable[[bytes], Any], body: bytes) -> Any:
    """What is read, or None where it is refused in words of our own."""
    try:
        return read(body)
    except WireError as error:
        said = str(error)
    assert SAID.fullmatch(said)
    return None


PLAIN = ENTRIES | st.builds(entry, id=st.sampled_from([ID, ID[:-1] + "1"]), description=st.text(max_size=9))
SPELLINGS: Any = st.sampled_from([{"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def read(texts: list[str]) -> Any:
    """What is read of entries, or the words with which they are refused."""
    found = wire.TokenList(SECRET)
    found.feed(f'{{"authorizations":[{",".join(texts)}]}}'.encode("utf-8", "surrogatepass"))
    try:
        return [(token_id, tuple(token)) for token_id, token in found.finish().items()]
    except WireError as error:
        return str(error)


def with_more(texts: list[str]) -> list[str]:
    """The same entries with something else in each, which makes them another form."""
    return [text.replace("{", '{"more": 0, ', 1) for text in texts]


@given(
    st.lists(PLAIN, min_size=1, max_size=3),
    SPELLINGS,
    st.none()
    | st.tuples(
        st.floats(0, 1), st.integers(0, 1), st.sampled_from([*'"\\{}[],: \n\x00x0', "\u2028", '\\"', "[]", '"id":"",'])
    ),
)
def test_an_entry_of_the_plainest_form_is_read_as_any_other(
    entries: list[dict[str, Any]], spelling: dict[str, Any], change: tuple[float, int, str] | None
) -> None:
    texts = [json.dumps(each, **spelling) for each in entries]
    if change:
        share, over, put = change
        at = 1 + int(share * len(texts[-1]))
        texts[-1] = texts[-1][:at] + put + texts[-1][at + over :]
    assert read(texts) == read(with_more(texts))
    alone, other = (read_alone(some[-1]) for some in (texts, with_more(texts)))
    assert alone == other


def read_alone(text: str) -> Any:
    """What is read of a single entry by itself and after another one, or the words with which it is refused."""
    shared, found = Shared(SECRET), []
    for each in (text, json.dumps(entry(permissions=both("users"))), text):
        body = wire.OneToken(shared)
        body.feed(each.encode("utf-8", "surrogatepass"))
        try:
            found.append(tuple(body.finish()))
        except WireError as error:
            found.append((str(error),))
    assert found[0] == found[2]
    return found[0]


def test_what_single_tokens_have_is_forgotten_before_it_takes_much_memory() -> None:
    shared, sizes = Shared(SECRET), []
    for number in range(300):
        body = wire.OneToken(shared)
        body.feed(json.dumps(entry(org=f"{number}" * 3_000)).encode())
        assert body.finish().org == f"{number}" * 3_000
        sizes.append(shared.size)
    assert max(sizes) < 1_100_000


def test_what_one_thread_is_keeping_another_may_forget() -> None:
    shared = Shared(SECRET)

    class Kept(tuple[str, ...]):
        """Something that is looked for and put down, and each time everything is forgotten."""

        def __hash__(self) -> int:
            shared.forget()
            return 0

    value = Kept(("kept",))
    assert shared.value(value) is value


ODD = [
    [entry(permissions=[permission("read", "buckets", name="a]b")])],
    [entry(permissions=[permission("read", "buckets", name='"]')])],
    [entry(permissions=[{"action": "read"}])],
    [entry(description=SECRET, token=SECRET)],
    [entry(status="inactive", org=SECRET, createdAt="2020-05-13T09:41:07Z"), entry(id=ID[:-1] + "1")],
    [entry(description="a\\b")],
    [entry(description="x" * (LARGEST_TEXT + 1))],
    [entry(), entry()],
    [entry(orgID="x" * (LARGEST_TEXT + 1)), entry()],
]


@pytest.mark.parametrize("entries", ODD, ids=lambda some: str(some)[:99])
def test_an_odd_entry_is_read_as_any_other(entries: list[dict[str, Any]]) -> None:
    texts = [json.dumps(each) for each in entries]
    assert read(texts) == read(with_more(texts))


@pytest.mark.parametrize(
    "rights", ["[{]", '[{"action" "read"}]', '["x",]', "[nan]", '[{"a": 1, "a": 1}]', "[" + '{"x":' * 9999]
)
def test_an_entry_that_only_looks_plain_is_refused(rights: str) -> None:
    text = json.dumps(entry()).replace('"permissions": []', f'"permissions": {rights}')
    said = "it has a key twice" if "1" in rights else "it is not JSON"
    assert read([text]) == read(with_more([text])) == said


def test_plain_entries_count_as_others_do() -> None:
    entries = [entry(id=f"{number:016x}", description="x" * 5_000) for number in range(1, 300)]

    def refused(texts: list[str]) -> str:
        with pytest.raises(WireError) as caught:
            tokens_within(texts)
        return str(caught.value)

    texts = [json.dumps(each) for each in entries]
    number = int(refused(texts).removeprefix("authorization ").partition(": the list does not fit into memory")[0])
    assert refused(with_more(texts)) == refused(texts)
    assert refused(texts[:number]) == refused(texts)
    assert len(tokens_within(texts[: number - 1])) == number - 1


def tokens_within(texts: list[str]) -> dict[TokenId, Token]:
    found = wire.TokenList(SECRET, memory=1_000_000)
    found.feed(f'{{"authorizations":[{",".join(texts)}]}}'.encode())
    return found.finish()


def test_most_entries_are_of_the_plainest_form() -> None:
    rights = both("users") + both("buckets", id=ID, name="a b", orgID=ORG, org="acme")
    whole = re.compile("".join(part.pattern.removeprefix("(?a)") for part in wire.plainest()), re.ASCII)
    assert whole.fullmatch(json.dumps(entry(permissions=rights), indent="\t") + "\n\t]")
    assert whole.fullmatch(json.dumps(entry()) + ",")


def test_what_entries_have_in_common_is_read_anew_where_it_is_another() -> None:
    same, other = {"permissions": both("users"), "user": "one"}, {"permissions": both("buckets", id=ID), "user": "two"}
    entries = [entry(id=f"{number:016x}", **said) for number, said in enumerate((same, same, other, other, same), 1)]
    texts = [json.dumps(each, indent="\t") for each in entries]
    assert read(texts) == read(with_more(texts))
    assert [token[6] for _, token in read(texts)] == ["one", "one", "two", "two", "one"]


def test_what_entries_have_in_common_does_not_depend_on_how_much_has_come() -> None:
    middle, rest = wire.plainest()[1], '"links": {'
    text = json.dumps(entry(), indent="\t")
    begin, end = text.index('"orgID"'), text.index(rest)
    whole = middle.match(text, begin)
    for length in range(len(text[begin:].partition("]")[0]) + 2, end - begin + 1):
        found = middle.match(text[begin : begin + length])
        assert found
        assert whole
        assert found[0] == whole[0]


BYTES = st.binary(max_size=50)
LISTS = st.lists(ENTRIES, max_size=3).map(lambda some: listed(*some))


def check_list(body: bytes) -> None:
    """It is read exactly when it is a list, and then for what it says."""
    document, found = held(A_LIST, body), outcome(tokens, body)
    entries = document["authorizations"] if document else []
    if document is None or len({each["id"] for each in entries}) < len(entries):
        assert found is None
    else:
        assert found is not None
        for token, said in zip(found.values(), entries, strict=True):
            assert known(token).items() <= meant(said).items()


def check_single(body: bytes) -> None:
    """It is read exactly when it is an authorization, or a user, and then for what it says."""
    document, found = held(AN_AUTHORIZATION, body), outcome(single, body)
    assert (found is None) == (document is None)
    assert document is None or known(found).items() <= meant(document).items()
    someone = held(A_USER, body)
    assert outcome(lambda body: answers.user(body, SECRET), body) == (someone["id"] if someone else None)


@pytest.mark.parametrize("key", AUTHORIZATION["properties"])
def test_anything_else_in_any_place_of_an_answer_is_read_or_refused(key: str) -> None:
    for value in OTHERS:
        check_list(listed(bent(1, []), bent(2, [(key, value)])))
        check_single(json.dumps(bent(2, [(key, value)])).encode())


@given(BYTES | VALUES.map(lambda value: json.dumps(value).encode()) | LISTS)
@example(listed(bent(1, []), bent(1, [])))
@example(b'{"authorizations": {}}')
def test_a_list_is_read_exactly_when_it_is_one_and_else_refused_in_words_of_our_own(body: bytes) -> None:
    check_list(body)


@given(BYTES | (VALUES | ENTRIES).map(lambda value: json.dumps(value).encode()))
def test_a_single_answer_is_read_exactly_when_it_is_one_and_else_refused_in_words_of_our_own(body: bytes) -> None:
    check_single(body)


def test_what_is_too_large_is_left_out_where_it_may_be() -> None:
    large = "x" * (LARGEST_TEXT + 1)
    other = TokenId("0d3a5f0c1be4e001")
    found = wire.TokenList(SECRET)
    found.feed(listed(entry(description=large, permissions=both("users") * 4096), entry(id=other, orgID=large)))
    (token,) = found.finish().values()
    assert (token.id, token.description, token.rights) == (ID, kept(large), Rights(unknown=True))
    assert found.unreadable == {other: f"its `orgID` has {len(large):,} characters"}


def test_a_token_that_cannot_be_read_is_listed_once_too() -> None:
    large = entry(orgID="x" * (LARGEST_TEXT + 1))
    with pytest.raises(WireError, match=r"^authorization 2: its `id` was listed before$"):
        tokens(listed(large, entry()))

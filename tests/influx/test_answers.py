"""What each answer that is not the one hoped for means."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import TokenctlError, UnreachableError
from reconciler.influx import answers
from reconciler.influx.decoding import WireError
from tests.influx.raw_server import SECRET, answer, refusal
from tests.influx.test_reader import JSON, reading
from tests.influx.test_wire import entry, listed

USER = "0d3a5f0bd1a4e000"

MEANINGS: dict[str, bytes] = {
    "unknown token": refusal(401, "unauthorized", "unauthorized access"),
    "inactive token": refusal(401, "unauthorized", "token is inactive"),
    "inactive user": refusal(403, "forbidden", "User is inactive"),
    "no right": refusal(401, "unauthorized", "write:orgs/5f2c9e1a77b0d3c4/authorizations is unauthorized"),
    "another refusal": answer(403, "go away"),
    "refusal in words": refusal(403, "forbidden", "not today"),
    "not found": refusal(404, "not found", "path not found"),
    "gone": refusal(404, "not found", "authorization not found"),
    "too many": refusal(429, "too many requests", "slow down"),
    "internal error": refusal(500, "internal error", "disk"),
    "gateway page": answer(502, "<html>", Content_Type="text/html"),
    "web page": answer(200, "<html>", Content_Type="text/html; charset=utf-8"),
    "InfluxDB 1": answer(404, "404 page not found", X_Influxdb_Version="1.8.10"),
    "InfluxDB 3": answer(404, "not found", cluster_uuid="9c1"),
    "InfluxDB 3 unauthenticated": answer(401, '{"error": "the request was not authenticated"}', cluster_uuid="9c1"),
    "something else": answer(404, "nothing"),
    "something else that says yes": answer(200, "{}"),
    "broken list": answer(200, "{}", **JSON),
    "nothing": answer(204, **JSON),
    "no right on users": refusal(401, "unauthorized", "read:users/0d3a5f0bd1a4e000 is unauthorized"),
    "no right on one token": refusal(
        401, "unauthorized", "read:orgs/5f2c9e1a77b0d3c4/authorizations/0d3a5f0c1be4e000 is unauthorized"
    ),
}


def test_each_meaning_of_an_answer_has_its_own_words(golden: Callable[[Path, str], None]) -> None:
    said = []
    for name, given in MEANINGS.items():
        with reading(given) as (reader, _), pytest.raises(TokenctlError) as caught:
            reader.list_tokens()
        error = caught.value
        text = re.sub(r"http://127\.0\.0\.1:\d+", "URL", str(error))
        said.append(f"# {name}: {error.exit_code.reason}\n{text}\n")
    golden(Path(__file__).parent / "golden" / "meanings.txt", "\n".join(said))


@pytest.mark.parametrize(
    "header",
    [
        {"Link": '<http://x/>; rel="prev", <http://x/?after=1>; rel="next"'},
        {"Link": "<x>; rel=next"},
        {"X_Next_Page": "2"},
    ],
)
def test_a_page_that_only_a_header_tells_of_is_refused(header: dict[str, str]) -> None:
    body = listed(entry())
    with reading(answer(200, body, **JSON, **header), answer(200, '{"labels": []}', **JSON, **header)) as (reader, _):
        for ask in (reader.list_tokens, reader.locks):
            with pytest.raises(UnreachableError) as caught:
                ask()
            assert ": it is one page of a list (`" in str(caught.value)


@pytest.mark.parametrize("header", [{"Link": "<x>; rel=prev"}, {"Link": "</next>; rel=preload"}, {"X_Next_Page": ""}])
def test_headers_that_name_no_next_page_change_nothing(header: dict[str, str]) -> None:
    with reading(answer(200, listed(entry()), **JSON, **header)) as (reader, _):
        assert len(reader.list_tokens().tokens) == 1


def test_a_page_that_answers_in_the_servers_place_is_told_before_any_credentials_are_used() -> None:
    page = answer(200, "<html>", Content_Type="text/html")
    with reading(page) as (reader, _), pytest.raises(UnreachableError, match="is a web page: the path of the URL"):
        reader.server()
    with reading(answer(503)) as (reader, _), pytest.raises(UnreachableError, match="answered 503"):
        reader.server()
    with reading(answer(204, **JSON)) as (reader, seen):
        assert (reader.server().version, seen()) == ("v2.7.12", ["GET /ping HTTP/1.1"])


def test_a_users_id_is_read() -> None:
    assert answers.user(b'{"id": "0d3a5f0bd1a4e000", "name": "ci"}', SECRET) == USER
    with pytest.raises(WireError, match=r"^its `id` is no text$"):
        answers.user(b"{}", SECRET)


def test_a_user_is_active_where_nothing_else_is_said() -> None:
    states = {'"active"': True, '"inactive"': False, '"locked"': False}
    for state, active in states.items():
        assert answers.is_active(f'{{"id": "{USER}", "status": {state}}}'.encode(), SECRET) is active
    assert answers.is_active(f'{{"id": "{USER}"}}'.encode(), SECRET)
    for body, said in ((f'{{"id": "{USER}", "status": 1}}', "its `status` is no text"), ("{}", "its `id` is no text")):
        with pytest.raises(WireError, match=f"^{said}$"):
            answers.is_active(body.encode(), SECRET)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"code":"unauthorized","message":"unauthorized access"}', ("unauthorized", "unauthorized access")),
        (b'{"code":"x","message":"' + b"y" * 200 + b'"}', ("x", "y" * 200)),
        (b'{"code":"x","message":"' + b"y" * 201 + b'"}', ("x", "y" * 199 + "…")),
        (b'{"error":"the request was not authenticated"}', ("", "")),
        (b'{"code":1,"message":"x"}', ("", "")),
        (b'{"code":"x","message":null}', ("", "")),
        (b"not found", ("", "")),
        (b"", ("", "")),
    ],
)
def test_the_code_and_message_of_an_error_are_read_leniently(body: bytes, said: tuple[str, str]) -> None:
    assert answers.failure(body, SECRET) == said

"""The client of GitHub's API against a server on a socket: pages, refusals, limits, where it never goes, what it finds."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import pytest

from action.github import Api, NotFoundError, find_run
from action.runner import ActionError
from tests.action.conftest import Waits
from tests.action.fake_github import REPOSITORY, TOKEN, GitHub

COMMENTS = "/issues/7/comments"
MERGE, HEAD = "1" * 40, "a" * 40


def test_every_page_of_a_list_is_read(api: Api, github: GitHub) -> None:
    for number in range(250):
        github.add_comment(f"comment {number}")
    assert [each["id"] for each in api.every(COMMENTS)] == list(range(1, 251))
    assert len(github.requests) == 3


def test_a_next_page_on_another_host_is_not_followed(api: Api, github: GitHub) -> None:
    github.next_host = "http://127.0.0.1:1"
    for number in range(101):
        github.add_comment(f"comment {number}")
    with pytest.raises(ActionError, match="names a next page on another host"):
        list(api.every(COMMENTS))
    assert len(github.requests) == 1


def test_a_list_without_end_ends(api: Api, github: GitHub) -> None:
    link = {"Link": f'<{github.url}/repos/{REPOSITORY}{COMMENTS}>; rel="next"'}
    github.answers = [(200, link, b"[]")] * 200
    with pytest.raises(ActionError, match="more than 100 pages"):
        list(api.every(COMMENTS))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_error_and_the_token_goes_nowhere(api: Api, github: GitHub, status: int) -> None:
    github.answers = [(status, {"Location": f"{github.url}/elsewhere"}, b"")]
    with pytest.raises(ActionError, match=f"GitHub answers {status}"):
        api.send("GET", "/issues/7")
    assert github.requests == [f"GET /repos/{REPOSITORY}/issues/7"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the job's token is not accepted"),
        (403, "from a fork every token is read-only"),
        (404, "or the job's token may not see it"),
        (410, "it was switched off in this repository"),
        (422, "a text that is too long"),
        (418, "try again"),
    ],
)
def test_a_refusal_says_what_to_do(api: Api, github: GitHub, waits: Waits, status: int, words: str) -> None:
    github.answers = [(status, {}, b"{}")]
    with pytest.raises(ActionError, match=words) as caught:
        api.send("POST", COMMENTS, {"body": "x"})
    assert isinstance(caught.value, NotFoundError) == (status == 404)
    assert TOKEN not in str(caught.value)
    assert waits.seconds == []


@pytest.mark.parametrize(
    ("status", "headers", "waited"),
    [
        (429, {"Retry-After": "7"}, 7),
        (403, {"Retry-After": "60"}, 60),
        (403, {"X-RateLimit-Remaining": "0"}, 60),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60),
    ],
)
def test_a_rate_limit_is_waited_for(
    api: Api, github: GitHub, waits: Waits, status: int, headers: dict[str, str], waited: int
) -> None:
    github.answers = [(status, headers, b"")]
    assert api.send("POST", COMMENTS, {"body": "x"})["body"] == "x"
    assert waits.seconds == [waited]


@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"X-RateLimit-Remaining": "0"}])
def test_a_rate_limit_that_lasts_is_given_up(api: Api, github: GitHub, waits: Waits, headers: dict[str, str]) -> None:
    github.answers = [(429, headers, b"")] * 9
    with pytest.raises(ActionError, match="the rate limit is used up"):
        api.send("GET", "/issues/7")
    assert sum(waits.seconds) <= 120


def test_what_fails_on_their_side_is_asked_again_unless_it_may_have_been_carried_out(
    api: Api, github: GitHub, waits: Waits
) -> None:
    github.answers = [(502, {}, b"<html>"), (503, {}, b"")]
    assert list(api.every(COMMENTS)) == []
    assert waits.seconds == [2, 2]
    github.answers = [(502, {}, b"<html>")]
    with pytest.raises(ActionError, match="GitHub answers 502"):
        api.send("POST", COMMENTS, {"body": "x"})
    github.answers = [(500, {}, b"")] * 3
    with pytest.raises(ActionError, match="GitHub answers 500"):
        api.send("PATCH", "/issues/comments/1", {"body": "x"})


@pytest.mark.parametrize("content", [b"<html>", b"{", b"\xff", b"[" + b"1," * (8 * 1024**2) + b"1]"])
def test_an_answer_that_is_none_is_an_error(api: Api, github: GitHub, content: bytes) -> None:
    github.answers = [(200, {}, content)]
    with pytest.raises(ActionError, match=r"is not JSON|is larger than 16 MiB"):
        api.send("GET", "/issues/7")


def test_nobody_there_is_an_error_without_the_token() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    api = Api(url=f"http://127.0.0.1:{port}", repository=REPOSITORY, token=TOKEN, sleep=lambda _: None)
    with pytest.raises(ActionError, match="no answer of GitHub's API") as caught:
        api.send("GET", "/issues/7")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("url", ["http://api.github.example", "file:///etc/passwd", "ftp://127.0.0.1", ""])
def test_the_token_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(ActionError, match="no https:// URL"):
        Api(url=url, repository=REPOSITORY, token=TOKEN, sleep=lambda _: None)


@pytest.mark.parametrize("repository", ["", "acme", "acme/tokens/../other", "acme/tokens?x", "a b/c"])
def test_a_repository_is_an_owner_and_a_name(repository: str) -> None:
    with pytest.raises(ActionError, match="no OWNER/NAME"):
        Api(url="https://api.github.example", repository=repository, token=TOKEN, sleep=lambda _: None)


def _pull(number: int, head: str = HEAD, merge: str = MERGE, merged_at: str | None = "2026-01-01") -> dict[str, Any]:
    return {"number": number, "merged_at": merged_at, "merge_commit_sha": merge, "head": {"sha": head}}


def _artifact(number: int, run: int, head: str = HEAD, fork: int = 1, **others: Any) -> dict[str, Any]:
    workflow_run = {"id": run, "head_sha": head, "repository_id": 1, "head_repository_id": fork}
    return {"id": number, "name": "tokenctl-plan", "expired": False, "workflow_run": workflow_run, **others}


def _find(api: Api) -> dict[str, str]:
    return find_run(api, MERGE, "tokenctl-plan")


def test_the_newest_plan_of_the_last_commit_counts(api: Api, github: GitHub) -> None:
    github.pulls = [_pull(6, head="b" * 40, merge="2" * 40), _pull(7)]
    github.artifacts = [_artifact(number, 100 + number) for number in range(1, 120)]
    github.artifacts += [_artifact(120, 900, head="b" * 40), _artifact(121, 901, name="other")]
    assert _find(api) == {"pull-request": "7", "run": "219"}


def test_a_rebased_pull_request_is_found_by_its_commit(api: Api, github: GitHub) -> None:
    github.pulls = [_pull(5, merged_at=None), _pull(7, merge="2" * 40)]
    github.artifacts = [_artifact(1, 100)]
    assert _find(api) == {"pull-request": "7", "run": "100"}


def test_a_fork_an_expired_plan_and_one_without_a_run_do_not_count(api: Api, github: GitHub) -> None:
    github.pulls = [_pull(7)]
    github.artifacts = [
        _artifact(1, 100, fork=2),
        _artifact(2, 101, expired=True),
        _artifact(3, 102, workflow_run=None),
    ]
    assert _find(api) == {"pull-request": "7"}


def test_a_commit_that_no_pull_request_merged_has_no_run(api: Api, github: GitHub) -> None:
    github.artifacts = [_artifact(1, 100)]
    assert _find(api) == {}

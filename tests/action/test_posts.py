"""The one comment of a pull request and the one issue about drift: made, found again, updated; never somebody else's."""

from __future__ import annotations

import json

import pytest

from action.github import Api
from action.posts import BOT, Drift, Post, keep_one, marker, show_plan, upsert
from action.runner import ActionError
from tests.action.fake_github import GitHub


def _upsert(api: Api, markdown: str = "new", name: str = "production") -> str:
    return upsert(api, 7, Post(purpose="plan", name=name, markdown=markdown, instead="too long"), BOT)


def _show(api: Api, markdown: str, digest: str) -> str:
    post = Post(purpose="plan", name="production", markdown=markdown, instead="too long")
    return show_plan(api, 7, post, digest, BOT)


def test_the_first_plan_is_a_new_comment_and_the_next_one_updates_it(api: Api, github: GitHub) -> None:
    github.add_comment("hello", author="mira")
    assert _upsert(api, "one") == "https://github.example/comment/2"
    assert _upsert(api, "two") == "https://github.example/comment/2"
    assert [each["body"] for each in github.comments] == ["hello", "<!-- tokenctl plan production -->\ntwo"]
    assert [each.split()[0] for each in github.requests] == ["GET", "POST", "GET", "PATCH"]


def test_the_newest_of_several_is_updated_though_it_is_on_a_later_page(api: Api, github: GitHub) -> None:
    line = marker("plan", "production")
    for number in range(130):
        github.add_comment(f"{line}\nold" if number in (3, 120) else "talk")
    assert _upsert(api) == "https://github.example/comment/121"


def test_a_comment_of_another_author_or_environment_or_place_of_the_line_is_left_alone(
    api: Api, github: GitHub
) -> None:
    line = marker("plan", "production")
    github.add_comment(f"{line}\nforged", author="mallory")
    github.add_comment(f"{marker('plan', 'staging')}\nother")
    github.add_comment(f"> {line}\nquoted")
    github.add_comment(f"{line}\nof an account that is gone", author="")
    github.add_comment(None)
    assert _upsert(api) == "https://github.example/comment/6"
    assert len(github.comments) == 6


def test_a_comment_that_was_deleted_meanwhile_is_made_anew(api: Api, github: GitHub) -> None:
    github.add_comment(f"{marker('plan', 'production')}\nold")["id"] = 99
    github.answers = []
    found = list(api.every("/issues/7/comments"))
    assert found[0]["id"] == 99
    github.comments.clear()
    github.answers = [(200, {}, b'[{"id": 99, "user": {"login": "github-actions[bot]"}, '
                       b'"body": "<!-- tokenctl plan production -->"}]')]  # fmt: skip
    assert _upsert(api) == "https://github.example/comment/1"


def test_a_comment_that_is_too_long_is_replaced(api: Api, github: GitHub) -> None:
    _upsert(api, "x" * 65_536)
    assert github.comments[0]["body"] == "<!-- tokenctl plan production -->\ntoo long"
    room = 65_535 - len("<!-- tokenctl plan production -->\n")
    _upsert(api, "x" * room)
    assert len(github.comments[0]["body"]) == 65_535


def test_a_plan_that_changed_after_an_approval_is_a_new_comment(api: Api, github: GitHub) -> None:
    assert _show(api, "one", "1a") == "https://github.example/comment/1"
    github.add_review("COMMENTED")
    github.add_review("CHANGES_REQUESTED")
    assert _show(api, "two", "2b") == "https://github.example/comment/1"
    github.add_review("APPROVED")
    assert _show(api, "two, a moment later", "2b") == "https://github.example/comment/1"
    assert _show(api, "three", "3c") == "https://github.example/comment/2"
    assert _show(api, "four", "4d") == "https://github.example/comment/2"  # nobody approved the third
    github.add_review("DISMISSED")  # as a push does to an approval
    assert _show(api, "none", "") == "https://github.example/comment/3"
    assert [each["body"] for each in github.comments] == [
        "<!-- tokenctl plan production -->\n"
        "> [!NOTE]\n> This plan was approved, and is not the newest one: that is [further down](https://github.example/comment/2)."
        "\n\ntwo, a moment later\n<!-- tokenctl digest 2b -->",
        "<!-- tokenctl plan production -->\n"
        "> [!NOTE]\n> This plan was approved, and is not the newest one: that is [further down](https://github.example/comment/3)."
        "\n\nfour\n<!-- tokenctl digest 4d -->",
        "<!-- tokenctl plan production -->\n"
        "> [!WARNING]\n> The plan changed after it was approved: what was approved is "
        "[further up](https://github.example/comment/2).\n\nnone\n<!-- tokenctl digest  -->",
    ]


def test_a_comment_of_before_that_knows_no_digest_is_updated(api: Api, github: GitHub) -> None:
    github.add_comment(f"{marker('plan', 'production')}\nold, with <!-- tokenctl digest 0f --> in the middle")
    github.add_review("APPROVED")
    assert _show(api, "new", "1a") == "https://github.example/comment/1"


def test_an_approved_plan_that_is_gone_when_it_is_superseded_is_no_failure(api: Api, github: GitHub) -> None:
    gone = {
        "id": 99, "user": {"login": BOT}, "created_at": "2025", "html_url": "https://github.example/comment/99",
        "body": f"{marker('plan', 'production')}\none\n<!-- tokenctl digest 1a -->",
    }  # fmt: skip
    github.add_review("APPROVED")
    github.answers = [(200, {}, json.dumps([gone]).encode())]
    assert _show(api, "x" * 65_536, "2b") == "https://github.example/comment/1"
    assert github.comments[0]["body"].endswith("\n\ntoo long\n<!-- tokenctl digest 2b -->")
    assert github.requests[-1] == "PATCH /repos/acme/tokens/issues/comments/99"


def test_a_read_only_token_says_how_to_mend_it(api: Api, github: GitHub) -> None:
    github.writable = False
    with pytest.raises(ActionError, match="give the job this permission"):
        _upsert(api)


@pytest.mark.parametrize("name", ["-->", "a--b", "--!>", "<!--", "a\n-->", "prod/eu", "ä 🚰"])
def test_no_name_ends_the_hidden_line_and_two_names_have_two_lines(name: str) -> None:
    line = marker("plan", name)
    inside = line.removeprefix("<!--").removesuffix("-->")
    assert not {"--", ">", "<", "\n"} & {*inside, *(inside[at : at + 2] for at in range(len(inside)))}
    assert line != marker("plan", name + "-")


def _keep(api: Api, changes: int, markdown: str = "what differs") -> str:
    return keep_one(api, Drift(name="production", changes=changes, markdown=markdown, instead="too long"), BOT)


def _open(github: GitHub) -> list[int]:
    return [each["number"] for each in github.issues if each["state"] == "open"]


def test_an_issue_is_opened_updated_and_closed(api: Api, github: GitHub) -> None:
    assert _keep(api, 0) == "no issue is open, and none is needed"
    assert _keep(api, 2) == "opened https://github.example/issues/1"
    assert github.issues[0]["title"] == "Tokens of production are not as declared"
    assert _keep(api, 3, "more") == "updated https://github.example/issues/1"
    assert github.issues[0]["body"] == "<!-- tokenctl drift production -->\nmore"
    assert _keep(api, 0) == "closed #1"
    assert (_open(github), github.issues[0]["state_reason"]) == ([], "completed")
    assert _keep(api, 1) == "opened https://github.example/issues/2"


def test_of_several_the_oldest_stays(api: Api, github: GitHub) -> None:
    line = marker("drift", "production")
    for number in range(1, 131):
        github.add_issue(line if number in (5, 50, 128) else "another matter")
    assert _keep(api, 1) == "updated https://github.example/issues/5; closed #50, #128"
    assert len(_open(github)) == 128
    assert _keep(api, 0) == "closed #5"


def test_an_issue_of_somebody_else_is_left_alone(api: Api, github: GitHub) -> None:
    github.add_issue(marker("drift", "production"), author="mallory")
    github.add_issue(marker("drift", "staging"))
    github.add_issue(None)
    assert _keep(api, 0) == "no issue is open, and none is needed"
    assert _keep(api, 1) == "opened https://github.example/issues/4"


def test_an_issue_that_is_too_long_is_replaced(api: Api, github: GitHub) -> None:
    _keep(api, 1, "x" * 65_536)
    assert github.issues[0]["body"] == "<!-- tokenctl drift production -->\ntoo long"


def test_issues_that_are_switched_off_are_named(api: Api, github: GitHub) -> None:
    github.answers = [(410, {}, b'{"message": "Issues are disabled for this repo"}')]
    with pytest.raises(ActionError, match="switched off in this repository"):
        _keep(api, 1)

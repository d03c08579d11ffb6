"""The one comment of a pull request: made, found again, updated, and never somebody else's."""

from __future__ import annotations

import pytest

from action.comment import upsert
from action.github import Api
from action.markers import BOT, marker
from action.outputs import ActionError
from tests.action.fake_github import GitHub


def _upsert(api: Api, markdown: str = "new", name: str = "production") -> str:
    return upsert(api, 7, name, markdown, author=BOT, instead="too long")


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


def test_a_text_that_is_too_long_is_replaced(api: Api, github: GitHub) -> None:
    _upsert(api, "x" * 65_536)
    assert github.comments[0]["body"] == "<!-- tokenctl plan production -->\ntoo long"
    room = 65_535 - len("<!-- tokenctl plan production -->\n")
    _upsert(api, "x" * room)
    assert len(github.comments[0]["body"]) == 65_535


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

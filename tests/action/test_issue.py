"""One issue about drift: opened, updated, closed, and never two."""

from __future__ import annotations

import pytest

from action.github import Api
from action.issue import Drift, keep_one
from action.markers import BOT, marker
from action.outputs import ActionError
from tests.action.fake_github import GitHub


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


def test_a_text_that_is_too_long_is_replaced(api: Api, github: GitHub) -> None:
    _keep(api, 1, "x" * 65_536)
    assert github.issues[0]["body"] == "<!-- tokenctl drift production -->\ntoo long"


def test_issues_that_are_switched_off_are_named(api: Api, github: GitHub) -> None:
    github.answers = [(410, {}, b'{"message": "Issues are disabled for this repo"}')]
    with pytest.raises(ActionError, match="switched off in this repository"):
        _keep(api, 1)

"""What differs, by equality for all and by deepdiff where it is shown."""

from __future__ import annotations

from reconciler.core.difference import Difference, between
from reconciler.core.plan import Change
from tests.builders import INACTIVE, token


def test_a_change_is_explained_field_by_field() -> None:
    change = Change(token=token(1), status=INACTIVE, description="__dunder__")
    assert change.differences() == (
        Difference("status", "active", "inactive"),
        Difference("description", "token 1", "__dunder__"),
    )
    assert Change(token=token(1), description="").differences() == (Difference("description", "token 1", ""),)


def test_what_is_missing_is_as_none_and_fields_keep_their_order() -> None:
    earlier = {"a": "1", "b": None, "c": "3", "d": "4"}
    later = {"d": "5", "c": "3", "e": "6"}
    assert between(earlier, later) == (
        Difference("a", "1", None),
        Difference("d", "4", "5"),
        Difference("e", None, "6"),
    )
    assert between({}, {"a": None}) == ()

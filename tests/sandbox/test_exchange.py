"""JSON and times as Go writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.exchange import compact, indented, timestamp


def test_values_are_indented_with_tabs() -> None:
    value = {"a": "x", "b": [], "c": {}, "d": [{"e": True}, False]}
    assert indented(value) == (
        '{\n\t"a": "x",\n\t"b": [],\n\t"c": {},\n\t"d": [\n\t\t{\n\t\t\t"e": true\n\t\t},\n\t\tfalse\n\t]\n}'
    )


def test_what_html_and_javascript_could_misread_is_escaped_and_the_rest_is_not() -> None:
    assert indented("<b>&\u2028\u2029é☃\x7f") == '"\\u003cb\\u003e\\u0026\\u2028\\u2029é☃\x7f"'
    assert indented('"\\\n\r\t\x00\x1b') == '"\\"\\\\\\n\\r\\t\\u0000\\u001b"'


def test_an_error_of_the_middleware_is_on_one_line() -> None:
    assert (
        compact({"code": "unauthorized", "message": "a <b>"}) == '{"code":"unauthorized","message":"a \\u003cb\\u003e"}'
    )


def test_what_has_no_json_here_is_a_mistake() -> None:
    with pytest.raises(TypeError):
        indented(1.5)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    assert json.loads(indented({"x": text})) == {"x": text}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 100, tzinfo=UTC), "2026-01-02T03:04:05.0001Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, 120000, timezone(timedelta(hours=5, minutes=30))),
            "2026-01-02T03:04:05.12+05:30",
        ),
    ],
)
def test_times_are_written_with_no_more_digits_than_needed(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text

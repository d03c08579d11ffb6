"""The error tree and its exit codes, as docs/commands.md lists them."""

from __future__ import annotations

import pytest

from reconciler import errors
from reconciler.errors import ExitCode, InvalidError, Place, Problem, TokenctlError
from tests.builders import declared


def test_each_error_has_the_exit_code_of_its_meaning() -> None:
    assert {kind.__name__: (int(kind.exit_code), kind.exit_code.reason) for kind in TokenctlError.__subclasses__()} == {
        "UsageError": (64, "usage"),
        "InvalidError": (65, "invalid"),
        "RefusedError": (4, "refused"),
        "StaleError": (5, "stale"),
        "AuthError": (6, "auth"),
        "UnreachableError": (7, "unreachable"),
        "CancelledError": (8, "cancelled"),
        "LockedError": (9, "locked"),
        "LocalError": (1, "error"),
    }


@pytest.mark.parametrize("kind", TokenctlError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_the_tree_at_the_top_of_the_module_is_drawn_true(kind: type[TokenctlError]) -> None:
    assert f"─ {kind.__name__:<19} {int(kind.exit_code)}  ".replace(" ", "") in (errors.__doc__ or "").replace(" ", "")


def test_an_error_holds_one_problem_or_several_and_reads_as_all_of_them() -> None:
    first = Problem("unknown status `disabled`", "write `active` or `inactive`", Place("tokens.yaml", 7, 13))
    second = Problem("something else")
    assert InvalidError(second).problems == (second,)
    assert str(InvalidError([first, second])) == (
        "tokens.yaml:7:13: unknown status `disabled`\n  hint: write `active` or `inactive`\nsomething else"
    )


def test_problems_sort_by_their_place_and_those_without_one_come_last() -> None:
    places = [Place("a", 2, 1), Place("a", 10, 1), Place("a", 10, 3), Place("b", 1, 1), None]
    problems = [Problem("x", place=place) for place in places]
    mixed = problems[3:] + problems[:3]
    assert sorted(mixed, key=lambda problem: problem.position) == problems


def test_code_names_are_those_of_machine_formats() -> None:
    assert {int(code): code.reason for code in ExitCode}[130] == "interrupted"


def test_problems_are_sorted_by_place_and_those_without_come_last() -> None:
    place = declared(1).origin.place("id")
    late, early, nowhere = Problem("b", place=place), Problem("a", place=place), Problem("a")
    assert sorted([nowhere, late, early], key=lambda problem: problem.position) == [early, late, nowhere]

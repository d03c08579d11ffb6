"""Comments in a pull request, as they are for a few changes, for many, for a refusal, and without a plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.live import Grant
from reconciler.core.manifest import Limits
from reconciler.core.plan import Comparison, Guard, Kind, Mark, Plan, Revision, Site
from reconciler.errors import ExitCode, Place, Problem
from reconciler.render import markdown
from reconciler.render.findings import ProblemReport
from tests.builders import ACME, INACTIVE, Line, declared, manager, planned, token
from tests.scenarios.test_drawn_problems import INVALID

GOLDEN = Path(__file__).parent / "golden"
SITE = Site("production", f"https://github.com/acme/tokens/blob/{'c0ffee12' * 5}/", "main")
BUCKET = Grant("write", "buckets", "b" * 16, ACME, "telemetry", "acme")


def of(number: int, *waived: Guard) -> Plan:
    """A plan with so many changes, every tenth of them a deactivation, in a pull request that loosens nothing."""
    plan = planned(
        [
            declared(
                each, name=f"collector-{each:03}", description=f"Collector {each} in hall {each % 7}",
                status=INACTIVE if each % 10 == 1 else None, origin=Line(4 * each, "tokens/collectors.yaml"), labels={"team": "plant"},
            )
            for each in range(1, number + 1)
        ],
        [*(token(each, description=f"collector {each}", grants=(BUCKET,)) for each in range(1, number + 1)), manager(number + 1)],
        *waived, limits=Limits(max_deactivations=0),
    )  # fmt: skip
    base = Comparison(ref="HEAD^1", commit="1a2b3c4d" * 5, limits=plan.limits, managed=number)
    return plan._replace(base=base, changes=tuple(each._replace(marks=dict.fromkeys(each.body, Mark.THIS_CHANGE)) for each in plan.changes)
    )  # fmt: skip


REFUSED = of(30)
COMMENTS = {
    "3": markdown.plan(of(3, Guard.MAX_DEACTIVATIONS), site=SITE),
    "30": markdown.plan(of(30, Guard.MAX_DEACTIVATIONS), site=SITE),
    "refused": markdown.plan(REFUSED, site=SITE),
    "invalid": markdown.problems(INVALID, site=SITE),
}


@pytest.mark.parametrize("name", COMMENTS)
def test_a_comment_is_drawn_as_its_golden_file(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"comment-{name}.md", COMMENTS[name])


def test_a_comment_on_700_changes_is_within_its_bound(golden: Callable[[Path, str], None]) -> None:
    drawn = markdown.plan(of(700, Guard.MAX_DEACTIVATIONS), site=SITE)
    assert markdown.LONGEST * 0.8 < len(drawn.encode()) < markdown.LONGEST
    golden(GOLDEN / "comment-700.md", drawn)


@pytest.mark.parametrize(
    ("file", "link"),
    [
        ("a b/ü(1)].yaml", f"[`a b/ü(1)].yaml:3:5`]({SITE.source}a%20b/%C3%BC%281%29%5D.yaml#L3)"),
        ("/etc/tokens.yaml", "`/etc/tokens.yaml:3:5`"),
        ("<stdin>", "`<stdin>:3:5`"),
    ],
)
def test_only_a_file_of_the_repository_is_a_link(file: str, link: str) -> None:
    wrong = ProblemReport(command="plan", code=ExitCode.INVALID, problems=(Problem("wrong", place=Place(file, 3, 5)),))
    assert markdown.problems(wrong, site=SITE).splitlines()[-1] == f"- **Problem**, {link}: `wrong`"
    assert f"`{file}:3:5`: `wrong`" in markdown.problems(wrong)


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("HEAD^1", "`main` (`1a2b3c4`)"), ("HEAD", "`main` (`1a2b3c4`)"), ("1a2b3c4d" * 5, "`main` (`1a2b3c4`)"),
        ("v1.0", "`v1.0` (`1a2b3c4`)"),
    ],
)  # fmt: skip
def test_a_branch_stands_for_a_base_that_says_nothing(ref: str, told: str) -> None:
    plan = of(1)
    assert plan.base
    compared = plan._replace(base=plan.base._replace(ref=ref))
    assert f"\nAgainst {told}: " in markdown.plan(compared, site=SITE)
    assert ("\nAgainst `1a2b3c4`: " in markdown.plan(compared)) == (len(ref) == 40)


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        (
            "apply in smaller steps with `--select`, raise `guards.max_deactivations`, or use `--allow max_deactivations`",
            "change fewer tokens at once, or raise `guards.max_deactivations`",
        ),
        ("leave one, lower `guards.min_managers`, or use `--allow min_managers`", "leave one, or lower `guards.min_managers`"),
        ("use another token for the run, or allow it with `--allow self`: it is then sent last", "use another token for the run"),
        ("say which one is yours with `--self-id ID` or TOKENCTL_SELF_ID", "say which one is yours with the variable TOKENCTL_SELF_ID"),
    ],
)  # fmt: skip
def test_a_hint_names_nothing_that_the_workflow_does_not_offer(hint: str, told: str) -> None:
    report = ProblemReport(command="plan", code=ExitCode.REFUSED, problems=(Problem("no", hint),))
    assert markdown.problems(report, site=SITE).endswith(f"<br>hint: {markdown.code(told)}\n")
    assert markdown.problems(report).endswith(f"<br>hint: {markdown.code(hint)}\n")


def test_what_was_removed_is_told_where_it_stood_and_without_a_link() -> None:
    plan = of(1)
    assert plan.base
    gone = Revision(kind=Kind.REMOVED, target="x", base_place=Place("HEAD^1:a.yaml", 3, 1))
    drawn = markdown.plan(plan._replace(base=plan.base._replace(revisions=(gone,))), site=SITE)
    assert "- removed `x`, `HEAD^1:a.yaml:3`: " in drawn
    setting = gone._replace(kind=Kind.SETTING, base_place=None)
    drawn = markdown.plan(plan._replace(base=plan.base._replace(revisions=(setting,))), site=SITE)
    assert "- setting `x`: " in drawn

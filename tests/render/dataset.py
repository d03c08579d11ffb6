"""One dataset of plans for every format, and plans in which all foreign text is hostile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hypothesis import strategies as st

from reconciler.core.baseline import revise
from reconciler.core.live import Server
from reconciler.core.manifest import Limits, Severity
from reconciler.core.plan import Comparison, Difference, Guard, Kind, Mark, Plan, Refusal, Revision
from reconciler.core.planner import make_plan
from reconciler.errors import Place, Problem, ProblemToken
from reconciler.render.formats import PlanFormat, render
from tests.builders import (
    ACTIVE,
    EDGE,
    INACTIVE,
    Line,
    declared,
    live,
    manager,
    manifest,
    planned,
    token,
    token_id,
    until,
)
from tests.strategies import HOSTILE, TEXT, draft_of, worlds

SUFFIXES = {
    "txt": PlanFormat.TEXT, "json": PlanFormat.JSON, "jsonl": PlanFormat.OPS, "sh": PlanFormat.CURL,
    "md": PlanFormat.MARKDOWN, "html": PlanFormat.HTML, "github": PlanFormat.GITHUB, "sarif": PlanFormat.SARIF,
    "junit.xml": PlanFormat.JUNIT, "terraform.json": PlanFormat.GITLAB_TERRAFORM,
    "codequality.json": PlanFormat.GITLAB_CODEQUALITY,
}  # fmt: skip
FORMATS: dict[str, Callable[[Plan], str]] = {
    suffix: partial(render, form=form, colour=False) for suffix, form in SUFFIXES.items()
}
RUN = "apply-20260102T030405.000000Z-7"
LONG = "a description that is much longer than what fits into a line of eighty columns"


def plans() -> dict[str, Plan]:
    """The dataset, by name."""
    every = planned(
        [
            declared(1, name="ingest", description="Ingest EU"),
            declared(2, name="backup-2024", status=ACTIVE),
            declared(3, name="backup-2023", status=INACTIVE, description=""),
            declared(4),
        ],
        [token(1), token(2, status=INACTIVE, user="mira"), token(3, org_id=EDGE), token(4), token(5)],
    )
    refused = planned(
        [declared(number, status=INACTIVE, protected=number == 1, name=f"t{number}") for number in range(1, 5)],
        [manager(1, is_own=True), token(2), token(3), token(4), token(9)],
        Guard.PROTECTED,
        unmanaged=Severity.FAIL,
    )
    compared = replace(
        every,
        changes=tuple(
            replace(change, marks=dict.fromkeys(change.body, mark)) for change, mark in zip(every.changes, Mark, strict=True)
        ),
        base=Comparison(
            ref="origin/main", commit="1a2b3c4d" * 5, limits=every.limits, managed=4,
            revisions=revise(
                manifest(declared(8, name="gone", origin=Line(3, "origin/main:a.yaml")), declared(9, name="tar", protected=True)),
                manifest(declared(9, name="star"), limits=Limits(max_deactivations=90)), "origin/main",
            ),
        ),
    )  # fmt: skip
    return {
        "compared": compared,
        "ended": _ended(),
        "nothing": planned([declared(1)], [token(1)]),
        "empty": replace(planned([], []), server=Server(url="http://localhost:8086")),
        "every-action": every,
        "one-token": planned([declared(1, description="x")], [token(1)]),
        "refused": refused,
        "warned": planned([declared(1, description="x")], [token(1), token(2)], unmanaged=Severity.WARN),
        "cloud": replace(every, server=Server(url="https://cloud.example", build="Cloud", version="")),
        "undo": replace(planned([declared(1, description="x")], [token(1)], Guard.MOVED), undoes=RUN, declared=0),
        "undone": replace(planned([declared(1)], [token(1)]), undoes=RUN, declared=0),
        "long": planned(
            [declared(1, name="n" * 60, description=LONG), declared(2, description="short"), declared(3, description="")],
            [token(1, user="u" * 40), token(2, description=LONG), token(3, description="日本語の長い説明" * 3, user="日本語" * 5)],
        ),
        "hostile": planned(
            [declared(number, description=each, origin=Line(number, f"{each}.yaml")) for number, each in enumerate(HOSTILE, 1)],
            [token(number, description=f"{each}!", user=each, org_id=EDGE) for number, each in enumerate(HOSTILE, 1)],
        ),
    }  # fmt: skip


def _ended() -> Plan:
    """Two tokens whose `until` has passed, one of them by one clock only, and one whose `until` comes soon."""
    end = until("2026-12-31").end
    ended = make_plan(
        manifest(
            declared(1, name="backup-2023", status=ACTIVE, until=until("2026-12-31"), description="kept"),
            declared(2, name="fast", until=until("2027-01-01T01:00:01+01:00")),
            declared(3, name="laptop", until=until("2027-01-02")),
        ),
        live(token(1), token(2), token(3), clocks=(end + 1, end)),
    )
    return replace(ended, changes=tuple(replace(each, marks={"status": Mark.PENDING}) for each in ended.changes))


PLANS = plans()


def soiled(plan: Plan, texts: list[str]) -> Plan:
    """The plan with hostile text wherever a file, a server or a saved plan can put any."""
    one, two, three = texts
    about = ProblemToken(id=token_id(1), status="active", description=one, org=two, user=three)
    place, problem = Place(f"{one}.yaml", 3, 5), Problem(two, three, Place(f"{three}.yaml", 1, 1), (about,))
    changes = tuple(
        replace(change, name=two or None, marks=dict.fromkeys(change.body, Mark.DRIFT), token=replace(change.token, user=three, org=one), places=dict.fromkeys(change.places, place))
        for change in plan.changes
    )  # fmt: skip
    base = Comparison(
        ref=one, commit="0" * 40, limits=plan.limits, managed=0,
        revisions=tuple(
            Revision(kind=kind, target=two, name=three or None, edits=(Difference("description", two, three),), loosens=number % 2 > 0, place=place)
            for number, kind in enumerate(Kind)
        ),
    )  # fmt: skip
    return replace(
        plan, base=base, changes=changes, orgs=(one, two), server=replace(plan.server, version=three, build=two),
        warnings=(*plan.warnings, problem, Problem(one)), refusals=(*plan.refusals, Refusal(Guard.SELF, problem)),
        undoes=one,
    )  # fmt: skip


def hostile_plans() -> st.SearchStrategy[Plan]:
    """Plans of all kinds of worlds, with hostile text everywhere."""
    return st.builds(soiled, worlds().map(draft_of), st.lists(TEXT, min_size=3, max_size=3))

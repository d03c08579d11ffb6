"""One dataset of plans for every format, and plans in which all foreign text is hostile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import strategies as st

from reconciler.core.baseline import revise
from reconciler.core.live import Grant, Server
from reconciler.core.manifest import Limits, Severity
from reconciler.core.plan import Comparison, Difference, Guard, Kind, Mark, Plan, Refusal, Revision
from reconciler.core.planner import make_plan, with_rights
from reconciler.core.rights import Bucket, Right, Some
from reconciler.errors import Place, Problem, ProblemToken
from reconciler.render.formats import PlanFormat, render
from reconciler.sandbox.permissions import LISTED_TYPES
from tests.builders import (
    ACME,
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
    compared = every._replace(changes=tuple(
            change._replace(marks=dict.fromkeys(change.body, mark)) for change, mark in zip(every.changes, Mark, strict=True)
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
        "rights": _rights(),
        "nothing": planned([declared(1)], [token(1)]),
        "empty": planned([], [])._replace(server=Server(url="http://localhost:8086")),
        "every-action": every,
        "one-token": planned([declared(1, description="x")], [token(1)]),
        "refused": refused,
        "warned": planned([declared(1, description="x")], [token(1), token(2)], unmanaged=Severity.WARN),
        "cloud": every._replace(server=Server(url="https://cloud.example", build="Cloud", version="")),
        "undo": planned([declared(1, description="x")], [token(1)], Guard.MOVED)._replace(undoes=RUN, declared=0),
        "undone": planned([declared(1)], [token(1)])._replace(undoes=RUN, declared=0),
        "long": planned(
            [declared(1, name="n" * 60, description=LONG), declared(2, description="short"), declared(3, description="")],
            [token(1, user="u" * 40), token(2, description=LONG), token(3, description="日本語の長い説明" * 3, user="日本語" * 5)],
        ),
        "hostile": planned(
            [declared(number, description=each, origin=Line(number, f"{each}.yaml")) for number, each in enumerate(HOSTILE, 1)],
            [token(number, description=f"{each}!", user=each, org_id=EDGE) for number, each in enumerate(HOSTILE, 1)],
        ),
    }  # fmt: skip


def _rights() -> Plan:
    """Deactivations after which buckets have no writer, or some, and tokens that may do all there is to be told."""
    logs, both, audit = (
        Grant("write", "buckets", str(each) * 16, ACME, name, "acme")
        for each, name in enumerate(("logs", "a; b", "audit"), 1)
    )
    everything = [Grant(action, kind, "", ACME, "", "acme") for kind in LISTED_TYPES for action in ("read", "write")]
    reads = tuple(Grant("read", "buckets", f"{each:016x}", EDGE, f"bucket {each:02}", "edge") for each in range(1, 31))
    many = tuple(Grant("read", f"kind {each:02}", "", ACME, "", "acme") for each in range(30))
    return planned(
        [
            declared(1, status=INACTIVE, name="ingest", labels={"team": "ingest", "cost-centre": "4711"}),
            declared(2, status=INACTIVE, name="old"),
            declared(3, description="x", name="operator"),
            declared(4, description="x", name="acme"),
            declared(5, description="x", name="not known"),
            declared(6, description="x", name="nothing"),
            declared(7, description="x", name="many", labels={"team": "`|"}),
            declared(8, status=INACTIVE, name="wide"),
        ],
        [
            token(1, grants=(logs, both, logs._replace(action="read"))), token(2, grants=(audit, both)),
            token(3, grants=(Grant("write", "instance"), Grant("read", "instance"))), token(4, grants=tuple(everything)),
            token(5, grants=None), token(6, grants=()), token(7, grants=(*reads, *many)),
            token(8, grants=tuple(both._replace(id=f"{each:016x}", name=f"b{each}") for each in range(100, 125)), created_at="", updated_at=""),
            token(9, grants=(audit,), description="`audit`"), token(10, grants=(audit,)), token(11, grants=(audit,)), token(12, grants=(audit,)),
        ],
        limits=Limits(max_deactivations=9, min_managers=0),
    )  # fmt: skip


def _ended() -> Plan:
    """Two tokens whose `until` has passed, one of them by one clock only, and one whose `until` comes soon."""
    end = until("2026-12-31").end
    there = live(token(1), token(2), token(3), clocks=(end + 1, end))
    declarations = manifest(
        declared(1, name="backup-2023", status=ACTIVE, until=until("2026-12-31"), description="kept"),
        declared(2, name="fast", until=until("2027-01-01T01:00:01+01:00")),
        declared(3, name="laptop", until=until("2027-01-02")),
    )
    ended = with_rights(make_plan(declarations, there), there)
    return ended._replace(changes=tuple(each._replace(marks={"status": Mark.PENDING}) for each in ended.changes))


PLANS = plans()


def soiled(plan: Plan, texts: list[str]) -> Plan:
    """The plan with hostile text wherever a file, a server or a saved plan can put any."""
    one, two, three = texts
    about = ProblemToken(id=token_id(1), status="active", description=one, org=two, user=three)
    place, problem = Place(f"{one}.yaml", 3, 5), Problem(two, three, Place(f"{three}.yaml", 1, 1), (about,))
    rights = Some(
        (
            Right(action=one, kind=two, org=three, names=Some((one, three), 1)),
            Right(action="write", kind="buckets", org=one),
        ),
        1,
    )
    buckets = Some((Bucket(name=one, writers=Some()), Bucket(name=two, writers=Some((three,), 2), wider=3)), 4)
    changes = tuple(
        change._replace(rights=rights, buckets=buckets, labels={one: two}, name=two or None, marks=dict.fromkeys(change.body, Mark.DRIFT), token=change.token._replace(user=three, org=one), places=dict.fromkeys(change.places, place))
        for change in plan.changes
    )  # fmt: skip
    base = Comparison(
        ref=one, commit="0" * 40, limits=plan.limits, managed=0,
        revisions=tuple(
            Revision(kind=kind, target=two, name=three or None, edits=(Difference("description", two, three),), loosens=number % 2 > 0, place=place)
            for number, kind in enumerate(Kind)
        ),
    )  # fmt: skip
    return plan._replace(base=base, changes=changes, orgs=(one, two), server=plan.server._replace(version=three, build=two),
        warnings=(*plan.warnings, problem, Problem(one)), refusals=(*plan.refusals, Refusal(Guard.SELF, problem)),
        undoes=one,
    )  # fmt: skip


def hostile_plans() -> st.SearchStrategy[Plan]:
    """Plans of all kinds of worlds, with hostile text everywhere."""
    return st.builds(soiled, worlds().map(draft_of), st.lists(TEXT, min_size=3, max_size=3))

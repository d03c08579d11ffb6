"""A plan as the JSON document of schemas/plan.v1.json, and such a document as a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import NotRequired, TypedDict

from reconciler.core.baseline import Comparison
from reconciler.core.guard import Guard
from reconciler.core.live import Server
from reconciler.core.manifest import Limits, Share
from reconciler.core.mark import Mark
from reconciler.core.plan import Action, Change, Plan, Refusal, in_order
from reconciler.core.problem_document import PlaceDocument, ProblemDocument, place_document, problem_from, problem_to
from reconciler.core.revision_document import RevisionDocument, revision_from, revision_to
from reconciler.core.token import Elided, OrgId, Status, Token, TokenId, UserId
from reconciler.errors import ExitCode, Place

FORMAT_VERSION = 1


class RefusalDocument(ProblemDocument):
    """A guard that says no."""

    guard: str


class Operation(TypedDict):
    """The request that apply sends."""

    method: str
    path: str
    body: dict[str, str]


class ElidedDocument(TypedDict):
    """What stands for a text that is too large to be kept."""

    length: int
    sha256: str


class ElidedField(TypedDict):
    """With `elided`, a description only says in words what `elided` says."""

    elided: NotRequired[ElidedDocument]


class BeforeDocument(ElidedField):
    """The values that must still hold."""

    status: str
    description: str
    updatedAt: str


class SubjectDocument(TypedDict):
    """What plans and journals say alike of a change: its token, whose `before` has the values that must still hold."""

    id: str
    name: str | None
    protected: bool
    org_id: str
    org: str
    user_id: str
    user: str
    before: BeforeDocument


class ChangeDocument(SubjectDocument):
    """One change; `operation.body` has the values that will be sent.

    The marks are only in a plan that was compared with a base.
    """

    action: str
    own: bool
    operation: Operation
    places: dict[str, PlaceDocument]
    mark: NotRequired[str]
    marks: NotRequired[dict[str, str]]


class ComparisonDocument(TypedDict):
    """What the files were compared with."""

    ref: str
    commit: str
    limits: dict[str, int | str]
    managed: int
    revisions: list[RevisionDocument]


class PlanDocument(TypedDict):
    """A whole plan; `undoes` only in one that undoes a run, `base` only in one that was compared with it."""

    format_version: int
    digest: str
    reason: str
    server: dict[str, str]
    orgs: list[str]
    counts: dict[str, int]
    limits: dict[str, int | str]
    waivers: list[str]
    changes: list[ChangeDocument]
    warnings: list[ProblemDocument]
    refusals: list[RefusalDocument]
    undoes: NotRequired[str]
    lock: NotRequired[bool]
    base: NotRequired[ComparisonDocument]


def to_document(plan: Plan) -> PlanDocument:
    """The plan as a value of schemas/plan.v1.json; equal plans give equal documents, key order included."""
    document: PlanDocument = {
        "format_version": FORMAT_VERSION,
        "digest": plan.digest,
        "reason": (ExitCode.REFUSED if plan.refusals else ExitCode.OK).reason,
        "server": server_document(plan.server),
        "orgs": list(plan.orgs),
        "counts": {
            **{action.value: plan.count(action) for action in Action},
            "unchanged": plan.unchanged,
            "declared": plan.declared,
            "managed": plan.managed,
            "live": plan.live,
        },
        "limits": limits_document(plan.limits),
        "waivers": [guard.value for guard in plan.waivers],
        "changes": [_change_to(change) for change in plan.changes],
        "warnings": [problem_to(problem) for problem in plan.warnings],
        "refusals": [{**problem_to(each.problem), "guard": each.guard.value} for each in plan.refusals],
    }
    if plan.undoes:
        document["undoes"] = plan.undoes
    if plan.lock:
        document["lock"] = True
    if plan.base:
        document["base"] = _comparison_to(plan.base)
    return document


def operation(change: Change) -> Operation:
    """The request that apply sends for a change, as the InfluxDB v2 API's PATCH /api/v2/authorizations/{id}."""
    return {"method": "PATCH", "path": change.path, "body": change.body}


def before_document(token: Token) -> BeforeDocument:
    """The values that must still hold when a change is sent, under the names of the InfluxDB API."""
    return {
        "status": token.status.value,
        "description": str(token.description),
        "updatedAt": token.updated_at,
        **elided(token),
    }


def elided(token: Token) -> ElidedField:
    """What stands for the description, beside the words for it; nothing where it is there itself."""
    text = token.description
    return {"elided": {"length": text.length, "sha256": text.sha256}} if isinstance(text, Elided) else {}


def server_document(server: Server) -> dict[str, str]:
    """The server, as plans and journals name it."""
    return {"url": server.url, "build": server.build, "version": server.version}


def limits_document(limits: Limits) -> dict[str, int | str]:
    """The `guards` block, as plans and journals hold it."""
    limit = limits.max_deactivations
    return {
        "max_deactivations": str(limit) if isinstance(limit, Share) else limit,
        "min_managers": limits.min_managers,
    }


def limits_from(document: dict[str, int | str]) -> Limits:
    """The `guards` block of a document that its schema accepts."""
    limit = document["max_deactivations"]
    return Limits(
        max_deactivations=Share(int(limit.removesuffix("%"))) if isinstance(limit, str) else limit,
        min_managers=int(document["min_managers"]),
    )


def _change_to(change: Change) -> ChangeDocument:
    token = change.token
    document: ChangeDocument = {
        "id": token.id,
        "action": change.action.value,
        "name": change.name,
        "protected": change.protected,
        "own": token.is_own,
        "org_id": token.org_id,
        "org": token.org,
        "user_id": token.user_id,
        "user": token.user,
        "before": before_document(token),
        "operation": operation(change),
        "places": {key: place_document(place) for key, place in change.places.items()},
    }
    if change.mark:
        document["mark"] = change.mark.value
        document["marks"] = {field: change.marks[field].value for field in change.body if field in change.marks}
    return document


def _comparison_to(base: Comparison) -> ComparisonDocument:
    return {
        "ref": base.ref,
        "commit": base.commit,
        "limits": limits_document(base.limits),
        "managed": base.managed,
        "revisions": [revision_to(each) for each in base.revisions],
    }


def from_document(document: PlanDocument) -> Plan:
    """The plan of a document that the schema accepts.

    What a document says twice (counts, actions, the order of the changes, the digest) is derived here anew and not
    compared: for that, compare `to_document` of the result with the document.
    """
    return Plan(
        server=Server(**document["server"]),
        orgs=tuple(document["orgs"]),
        changes=in_order(_change_from(change) for change in document["changes"]),
        declared=document["counts"]["declared"],
        managed=document["counts"]["managed"],
        live=document["counts"]["live"],
        limits=limits_from(document["limits"]),
        waivers=tuple(Guard(name) for name in document["waivers"]),
        warnings=tuple(problem_from(problem) for problem in document["warnings"]),
        refusals=tuple(Refusal(Guard(each["guard"]), problem_from(each)) for each in document["refusals"]),
        undoes=document.get("undoes", ""),
        lock=document.get("lock", False),
        base=_comparison_from(document["base"]) if "base" in document else None,
    )


def _comparison_from(document: ComparisonDocument) -> Comparison:
    return Comparison(
        ref=document["ref"],
        commit=document["commit"],
        limits=limits_from(document["limits"]),
        managed=document["managed"],
        revisions=tuple(revision_from(each) for each in document["revisions"]),
    )


def _change_from(document: ChangeDocument) -> Change:
    return replace(
        change_from(document, document["operation"]["body"], own=document["own"]),
        places={key: Place(**place) for key, place in document["places"].items()},
        marks={field: Mark(mark) for field, mark in document.get("marks", {}).items()},
    )


def change_from(document: SubjectDocument, body: dict[str, str], *, own: bool = False) -> Change:
    """The change of a document that its schema accepts; `body` has the values that it sends."""
    earlier = document["before"]
    return Change(
        token=Token(
            id=TokenId(document["id"]),
            status=Status(earlier["status"]),
            description=Elided(**earlier["elided"]) if "elided" in earlier else earlier["description"],
            org_id=OrgId(document["org_id"]),
            org=document["org"],
            user_id=UserId(document["user_id"]),
            user=document["user"],
            updated_at=earlier["updatedAt"],
            is_own=own,
        ),
        status=Status(body["status"]) if "status" in body else None,
        description=body.get("description"),
        name=document["name"],
        protected=document["protected"],
    )

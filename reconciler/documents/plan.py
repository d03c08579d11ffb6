"""Plans and revisions as documents of schemas/plan.v1.json and revisions.v1.json; a saved plan ⇄ its file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypedDict, Unpack

from reconciler import files
from reconciler.core.baseline import Baseline
from reconciler.core.live import HEX_ID, Elided, OrgId, Server, Status, Token, TokenId, UserId
from reconciler.core.manifest import UNTIL, Limits, Share
from reconciler.core.plan import Action, Change, Comparison, Difference, Guard, Kind, Mark, Plan, Refusal, Revision, Use
from reconciler.core.rights import Bucket, Right, Some
from reconciler.documents import decode, kinds
from reconciler.documents import rights as told
from reconciler.documents.decode import Document, Fields, list_of, matching, object_of, one_of, or_null, record, text
from reconciler.documents.review import REVIEW
from reconciler.errors import ExitCode, InvalidError, Place, Problem, ProblemToken, StaleError

FORMAT_VERSION = 1

Record: TypeAlias = Place | Problem | ProblemToken | Server | Limits | Comparison | Revision | Difference
Plain: TypeAlias = "str | int | Share | Record | tuple[Plain, ...] | None"

_LARGEST = 256 * 1024 * 1024  # bytes: 100,000 changes with long descriptions
_HEAD = 4096  # bytes: a manifest is most often known by its first one
_BRACE = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"format_version"\s*:')
_REMAKE = "make it anew with `tokenctl plan -o FILE`"


def save_plan(plan: Plan, path: Path) -> None:
    """Write the plan so that the path holds all of it or what it held before; only the user may read it.

    Raises LocalError when that cannot be done.
    """
    files.write(json.dumps(plan_document(plan), indent=2) + "\n", path, private=True)


def load_plan(path: Path) -> Plan:
    """Read a plan that `save_plan` wrote. A review beside it is no part of it and passed over.

    Raises LocalError when the file cannot be read, InvalidError when it is no plan, StaleError when it is a plan but
    not as it was written: its digest or anything else that it says twice does not fit.
    """
    content = decode.read(path, "plan", _LARGEST)
    try:
        document = decode.parse(content)
        if "problems" in document:
            raise InvalidError(f"{path} is no plan: it says why there is none", _REMAKE)
        plan = decode_plan(document)
    except decode.DecodeError as error:
        raise kinds.refused(path, "plan", kinds.Kind.PLAN, _REMAKE, error, content) from None
    document.pop("review", None)
    if document != plan_document(plan):
        raise StaleError(f"{path} was changed after it was made: its parts do not fit together", _REMAKE)
    return plan._replace(files=(str(path),))


def is_plan(path: Path) -> bool:
    """Whether the file is a saved plan, or was one, by what is in it and not by its name: nothing else has to be right.

    What says nothing of either kind, or cannot be read, is one when its name ends in `.json`.
    """
    keys: frozenset[str] = frozenset()
    with suppress(OSError, ValueError, decode.DecodeError), files.regular(path) as stream:
        if _BEGINNING.match(head := stream.read(_HEAD)):
            return True
        if _BRACE.match(head):
            keys = frozenset(decode.parse(head + stream.read(_LARGEST)))
    return "format_version" in keys or (path.suffix == ".json" and not keys & {"version", "tokens"})


def plan_document(plan: Plan) -> Document:
    """The plan for schemas/plan.v1.json, with all that is derived: the digest, the counts, what each change does."""
    optional = parts(plan, "undoes", "lock", "base")
    return {
        "format_version": FORMAT_VERSION,
        "digest": plan.digest,
        "reason": (ExitCode.REFUSED if plan.refusals else ExitCode.OK).reason,
        **parts(plan, "server", "orgs"),
        "counts": {
            **{action: plan.count(action) for action in Action},
            **parts(plan, *_COUNTS, *(() if plan.live is None else ("live",))),
        },
        **parts(plan, "limits", "waivers"),
        "changes": [_change_document(change) for change in plan.changes],
        **parts(plan, "warnings"),
        "refusals": [{**_whole(each.problem), "guard": each.guard} for each in plan.refusals],
        **{key: value for key, value in optional.items() if value},
    }


def _change_document(change: Change) -> Document:
    document: Document = {
        "id": change.token.id,
        **parts(change, "action", "name", "protected"),
        "own": change.token.is_own,
        **token_document(change.token),
        "operation": operation_document(change),
        "places": {
            key: {"file": each.file, "line": each.line, "column": each.column} for key, each in change.places.items()
        },
    }
    if change.until:
        document["until"] = change.until
    if change.use:
        from reconciler.documents.usage import use_document

        document["usage"] = use_document(change.use)
    if change.token.created_at:
        document["created_at"] = change.token.created_at
    if change.labels:
        document["labels"] = dict(change.labels)
    document |= told.meaning_document(change)
    if change.mark:
        document["mark"] = change.mark
        document["marks"] = {field: change.marks[field] for field in change.body if field in change.marks}
    return document


def token_document(token: Token) -> Document:
    """Whose a token is, and what it was before, as changes and journals have it."""
    return {**parts(token, "org_id", "org", "user_id", "user"), "before": before_document(token)}


def before_document(token: Token) -> Document:
    """The values that must still hold when a change is sent, under the names of the InfluxDB API."""
    return {**token.values, "description": str(token.description), **elided(token)}


def elided(token: Token) -> Document:
    """What stands for the description, beside the words for it; nothing where it is there itself."""
    stands = token.description
    return {"elided": {"length": stands.length, "sha256": stands.sha256}} if isinstance(stands, Elided) else {}


def operation_document(change: Change) -> Document:
    """The request that apply sends for a change, as the InfluxDB v2 API's PATCH /api/v2/authorizations/{id}."""
    return {"method": "PATCH", "path": change.path, "body": change.body}


def revised_document(revised: Baseline) -> Document:
    """What a change of the files means, for schemas/revisions.v1.json."""
    base = parts(revised, "ref", "commit")
    return {"format_version": FORMAT_VERSION, "base": base, **parts(revised, "revisions", "warnings")}


def parts(value: object, *names: str) -> Document:
    """These attributes of a value, as they are written."""
    return {name: plain(getattr(value, name)) for name in names}


def plain(value: Plain) -> decode.Json:
    """The value as it is written."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Share):
        return str(value)
    return _whole(value) if isinstance(value, Record) else [plain(each) for each in value]


def _whole(value: Record) -> Document:
    """All that two values of this kind are compared by, which is what documents hold of them; `tokens` if there are."""
    whole = parts(
        value, *(each for each in value._fields if each != "profile")
    )  # it only says how the server was found
    return whole if whole.get("tokens", True) else {key: each for key, each in whole.items() if key != "tokens"}


_COUNTS = ("unchanged", "declared", "managed")
_SETTINGS = ("url", "org", "max_deactivations", "min_managers", "unmanaged", "except", "absent", "lock")
_EDITED = ("target", "status", "until", "description", "protected", "labels", "name", "file", *_SETTINGS)

_TEXT_OR_NULL = or_null(text)
_FILLED = decode.is_a(str, "a string that is not empty", bool)
_COMMIT = matching("[0-9a-f]{40}([0-9a-f]{24})?", "40 or 64 lower-case hex digits")
_URL = matching('[!"$->A-~]*', "a URL in ASCII without user, query and fragment")
_PATH = matching(f"/api/v2/authorizations/{HEX_ID}", "the path of a token")
_UNTIL = matching(UNTIL, "a date, or a time with its offset")
_PERCENT = matching("([0-9]|[1-9][0-9]|100)%", "an integer or a percentage from `0%` to `100%`")
_STATUS, _GUARD, _MARK, _ACTION, _PATCH = one_of(Status), one_of(Guard), one_of(Mark), one_of(Action), one_of(["PATCH"])

_ELIDED = record(Elided, length=decode.COUNT, sha256=decode.DIGEST)
_PLACE = record(Place, file=text, line=decode.ORDINAL, column=decode.ORDINAL)
_WHERE = or_null(_PLACE)
_EDITS = list_of(record(Difference, field=one_of(_EDITED), before=_TEXT_OR_NULL, after=_TEXT_OR_NULL))
_KIND, _NAME = one_of(Kind), _TEXT_OR_NULL
REVISION = record(
    Revision, kind=_KIND, target=text, name=_NAME, edits=_EDITS, loosens=decode.boolean, place=_WHERE, base_place=_WHERE
)
_ABOUT = list_of(
    record(ProblemToken, id=decode.ID, status=one_of(map(str, Status)), description=text, org=text, user=text)
)


def _problem(field: Fields) -> Problem:
    tokens = field("tokens", _ABOUT) if "tokens" in field.left else ()
    return Problem(field("message", text), field("hint", text), field("place", _WHERE), tokens)


PROBLEM = object_of(_problem)
_REFUSAL = object_of(lambda field: Refusal(field("guard", _GUARD), _problem(field)))


def server(field: Fields) -> Server:
    """The server of these fields."""
    return Server(url=field("url", _URL), build=field("build", text), version=field("version", text))


def limits(field: Fields) -> Limits:
    """The `guards` block of these fields."""
    most, least = field("max_deactivations", _limit), field("min_managers", decode.COUNT)
    return Limits(max_deactivations=most, min_managers=least)


def _limit(value: object) -> int | Share:
    return Share(int(_PERCENT(value)[:-1])) if isinstance(value, str) else decode.COUNT(value)


class Beside(TypedDict, total=False):
    """What plans have of a change and journals have not."""

    until: str
    places: Mapping[str, Place]
    marks: Mapping[str, Mark]
    use: Use | None
    labels: Mapping[str, str]
    rights: Some[Right] | None
    buckets: Some[Bucket]


def change(
    field: Fields,
    sent: Fields,
    *,
    own: bool = False,
    created_at: str = "",
    **others: Unpack[Beside],
) -> Change:
    """The change of the fields that plans and journals have alike, of those that it sends, and of what plans add."""
    before = field.inner("before")
    status, words = before("status", _STATUS), before("description", text)
    stands = before.optional("elided", _ELIDED, None)
    return Change(
        token=Token(
            id=TokenId(field("id", decode.ID)),
            status=status,
            description=words if stands is None else stands,
            org_id=OrgId(field("org_id", decode.ID)),
            org=field("org", text),
            user_id=UserId(field("user_id", decode.ID)),
            user=field("user", text),
            updated_at=before("updatedAt", text),
            is_own=own,
            created_at=created_at,
        ),
        status=sent.optional("status", _STATUS, None),
        description=sent.optional("description", text, None),
        name=field("name", _TEXT_OR_NULL),
        protected=field("protected", decode.boolean),
        **others,
    )


@object_of
def _change(field: Fields) -> Change:
    field("action", _ACTION)
    field.optional("mark", _MARK, None)
    operation = field.inner("operation")
    operation("method", _PATCH)
    operation("path", _PATH)
    marks = field.inner("marks", least=1) if "marks" in field.left else None
    labels = field.inner("labels", least=1) if "labels" in field.left else None
    return change(
        field,
        operation.inner("body", least=1),
        own=field("own", decode.boolean),
        created_at=field.optional("created_at", _FILLED, ""),
        until=field.optional("until", _UNTIL, ""),
        places=field.inner("places").those(("", "status", "description"), _PLACE),
        marks=marks.those(("status", "description"), _MARK) if marks else {},
        use=field.optional("usage", _use, None),
        labels=labels.those(sorted(labels.left), text) if labels else {},
        rights=told.rights(field),
        buckets=told.buckets(field),
    )


def _use(value: object) -> Use:
    from reconciler.documents.usage import decode_use  # few plans have evidence

    return decode_use(value)


_COMPARISON = record(
    Comparison, ref=text, commit=_COMMIT, limits=object_of(limits), managed=decode.COUNT, revisions=list_of(REVISION)
)


@object_of
def decode_plan(field: Fields) -> Plan:
    """The plan of a document; raises DecodeError.

    What is derived has to be of its kind, and is not compared with what it is derived from.
    """
    field("format_version", decode.integer(FORMAT_VERSION, FORMAT_VERSION))
    field("digest", decode.DIGEST)
    field("reason", one_of(["ok", "refused"]))
    field.optional("review", REVIEW, None)
    counts = field.inner("counts")
    number = {key: counts(key, decode.COUNT) for key in (*Action, *_COUNTS)}
    live = counts("live", decode.COUNT) if "live" in counts.left else None
    return Plan(
        server=server(field.inner("server")),
        orgs=field("orgs", list_of(text)),
        changes=Plan.in_order(field("changes", list_of(_change))),
        declared=number["declared"],
        managed=number["managed"],
        live=live,
        limits=limits(field.inner("limits")),
        waivers=field("waivers", list_of(_GUARD)),
        warnings=field("warnings", list_of(PROBLEM)),
        refusals=field("refusals", list_of(_REFUSAL)),
        undoes=field.optional("undoes", decode.RUN_NAME, ""),
        lock=field.optional("lock", decode.is_a(bool, "`true`", bool), False),
        base=field.optional("base", _COMPARISON, None),
    )

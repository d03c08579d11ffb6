"""What a token may do, and who else writes its buckets, as values of schemas/plan.v1.json and of lists of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.core.plan import Change
from reconciler.core.rights import Bucket, Right, Some
from reconciler.documents import decode
from reconciler.documents.decode import Decoder, Document, Fields, list_of, object_of, or_null, text

_Thing = TypeVar("_Thing")


def rights_document(rights: Some[Right] | None) -> Document:
    """`rights`, and `more_rights` where there are more than are told; nothing where they are not known."""
    return {} if rights is None else _some("rights", rights, _right_document)


def meaning_document(change: Change) -> Document:
    """The rights of the token of a change, and `buckets` that it alone may have written, if there are any."""
    found = rights_document(change.rights)
    return found | (_some("buckets", change.buckets, _bucket_document) if change.buckets.shown else {})


def rights(field: Fields) -> Some[Right] | None:
    """The rights of these fields, None where they are not known."""
    return _all(field, "rights", _RIGHTS) if "rights" in field.left else None


def buckets(field: Fields) -> Some[Bucket]:
    """The buckets of these fields."""
    return _all(field, "buckets", _BUCKETS) if "buckets" in field.left else Some()


def _some(name: str, some: Some[_Thing], document: Callable[[_Thing], Document]) -> Document:
    found: Document = {name: [document(each) for each in some.shown]}
    return found | ({f"more_{name}": some.more} if some.more else {})


def _right_document(right: Right) -> Document:
    return {"action": right.action, "type": right.kind, "org": right.org, **_names("names", right.names)}


def _bucket_document(bucket: Bucket) -> Document:
    return {"name": bucket.name, **_names("writers", bucket.writers), "wider": bucket.wider}


def _names(key: str, names: Some[str]) -> Document:
    return {key: list(names.shown), "more": names.more}


def _all(field: Fields, name: str, decoder: Decoder[tuple[_Thing, ...]]) -> Some[_Thing]:
    return Some(field(name, decoder), field.optional(f"more_{name}", decode.ORDINAL, 0))


_TEXTS = list_of(text)


@object_of
def _right(field: Fields) -> Right:
    return Right(
        action=field("action", text),
        kind=field("type", text),
        org=field("org", or_null(text)),
        names=Some(field("names", _TEXTS), field("more", decode.COUNT)),
    )


@object_of
def _bucket(field: Fields) -> Bucket:
    return Bucket(
        name=field("name", text),
        writers=Some(field("writers", _TEXTS), field("more", decode.COUNT)),
        wider=field("wider", decode.COUNT),
    )


_RIGHTS, _BUCKETS = list_of(_right), list_of(_bucket)

"""Evidence as a document of schemas/usage.v1.json ⇄ its file, and the tokens of a list that `tokenctl list` printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from reconciler import files
from reconciler.core.live import Status, TokenId
from reconciler.core.plan import Use
from reconciler.core.usage import Client, Evidence, Gap, Kind, ListedToken, TokenUse
from reconciler.documents import decode, kinds
from reconciler.documents.decode import Document, Fields, list_of, matching, object_of, one_of, or_null, record, text

_FORMAT_VERSION = 1
_LARGEST = 256 * 1024 * 1024  # bytes


def usage_document(evidence: Evidence, tokens: Mapping[TokenId, ListedToken]) -> Document:
    """The evidence with the names and statuses of the tokens."""
    return {
        "format_version": _FORMAT_VERSION,
        "since": evidence.since,
        "until": evidence.until,
        "requests": evidence.requests,
        "starts": evidence.starts,
        "silence_s": evidence.silence_s,
        "gaps": [{"since": each.since, "until": each.until} for each in evidence.gaps],
        "others": evidence.others,
        "refused_v1": evidence.refused_v1,
        "usage": [_token(each, tokens[each.id]) for each in evidence.tokens],
    }


def _token(use: TokenUse, token: ListedToken) -> Document:
    return {
        "id": use.id,
        "status": token.status.value,
        "description": token.description,
        "last_used": use.last,
        "requests": use.requests,
        "refused": use.refused,
        "addresses": use.addresses,
        "clients": [
            {"kind": each.kind.value, "client": each.client, "requests": each.requests} for each in use.clients
        ],
    }


def use_document(use: Use | None) -> Document | None:
    """What a plan keeps of the evidence for one token, None where it says nothing."""
    if use is None:
        return None
    return {
        "since": use.since,
        "until": use.until,
        "last_used": use.last,
        "requests": use.requests,
        "refused": use.refused,
        "clients": list(use.clients),
    }


def save_evidence(evidence: Evidence, tokens: Mapping[TokenId, ListedToken], path: Path) -> None:
    """Write the evidence so that the path holds all of it or what it held before; only the user may read it."""
    files.write(json.dumps(usage_document(evidence, tokens), indent=2) + "\n", path, private=True)


def load_evidence(path: Path) -> Evidence:
    """Read what `save_evidence` wrote; raises LocalError when it cannot be read, InvalidError when it is none."""
    content = decode.read(path, "evidence", _LARGEST)
    try:
        return _evidence(decode.parse(content))
    except decode.DecodeError as error:
        way = "make it anew with `tokenctl usage LOG... -o PATH`"
        raise kinds.refused(path, "evidence", kinds.Kind.USAGE, way, error, content) from None


def load_list(path: Path) -> dict[TokenId, ListedToken]:
    """Read the tokens of a list; raises LocalError when it cannot be read, InvalidError when it is none."""
    content = decode.read(path, "list of tokens", _LARGEST)
    try:
        return {each.id: each for each in _listed(Fields(decode.parse(content), exact=False))}
    except decode.DecodeError as error:
        way = "make one with `tokenctl list --format json`"
        raise kinds.refused(path, "list of tokens", kinds.Kind.LIST, way, error, content) from None


def _listed(field: Fields) -> tuple[ListedToken, ...]:
    field("format_version", decode.integer(1, 1))
    return field("tokens", list_of(_LISTED))


def _listed_token(value: object) -> ListedToken:
    field = Fields(decode.an_object(value), exact=False)
    return ListedToken(
        id=TokenId(field("id", decode.ID)),
        status=field("status", one_of(Status)),
        description=field("description", text),
    )


_LISTED: decode.Decoder[ListedToken] = _listed_token
_TS = matching(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z",
    "a time in UTC with six digits of the second",
)
_CLIENT_NAME = matching("[A-Za-z][A-Za-z0-9 ._-]{0,31}", "the name of a client")
_SAID = matching(r"[a-z0-9 ]{1,20} \([A-Za-z][A-Za-z0-9 ._-]{0,31}\)", "what made requests")
_CLIENTS = list_of(record(Client, kind=one_of(Kind), client=_CLIENT_NAME, requests=decode.ORDINAL))


@object_of
def decode_use(field: Fields) -> Use:
    """What a plan keeps of the evidence for one token, of a document; raises DecodeError."""
    return Use(
        since=field("since", _TS),
        until=field("until", _TS),
        last=field("last_used", or_null(_TS)),
        requests=field("requests", decode.COUNT),
        refused=field("refused", decode.COUNT),
        clients=field("clients", list_of(_SAID)),
    )


@object_of
def _use(field: Fields) -> TokenUse:
    field("status", one_of(Status))
    field("description", text)
    return TokenUse(
        id=TokenId(field("id", decode.ID)),
        last=field("last_used", or_null(_TS)),
        requests=field("requests", decode.COUNT),
        refused=field("refused", decode.COUNT),
        addresses=field("addresses", decode.COUNT),
        clients=field("clients", _CLIENTS),
    )


@object_of
def _evidence(field: Fields) -> Evidence:
    field("format_version", decode.integer(_FORMAT_VERSION, _FORMAT_VERSION))
    return Evidence(
        since=field("since", _TS),
        until=field("until", _TS),
        requests=field("requests", decode.ORDINAL),
        starts=field("starts", decode.COUNT),
        silence_s=field("silence_s", decode.COUNT),
        gaps=field("gaps", list_of(record(Gap, since=_TS, until=_TS))),
        others=field("others", decode.COUNT),
        refused_v1=field("refused_v1", decode.COUNT),
        tokens=field("usage", list_of(_use)),
    )

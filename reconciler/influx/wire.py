"""Bodies of InfluxDB v2 answers in, values of the core out. A token's secret does not leave this module.

Follows the `Authorization` and `Authorizations` schemas of the InfluxDB v2 OpenAPI document, and servers 2.7 to 2.9.
"""

from __future__ import annotations

import hmac
import json
import re
from collections import defaultdict
from typing import Any, NoReturn

from reconciler.core.token import EVERY_ORG, OrgId, Status, Token, TokenId, UserId

AUTHORIZATIONS = "/api/v2/authorizations"
_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_STATUS = {status.value: status for status in Status}
_BOTH = {"read", "write"}
_USERS = ("users", "instance")
_AUTHORIZATIONS = ("authorizations", "instance")
_MESSAGE_LENGTH = 200


class WireError(Exception):
    """The body is not what it should be; the text says how, and holds nothing of the body but positions and keys."""


def path(token_id: TokenId) -> str:
    """The path of one authorization. Whatever is not an id could lead anywhere, `../users/1` say."""
    if not _ID.fullmatch(token_id):
        raise AssertionError("not an id")
    return f"{AUTHORIZATIONS}/{token_id}"


def tokens(body: bytes, own: str) -> dict[TokenId, Token]:
    """The tokens of an authorization list by id, in its order; `own` is the caller's secret.

    Raises WireError when it is no such list, or names a token twice.
    """
    document = _decode(body)
    entries = document.get("authorizations")
    if type(entries) is not list:
        raise WireError("it is no authorization list")
    secret, found = own.encode(), {}
    for number, entry in enumerate(entries):
        try:
            token = _token(entry, secret)
        except WireError as error:
            raise WireError(f"authorization {number + 1} of {len(entries)}: {error}") from None
        found[token.id] = token
    if len(found) != len(entries):
        raise WireError("it lists a token twice")
    return found


def token(body: bytes, own: str) -> Token:
    """The token of a single authorization; raises WireError when it is none."""
    return _token(_decode(body), own.encode())


def user(body: bytes) -> UserId:
    """The id of a user; raises WireError when it is none."""
    return UserId(_text(_decode(body), "id"))


def failure(body: bytes) -> tuple[str, str]:
    """Code and message of an error answer, both empty when it is no InfluxDB v2 error; the message is cut short."""
    try:
        document = _decode(body)
    except WireError:
        return "", ""
    code, message = document.get("code"), document.get("message")
    if type(code) is not str or type(message) is not str:
        return "", ""
    return code, message if len(message) <= _MESSAGE_LENGTH else message[: _MESSAGE_LENGTH - 1] + "…"


def _decode(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        # `from None`: the exception holds the document.
        raise WireError("it is not JSON") from None
    if type(document) is not dict:
        raise WireError("it is no JSON object")
    return document


def _no_number(_: str) -> NoReturn:
    raise ValueError


def _token(entry: Any, own: bytes) -> Token:
    if type(entry) is not dict:
        raise WireError("it is no JSON object")
    token_id = _text(entry, "id")
    if not _ID.fullmatch(token_id):
        raise WireError("its `id` is not 16 hex digits")
    status = _STATUS.get(_text(entry, "status"))
    if status is None:
        raise WireError("its `status` is neither active nor inactive")
    return Token(
        id=TokenId(token_id),
        status=status,
        description=_text(entry, "description", ""),
        org_id=OrgId(_text(entry, "orgID")),
        org=_text(entry, "org", ""),
        user_id=UserId(_text(entry, "userID")),
        user=_text(entry, "user", ""),
        updated_at=_text(entry, "updatedAt", ""),
        manages=_manages(entry.get("permissions")),
        is_own=hmac.compare_digest(_text(entry, "token", "").encode("utf-8", "replace"), own),
    )


def _text(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if type(value) is not str:
        raise WireError(f"its `{key}` is no text")
    return value


def _manages(permissions: Any) -> tuple[OrgId, ...]:
    """The organisations whose authorizations these permissions let somebody manage.

    That takes read and write on the organisation's authorizations and on users: on all, or on one by its id. A
    permission for users that is limited to an organisation never matches; one for `instance` matches everything.
    """
    if type(permissions) is not list:
        return ()
    users, authorizations = set(), defaultdict(set)
    try:
        for entry in permissions:
            resource = entry["resource"]
            kind, action = resource["type"], entry["action"]
            if kind in _USERS and (resource.get("id") or not resource.get("orgID")):
                users.add(action)
            if kind in _AUTHORIZATIONS and not resource.get("id"):
                authorizations[resource.get("orgID") or EVERY_ORG].add(action)
    except (KeyError, TypeError, AttributeError):
        raise WireError("its `permissions` are none") from None
    if not authorizations or not users >= _BOTH:
        return ()
    everywhere = authorizations[EVERY_ORG]
    return tuple(sorted(OrgId(org) for org, actions in authorizations.items() if actions | everywhere >= _BOTH))

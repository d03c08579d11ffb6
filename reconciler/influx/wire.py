"""Reads bodies of InfluxDB v2 answers as core values. A token's secret goes no further than `Shared.proof`.

Follows the `Authorization` and `Authorizations` schemas of the InfluxDB v2 OpenAPI document, and servers 2.7 to 2.9.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from sys import getsizeof
from typing import Any

from reconciler.core.live import HEX_ID, LARGEST_TEXT, Elided, OrgId, Status, Token, TokenId, UserId, is_id, kept
from reconciler.influx.body import Elements, Single, check_whole
from reconciler.influx.decoding import BLANKS, WireError
from reconciler.influx.shared import MOMENT, Common, Shared, rights_of

AUTHORIZATIONS = "/api/v2/authorizations"
USERS = "/api/v2/users"
_STATUS = {status.value: status for status in Status}
FULL = "the list does not fit into memory"
"""What is wrong with a list of more than may be kept."""
MEMORY = 80 * 1024 * 1024
"""The bytes that the tokens of a list may take: room for more than 100,000."""
_TOKEN_SIZE = 350  # in bytes: a token, its id and its place in a dict
_LARGEST_PLAIN = 5 * LARGEST_TEXT  # bytes of a plain token
_MOST_SHARED = 1024 * 1024  # bytes of what single tokens have
_PLACE, _TIMES = ("orgID", "org", "userID", "user"), ("updatedAt", "createdAt")
_KEYS = ("id", "token", "status", "description", *_PLACE, "permissions", *_TIMES)


@cache
def plainest() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """An authorization of the plainest form, in three parts.

    The first has groups for id, secret, status and description, the second, which most tokens of a list have in common,
    for what says whose it is and for its permissions, and the last for its times and the `,` or `]` behind it.
    """
    blank, text = rf"[{BLANKS}]*+", r'[^"\\\x00-\x1f]*+'
    values = {
        "id": f'"((?!0{{16}}){HEX_ID})"',
        "token": f'"({text})"',
        "status": '"(active|inactive)"',
        **dict.fromkeys(("description", *_PLACE), f'"({text})"'),
        "permissions": rf'(\[[^"\[\]]*+(?:"{text}"[^"\[\]]*+)*+\])',
        "links": rf'\{{{blank}"self"{blank}:{blank}"{text}"{blank},{blank}"user"{blank}:{blank}"{text}"{blank}\}}',
        **dict.fromkeys(("createdAt", "updatedAt"), f'"({MOMENT})"'),
    }
    members = [f'"{key}"{blank}:{blank}{value}{blank}' for key, value in values.items()]
    head, middle, tail = (f",{blank}".join(part) for part in (members[:4], members[4:9], members[9:]))
    # The second ends in no blanks: of these, more may come, and it is kept.
    parts = rf"\{{{blank}{head},{blank}", f"{middle},", rf"{blank}{tail}\}}{blank}([,\]]){blank}"
    first, second, third = (re.compile(f"(?a){each}") for each in parts)
    return first, second, third


class _TooLargeError(WireError):
    """What cannot be left out is too large to be kept."""


def path(collection: str, one: str) -> str:
    """The path of one of a collection, by its id: anything else could lead anywhere, such as `../users/1`."""
    if not is_id(one):
        raise AssertionError("not an id")
    return f"{collection}/{one}"


class TokenList:
    """Takes the body of an authorization list as it comes and keeps its tokens.

    `own` is the caller's secret, and no text that is kept holds it or one of the `others`. `progress` is
    called with the number of tokens that have come: 0 when an answer begins, then after each piece of it. `unreadable`
    says why a token cannot be known although its id is: something is too large that cannot be left out. `memory` is
    what the tokens may take, in bytes.
    """

    def __init__(
        self, own: str, *others: str, progress: Callable[[int], object] = lambda _: None, memory: int = MEMORY
    ) -> None:
        self._secrets = own, *others
        self._progress = progress
        self._memory = memory
        self.begin()

    def begin(self) -> None:
        """Forget what came so far: an answer begins."""
        self.unreadable: dict[TokenId, str] = {}
        self._tokens: dict[TokenId, Token] = {}
        self._shared = Shared(*self._secrets)
        self._elements = Elements("authorizations", self._take, _KEYS, self._plain)
        self._progress(0)

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; return whether more are wanted."""
        more = self._elements.feed(chunk)
        if self._tokens:
            self._progress(len(self._tokens))
        return more

    def finish(self) -> dict[TokenId, Token]:
        """The tokens by id, in the order of the list.

        Raises WireError when it was no such list, a page of one, names a token twice, or has more tokens than fit into
        memory.
        """
        check_whole(self._elements.finish(), len(self._tokens))
        return self._tokens

    def _take(self, entry: Any) -> None:
        number = len(self._tokens) + len(self.unreadable) + 1
        try:
            self._keep(entry)
        except WireError as error:
            raise WireError(f"authorization {number}: {error}") from None

    def _keep(self, entry: Any) -> None:
        token_id = _id(entry)
        if token_id in self._tokens or token_id in self.unreadable:
            raise WireError("its `id` was listed before")
        try:
            self._add(_token(token_id, entry, self._shared))
        except _TooLargeError as error:
            self.unreadable[token_id] = str(error)
            self._shared.size += _TOKEN_SIZE
        if self._shared.size > self._memory:
            raise WireError(FULL)

    def _plain(self, text: str, at: int) -> re.Match[str] | None:
        """Take the entry that begins there, in less than half of the time, if it is written as most are."""
        found = _plain(text, at, self._shared)
        if not found or self._shared.size > self._memory - _LARGEST_PLAIN:
            return None
        token, end = found
        if token.id in self._tokens or token.id in self.unreadable:
            return None
        self._add(token)
        return end

    def _add(self, token: Token) -> None:
        self._tokens[token.id] = token
        texts = getsizeof(token.description) + getsizeof(token.updated_at) + getsizeof(token.created_at)
        self._shared.size += _TOKEN_SIZE + texts


class OneToken(Single):
    """Takes the body of a single authorization as it comes, however large; `shared` is of all that are read so."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(_KEYS)
        self._shared = shared

    def finish(self) -> Token:
        """Its token; raises WireError when it is none."""
        if self._shared.size > _MOST_SHARED:
            self._shared.forget()
        text = self.text + "]"
        if (plain := _plain(text, 0, self._shared)) and plain[1].end() == len(text):
            return plain[0]
        entry = self.entry()
        return _token(_id(entry), entry, self._shared)


def _plain(text: str, at: int, shared: Shared) -> tuple[Token, re.Match[str]] | None:
    """The token of the entry that begins there, and the match of its last part.

    None where the entry is not of the plainest form, is too large, or may not be read like this.
    """
    head, middle, tail = plainest()
    begin = head.match(text, at)
    if not begin:
        return None
    common = shared.common
    if not common or not text.startswith(common.text, begin.end()):
        common = _common(middle.match(text, begin.end()), shared)
    end = tail.match(text, begin.end() + len(common.text)) if common else None
    if not common or not end or end.end() - at > LARGEST_TEXT:
        return None
    token_id, secret, status, description = begin.groups()
    created, updated, _ = end.groups()
    is_own, proven = shared.proof(secret)
    return Token(
        TokenId(token_id), _STATUS[status], shared.masked(description), *common.place,
        updated, common.rights, is_own, common.grants, proven, created,
    ), end  # fmt: skip


def _common(found: re.Match[str] | None, shared: Shared) -> Common | None:
    """What the middle part of an entry says, which is kept for the next one."""
    rights = shared.rights(found[5]) if found and len(found[0]) <= LARGEST_TEXT else None
    if not found or not rights:
        return None
    org_id, org, user_id, user = map(shared.text, found.groups()[:4])
    shared.common = common = Common(found[0], (OrgId(org_id), org, UserId(user_id), user), *rights)
    return common


def _token(token_id: TokenId, entry: dict[str, Any], shared: Shared) -> Token:
    """The token of an entry."""
    status = _STATUS.get(text_of(entry, "status"))
    if status is None:
        raise WireError("its `status` is neither active nor inactive")
    is_own, proven = shared.proof(_kept(entry, "token", str))
    rights, grants = rights_of(entry.get("permissions"), shared)
    return Token(
        id=token_id,
        status=status,
        description=_kept(entry, "description", shared.masked),
        org_id=OrgId(shared.text(text_of(entry, "orgID"))),
        org=str(_kept(entry, "org", shared.text)),
        user_id=UserId(shared.text(text_of(entry, "userID"))),
        user=str(_kept(entry, "user", shared.text)),
        updated_at=shared.moment(text_of(entry, "updatedAt", "")),
        created_at=shared.moment(text_of(entry, "createdAt", "")),
        rights=rights,
        grants=grants,
        is_own=is_own,
        proven=proven,
    )


def _id(entry: Any) -> TokenId:
    if type(entry) is not dict:
        raise WireError("it is no JSON object")
    token_id = text_of(entry, "id")
    if not is_id(token_id):
        raise WireError("its `id` is not 16 hex digits")
    return TokenId(token_id)


def _kept(entry: dict[str, Any], key: str, share: Callable[[str], str]) -> str:
    """What `share` makes of the text, or what stands for it where it is too large to be kept."""
    value = entry.get(key, "")
    if type(value) is str and len(value) <= LARGEST_TEXT:
        return share(value)
    value = kept(value) if isinstance(value, str) else value
    return value if isinstance(value, Elided) else text_of(entry, key)


def text_of(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    """The text at that key; raises WireError when it is none."""
    value = entry.get(key, default)
    if type(value) is str and len(value) <= LARGEST_TEXT:
        return value
    if not isinstance(value, str):
        raise WireError(f"its `{key}` is no text")
    raise _TooLargeError(f"its `{key}` has {value.length if isinstance(value, Elided) else len(value):,} characters")

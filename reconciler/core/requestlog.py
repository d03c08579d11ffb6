"""What InfluxDB's request log says of tokens: lines of bytes are tallied by the id of the token that made a request.

At `--log-level debug` the server writes a line for each request, as logfmt in a fixed order, in which values with a
blank, a quote or `=` are quoted and escaped. Only a whole such line counts: other lines have texts of clients in them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from reconciler.core.live import TokenId
from reconciler.core.usage import LONG_GAP_S, Client, Evidence, Gap, Kind, TokenUse

MOST_OF_A_LINE = 1024 * 1024
"""How many bytes of a line are looked at: what comes behind is its body."""

_BARE = rb'[^\x00-\x20"=]*+'
_QUOTED = rb'"(?:[^"\\\x00-\x1f]++|\\.)*+'  # without the quote at its end
_ANY = rb"(?:%b|%b\")" % (_BARE, _QUOTED)

# What a journal or a container writes before the time has neither `=` nor a quote.
_BEGIN = rb'[^="]*?ts=(\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}Z) lvl='
_START = re.compile(_BEGIN)
PATTERN = re.compile(
    rb"%(begin)b(?:debug msg=Request log_id=%(any)b"
    rb" service=http method=%(bare)b host=%(any)b path=(%(any)b) query=%(any)b proto=%(any)b status_code=(\d{3})"
    rb" response_size=\d+ content_length=-?\d+ referrer=%(any)b remote=(%(bare)b) user_agent=(%(any)b)"
    rb" authenticated_id=([0-9a-f]{16})? user_id=%(bare)b took=%(bare)b(?: error=%(any)b)?(?: error_code=%(any)b)?"
    rb'(?: body=(?:%(bare)b|()%(quoted)b(?:"|())))?\r?\n?\Z'
    rb'|info msg="(?:Welcome to InfluxDB" log_id=%(bare)b version=v?(%(bare)b)(?:.*? log_level=(%(bare)b))?'
    # The server's own mistake: to log a refused v1 request, it asks nobody for its id.
    rb"|http: panic serving [^\"]*?\(\*Authorization\)\.Identifier\())"
    % {b"begin": _BEGIN, b"any": _ANY, b"bare": _BARE, b"quoted": _QUOTED}
)
"""A line for a request, for the start of a server or for a v1 request that was refused.

The groups are: time, path, status, remote address, user agent and id, where the body begins and, if it is cut, ends;
then the server's version and level.
"""

_TERMINAL = re.compile(
    rb"(?:[^=\"]*? )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S*\t(?:\x1b\[\d+m)?(?:debug|info|warn|error)"
)
_CONTAINER = re.compile(rb'\{"(?:log|stream|time)":')  # how Docker keeps a log

_CUT_BODY = 1024  # bytes that a body which is cut has at least: in fewer, the quote could be that of another value
_LONG = 1000  # bytes of a line from which on a journal or a container may have made several of it
_ESCAPED = re.compile(rb"\\.")
_CLIENT = re.compile(rb'([A-Za-z][A-Za-z0-9._-]{0,31})|"([A-Za-z][A-Za-z0-9 ._-]{0,31})"')
_UNKNOWN = b"unknown"  # the server's own word
_REFUSED = frozenset({b"401", b"403"})
_KINDS = {
    b"/api/v2/write": Kind.WRITE_V2,
    b"/api/v2/query": Kind.QUERY_V2,
    b"/api/v2/delete": Kind.DELETE_V2,
    b"/write": Kind.WRITE_V1,
    b"/query": Kind.QUERY_V1,
}
_CLIENTS, ADDRESSES = 40, 100  # so many of a token are told apart
_ROOM, _ENTRY = 4 * 1024 * 1024, 400  # bytes for requests that are alike, and those of an entry beside its texts
_PARTS = 256  # of the time that `since` asks for
_SILENCE_S = 60.0
_SPANS = 5_000


def _is_open(line: bytes) -> bool:
    """Whether the line ends within a value: what follows it goes on with a client's text, which may be a whole line."""
    quotes = (_ESCAPED.sub(b"", line) if b"\\" in line else line).count(b'"')
    return quotes % 2 == 1 and _START.match(line) is not None


class _Uses:
    """What is known of one token in one part of the time."""

    __slots__ = ("addresses", "clients", "last", "refused", "requests")

    def __init__(self) -> None:
        self.requests = self.refused = 0
        self.last = b""
        self.clients: dict[tuple[bytes, bytes], int] = {}  # by path, b"" for most, and family
        self.addresses: set[bytes] = set()

    def client(self, kind: bytes, agent: bytes) -> tuple[bytes, bytes]:
        """Return by what a client is told apart: its name, unless that is no name or it is one too many."""
        if (kind, agent) not in self.clients:
            known = _CLIENT.fullmatch(agent) if len(self.clients) < _CLIENTS else None
            agent = known[0] if known else _UNKNOWN
        self.clients.setdefault((kind, agent), 0)
        return kind, agent

    def add(self, other: _Uses) -> None:
        """Add what is known in another part of the time."""
        self.requests += other.requests
        self.refused += other.refused
        self.last = max(self.last, other.last)
        for key, number in other.clients.items():
            self.clients[key] = self.clients.get(key, 0) + number
        self.addresses |= other.addresses


class _Part:
    """A part of the time: all of it, or a step of `since`; `others` are all that are no live tokens."""

    __slots__ = ("others", "refused_v1", "starts", "tokens", "without")

    def __init__(self) -> None:
        self.without = self.refused_v1 = self.starts = 0  # the first counts requests without a token
        self.others = _Uses()
        self.tokens: dict[bytes, _Uses] = {}

    @property
    def requests(self) -> int:
        """All requests in this part."""
        return self.without + self.others.requests + sum(uses.requests for uses in self.tokens.values())


@dataclass(slots=True)
class _Like:
    """Requests that are alike in all but their times, counted here before they are in the `uses`."""

    uses: _Uses
    client: tuple[bytes, bytes]
    is_refused: bool
    requests: int = 0
    last: bytes = b""


class Tally:
    """Counts requests by token, in memory that depends on the number of tokens and not on that of lines.

    With `since_s`, only what is younger than so many seconds at the end of the log counts; the counts are as exact as
    a 256th part of that, or a second. `ids` are those of the live tokens.
    """

    def __init__(self, ids: Collection[str], since_s: float | None = None) -> None:
        self._ids = {each.encode() for each in ids}
        self._since_s = since_s
        self._step_s = max(1.0, since_s / _PARTS) if since_s is not None else 0.0
        self._turns_at = 16 if since_s is None else 19  # characters of a time: to the minute, or to the second
        self._turn = b""
        self._parts: dict[int, _Part] = {0: _Part()}
        self._part = self._parts[0]
        self._alike: dict[tuple[bytes, ...], _Like] = {}
        self._room = _ROOM
        self._until, self._cut = b"", False
        self._spans = _Spans()
        self.version = self.level = b""
        self.on_terminal = self.of_container = False

    def read(self, batches: Iterable[Sequence[bytes]]) -> None:
        """Count the requests among the lines of one log, which come some at a time, without their ends."""
        self._cut, match, long, add, is_part, before = False, PATTERN.match, _LONG, self._add, self._is_part, b""
        for lines in batches:
            for line in lines:
                found = None if len(line) >= long and is_part(line) else match(line)
                # A whole request ends with its line; no text goes on behind it.
                before = b"" if found and add(found, before) else line
            if not self._until:
                self._look(lines)
        self._spans.end()

    def _is_part(self, line: bytes) -> bool:
        """Whether a long line may be a part of another one, which was too long for whatever kept it."""
        was_cut, self._cut = self._cut, self._cut or _is_open(line)
        return was_cut

    def _add(self, found: re.Match[bytes], before: bytes) -> bool:
        """Count what a line is about, `before` being the line before it; return whether it is a whole request."""
        ts, path, status, remote, agent, token, _, cut, version, level = found.groups()
        if status is None:
            self._told(version, level)
            return False
        is_whole = cut is None
        if (not is_whole and found.start(8) <= found.start(7) + _CUT_BODY) or (
            (before.count(b'"') & 1 or b"\\" in before) and _is_open(before)
        ):
            return is_whole
        if ts[: self._turns_at] != self._turn and not self._turned(ts):
            return is_whole
        self._spans.latest = ts
        if ts > self._until:
            self._until = ts
        if token is None:
            self._part.without += 1
            return is_whole
        key = token, path, status, agent, remote[: remote.rfind(b":")]
        like = self._alike.get(key) or self._met(key)
        like.requests += 1
        if ts > like.last:
            like.last = ts
        return is_whole

    def _met(self, key: tuple[bytes, ...]) -> _Like:
        """Take the first request of some that are alike, which are kept together while there is room for them."""
        token, path, status, agent, address = key
        if self._room < 0:
            self._settle()
        self._room -= sum(map(len, key)) + _ENTRY
        part = self._part
        uses = part.tokens.get(token) or (part.tokens.setdefault(token, _Uses()) if token in self._ids else part.others)
        client = uses.client(path if path in _KINDS else b"", agent)
        if len(uses.addresses) < ADDRESSES:
            uses.addresses.add(address)
        return self._alike.setdefault(key, _Like(uses, client, status in _REFUSED))

    def _settle(self) -> None:
        """Count what is kept together, as if each request had been counted alone."""
        for like in self._alike.values():
            uses = like.uses
            uses.requests += like.requests
            uses.refused += like.requests * like.is_refused
            uses.last = max(uses.last, like.last)
            uses.clients[like.client] += like.requests
        self._alike.clear()
        self._room = _ROOM

    def _turned(self, ts: bytes) -> bool:
        """Go to the part of the time in which this is; return whether it is a time."""
        try:
            now = _seconds(ts)
        except ValueError:
            return False
        self._turn = ts[: self._turns_at]
        self._spans.at(ts, now)
        if self._since_s is not None:
            number = int(now // self._step_s)
            self._settle()
            self._part = self._parts.setdefault(number, _Part())
            if len(self._parts) > 2 * _PARTS:
                oldest = max(self._parts) - _PARTS - 1
                self._parts = {at: part for at, part in self._parts.items() if at >= oldest}
        return True

    def _told(self, version: bytes | None, level: bytes | None) -> None:
        if version is None:
            self._part.refused_v1 += 1
        else:
            self._part.starts += 1
            self.version, self.level = version, level or b""

    def _look(self, lines: Sequence[bytes]) -> None:
        """Find out what these lines are, as there is no request in them."""
        self.on_terminal = self.on_terminal or any(map(_TERMINAL.match, lines))
        self.of_container = self.of_container or any(map(_CONTAINER.match, lines))

    @property
    def evidence(self) -> Evidence | None:
        """What the log says, of each of the ids; None when there is no request in it."""
        if not self._until:
            return None
        self._settle()
        since, oldest = b"", 0
        if self._since_s is not None:
            begin = _seconds(self._until) - self._since_s
            since, oldest = _written(begin), int(begin // self._step_s)
        parts = [part for at, part in self._parts.items() if at >= oldest or self._since_s is None]
        tokens = {each: _Uses() for each in self._ids}
        for part in parts:
            for token, uses in part.tokens.items():
                if uses.last >= since:
                    tokens[token].add(uses)
        first, silence, gaps = self._spans.merged(since)
        return Evidence(
            since=max(first, since).decode(),
            until=self._until.decode(),
            requests=sum(part.requests for part in parts),
            starts=sum(part.starts for part in parts),
            silence_s=silence,
            gaps=gaps,
            others=sum(part.others.requests for part in parts),
            refused_v1=sum(part.refused_v1 for part in parts),
            tokens=tuple(_use(token.decode(), uses) for token, uses in sorted(tokens.items())),
        )


class _Spans:
    """The times that logs are about, each without a silence of more than a minute."""

    def __init__(self) -> None:
        self.latest = b""
        self._spans: list[tuple[bytes, bytes]] = []
        self._first = b""
        self._silence_s = _SILENCE_S

    def at(self, ts: bytes, now: float) -> None:
        """Go on at this time, which is in another minute or second than the latest one."""
        if self._first and -self._silence_s <= now - _seconds(self.latest) <= self._silence_s:
            return
        self.end()
        self._first = ts

    def end(self) -> None:
        """End the present span: a silence follows, or another log."""
        if self._first:
            self._spans.append((self._first, max(self._first, self.latest)))
        self._first = b""
        if len(self._spans) > _SPANS:
            self._spans = list(self._joined())
            while len(self._spans) > _SPANS // 2:
                self._silence_s *= 2
                self._spans = list(self._joined())

    def merged(self, since: bytes) -> tuple[bytes, int, tuple[Gap, ...]]:
        """The first moment, the seconds of the longest silence from `since` on, 0 if short, and the long silences."""
        spans = list(self._joined())
        pairs = pairwise(spans)
        silences = [(max(one, since), other) for (_, one), (other, _) in pairs if other > since]
        known = [(int(_seconds(end) - _seconds(start)), start, end) for start, end in silences]
        longest = max((each for each, _, _ in known), default=0)
        gaps = (Gap(start.decode(), end.decode()) for seconds, start, end in known if seconds > LONG_GAP_S)
        return spans[0][0], longest, tuple(gaps)

    def _joined(self) -> Iterator[tuple[bytes, bytes]]:
        start = end = b""
        for first, last in sorted(self._spans):
            if end and _seconds(first) - _seconds(end) <= self._silence_s:
                end = max(end, last)
                continue
            if end:
                yield start, end
            start, end = first, last
        yield start, end


def _seconds(ts: bytes) -> float:
    return datetime.fromisoformat(ts.decode()).timestamp()


def _written(seconds: float) -> bytes:
    moment = datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(seconds=max(0.0, seconds))
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z").encode()


def _use(token: str, uses: _Uses) -> TokenUse:
    clients = [
        Client(_KINDS.get(path, Kind.OTHER), agent.decode().strip('"'), number)
        for (path, agent), number in uses.clients.items()
    ]
    return TokenUse(
        id=TokenId(token),
        last=uses.last.decode() or None,
        requests=uses.requests,
        refused=uses.refused,
        addresses=min(len(uses.addresses), ADDRESSES),
        clients=tuple(sorted(clients, key=lambda each: (-each.requests, each))),
    )

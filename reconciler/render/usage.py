"""What people read of the use of tokens. No word of it calls a token unused: a log has only what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.core.live import Status, TokenId
from reconciler.core.text import count, name_some, span
from reconciler.core.usage import Evidence, ListedToken, TokenUse, between_s
from reconciler.render.escape import continued, quoted, rows, width

_HEADINGS = ("LAST USED", "REQUESTS", "REFUSED", "BY", "TOKEN", "ID", "")
_BELOW = " " * 6
_NOT_SEEN = "not seen"


def usage(evidence: Evidence, tokens: Mapping[TokenId, ListedToken], columns: int | None = None) -> str:
    """Return a line for each token, the last used first, then those that were not seen, and what is left open."""
    listed = sorted(evidence.tokens, key=lambda each: each.id)
    listed = sorted(listed, key=lambda each: each.last or "", reverse=True)
    cells = [_cells(each, tokens[each.id], evidence) for each in listed]
    return "\n".join([_log(evidence), *_drawn([_HEADINGS, *cells], columns), *_left_open(evidence)]) + "\n"


def _drawn(cells: Sequence[Sequence[str]], columns: int | None) -> list[str]:
    """Return a line for each row; where a terminal has no room for one, who came and the status stand below it."""
    drawn = rows(cells, columns, beside=len("  "), whole=range(len(_HEADINGS)))
    if columns is None or max(map(width, drawn)) + len("  ") <= columns:
        return [f"  {row}".rstrip() for row in drawn]
    drawn = rows([[*row[:3], *row[4:6]] for row in cells], columns, beside=len("  "), whole=(0, 1, 2, 4))
    below = ["", *(" ".join(filter(None, [row[6], row[3] and f"by {row[3]}"])) for row in cells[1:])]
    return [
        f"  {row}".rstrip() + (f"\n{continued(_BELOW, each, columns)}" if each else "")
        for row, each in zip(drawn, below, strict=True)
    ]


def _cells(use: TokenUse, token: ListedToken, evidence: Evidence) -> tuple[str, ...]:
    inactive = token.status is Status.INACTIVE
    if use.last is None:
        return _NOT_SEEN, "", "", "", quoted(token.description), use.id, "inactive" if inactive else ""
    clients = name_some([f"{each.kind} {each.client}" for each in use.clients])
    addresses = f"{use.addresses} address{'' if use.addresses == 1 else 'es'}"
    return (
        span(between_s(use.last, evidence.until)),
        f"{use.requests:>8}",
        f"{use.refused:>7}",
        f"{clients} · {addresses}",
        quoted(token.description),
        use.id,
        "inactive, and still tried" if inactive else "",
    )


def _log(evidence: Evidence) -> str:
    since, until = (f"{each[:10]} {each[11:16]}" for each in (evidence.since, evidence.until))
    silence = f"longest silence {span(evidence.silence_s)}" if evidence.silence_s else "no silence of a minute"
    known = f"{_length(evidence)}; the server started {count(evidence.starts, 'time')}; {silence}"
    return f"Log: {since} to {until} UTC ({known}), {count(evidence.requests, 'request')}"


def _length(evidence: Evidence) -> str:
    return span(between_s(evidence.since, evidence.until))


def _left_open(evidence: Evidence) -> list[str]:
    gaps = [(between_s(each.since, each.until), each.since) for each in evidence.gaps]
    longest = max(gaps, default=(0.0, ""))
    gap = (
        f"{count(len(gaps), 'gap')} of more than 10 min without a request, the longest of {span(longest[0])} from "
        f"{longest[1]}: a log of that time may be missing."
    )
    rare = f"come less often than every {_length(evidence)}, use another server, or make refused v1 requests"
    others = (
        f"{count(evidence.others, 'request')} of ids that are not tokens here: web sessions, v1 users, deleted tokens."
    )
    refused = (
        f" {count(evidence.refused_v1, 'v1 request')} refused; by whom is not known." if evidence.refused_v1 else ""
    )
    return [
        *([gap] if gaps else []),
        f"Not seen does not mean unused: clients that {rare} are not in this log.",
        f"{others}{refused} Tasks use no token.",
    ]

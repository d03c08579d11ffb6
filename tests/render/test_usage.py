"""The words for the use of tokens, which never call one unused."""

from __future__ import annotations

from reconciler.core.live import Status, TokenId
from reconciler.core.usage import ListedToken
from reconciler.render.usage import usage
from tests.requestlog import LEGACY, ONE, OTHER, evidence, said

TOKENS = {
    TokenId(each): ListedToken(id=TokenId(each), status=Status.INACTIVE, description=description)
    for each, description in ((ONE, "ingest"), (OTHER, "\x1b[31m"), (LEGACY, "legacy"))
}


def test_tokens_stand_by_their_last_use_and_foreign_text_is_escaped() -> None:
    found = evidence(said(ONE, 0, remote="10.0.0.1:1"), said(ONE, 1, remote="10.0.0.2:1"), said(OTHER, 30, "/write"))
    assert usage(found, TOKENS) == (
        "Log: 2026-11-20 12:00 to 2026-11-20 12:00 UTC (30 s; the server started 0 times; no silence of a minute), "
        "3 requests\n"
        "  LAST USED  REQUESTS  REFUSED  BY                               TOKEN       ID\n"
        '  0 s               1        0  write v1 Telegraf · 1 address    "\\x1b[31m"  0d234e88da406000  inactive, and still tried\n'
        '  29 s              2        0  write v2 Telegraf · 2 addresses  "ingest"    0d3a5f0c1be4e000  inactive, and still tried\n'
        '  not seen                                                       "legacy"    0d0c1be4e0000d3a  inactive\n'
        "Not seen does not mean unused: clients that come less often than every 30 s, use another server, or make refused "
        "v1 requests are not in this log.\n"
        "0 requests of ids that are not tokens here: web sessions, v1 users, deleted tokens. Tasks use no token.\n"
    )


def test_a_terminal_without_room_has_who_came_and_the_status_below_and_cuts_descriptions_alone() -> None:
    long = {**TOKENS, TokenId(ONE): TOKENS[TokenId(ONE)]._replace(description="ingest " * 8)}
    long[TokenId(OTHER)] = long[TokenId(OTHER)]._replace(status=Status.ACTIVE)
    found = evidence(said(ONE, 1), said(OTHER, 0, "/write"))
    assert usage(found, long, columns=70).splitlines()[1:8] == [
        "  LAST USED  REQUESTS  REFUSED  TOKEN                 ID",
        '  0 s               1        0  "ingest inges…gest "  0d3a5f0c1be4e000',
        "      inactive, and still tried by write v2 Telegraf · 1 address",
        '  1 s               1        0  "\\x1b[31m"            0d234e88da406000',
        "      by write v1 Telegraf · 1 address",
        '  not seen                      "legacy"              0d0c1be4e0000d3a',
        "      inactive",
    ]
    assert usage(found, TOKENS, columns=118) == usage(found, TOKENS)
    assert usage(found, TOKENS, columns=117) != usage(found, TOKENS)
